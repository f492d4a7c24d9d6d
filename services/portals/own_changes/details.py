"""Changes of what identity keeps of a person, asked for and accepted (S2-130).

Identity is asked before the transaction. It sets values, so accepting once more changes nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack, cast

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import people
from services.contracts.portals.own_changes import DETAILS, MESSAGE_TYPE
from services.portals.definitions import queries as definitions
from services.portals.definitions.rules import REALM_OF_KIND
from services.portals.inbox.handlers import require_within_limits
from services.portals.own_changes import handlers, queries, rules
from services.portals.people import asking
from services.portals.people.asking import Addressee
from services.portals.portal_queue import items
from services.portals.portal_queue.models import OwnChange, QueueItem
from services.portals.published_items.queries import profile_of

_MOST = 20


class Details(TypedDict, total=False):
    """What somebody wants to be changed. What is left out stays."""

    email: str | None
    home_phone: str | None
    mobile_phone: str | None
    security_question: str | None
    preferred_language: str | None
    preferred_time_zone: str | None
    preferred_pharmacy: str | None


def request_my_details_change(call: Call) -> Any:
    """Ask for a change. Raises Refused `not_found`, `field_not_editable`, `proof_required`, `too_many_requests`."""
    if call.is_repeated():
        return call.answer_again()
    caller = cast(Caller, call.caller)
    person = asking.addressee(call, _own_details(caller))
    now = call.ask(people.describe_own_settings, {"person_id": person.person_id, "realm": caller.realm})
    wanted = {name: value for name, value in call.request.items() if name != "portal"}
    changed = rules.changed_details(caller.realm, now, wanted)
    if "email" in changed:
        caller.require_proof()
    return call.commit(_asked, caller, person, now, changed)


def _asked(
    unit: UnitOfWork,
    caller: Caller,
    person: Addressee,
    now: Mapping[str, Any],
    changed: dict[str, Any],
    *,
    portal: str | None,
    **_wanted: Unpack[Details],
) -> dict[str, Any]:
    suffix = _portal(unit.session, caller, portal)
    text = rules.details_in_words(changed, now)
    require_within_limits(unit, caller, text)
    item = items.add_item(unit, person, MESSAGE_TYPE, text, account_id=caller.id, portal=suffix)
    unit.add(OwnChange(item_id=item.id, section=DETAILS, values=changed, replaces_id=None))
    return {"item_id": item.id, "thread_id": item.thread_id, "portal": suffix}


def list_my_details_changes(session: Session, caller: Caller) -> dict[str, Any]:
    """What waits for an answer, the latest first. Raises Refused `not_found`."""
    waiting = (
        select(OwnChange, QueueItem)
        .join(QueueItem, QueueItem.id == OwnChange.item_id)
        .where(QueueItem.person_id == _own_details(caller), QueueItem.is_open, OwnChange.section == DETAILS)
        .order_by(QueueItem.requested_at.desc(), QueueItem.id)
        .limit(_MOST)
    )
    return {
        "items": [
            {
                "item_id": item.id,
                "thread_id": item.thread_id,
                "portal": item.portal,
                "asked_at": item.requested_at,
                "values": change.values,
            }
            for change, item in session.execute(waiting)
        ]
    }


def with_present_values(call: Call, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer of `get_own_change`, with what the record says now of the details that a change is about."""
    if answer["section"] != DETAILS or answer["is_accepted"]:
        return answer
    with call.reading(call.organisation_id) as session:
        asked = _of_person(session, answer["item_id"])
    now = call.ask(people.describe_own_settings, asked)
    return {**answer, "replaces": {name: now[name] for name in answer["values"]}}


def accept_own_details(call: Call) -> Any:
    """Put the change into the record and complete its request.

    Raises Refused `not_found`, `item_archived`, `conflict` where it is in the record already or a later one asks otherwise,
    `login_taken`, and `already_merged` until this service follows a merge of the person.
    """

    def checked(unit: UnitOfWork) -> dict[str, Any]:
        change, item = _acceptable(unit, call.request["item_id"])
        return {**_of_person(unit.session, item.id), **change.values}

    if call.is_repeated():
        return call.answer_again()
    call.ask(people.accept_own_settings, call.transact(checked))
    return call.commit(_accepted)


def _accepted(unit: UnitOfWork, *, item_id: str) -> dict[str, Any]:
    change, item = _acceptable(unit, item_id)
    return handlers.complete(unit, change, item)


def _acceptable(unit: UnitOfWork, item_id: str) -> tuple[OwnChange, QueueItem]:
    change = queries.found(unit.session, item_id)
    if change.section != DETAILS:
        raise Refused("not_found", "No change of details is asked for here.", field="item_id")
    item = handlers.held(unit, change)
    rules.require_latest(change.values, _values_asked_since(unit.session, item))
    return change, item


def _values_asked_since(session: Session, item: QueueItem) -> Sequence[Mapping[str, Any]]:
    """What the person has asked for after this request, and nobody has dismissed."""
    return session.scalars(
        select(OwnChange.values)
        .join(QueueItem, QueueItem.id == OwnChange.item_id)
        .where(
            QueueItem.person_id == item.person_id,
            QueueItem.requested_at > item.requested_at,
            or_(QueueItem.is_open, OwnChange.accepted_at.is_not(None)),
            OwnChange.section == DETAILS,
        )
    ).all()


def _of_person(session: Session, item_id: str) -> dict[str, Any]:
    """Whom identity is asked about: the person of an item, in the realm of its portal."""
    item = session.get_one(QueueItem, item_id)
    kind = definitions.named(session, item.organisation_id, str(item.portal)).kind
    return {"person_id": item.person_id, "realm": REALM_OF_KIND[kind]}


def _own_details(caller: Caller) -> str:
    """The caller's own person, whose details the caller sees. Raises Refused `not_found`."""
    person_id = queries.own_person(caller)
    if people.SEE_DETAILS not in profile_of(caller, person_id)["permissions"]:
        raise Refused("not_found", "You have no record of your own here.")
    return person_id


def _portal(session: Session, caller: Caller, portal: str | None) -> str:
    """The portal that was named, or the first that admits the caller. Raises Refused `not_found`."""
    if portal is not None:
        return str(definitions.admitted(session, caller, portal).portal)
    definitions.require_a_portal(session, caller)
    return definitions.admitting(session, caller)[0]
