"""Applications that nobody uses any more are wiped by themselves: names, answers, everything."""

from __future__ import annotations

import datetime

from sqlalchemy import select

from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.portals import applicants as contract
from services.portals.applicants import handlers
from services.portals.applicants.models import Application

EVERY_S = 30.0
_MOST_AT_ONCE = 100  # organisations


def wipe(runtime: Runtime) -> bool:
    """Wipe what is idle, organisation by organisation. Returns False when more may be due."""
    last = utc_now() - datetime.timedelta(minutes=contract.IDLE_MINUTES)
    with runtime.database.reading(None) as session:
        due = session.execute(
            select(Application.organisation_id, Application.organisation_key)
            .where(Application.sent_at.is_(None), Application.seen_at <= last)
            .distinct()
            .limit(_MOST_AT_ONCE)
        ).all()
    is_done = len(due) < _MOST_AT_ONCE
    for organisation in due:
        is_done = transact_as(runtime, itself(runtime, *organisation), _wipe) and is_done
    return is_done


def _wipe(unit: UnitOfWork) -> bool:
    return handlers.wipe_idle(unit) < handlers.WIPED_AT_ONCE
