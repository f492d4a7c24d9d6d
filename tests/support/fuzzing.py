"""What schemathesis asks during its run: in whose session it sends the next request. It takes turns among the accounts.

It is loaded by schemathesis, in its own process (SCHEMATHESIS_HOOKS). The environment names identity's database and the accounts.
"""

from __future__ import annotations

import datetime
import itertools
import os
from collections.abc import Sequence
from typing import Any

from sqlalchemy import update

from services.chassis import wire
from services.chassis.database import Database
from services.chassis.unit_of_work import utc_now
from services.contracts.identity.organisations import FEATURES
from services.identity.models import Account, Organisation
from services.identity.realms.models import RealmSettings
from services.identity.secrets.tokens import new_token, token_hash
from services.identity.sessions.models import LoginSession

DATABASE, ORGANISATION, ACCOUNTS = "FUZZED_DATABASE", "FUZZED_ORGANISATION", "FUZZED_ACCOUNTS"
NOBODY = "nobody"  # among the accounts: a request without a session


class Holder:
    """An account with a session. Requests may end the session and disable the account, so both are made to hold again."""

    def __init__(self, database: Database, account_id: str, organisation_id: str) -> None:
        self._database = database
        self._account_id, self._organisation_id = account_id, organisation_id
        self._token: str | None = None

    def token(self) -> str:
        """The token of a session that held after the last answer."""
        if self._token is None:
            self._token = self._new_session()
        return self._token

    def forget(self) -> None:
        """The session may have ended."""
        self._token = None

    def _new_session(self) -> str:
        token, now = new_token(), utc_now()

        def work(session: Any) -> None:
            session.execute(
                update(Organisation)
                .where(Organisation.id == self._organisation_id)
                .values(features=list(FEATURES))
            )
            session.execute(update(Account).where(Account.id == self._account_id).values(state="active"))
            session.execute(
                update(RealmSettings)
                .where(RealmSettings.organisation_id == self._organisation_id)
                .values(allowed_networks=[], session_idle_minutes=None)
            )
            session.add(
                LoginSession(
                    id=wire.new_id(),
                    organisation_id=self._organisation_id,
                    account_id=self._account_id,
                    token_hash=token_hash(token),
                    created_at=now,
                    last_seen_at=now,
                    proven_at=now,
                    expires_at=now + datetime.timedelta(hours=1),
                )
            )

        self._database.write(self._organisation_id, work)
        return token


class Turns:
    """The holders of sessions, one after the other; None: nobody."""

    def __init__(self, holders: Sequence[Holder | None]) -> None:
        self._turns = itertools.cycle(holders)
        self._current: Holder | None = None

    def next_token(self) -> str | None:
        """The token for the next request."""
        self._current = next(self._turns)
        return self._current and self._current.token()

    def note(self, status: int) -> None:
        """Take a new session where an answer says that this one has ended."""
        if status == 401 and self._current is not None:
            self._current.forget()


if ACCOUNTS in os.environ:
    import schemathesis

    _database = Database(os.environ[DATABASE])
    _turns = Turns(
        [
            None if each == NOBODY else Holder(_database, each, os.environ[ORGANISATION])
            for each in os.environ[ACCOUNTS].split()
        ]
    )

    @schemathesis.auth(refresh_interval=None)
    class Session:
        """Sends each request in the session of the account whose turn it is."""

        def get(self, case: Any, context: Any) -> str | None:
            """The token."""
            return _turns.next_token()

        def set(self, case: Any, token: str, context: Any) -> None:
            """Put it where the gateway looks for it."""
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}

    @schemathesis.hook
    def after_call(context: Any, case: Any, response: Any) -> None:
        """Note the answer."""
        _turns.note(response.status_code)
