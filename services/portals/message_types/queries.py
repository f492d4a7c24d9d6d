"""Queries of message types."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.portals.message_types import GENERAL
from services.portals.definitions import queries as definitions
from services.portals.definitions.rules import REALM_OF_KIND
from services.portals.message_types import rules
from services.portals.message_types.models import MessageType, PortalMessageTypes

MEMBERS = (
    "name",
    "item_kind",
    "sent_from",
    "is_received",
    "department",
    "group_ids",
    "questionnaire_id",
    "helper_action",
    "service_hours",
    "is_enabled",
)


def list_message_types(session: Session, _caller: Caller) -> dict[str, Any]:
    """All message types, by name."""
    return {"items": sorted(map(view, all_types(session).values()), key=lambda each: str(each["name"]))}


def get_message_type(session: Session, _caller: Caller, *, code: str) -> dict[str, Any]:
    """One message type. Raises Refused `not_found`."""
    return view(named(session, code))


def get_portal_message_types(session: Session, caller: Caller, *, portal: str) -> dict[str, Any]:
    """Which message types people of a portal may send and be sent. Raises Refused `not_found`."""
    return choice_view(session, definitions.named(session, caller.organisation_id, portal))


def all_types(session: Session) -> dict[str, Any]:
    """All message types by code, stored or default, the default ones first."""
    return {**rules.DEFAULT_TYPES, **{each.code: each for each in session.scalars(select(MessageType))}}


def named(session: Session, code: str, field: str = "code") -> Any:
    """A message type, stored or default. Raises Refused `not_found`."""
    stored = session.scalars(select(MessageType).where(MessageType.code == code)).one_or_none()
    found = stored or rules.DEFAULT_TYPES.get(code)
    if found is None:
        raise Refused("not_found", "There is no such message type.", field=field)
    return found


def offered(session: Session, portal: Any) -> list[Any]:
    """The types that people of a portal can send now, in their order. `portal` is a definition."""
    types = all_types(session)
    return rules.offered(_chosen(session, portal, types)[0], types, portal.kind)


def is_offered(session: Session, portal: Any, code: str) -> bool:
    """Whether people of a portal can send a message of this type now (S2-68)."""
    return any(each.code == code for each in offered(session, portal))


def received(session: Session, portal: Any) -> list[Any]:
    """The types that staff can send to people of a portal now."""
    types = all_types(session)
    return rules.received(_chosen(session, portal, types)[1], types)


def realms_of(session: Session, organisation_id: str | None, code: str, *, is_answer: bool) -> set[str]:
    """The realms whose accounts of a person read what staff write of a type: those whose portals receive it (S2-50).

    An answer to a request also goes to where such requests are sent from; where nothing sends or receives the type, to where
    general messages are received.
    """
    portals = [each for each in definitions.all_portals(session, organisation_id) if each.is_enabled]
    types = all_types(session)

    def reached(wanted: str, *, also_sent: bool) -> set[str]:
        found = set()
        for portal in portals:
            sending, receiving = _chosen(session, portal, types)
            there = rules.received(receiving, types)
            there += rules.offered(sending, types, portal.kind) if also_sent else []
            if any(each.code == wanted for each in there):
                found.add(REALM_OF_KIND[portal.kind])
        return found

    realms = reached(code, also_sent=is_answer)
    return realms or (reached(GENERAL, also_sent=False) if is_answer else set())


def stored_choice(session: Session, portal: str) -> PortalMessageTypes | None:
    """What was chosen for a portal, None where nobody has chosen."""
    return session.scalars(
        select(PortalMessageTypes).where(PortalMessageTypes.portal == portal)
    ).one_or_none()


def choice_view(session: Session, portal: Any) -> dict[str, Any]:
    """A portal's choice as the contract's PortalMessageTypes."""
    types = all_types(session)
    sending, receiving = _chosen(session, portal, types)
    stored = stored_choice(session, portal.portal)
    shown = {
        "sending": rules.offered(sending, types, portal.kind),
        "receiving": rules.received(receiving, types),
        "can_be_sent": rules.offered(types, types, portal.kind),
        "can_be_received": rules.received(types, types),
    }
    return {
        "portal": portal.portal,
        "version": stored.version if stored else rules.DEFAULT_VERSION,
        **{name: list(map(view, each)) for name, each in shown.items()},
    }


def view(message_type: Any) -> dict[str, Any]:
    """A stored or default type as the contract's MessageType."""
    return {name: getattr(message_type, name) for name in ("code", "version", *MEMBERS)}


def _chosen(session: Session, portal: Any, types: dict[str, Any]) -> tuple[list[str], list[str]]:
    stored = stored_choice(session, portal.portal)
    if stored is None:
        return rules.usual_sending(portal.kind, types), rules.usual_receiving(types)
    return stored.sending, stored.receiving
