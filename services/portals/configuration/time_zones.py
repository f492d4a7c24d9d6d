"""Time zones of organisations that this service has not been told: identity is asked once for each.

Identity tells a zone when it is set (`organisation_time_zone_set`). What was set before this service kept zones was never told.
"""

from __future__ import annotations

from functools import partial

from sqlalchemy import select

from services.chassis import wire
from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity.organisations import get_public_organisation
from services.portals.definitions.models import OrganisationKey

EVERY_S = 60.0
_MOST_AT_ONCE = 100  # organisations


def ask_for_missing(runtime: Runtime, unknown: set[str]) -> bool:
    """Note the zones that are missing. Returns True: none is left for now. Raises Refused while identity does not answer.

    `unknown` are the ids of organisations that identity did not know; they are added here and not asked for again.
    """
    last = ""
    while missing := _missing(runtime, last):
        for organisation_id, key in missing:
            if organisation_id not in unknown:
                _ask(runtime, organisation_id, key, unknown)
        last = missing[-1][0]
    return True


def _missing(runtime: Runtime, last: str) -> list[tuple[str, str]]:
    """The ids and keys of the next organisations without a zone, behind the id `last`."""
    with runtime.database.reading(None) as session:
        statement = (
            select(OrganisationKey.organisation_id, OrganisationKey.key)
            .where(OrganisationKey.time_zone.is_(None), OrganisationKey.organisation_id > last)
            .order_by(OrganisationKey.organisation_id)
            .limit(_MOST_AT_ONCE)
        )
        return [(each.organisation_id, each.key) for each in session.execute(statement)]


def _ask(runtime: Runtime, organisation_id: str, key: str, unknown: set[str]) -> None:
    try:
        facts = runtime.ask(
            get_public_organisation,
            {"organisation": key},
            organisation=(organisation_id, key),
            context=wire.CallContext(wire.new_id()),
        )
    except Refused as refusal:
        if refusal.code != "not_found":
            raise
        unknown.add(organisation_id)
        return
    note = partial(_note, organisation_id=organisation_id, time_zone=facts["time_zone"])
    transact_as(runtime, itself(runtime, organisation_id, key), note)


def _note(unit: UnitOfWork, *, organisation_id: str, time_zone: str) -> None:
    """Keep a zone, unless an event has told one meanwhile: that is newer than the answer."""
    row = unit.session.scalars(
        select(OrganisationKey).where(OrganisationKey.organisation_id == organisation_id).with_for_update()
    ).one()
    if row.time_zone is None:
        row.time_zone = time_zone
        unit.audit("organisation_time_zone.noted", "organisation", organisation_id)
