"""What is wrong with a form that was sent: a sentence beside each field and in the summary, and everything that was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from gateway.web import forms, language
from gateway.web.page import Action
from services.contracts.errors import Refused


@dataclass(frozen=True)
class Problem:
    """A refused form. `fields` are the sentences by field, `general` one that belongs to none."""

    action: str
    code: str
    status: int
    fields: Mapping[str, str]
    general: str | None
    form: MultiDict[str, str]
    more: Mapping[str, Any]

    @property
    def is_conflict(self) -> bool:
        """Whether somebody else has changed the same thing meanwhile."""
        return self.code == "version_conflict"

    @property
    def may_have_been_done(self) -> bool:
        """Whether nobody knows if the change was made. The same form may be sent again: its key makes one of both."""
        return self.status in (503, 504)

    def of(self, action: str, field: str) -> str | None:
        """The sentence about a field of a form."""
        return self.fields.get(field) if action == self.action else None


def of(refusal: Refused, action: Action, form: MultiDict[str, str], beside: str | None = None) -> Problem:
    """What a refusal says about the form of an action. `beside` is the field of a refusal that names none."""
    told: dict[str, str] = {}
    for each in refusal.more.get("errors", ()):
        told.setdefault(_field(each["field"], form), _sentence(each["field"], each["rule"]))
    field = _field(refusal.field, form) if refusal.field else beside
    if not told and field and field in form:
        told[field] = refusal.detail
    shown = {name: sentence for name, sentence in told.items() if name in form}
    hidden = [sentence for name, sentence in told.items() if name not in form]
    general = None if shown and not hidden else " ".join(hidden) or refusal.detail
    return Problem(action.name, refusal.code, refusal.status, shown, general, form, refusal.more)


def _sentence(path: str, rule: str) -> str:
    """The rule as a sentence that names the field, because the summary stands away from it."""
    name = path.rpartition(".")[2].replace("_", " ").capitalize()
    if rule == "Missing data for required field.":
        return language.text("%(name)s: this is needed.", name=name)
    return f"{name}: {rule}"


def _field(path: str, form: MultiDict[str, str]) -> str:
    """The form's field for a path of the request: the longest beginning of it that the form has."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        name = ".".join(parts[:end])
        if name in form and name not in forms.OWN:
            return name
    return path
