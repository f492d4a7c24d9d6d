"""Commands on message types, each one transaction."""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

from sqlalchemy import select

from services.chassis.database import held_or_made, insert_unless_there
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused, invalid
from services.contracts.portals import message_types as contract
from services.portals.definitions import queries as definitions
from services.portals.message_types import queries, rules
from services.portals.message_types.models import MessageType, PortalMessageTypes
from services.portals.staff_groups import queries as staff_groups


class Members(TypedDict):
    """What is set of a message type."""

    name: str
    item_kind: str
    sent_from: list[str]
    is_received: bool
    department: str
    group_ids: list[str]
    questionnaire_id: str | None
    helper_action: str
    service_hours: int
    is_enabled: bool


def create_message_type(unit: UnitOfWork, *, code: str, **members: Unpack[Members]) -> dict[str, Any]:
    """Add a message type. Raises Refused `message_type_taken`, `not_found` for a group."""
    _require_groups(unit, members["group_ids"])
    key = {"organisation_id": unit.organisation_id, "code": code}
    values = {**key, **members, "version": rules.DEFAULT_VERSION, "changed_at": unit.now}
    is_default = code in rules.DEFAULT_TYPES
    if is_default or not insert_unless_there(unit.session, MessageType.__table__, values):
        raise Refused(
            "message_type_taken", "There is a message type with this code. Choose another one.", "code"
        )
    return _told(unit, unit.session.scalars(select(MessageType).filter_by(**key)).one())


def change_message_type(unit: UnitOfWork, *, code: str, **members: Unpack[Members]) -> dict[str, Any]:
    """Change a message type as a whole. Raises Refused `not_found`."""
    _require_groups(unit, members["group_ids"])
    known = queries.view(queries.named(unit.session, code))
    key = {"organisation_id": unit.organisation_id, "code": known.pop("code")}
    row = held_or_made(unit.session, MessageType, key, {**known, "changed_at": unit.now})
    unit.require_version(row)
    for name, value in members.items():
        setattr(row, name, value)
    row.version += 1
    row.changed_at = unit.now
    return _told(unit, row)


def choose_portal_message_types(
    unit: UnitOfWork, *, portal: str, sending: list[str], receiving: list[str]
) -> dict[str, Any]:
    """Set what a portal sends and receives. Raises Refused `not_found`, `invalid_request` with every problem."""
    definition = definitions.named(unit.session, unit.organisation_id, portal)
    found = list(rules.problems(definition.kind, sending, receiving, queries.all_types(unit.session)))
    if found:
        raise invalid(found)
    key = {"organisation_id": unit.organisation_id, "portal": portal}
    fresh = {"version": rules.DEFAULT_VERSION, "sending": [], "receiving": []}
    row = held_or_made(unit.session, PortalMessageTypes, key, fresh)
    unit.require_version(row)
    row.sending, row.receiving = list(sending), list(receiving)
    row.version += 1
    unit.session.flush()
    facts: dict[str, Any] = {"portal": portal, "version": row.version}
    unit.audit("message_types.chosen", "portal", portal, **facts)
    unit.publish(contract.portal_message_types_chosen, portal, facts)
    return queries.choice_view(unit.session, definition)


def _require_groups(unit: UnitOfWork, group_ids: list[str]) -> None:
    for place, group_id in enumerate(group_ids):
        staff_groups.found(unit.session, group_id, f"group_ids.{place}")


def _told(unit: UnitOfWork, row: MessageType) -> dict[str, Any]:
    facts: dict[str, Any] = {"is_enabled": row.is_enabled, "version": row.version}
    unit.audit("message_type.changed", "message_type", row.code, **facts)
    unit.publish(contract.message_type_changed, row.code, {"type": row.code, **facts})
    return queries.view(row)
