"""Edits by hand: what an editor gives, as members of a record (plain JSON)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from services.contracts.errors import Refused
from services.referrals.directory.countries import country_code
from services.referrals.directory.rules import is_empty
from services.referrals.directory.terms import Term
from services.referrals.directory.withheld import is_way_to_a_place, objects, squeeze

# The addresses that an editor gives. Sources have a third one.
HAND_ADDRESSES = ("physical_address", "mailing_address")
_OF_THEIR_OWN = (*HAND_ADDRESSES, "taxonomy_terms")
# The members that may be edited by hand, each with the lists of an imported HSDS record that the edit makes outdated.
EDITED_LISTS: Mapping[str, tuple[str, ...]] = {
    "name": (),
    "alternate_name": (),
    "description": (),
    "email": (),
    "website": ("additional_urls", "additional_websites"),
    "hours": ("schedules",),
    "eligibility": (),
    "application_process": (),
    "fees": ("cost_options",),
    "phones": (),
    "physical_address": (),
    "mailing_address": (),
    "languages": ("languages",),
    "taxonomy_terms": (),
}


def edited_record(record: Mapping[str, Any], edits: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON of a record after these edits, which have the contract's members. An empty value removes the member.

    Raises Refused `invalid_request` for an address whose country cannot be told.
    """
    for member in HAND_ADDRESSES:
        if member in edits:
            record = _with_address(record, member, edits[member])
    if "taxonomy_terms" in edits:
        record = {**record, **_terms(edits["taxonomy_terms"])}
    edited = {name: value for name, value in edits.items() if name not in _OF_THEIR_OWN}
    outdated = {name for edit in edits for name in EDITED_LISTS[edit]}
    extra = {name: value for name, value in record.get("extra", {}).items() if name not in outdated}
    after = {**record, **edited, "extra": extra}
    return {name: value for name, value in after.items() if not is_empty(value) and value != []}


def hand_address(record: Mapping[str, Any], member: str, *, shows_private: bool) -> dict[str, Any] | None:
    """An address of a record as an editor gives it, None where there is none that may be shown."""
    private = record.get("private", {})
    if member in record:
        return {**record[member], "is_private": False}
    if not shows_private or member not in private:
        return None
    address = next(iter(objects(private[member])), None)
    return None if address is None else {**address, "is_private": True}


def _with_address(record: Mapping[str, Any], member: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The record with this address instead of the one that it had, in the place that its mark says.

    What else leads to the place is private with it, and gone where the place is another one or is shown again.
    """
    address = {name: text for name, text in (given or {}).items() if name != "is_private" and text}
    if address and country_code(address) is None:
        detail = "country: Give the country as its code of two letters, for example US."
        raise Refused("invalid_request", detail, f"{member}.country")
    before = hand_address(record, member, shows_private=True)
    is_private = given is not None and bool(given["is_private"])
    if before == (None if not address else {**address, "is_private": is_private}):
        return dict(record)
    kind = member.removesuffix("_address")
    # Parts of the address as the source named them, and in HSDS the list of addresses.
    private = {
        name: text
        for name, text in record.get("private", {}).items()
        if not squeeze(name).startswith(kind) and name != "addresses"
    }
    rest, extra = (
        {name: value for name, value in record.items() if name != member},
        dict(record.get("extra", {})),
    )
    if member == "physical_address":
        told = {name: text for name, text in (before or {}).items() if name != "is_private"}
        ways = [
            (kept, name, kept.pop(name))
            for kept in (rest, extra, private)
            for name in list(kept)
            if is_way_to_a_place(name)
        ]
        for kept, name, value in ways if told == address else ():
            if is_private:
                private[name] = value if isinstance(value, str) else json.dumps(value)
            elif kept is not private:
                kept[name] = value
    if address and is_private:
        private[member] = json.dumps(address, ensure_ascii=False)
    elif address:
        rest[member] = address
    return {**rest, "extra": extra, "private": private}


def _terms(given: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """The members of a record for these terms. Where one has a code, the codes stand beside the names, empty for none."""
    terms = list(dict.fromkeys(Term(each["name"], each["code"]) for each in given))
    codes = [term.code for term in terms]
    return {
        "taxonomy_terms": [term.name for term in terms],
        "taxonomy_codes": codes if any(codes) else [],
    }
