"""What is wrong with a form that was sent: a sentence beside each field and in the summary, and everything that was typed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import fields
from werkzeug.datastructures import MultiDict

from gateway.web import forms, language
from gateway.web.page import Action, Page
from services.contracts.errors import Refused
from services.contracts.fields import Text

_TRIED, _UNSENT = "tried", "not_sent"
# The library that checks requests speaks of the length of a list as of that of a text.
_OF_LISTS = {
    "Length must be between ": "Length must, for a list, be between ",
    "Shorter than minimum length ": "Shorter, for a list, than minimum length ",
    "Longer than maximum length ": "Longer, for a list, than maximum length ",
}


@dataclass(frozen=True)
class Problem:
    """A refused form. `fields` are the sentences by field, `general` one that belongs to none.

    Sentences name their field: with the form's own label, which the form tells when it is drawn (`note`), and until then with the
    name in the API (`names`).

    A form that was only tried is shown again in the same way: nothing is wrong with it, and `more` is the reply.
    """

    action: str
    code: str
    status: int
    fields: Mapping[str, str]
    general: str | None
    form: MultiDict[str, str]
    more: Mapping[str, Any]
    names: Mapping[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def note(self, action: str, name: str, label: str) -> None:
        """A field of a form has this label."""
        if action == self.action:
            self.labels[name] = str(label)

    @property
    def sentences(self) -> dict[str, str]:
        """The sentences by field, each with its label."""
        return {name: self._labelled(name) for name in self.fields}

    def _labelled(self, name: str) -> str:
        sentence, said = self.fields[name], self.names.get(name)
        label = self.labels.get(name)
        return f"{label}{sentence.removeprefix(said)}" if said and label else sentence

    @property
    def is_trial(self) -> bool:
        """Whether nothing was refused: the form was only tried."""
        return self.code == _TRIED

    @property
    def is_conflict(self) -> bool:
        """Whether somebody else has changed the same thing meanwhile."""
        return self.code == "version_conflict"

    def saved(
        self, action: str, name: str, value: Any, nothing: str, choices: Iterable[tuple[Any, Any]] = ()
    ) -> str | None:
        """What is saved in a field by now, where it is not what was typed. None if it is, and without a conflict.

        `value` is a list where several may be chosen. `choices` are the words of values, under headings or not; `nothing` is said
        of an empty field.
        """
        if not self.is_conflict or action != self.action:
            return None
        several = isinstance(value, list | tuple | set | frozenset)
        there = {_plain(each) for each in (value if several else [value])} - {""}
        typed = {_plain(each) for each in self.form.getlist(name)} - {""}
        if there == typed:
            return None
        words = dict(_ungrouped(choices))
        return ", ".join(sorted(str(words.get(each, each)) for each in there)) or nothing

    @property
    def is_unsent(self) -> bool:
        """Whether nothing is wrong: the form was typed before the person signed in anew, and is still to be sent."""
        return self.code == _UNSENT

    @property
    def may_have_been_done(self) -> bool:
        """Whether nobody knows if the change was made. The same form may be sent again: its key makes one of both."""
        return self.status in (503, 504)

    def left(self, page: Page) -> list[str]:
        """Texts that were typed into fields that the drawn page no longer has: what the form was about has changed meanwhile."""
        action = page.action(self.action)
        declared = action.request.fields if action else {}
        texts = (
            name for name, each in declared.items() if isinstance(each, Text) and name not in self.labels
        )
        return [text for name in texts if (text := self.form.get(name, "").strip())]

    def of(self, action: str, field: str) -> str | None:
        """The sentence about a field of a form."""
        return self._labelled(field) if action == self.action and field in self.fields else None


def tried(action: Action, form: MultiDict[str, str], reply: Mapping[str, Any]) -> Problem:
    """A form that was tried, with what it would do."""
    return Problem(action.name, _TRIED, 200, {}, None, form, reply)


def unsent(action: str, form: MultiDict[str, str]) -> Problem:
    """What was typed before the person signed in anew. It is shown again, and never sent by itself."""
    return Problem(action, _UNSENT, 200, {}, None, form, {})


def of(refusal: Refused, action: Action, form: MultiDict[str, str], beside: str | None = None) -> Problem:
    """What a refusal says about the form of an action. `beside` is the field of a refusal that names none."""
    told: dict[str, str] = {}
    names: dict[str, str] = {}
    for each in refusal.more.get("errors", ()):
        place = _field(each["field"], form)
        if place not in told:
            names[place] = _name(each["field"])
            told[place] = _sentence(names[place], _rule(each["field"], each["rule"], action))
    in_words, detail = _detail(refusal)
    about = _field(refusal.field, form) if refusal.field else beside
    if not told and about and about in form:
        told[about] = detail
        if in_words:
            names[about] = in_words
    elif (
        in_words and f"{{{refusal.field}}}" in action.route.path
    ):  # nobody has typed it: the page is about it
        rule = detail.removeprefix(f"{in_words}: ")
        detail = rule[:1].upper() + rule[1:]
    shown = {name: sentence for name, sentence in told.items() if name in form}
    hidden = [sentence for name, sentence in told.items() if name not in form]
    general = None if shown and not hidden else " ".join(hidden) or detail
    return Problem(action.name, refusal.code, refusal.status, shown, general, form, refusal.more, names)


def _detail(refusal: Refused) -> tuple[str | None, str]:
    """The detail. Where it begins with the field's name in the API, it gets the name in words, which is told too."""
    said = language.told(refusal.detail)
    if not refusal.field or not said.startswith(f"{refusal.field}: "):
        return None, said
    name = _name(refusal.field)
    return name, f"{name}{said.removeprefix(refusal.field)}"


def _name(path: str) -> str:
    """A member of a request in words, for a field that has no label."""
    return language.text(path.rpartition(".")[2].replace("_", " ").capitalize())


def _rule(path: str, rule: str, action: Action) -> str:
    """The rule in the words of what the field is: a text or a list."""
    if isinstance(action.request.fields.get(path), fields.List):
        for begins, of_list in _OF_LISTS.items():
            if rule.startswith(begins):
                return of_list + rule.removeprefix(begins)
    return rule


def _sentence(name: str, rule: str) -> str:
    """The rule as a sentence that names the field, because the summary stands away from it."""
    if rule == "Missing data for required field.":
        return language.text("%(name)s: this is needed.", name=name)
    return f"{name}: {language.told(rule)}"


def _field(path: str, form: MultiDict[str, str]) -> str:
    """The form's field for a path of the request: the longest beginning of it that the form has."""
    parts = forms.name_of(path, form).split(".")
    for end in range(len(parts), 0, -1):
        name = ".".join(parts[:end])
        if name in form and name not in forms.OWN:
            return name
    return path


def _plain(value: Any) -> str:
    """A value as a form sends it, without the line ends and the space around it that do not count."""
    return "" if value is None else str(value).replace("\r\n", "\n").strip()


def _ungrouped(choices: Iterable[tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
    """Pairs of a value and its words; of choices under headings, those of all headings."""
    for value, words in choices:
        if isinstance(words, list | tuple):
            yield from _ungrouped(words)
        else:
            yield str(value), words
