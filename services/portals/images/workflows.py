"""Giving images to portals: read the file outside of any transaction, then commit.

A crash in between leaves a file to which nothing refers; it is deleted later.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.portals import images as contract
from services.portals.definitions import queries as definitions
from services.portals.images import handlers, reading, rules


def upload_portal_image(call: Call) -> Any:
    """Read an uploaded image, keep it, and note it."""
    if call.is_repeated():
        return call.answer_again()
    call.read(_require_portal)
    place = call.request["place"]
    kept = reading.take_in(
        call.runtime.blobs, _organisation_id(call), call.request["document"]["sha256"], place
    )
    return call.commit(handlers.keep_image, kept, place, False)


def use_stock_image(call: Call) -> Any:
    """Keep one of the product's pictures as an image of the organisation, and note it."""
    if call.is_repeated():
        return call.answer_again()
    call.read(_require_portal)
    if call.request["stock"] not in rules.STOCK:
        raise Refused("not_found", "There is no such picture.", field="stock")
    kept = reading.take_stock(call.runtime.blobs, _organisation_id(call), call.request["stock"])
    return call.commit(handlers.keep_image, kept, contract.WELCOME, True)


def _require_portal(session: Session, caller: Caller, *, portal: str) -> dict[str, Any]:
    definitions.named(session, caller.organisation_id, portal)
    return {}


def _organisation_id(call: Call) -> str:
    caller = call.caller
    if caller is None or caller.organisation_id is None:
        raise Refused("unauthenticated", "Sign in first.")
    return caller.organisation_id
