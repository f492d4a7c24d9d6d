"""The caller's number for text messages: read, entered, confirmed and removed."""

from __future__ import annotations

import datetime
import hmac
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.database import held_or_made, hold_counter
from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.notifications.text_numbers import CODE_MINUTES, MOST_CODES_A_DAY, MOST_TRIES
from services.contracts.spelling import dialled, normal_code, telephone_number
from services.notifications.deliveries import rules
from services.notifications.deliveries.creation import create_delivery
from services.notifications.deliveries.models import Delivery
from services.notifications.preferences.models import TextNumber
from services.notifications.preferences.text_numbers import NOTHING_ENTERED, is_offered, text_number_of
from services.notifications.secrets.derived import code_of_text_number, hash_of_address

_DAY = datetime.timedelta(days=1)


def get_my_text_number(session: Session, caller: Caller, settings: Any) -> dict[str, Any]:
    """Where the caller gets text messages."""
    return _view(text_number_of(session, caller.id), settings)


def enter_my_text_number(unit: UnitOfWork, settings: Any, *, number: str) -> dict[str, Any]:
    """Send a code to a number. The one that is confirmed stays in use until then.

    Raises Refused `text_messages_not_offered`, and `too_many_requests` after MOST_CODES_A_DAY codes in 24 hours for the account or
    to the number.
    """
    if not is_offered(settings):
        raise Refused(
            "text_messages_not_offered",
            "Text messages cannot be sent here. You are told by e-mail as before.",
        )
    dialled = _dialled(number)
    key = {"organisation_id": unit.organisation_id, "account_id": unit.actor_id}
    row = held_or_made(unit.session, TextNumber, key, {"id": wire.new_id(), **NOTHING_ENTERED})
    to_number = hash_of_address(settings, str(unit.organisation_id), dialled)
    _count_code(unit, row, to_number)
    row.pending_number, row.code_number, row.code_tries = dialled, row.code_number + 1, 0
    row.code_ends_at = unit.now + datetime.timedelta(minutes=CODE_MINUTES)
    create_delivery(
        unit,
        rules.TEXT_CODE,
        unit.actor_id,
        {"code_number": row.code_number},
        settings.mail_domain,
        channel=rules.TEXT,
        event_id=wire.new_id(),
        address_hash=to_number,
    )
    unit.audit("text_number.entered", "account", unit.actor_id)
    return _view(row, settings)


def confirm_my_text_number(call: Call) -> Any:
    """Take the number that was entered into use. Raises Refused `text_code_refused` for a code that is wrong, old or tried too often.

    A wrong code is refused and counts all the same, so it is counted in a transaction of its own.
    """
    if not call.is_repeated():
        call.transact(_count_try)
    return call.commit(_confirm, call.runtime.settings)


def remove_my_text_number(unit: UnitOfWork, settings: Any) -> dict[str, Any]:
    """Remove the caller's number, and one that waits for its code. How many codes went out today is kept."""
    row = text_number_of(unit.session, unit.actor_id, lock=True)
    if row is not None and (row.number or row.pending_number):
        row.number = row.confirmed_at = None
        _forget_pending(row)
        unit.audit("text_number.removed", "account", unit.actor_id)
    return _view(row, settings)


def _count_try(unit: UnitOfWork) -> None:
    row = text_number_of(unit.session, unit.actor_id, lock=True)
    if row is not None:
        row.code_tries += 1


def _confirm(unit: UnitOfWork, settings: Any, *, code: str) -> dict[str, Any]:
    row = text_number_of(unit.session, unit.actor_id, lock=True)
    if row is None or not _is_right(row, settings, code, unit.now):
        raise Refused(
            "text_code_refused",
            "The code is wrong or too old. Enter the number again to get another one.",
            "code",
        )
    row.number, row.confirmed_at = row.pending_number, unit.now
    _forget_pending(row)
    unit.audit("text_number.confirmed", "account", unit.actor_id)
    return _view(row, settings)


def _is_right(row: TextNumber, settings: Any, code: str, now: datetime.datetime) -> bool:
    if row.code_ends_at is None or row.code_ends_at <= now or row.code_tries > MOST_TRIES:
        return False
    right = code_of_text_number(settings, row.id, row.code_number)
    return hmac.compare_digest(normal_code(code).encode(), right.encode())


def _forget_pending(row: TextNumber) -> None:
    row.pending_number = row.code_ends_at = None


def _count_code(unit: UnitOfWork, row: TextNumber, to_number: str) -> None:
    """Count a code of the last 24 hours. Raises Refused `too_many_requests` after MOST_CODES_A_DAY for the account or the number.

    Those to the number are counted by its hash, also where an account has removed it since.
    """
    if row.codes_since is None or row.codes_since <= unit.now - _DAY:
        row.codes_since, row.codes_made = unit.now, 0
    hold_counter(unit.session, "text_number_codes", str(unit.organisation_id), to_number)
    sent = select(func.count(Delivery.id)).where(
        Delivery.address_hash == to_number,
        Delivery.kind == rules.TEXT_CODE,
        Delivery.created_at > unit.now - _DAY,
    )
    if max(row.codes_made, unit.session.scalar(sent) or 0) >= MOST_CODES_A_DAY:
        raise Refused(
            "too_many_requests",
            f"At most {MOST_CODES_A_DAY} codes are sent in 24 hours. Try again tomorrow, or enter the code that came last.",
            "number",
            retry_after_s=3600,
        )
    row.codes_made += 1


def _dialled(number: str) -> str:
    """The number as a provider dials it (E.164). Raises Refused `invalid_request` for one with an extension."""
    if "ext" in number:
        raise Refused(
            "invalid_request",
            "number: Text messages cannot go to an extension. Enter a mobile number.",
            "number",
        )
    return dialled(number)


def _view(row: TextNumber | None, settings: Any) -> dict[str, Any]:
    offered = is_offered(settings)
    if row is None:
        return {
            "is_offered": offered,
            **dict.fromkeys(("number", "confirmed_at", "pending_number", "code_ends_at")),
        }
    return {
        "is_offered": offered,
        "number": row.number and telephone_number(row.number),
        "confirmed_at": row.confirmed_at,
        "pending_number": row.pending_number and telephone_number(row.pending_number),
        "code_ends_at": row.code_ends_at,
    }
