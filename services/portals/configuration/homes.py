"""Start pages as they were rendered: a published version never changes, so what it says in a language is made once.

Whom a portal admits and which version it shows is asked at every read, and the ticker follows the clock. So the next read shows a
change (S2-28), and a portal with a thousand panels costs little more than one without.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.portals.configuration import get_portal_home
from services.portals.configuration import queries, rendering, versions
from services.portals.configuration.terms import forms
from services.portals.definitions import queries as definitions

# What all kept pages have together, in modules, panels and links: some megabytes.
MOST_PARTS = 10_000
_OF_TICKER = ("name", "colour", "ticker", "terms", "product_name")


class Kept(NamedTuple):
    """A rendered page, what its ticker is made of, and how many parts it has."""

    page: Mapping[str, Any]
    look: Mapping[str, Any]
    parts: int


class Homes:
    """The pages that were read last."""

    def __init__(self, most_parts: int = MOST_PARTS) -> None:
        self._most_parts, self._parts = most_parts, 0
        self._kept: OrderedDict[tuple[Any, ...], Kept] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: tuple[Any, ...], render: Callable[[], Kept]) -> Kept:
        """The page of this key; it is rendered if it is not kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        made = render()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._parts += made.parts
            while self._parts > self._most_parts:
                self._parts -= self._kept.popitem(last=False)[1].parts
        return made


_HOMES = Homes()


def read(call: Call) -> Any:
    """The answer of `get_portal_home`. Raises Refused `not_found`."""
    caller: Caller = call.caller  # type: ignore[assignment]  # the operation is for accounts
    with call.reading(call.organisation_id) as session:
        return page(session, caller, call.request["portal"], call.request["languages"])


def page(session: Session, caller: Caller, portal: str, languages: Sequence[str]) -> dict[str, Any]:
    """A portal that admits the caller, as the contract's PortalHome. Raises Refused `not_found`."""
    return _page_of(_kept(session, caller, portal, languages), languages)


def page_and_terms(
    session: Session, caller: Caller, portal: str, languages: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same, and what the portal calls people and things, in the reader's language. Raises Refused `not_found`."""
    kept = _kept(session, caller, portal, languages)
    return _page_of(kept, languages), forms(kept.look["terms"], languages)


def _page_of(kept: Kept, languages: Sequence[str]) -> dict[str, Any]:
    return {**kept.page, "ticker": rendering.look(kept.look, languages, utc_now())["ticker"]}


def _kept(session: Session, caller: Caller, portal: str, languages: Sequence[str]) -> Kept:
    definition = definitions.admitted(session, caller, portal)
    # Ids are never used again, so a key means one version of one organisation's portal, in any database.
    version_id = versions.id_shown(session, caller.organisation_id, definition.portal)
    key = (version_id, definition.portal, definition.kind, caller.organisation_key, *languages)

    def render() -> Kept:
        whole = versions.shown(session, caller.organisation_id, definition).whole
        made = get_portal_home.reply.dump(queries.home_view(session, caller, definition, whole, languages))
        links = sum(1 + len(panel["links"]) for panel in made["resources"])
        look = {name: whole[name] for name in _OF_TICKER}
        return Kept(made, look, 1 + len(made["modules"]) + links)

    return _HOMES.of(key, render)
