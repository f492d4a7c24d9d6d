"""The states that a page can be in. The tests show every page in every state and look at each.

Those that follow from a page's row, such as an empty list or a refused form, need no declaration. What operations answer in
a state is made up from their reply schemas. A declaration says only what matters beyond that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from services.contracts.declare import Operation

# What operations answer: by operation, members of the reply. A mapping is merged into each item of a list of replies.
Replies = Mapping[Operation, Mapping[str, Any]]


@dataclass(frozen=True)
class State:
    """One state of a page.

    `rows` is the number of items in each list. With `errors` a form of the page was sent and refused: for one field, or for all
    that a person can fill in. With `fails` the reads that may fail have failed. `is_read_only`: the caller holds no permission
    but those to read. `refused` are the operations that are refused, with the code. `query` is the page's own query. Not
    `is_whole`: the late parts of the page are still to come. `sealed` are the members of cookies, by cookie and purpose of the
    seal. `kept` are the replies that actions have left to the page, by action.
    """

    name: str
    rows: int = 3
    is_long: bool = False
    errors: Literal["none", "one", "many"] = "none"
    fails: bool = False
    is_read_only: bool = False
    replies: Replies = field(default_factory=dict)
    refused: Mapping[Operation, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    is_whole: bool = True
    sealed: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    kept: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


NORMAL = State("normal")
EMPTY = State("empty", rows=0)
MANY_ROWS = State("200 rows", rows=200)
LONG_TEXTS = State("long texts", is_long=True)
ONE_ERROR = State("one error", errors="one")
MANY_ERRORS = State("many errors", errors="many")
PART_FAILED = State("part failed", fails=True)
READ_ONLY = State("read-only", is_read_only=True)


@dataclass(frozen=True)
class Screen:
    """A page that is in no table, with its states. `rule` is its address as Flask writes it, and `path` its parameters.

    `sample` is what operations answer in all of its states.
    """

    rule: str
    states: tuple[State, ...]
    sample: Replies = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The page's address."""
        return re.sub(r"<(\w+)>", lambda found: self.path[found[1]], self.rule)
