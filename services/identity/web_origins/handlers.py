"""The list of an organisation's web origins, and whose an origin is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.identity.registry.organisations import find_organisation, load_organisation
from services.identity.sessions.proof import proven_caller
from services.identity.web_origins.models import WebOrigin


def get_web_origins(session: Session, caller: Caller) -> dict[str, Any]:
    """The organisation's list."""
    organisation = find_organisation(session, caller.organisation_id)
    return {"version": organisation.version, "origins": _origins(session)}


def set_web_origins(unit: UnitOfWork, *, origins: list[str]) -> dict[str, Any]:
    """Replace the list. Raises Refused(proof_required, version_conflict)."""
    proven_caller(unit)
    organisation = load_organisation(unit)
    unit.require_version(organisation)
    before, wanted = _origins(unit.session), sorted(set(origins))
    if wanted != before:
        gone = [each for each in before if each not in wanted]
        unit.session.execute(delete(WebOrigin).where(WebOrigin.origin.in_(gone)))
        unit.session.add_all(WebOrigin(origin=each) for each in wanted if each not in before)
        organisation.version += 1
        unit.session.flush()
        unit.audit(
            "organisation.web_origins_changed",
            "organisation",
            organisation.id,
            before=len(before),
            after=len(wanted),
        )
    return {"version": organisation.version, "origins": wanted}


def find_web_origin(session: Session, _caller: Caller | None, *, origin: str) -> dict[str, Any]:
    """The organisations that have named an origin."""
    found = session.scalars(select(WebOrigin.organisation_id).where(WebOrigin.origin == origin))
    return {"organisation_ids": sorted(found)}


def _origins(session: Session) -> list[str]:
    return list(session.scalars(select(WebOrigin.origin).order_by(WebOrigin.origin)))
