"""The declaration of a page: its address, its template, what it reads and what can be done there.

A page reaches the system through routes of the public API and in no other way. What a person may do comes from the API's
answers, so a template asks them and decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError
from werkzeug.datastructures import MultiDict

from gateway.api import ROUTES
from gateway.routes import Route
from gateway.web.states import Replies, State
from services.contracts.declare import STAFF, Operation

SEARCH = "search"
WHOLE = (
    "whole"  # the member of an address whose page is shown with its late parts, for browsers without scripts
)


@cache
def _route_by_operation() -> dict[str, Route]:
    # FHIR answers with resources for programs, which no page shows.
    return {route.operation.address: route for route in ROUTES if not route.is_fhir}


def route_of(operation: Operation) -> Route:
    """The public route of an operation. Raises LookupError if it has none: a page may not call it."""
    route = _route_by_operation().get(operation.address)
    if route is None:
        raise LookupError(f"{operation.address} has no route, so no page can call it")
    return route


@dataclass(frozen=True)
class Of:
    """A value of an earlier read of the page, `Of("referral.progress.queue_id")`, or of its address: `Of("path.client_id")`."""

    path: str

    def find(self, values: Mapping[str, Any]) -> Any:
        """The value, or None where a part of the path is missing."""
        found: Any = values
        for name in self.path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found


@dataclass(frozen=True)
class Read:
    """What a page reads. Members of the page's path go to members of the same name.

    `given` are further members, constants or `Of` earlier reads, and come before those of the path. `query` names the members
    that come from the page's own address. `sealed` names those of a search, which its form hands over sealed, because names and
    phones must not stand in an address; without a search the part is left out, unless `is_list`. `needs` is a permission without
    which the part is left out, and so it is while a required member or one of an earlier read is unknown. `without` are the
    refusals after which the part is left out: its value is then None. A read that `is_late` takes long where there is much to
    count: the page is shown before it, and the part that needs it reads itself when the page is there (`waits`).
    """

    operation: Operation
    given: Mapping[str, Any] = field(default_factory=dict)
    query: tuple[str, ...] = ()
    sealed: tuple[str, ...] = ()
    is_list: bool = False
    needs: str | None = None
    without: tuple[str, ...] = ()
    is_late: bool = False

    @property
    def route(self) -> Route:
        """The public route that is called."""
        return route_of(self.operation)

    @property
    def awaited(self) -> tuple[str, ...]:
        """The members without which there is nothing to read: those of earlier reads, and required ones of the address."""
        declared = self.operation.request.fields
        of_earlier = (name for name, value in self.given.items() if isinstance(value, Of))
        return (*of_earlier, *(name for name in self.query if declared[name].required))


@dataclass(frozen=True)
class Action:
    """What a form of a page does: one call of a route.

    `then` is the address to go to afterwards, with members of the path or of the reply in braces; empty: the page itself.
    `done` is what the next page says, a text to be translated. `given` are members that the form does not have. With
    `keeps_reply` the next page has the reply as `kept`, for a while: a secret that is shown once. `trial` is the member by
    which the operation only says what it would do: that is shown with the form, which stays filled in. Where another operation
    says it (`tries`), `trial` is the name of the button that asks it. `ways` are the addresses that the form's member `way` chooses
    among, an empty one is the page itself; the browser keeps the last choice.
    """

    name: str
    operation: Operation
    done: str
    then: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    keeps_reply: bool = False
    trial: str | None = None
    tries: Operation | None = None
    ways: Mapping[str, str] = field(default_factory=dict)

    @property
    def route(self) -> Route:
        """The public route that is called."""
        return route_of(self.operation)

    def is_tried(self, form: MultiDict[str, str]) -> bool:
        """Whether the form asks only what the action would do."""
        return self.trial is not None and any(form.getlist(self.trial))

    @property
    def request(self) -> Schema:
        """The shape of the request."""
        return self.operation.request


@dataclass(frozen=True)
class Page:
    """One page of somebody who has signed in. `address` names its parameters in braces.

    `states` are those beyond what follows from the row (see `states`). `sample` is what operations answer in all of them.
    `watches` are the views that it shows (`gateway/live/views.py`), with parameters in braces, and the caller as `{me}`: when
    one is stale, the open page reads itself again. `goes_on` gives the address of the page that is shown in its place, from
    what was read and the path; None shows the page itself. `realms` are those whose people it is for, where none of its reads
    says so: below `/staff` these are the staff's. `remembers` are members of its address that the browser keeps: the last
    choice of each holds where the address has none.
    """

    address: str
    template: str
    reads: Mapping[str, Read] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    states: tuple[State, ...] = ()
    sample: Replies = field(default_factory=dict)
    watches: tuple[str, ...] = ()
    goes_on: Callable[[Mapping[str, Any], Mapping[str, str]], str | None] | None = None
    realms: tuple[str, ...] = ()
    remembers: tuple[str, ...] = ()

    @property
    def search(self) -> Action | None:
        """What the page's search form fills in, if it has one."""
        found = next((read for read in self.reads.values() if read.sealed), None)
        return Action(SEARCH, found.operation, "") if found else None

    @property
    def is_for(self) -> tuple[str, ...]:
        """The realms whose people may open the page; empty: its reads decide."""
        return self.realms or (STAFF if self.address.split("/")[1] == "staff" else ())

    @property
    def has_late_parts(self) -> bool:
        """Whether a part of the page is shown after the rest."""
        return any(read.is_late for read in self.reads.values())

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the address's parameters."""
        return tuple(re.findall(r"{(\w+)}", self.address))

    @property
    def rule(self) -> str:
        """The address as Flask writes it."""
        return re.sub(r"{(\w+)}", r"<\1>", self.address)

    def cookie_of(self, name: str) -> str:
        """The cookie in which the browser keeps a member that it `remembers`."""
        return f"{self.address.strip('/').replace('/', '-')}-{name}"

    def can_be(self, name: str, text: str) -> bool:
        """Whether a member of the address can have this value."""
        declared = next(
            read.operation.request.fields[name] for read in self.reads.values() if name in read.query
        )
        try:
            declared.deserialize(text)
        except ValidationError:
            return False
        return True

    def address_with(self, path: Mapping[str, Any]) -> str:
        """The page's address with these parameters."""
        return self.address.format_map(path)

    def action(self, name: str) -> Action | None:
        """The action of this name, if the page has it."""
        return next((each for each in self.actions if each.name == name), None)
