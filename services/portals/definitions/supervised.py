"""Whom the caller supervises now, as identity wrote it into the passport, and through a portal that is open to the caller."""

from __future__ import annotations

from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.portals.definitions import queries as definitions

_ADMITTED = "admitted to a portal of supervisors"


def supervised(session: Session, caller: Caller) -> list[str]:
    """The ids of the employees whom the caller supervises; none while no portal of supervisors admits the caller.

    A session asks for the portals once: a start page has five parts that are about the team.
    """
    profiles = caller.scope.get("profiles") or ()
    people = [each["person_id"] for each in profiles if each["role"] == "supervisor"]
    known = session.info.setdefault(_ADMITTED, {})
    if people and caller.id not in known:
        known[caller.id] = definitions.admitting_of_kind(session, caller, "supervisor") is not None
    return people if people and known[caller.id] else []


def require_supervised(session: Session, caller: Caller, person_id: str) -> None:
    """Raises Refused `not_found` unless the caller supervises this employee."""
    if person_id not in supervised(session, caller):
        raise Refused("not_found", "You supervise no such employee.", field="person_id")
