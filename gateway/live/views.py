"""Which views an event makes stale. A view is what a page shows: `referral:<id>` is one referral, `referral:*` any of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Views are told of their organisation's events only.
View = tuple[str, str]  # organisation's key, view
ANY = "*"
_MOST = 50
_MOST_TOLD = 100


def made_stale(event: Mapping[str, Any]) -> set[View]:
    """The views of an event: for each id that its data has, that one and any of its kind; so for the accounts that are told.

    `event` is a CloudEvents envelope. One that is not ours has none.
    """
    organisation, data = event.get("organisationkey"), event.get("data")
    if not isinstance(organisation, str) or not isinstance(data, Mapping):
        return set()
    names = [(name.removesuffix("_id"), value) for name, value in data.items() if name.endswith("_id")]
    told = data.get("account_ids")
    names += [("account", each) for each in (told if isinstance(told, list) else [])[:_MOST_TOLD]]
    return {
        (organisation, f"{name}:{which}")
        for name, value in names
        if isinstance(value, str)
        for which in (value, ANY)
    }


def account_concerned(event: Mapping[str, Any]) -> str | None:
    """The account whose sessions or rights an event of identity may have changed."""
    if not str(event.get("type", "")).startswith("portico.identity."):
        return None
    data = event.get("data")
    account_id = data.get("account_id") if isinstance(data, Mapping) else None
    return account_id if isinstance(account_id, str) else None


def is_one(view: View) -> bool:
    """Whether a view is one thing, at which people meet, and not a list or a person whom many pages show."""
    kind, _, which = view[1].partition(":")
    return kind == "item" and which != ANY


def views_of(organisation: str, names: Iterable[str]) -> frozenset[View]:
    """The views that a page watches."""
    return frozenset((organisation, name) for name in list(names)[:_MOST])
