"""Deleting sessions, links and counted tries that are no longer needed. The audit trail keeps what happened.

It also keeps SQLite's statistics: without them SQLite chooses the wrong index once there are many people.
"""

from __future__ import annotations

import datetime

from sqlalchemy import literal, or_, text, update
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
from services.identity.sessions.models import LoginSession, MailLink

EVERY_S = 3600.0
SESSIONS_KEPT = datetime.timedelta(days=7)
LINKS_KEPT = datetime.timedelta(days=30)
# Counted tries are kept long after the last one, so that a slow attack still meets its earlier failures.
TRIES_KEPT = datetime.timedelta(days=90)
ADDRESSES_KEPT = datetime.timedelta(days=1)
# Their keys are made from addresses, or they matter for minutes. The origins from which somebody has logged in are kept as
# long as tries.
ORIGINS_OF_TRIES = (FROM_ORIGIN, FRESH, RESET, MATCH)


def forget_old(database: Database, sessions_kept: datetime.timedelta = SESSIONS_KEPT) -> bool:
    """Delete old rows in small transactions. Sessions go so long after their end."""
    now = utc_now()

    def forget_steps(session: Session) -> None:
        """The steps that undo a merge contain people's data; the merge itself stays on record."""
        statement = update(PersonMerge).where(
            PersonMerge.merged_at < now - CAN_BE_UNDONE_FOR, PersonMerge.steps != literal({}, JsonValue)
        )
        session.execute(statement.values(steps={}), execution_options={"synchronize_session": False})

    database.write(None, forget_steps)
    ended = or_(LoginSession.expires_at < now - sessions_kept, LoginSession.ended_at < now - sessions_kept)
    database.sweep(LoginSession, ended)
    database.sweep(CredentialLink, CredentialLink.expires_at < now - LINKS_KEPT)
    database.sweep(MailLink, MailLink.expires_at < now - LINKS_KEPT)
    database.sweep(LoginChallenge, LoginChallenge.expires_at < now - sessions_kept)
    database.sweep(OutsideSignIn, OutsideSignIn.expires_at < now)
    database.sweep(ApiSession, ApiSession.expires_at < now - sessions_kept)
    database.sweep(Throttle, Throttle.last_at < now - TRIES_KEPT)
    of_origins = or_(Throttle.kind.endswith(SUFFIX), Throttle.kind.in_(ORIGINS_OF_TRIES))
    database.sweep(Throttle, of_origins, Throttle.last_at < now - ADDRESSES_KEPT)
    return True


def keep_statistics(database: Database) -> bool:
    """Let SQLite analyse 400 rows of each index (about 20 ms). PostgreSQL keeps its statistics by itself."""
    if database.is_sqlite:

        def analyse(session: Session) -> None:
            session.execute(text("PRAGMA analysis_limit = 400"))
            session.execute(text("ANALYZE"))

        database.write(None, analyse)
    return True
