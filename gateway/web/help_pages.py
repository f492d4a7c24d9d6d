"""Serves the help pages and their search. They are for everybody, with or without a session."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import flask
import markupsafe

from gateway.web import language, rendering
from gateway.web.front_door import who_is_signed_in
from gateway.web.help_tasks import TASKS, Task
from gateway.web.serving import Pages
from gateway.web.states import NORMAL, Screen, State
from services.contracts.errors import Refused
from services.contracts.spelling import search_key

_WORD = re.compile(r"[^\W_]+")
_IN_TITLE, _AMONG_WORDS, _IN_TEXT = 5, 3, 1
_MOST_WORDS = 10
_SMALL_WORDS = frozenset({
    "a", "am", "an", "and", "are", "at", "be", "can", "cannot", "do", "does", "doesn", "for", "from", "get", "has", "have",
    "how", "i", "in", "is", "it", "me", "my", "no", "not", "of", "on", "or", "please", "t", "the", "there", "to", "want", "what",
    "when", "where", "which", "who", "why", "with", "work", "works", "you", "your",
})  # fmt: skip
SCREENS = (
    Screen(
        "/help",
        (
            NORMAL,
            State("found", query={"q": "password"}),
            State("nothing found", query={"q": "lanternwick"}),
        ),
    ),
    *(Screen("/help/<name>", (NORMAL,), path={"name": task.name}) for task in TASKS),
)


@dataclass(frozen=True)
class Entry:
    """A help page in one language, with the words of its parts."""

    task: Task
    title: str
    words: tuple[tuple[int, frozenset[str]], ...]

    def weight(self, asked: Sequence[str]) -> tuple[int, int]:
        """How many of the words it has, and how well it answers: each counts where it stands."""
        found = [
            max((weight for weight, words in self.words if _begins_one(word, words)), default=0)
            for word in asked
        ]
        return sum(map(bool, found)), sum(found)


def register(app: flask.Flask, pages: Pages) -> None:
    """Serve the pages."""

    @app.get("/help", endpoint="page help")
    def search() -> flask.Response:
        return pages.answered(lambda: _search(pages))

    @app.get("/help/<name>", endpoint="page help of a task")
    def task(name: str) -> flask.Response:
        return pages.answered(lambda: _task(pages, name))


def found(asked: str, entries: Sequence[Entry]) -> list[Entry]:
    """The pages that have these words or begin of them, the best first: all of the words, or else as many as any page has.

    Small words of a sentence, such as "how do I", count for nothing.
    """
    words = [word for word in _words_of(asked) if word not in _SMALL_WORDS][:_MOST_WORDS]
    weighed = [(*entry.weight(words), entry) for entry in entries]
    most = max((found for found, _, _ in weighed), default=0)
    fitting = [(weight, entry) for found, weight, entry in weighed if found == most > 0]
    return [entry for _, entry in sorted(fitting, key=lambda each: -each[0])]


def _search(pages: Pages) -> flask.Response:
    asked = flask.request.args.get("q", "")[:100].strip()
    entries = _entries(flask.g.language)
    values = {"asked": asked, "found": found(asked, entries), "all": entries, "me": who_is_signed_in(pages)}
    return pages.shown("help/search.html", values)


def _task(pages: Pages, name: str) -> flask.Response:
    task = next((each for each in TASKS if each.name == name), None)
    if task is None:
        raise Refused("not_found", "There is no such help page.")
    values = {"task": task, "title": language.text(task.title), "me": who_is_signed_in(pages)}
    return pages.shown("help/task.html", values)


@functools.cache
def _entries(_language: str) -> tuple[Entry, ...]:
    """The pages in the language of the current request."""
    return tuple(_entry(task) for task in TASKS)


def _entry(task: Task) -> Entry:
    title = language.text(task.title)
    text = markupsafe.Markup(rendering.template(task.template).render()).striptags()  # noqa: S704  # our own template
    parts = ((_IN_TITLE, title), (_AMONG_WORDS, task.words), (_IN_TEXT, text))
    return Entry(task, title, tuple((weight, frozenset(_words_of(part))) for weight, part in parts))


def _words_of(text: str) -> list[str]:
    return _WORD.findall(search_key(text))


def _begins_one(word: str, words: frozenset[str]) -> bool:
    return any(each.startswith(word) for each in words)
