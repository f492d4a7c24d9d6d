"""Deleting sessions, links and counted tries that are no longer needed. The audit trail keeps what happened.

It also keeps SQLite's statistics: without them SQLite chooses the wrong index once there are many people.
"""

from __future__ import annotations

import datetime

from sqlalchemy import delete, literal, or_, text, update
from sqlalchemy.orm import Session

from services.chassis.database import Database
from services.chassis.models import JsonValue
from services.chassis.unit_of_work import utc_now
from services.identity.api_clients.models import ApiSession
from services.identity.credentials.models import CredentialLink
from services.identity.login.models import LoginChallenge
from services.identity.merging.models import PersonMerge
from services.identity.merging.rules import CAN_BE_UNDONE_FOR
from services.identity.outside.models import OutsideSignIn
from services.identity.secrets.addresses import SUFFIX
from services.identity.secrets.models import Throttle
from services.identity.secrets.tries import FRESH, FROM_ORIGIN, MATCH, RESET
from services.identity.sessions.models import LoginSession

EVERY_S = 3600.0
SESSIONS_KEPT = datetime.timedelta(days=7)
LINKS_KEPT = datetime.timedelta(days=30)
# Counted tries are kept long after the last one, so that a slow attack still meets its earlier failures.
TRIES_KEPT = datetime.timedelta(days=90)
ADDRESSES_KEPT = datetime.timedelta(days=1)
# Their keys are made from addresses, or they matter for minutes. The origins from which somebody has logged in are kept as
# long as tries.
ORIGINS_OF_TRIES = (FROM_ORIGIN, FRESH, RESET, MATCH)


def forget_old(database: Database) -> bool:
    """Delete old rows in one transaction."""

    def forget(session: Session) -> None:
        now = utc_now()
        ended = or_(
            LoginSession.expires_at < now - SESSIONS_KEPT, LoginSession.ended_at < now - SESSIONS_KEPT
        )
        for statement in (
            # The steps that undo a merge contain people's data; the merge itself stays on record.
            update(PersonMerge)
            .where(
                PersonMerge.merged_at < now - CAN_BE_UNDONE_FOR, PersonMerge.steps != literal({}, JsonValue)
            )
            .values(steps={}),
            delete(LoginSession).where(ended),
            delete(CredentialLink).where(CredentialLink.expires_at < now - LINKS_KEPT),
            delete(LoginChallenge).where(LoginChallenge.expires_at < now - SESSIONS_KEPT),
            delete(OutsideSignIn).where(OutsideSignIn.expires_at < now),
            delete(ApiSession).where(ApiSession.expires_at < now - SESSIONS_KEPT),
            delete(Throttle).where(Throttle.last_at < now - TRIES_KEPT),
            delete(Throttle).where(
                or_(Throttle.kind.endswith(SUFFIX), Throttle.kind.in_(ORIGINS_OF_TRIES)),
                Throttle.last_at < now - ADDRESSES_KEPT,
            ),
        ):
            session.execute(statement, execution_options={"synchronize_session": False})

    database.write(None, forget)
    return True


def keep_statistics(database: Database) -> bool:
    """Let SQLite analyse 400 rows of each index (about 20 ms). PostgreSQL keeps its statistics by itself."""
    if database.is_sqlite:

        def analyse(session: Session) -> None:
            session.execute(text("PRAGMA analysis_limit = 400"))
            session.execute(text("ANALYZE"))

        database.write(None, analyse)
    return True
