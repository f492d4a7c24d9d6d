"""Commands on messages and their events, each one transaction."""

from __future__ import annotations

from typing import Any

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.portals.message_types import queries as message_types
from services.portals.message_types.queries import realms_of
from services.portals.messages import queries, writing
from services.portals.people.asking import Addressee


def start_message(
    unit: UnitOfWork,
    person: Addressee,
    *,
    type: str,  # noqa: A002 - the contract's word
    text: str,
    notify: bool,
) -> dict[str, Any]:
    """Write to a person in their portals. Raises Refused `not_found`, `no_portal_account`, `message_type_not_offered`."""
    message_type = message_types.named(unit.session, type, "type")
    require_account(person)
    realms = realms_of(unit.session, unit.organisation_id, type, is_answer=False)
    account_ids = [account_id for account_id, realm in person.accounts if realm in realms]
    if not account_ids:
        raise Refused(
            "message_type_not_offered",
            "No portal of this person receives messages of this type. Choose another type.",
            field="type",
        )
    thread = writing.begin_thread(unit, person, message_type, account_id=None, portal=None, realms=realms)
    unit.session.flush()
    message = writing.write_as_staff(unit, thread, text, account_ids=account_ids, item_id=None, notify=notify)
    return queries.view(message)


def require_account(person: Addressee) -> None:
    """Raises Refused `no_portal_account` where a person could not read what is written to them."""
    if not person.accounts:
        raise Refused(
            "no_portal_account",
            "This person cannot sign in to a portal yet. Call or write to them, or give them access first.",
            field="person_id",
        )
