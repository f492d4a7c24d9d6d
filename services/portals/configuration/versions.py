"""The versions of a portal's configuration: reading the one that is shown, writing the draft, publishing."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.database import held_or_made
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused, lacking
from services.contracts.portals import configuration as contract
from services.portals.configuration import content as contents
from services.portals.configuration import rules
from services.portals.configuration.models import PortalVersion

# Who has portal.configure only changes everything else (S2-58).
WRITE_NEWS = "portal.manage_chart_tabs"


class Shown(NamedTuple):
    """A version of a portal's configuration with the default for all that it leaves open."""

    number: int
    document: dict[str, Any]
    whole: dict[str, Any]


def shown(session: Session, organisation_id: str | None, definition: Any) -> Shown:
    """The version that a portal shows now."""
    row = _latest(session, organisation_id, definition.portal, utc_now())
    return _of(row, definition.kind)


def latest(session: Session, organisation_id: str | None, definition: Any) -> Shown:
    """The last version that was published, also if its time has not come."""
    return _of(_latest(session, organisation_id, definition.portal, None), definition.kind)


def head(unit: UnitOfWork, portal: str) -> PortalVersion:
    """The draft's row, locked: who writes to the configuration of a portal holds it."""
    key = {"organisation_id": unit.organisation_id, "portal": portal, "number": rules.DRAFT}
    fresh: dict[str, Any] = {
        "id": wire.new_id(),
        "document": None,
        "version": rules.DEFAULT_VERSION,
        "editors": [],
        "changed_by": unit.actor_id,
        "changed_at": unit.now,
        "published_at": None,
    }
    return held_or_made(unit.session, PortalVersion, key, fresh)


def scheduled(session: Session, organisation_id: str | None, portal: str) -> PortalVersion | None:
    """The version whose time has not come."""
    statement = select(PortalVersion).where(
        PortalVersion.organisation_id == organisation_id,
        PortalVersion.portal == portal,
        PortalVersion.published_at > utc_now(),
    )
    return session.scalars(statement).one_or_none()


def row_of(session: Session, portal: str, number: int) -> PortalVersion:
    """The row of a published version."""
    statement = select(PortalVersion).where(PortalVersion.portal == portal, PortalVersion.number == number)
    return session.scalars(statement).one()


def require_may_write_news(unit: UnitOfWork, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse other messages of the ticker to who may not write them (S2-58). Raises Refused `forbidden`."""
    is_changed = (before.get("ticker") or []) != (after.get("ticker") or [])
    if is_changed and not (unit.caller and unit.caller.may(WRITE_NEWS)):
        raise lacking(WRITE_NEWS, "The messages of the ticker are written by whoever manages them.", "ticker")


def publish(
    unit: UnitOfWork,
    definition: Any,
    document: Mapping[str, Any],
    at: datetime.datetime | None = None,
    editors: Sequence[str] = (),
) -> Shown:
    """Make this the version that is shown, now or from a time on; the caller holds the head.

    `editors` have drafted it: whoever takes it back before its time has their draft in hand.

    Raises Refused `publication_scheduled`.
    """
    portal = definition.portal
    if scheduled(unit.session, unit.organisation_id, portal) is not None:
        raise Refused(
            "publication_scheduled",
            "A version of this portal is waiting for its time. Take that back first, or wait for it.",
        )
    number = latest(unit.session, unit.organisation_id, definition).number + 1
    row = PortalVersion(
        id=wire.new_id(),
        organisation_id=unit.organisation_id,
        portal=portal,
        number=number,
        document=dict(document),
        version=number,
        editors=list(editors),
        changed_by=unit.actor_id,
        changed_at=unit.now,
        published_at=at or unit.now,
    )
    unit.add(row)
    unit.audit("portal.configured", "portal", row.id, portal=portal, version=number)
    unit.publish(contract.portal_configured, row.id, {"portal": portal, "version": number})
    return _of(row, definition.kind)


def id_shown(session: Session, organisation_id: str | None, portal: str) -> str | None:
    """The id of the version that a portal shows now, without reading it. None: the default."""
    statement = _newest(select(PortalVersion.id), organisation_id, portal, utc_now())
    return session.scalars(statement).one_or_none()


def _latest(
    session: Session, organisation_id: str | None, portal: str, now: datetime.datetime | None
) -> PortalVersion | None:
    return session.scalars(_newest(select(PortalVersion), organisation_id, portal, now)).one_or_none()


def _newest(
    statement: Select[Any], organisation_id: str | None, portal: str, now: datetime.datetime | None
) -> Select[Any]:
    # The session of a public operation is not limited to one organisation, so the statement names it.
    statement = statement.where(
        PortalVersion.organisation_id == organisation_id,
        PortalVersion.portal == portal,
        PortalVersion.number > rules.DRAFT,
    )
    if now is not None:
        statement = statement.where(PortalVersion.published_at <= now)
    return statement.order_by(PortalVersion.number.desc()).limit(1)


def _of(row: PortalVersion | None, kind: str) -> Shown:
    if row is None:
        return Shown(rules.DEFAULT_VERSION, {}, contents.whole({}, kind))
    return Shown(row.number, dict(row.document), contents.whole(row.document, kind))
