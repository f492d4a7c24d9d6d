"""The identity part of `make bench`: look-ups among 100,000 people and 20,000 accounts, on SQLite and on PostgreSQL.

In process, without the broker: what is measured is a call from its request to its answer, a log-in without its hash. Each
line asks the same kind of question for many different people. The bar is 20 ms.
"""

from __future__ import annotations

import datetime
import functools
import gc
import itertools
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.names import name_rows
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.identity import accounts, passports, patients, people
from services.identity.housekeeping.retention import keep_statistics
from services.identity.models import (
    Account,
    AccountName,
    Grant,
    Person,
    PersonKind,
    PersonName,
    Role,
    keys_of,
)
from services.identity.patients.queries import matching_patient
from services.identity.patients.rules import Identifying
from services.identity.realms.rules import PERMISSIONS
from services.identity.registry import accounts as queries
from services.identity.secrets.tokens import token_hash
from services.identity.sessions.models import LoginSession
from tests.integration.identity.conftest import Identity
from tests.support.in_process import a_caller
from tests.support.servers import fresh_database, private_postgres, temporary_folder

PEOPLE, ACCOUNTS = 100_000, 20_000
ASKED = 100
BAR_MS = 20.0
CHUNK = 5_000
FIRST = ("Ana", "Rosalind", "Pat", "Maria", "Kim", "Olga", "Ben", "Sam", "Ida", "Jon")
LAST = ("Quimby", "Ortiz", "Field", "Keeper", "Vega", "Ruiz", "Stone", "Smith", "Abel", "Zorn")
BORN = datetime.date(1930, 1, 1)


class Town:
    """Identity with many people: a tenth of them staff or patients with an account; names are few, as names are."""

    def __init__(self, url: str, folder: Path) -> None:
        self.identity = Identity(url, folder)
        self.organisation = (self.identity.harbor.organisation_id, "harbor")
        self.caller: Caller = a_caller(*PERMISSIONS, organisation=self.organisation)
        self.chance = random.Random(100)
        self.people = list(self._people())
        self.accounts = list(self._accounts())
        self.identity.database.write(self.organisation[0], self._fill)
        keep_statistics(self.identity.database)
        if not self.identity.database.is_sqlite:  # PostgreSQL does that by itself after a while
            with self.identity.database.engine.connect() as connection:
                connection.execute(text("ANALYZE"))
                connection.commit()

    def call(self, operation: Any, **request: Any) -> Any:
        return self.identity.call(operation, self.caller, **request)

    def somebody(self) -> dict[str, Any]:
        return self.chance.choice(self.people)

    def _people(self) -> Iterator[dict[str, Any]]:
        for number in range(PEOPLE):
            first, last = self.chance.choice(FIRST), self.chance.choice(LAST)
            yield {
                "id": wire.new_id(),
                "organisation_id": self.organisation[0],
                "number": f"P-{number:06d}",
                "first_name": first + self._ending(2),
                "last_name": last + self._ending(3),
                "date_of_birth": BORN + datetime.timedelta(days=self.chance.randrange(30_000)),
                "email": f"person{number}@example.org",
                "postal_code": f"{self.chance.randrange(99_999):05d}",
                "field_sources": {},
                "version": 1,
                "created_at": utc_now(),
            }

    def _ending(self, most: int) -> str:
        return "".join(self.chance.choices("aeioulnrst", k=self.chance.randrange(most + 1)))

    def _accounts(self) -> Iterator[dict[str, Any]]:
        with self.identity.database.reading(None) as session:
            staff = session.scalars(select(Role.id).where(Role.code == "standard")).one()
        for number, person in enumerate(itertools.islice(self.people, ACCOUNTS)):
            is_patient = number % 2 == 0
            yield {
                "id": wire.new_id(),
                "organisation_id": self.organisation[0],
                "realm": "patient" if is_patient else "staff",
                "login_space": "patient" if is_patient else "workforce",
                "person_id": person["id"],
                "role_id": None if is_patient else staff,
                "login": person["email"],
                "email": person["email"],
                "first_name": person["first_name"],
                "last_name": person["last_name"],
                "state": "active",
                "password_hash": "not looked at",
                "last_login_at": utc_now() if number % 3 else None,
                "version": 1,
                "created_at": utc_now(),
            }

    def _fill(self, session: Session) -> None:
        own = {"organisation_id": self.organisation[0]}
        role = session.scalars(select(Role.id).where(Role.code == "patient", Role.realm == "patient")).one()
        begun = utc_now() - datetime.timedelta(days=1)
        kinds = [
            {"id": wire.new_id(), **own, "person_id": each["id"], "kind": kind, "starts_at": begun}
            for each, kind in zip(self.people, itertools.cycle(("patient", "staff", "client", "employee")))
        ]
        kinds += [
            {
                **own,
                "id": wire.new_id(),
                "person_id": each["person_id"],
                "kind": "patient",
                "starts_at": begun,
            }
            for each in self.accounts[2::4]
        ]
        grants = [
            {
                **own,
                "id": wire.new_id(),
                "account_id": each["id"],
                "person_id": each["person_id"],
                "role_id": role,
                "starts_at": begun,
                "granted_by": "bench",
                "version": 1,
                "created_at": begun,
            }
            for each in self.accounts
            if each["realm"] == "patient"
        ]
        sessions = [
            {
                **own,
                "id": wire.new_id(),
                "account_id": each["id"],
                "token_hash": token_hash(each["id"]),
                "created_at": utc_now(),
                "last_seen_at": utc_now(),
                "expires_at": utc_now() + datetime.timedelta(hours=12),
            }
            for each in self.accounts
        ]
        for model, rows in (
            (Person, self.people),
            (PersonKind, kinds),
            (Account, self.accounts),
            (Grant, grants),
            (LoginSession, sessions),
        ):
            for start in range(0, len(rows), CHUNK):
                chunk = rows[start : start + CHUNK]
                if model in (Person, Account):
                    named = ("first_name", "last_name", "email")
                    chunk = [row | keys_of(*(row[name] for name in named)) for row in chunk]
                session.execute(insert(model), chunk)
                if model in (Person, Account):
                    names = ("id", "organisation_id", "first_name", "last_name")
                    words = [each for row in chunk for each in name_rows(*(row[name] for name in names))]
                    session.execute(insert(PersonName if model is Person else AccountName), words)


def questions(town: Town) -> dict[str, Callable[[], Any]]:
    """The calls to measure, by their name in the table."""
    last_pages = {"all": _last_cursor(town, None), "active": _last_cursor(town, "active")}
    last_person, last_account = _near_the_end(town.people), _near_the_end(town.accounts)

    def search(**request: Any) -> Any:
        return town.call(people.search_people, **request)

    def log_in() -> Any:
        login = town.chance.choice(town.accounts)
        with town.identity.database.reading(None) as session:
            return queries.find_login(session, "harbor", login["login"], login["login_space"])

    def match() -> Any:
        who = town.somebody()
        entered = Identifying(who["email"], who["last_name"], who["date_of_birth"], who["postal_code"])
        with town.identity.database.reading(town.organisation[0]) as session:
            return matching_patient(session, entered)

    def onboarding(after: str | None = None, **request: Any) -> Any:
        return town.call(patients.list_patient_access, after=after, **request)

    return {
        "people, last name begins so": lambda: search(last_name=town.somebody()["last_name"][:5]),
        "people, one letter": lambda: search(last_name=town.chance.choice("QOFKVRSAZ")),
        "people, first name begins so": lambda: search(first_name=town.somebody()["first_name"][:4]),
        "people, both names": lambda: search(
            first_name=town.somebody()["first_name"], last_name=town.somebody()["last_name"]
        ),
        "people, a name nobody has": lambda: search(first_name="Xq", last_name="Xq"),
        "people, a first name nobody has": lambda: search(first_name="Xq"),
        "people, a patient's last name": lambda: search(
            last_name=town.somebody()["last_name"][:6], kind="patient"
        ),
        "people, day of birth": lambda: search(date_of_birth=str(town.somebody()["date_of_birth"])),
        "person by number": lambda: town.call(people.list_people, number=town.somebody()["number"]),
        "patient by e-mail": match,
        "account by log-in": log_in,
        "passport": lambda: town.identity.call(
            passports.issue_passports,
            asked=[{"token": town.chance.choice(town.accounts)["id"], "audience": "referrals"}],
        ),
        "people, first page": lambda: town.call(people.list_people),
        "people, last page": lambda: town.call(people.list_people, after=last_person),
        "accounts, first page": lambda: town.call(accounts.list_accounts),
        "accounts, last page": lambda: town.call(accounts.list_accounts, after=last_account),
        "onboarding, first page": onboarding,
        "onboarding, last page": functools.partial(onboarding, last_pages["all"]),
        "onboarding, active, first page": functools.partial(onboarding, status="active"),
        "onboarding, active, last page": functools.partial(onboarding, last_pages["active"], status="active"),
        "onboarding, unactivated": functools.partial(onboarding, status="unactivated"),
        "onboarding, with a username": functools.partial(onboarding, has_username=True),
    }


def _by_name(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["last_name"].lower(), row["first_name"].lower(), row["id"]


def _near_the_end(rows: list[dict[str, Any]]) -> str:
    """The id after which the last page of a list by name begins."""
    return str(sorted(rows, key=_by_name)[-50]["id"])


def _last_cursor(town: Town, status: str | None) -> str:
    """Where the last page of the onboarding list begins."""
    cursor: str | None = None
    while True:
        page = town.call(patients.list_patient_access, after=cursor, status=status, limit=200)
        if page["next"] is None:
            return str(cursor)
        cursor = page["next"]


def measure(name: str, ask: Callable[[], Any]) -> None:
    """Print one line: how long it took, and the part of it in which this thread was at work."""
    ask()
    took, worked = [], []
    for _ in range(ASKED):
        started, at_work = time.perf_counter(), time.thread_time()
        ask()
        took.append((time.perf_counter() - started) * 1000)
        worked.append((time.thread_time() - at_work) * 1000)
    (middle, p99), (own_middle, own_p99) = _figures(took), _figures(worked)
    remark = "" if p99 < BAR_MS else "   over the bar"
    print(
        f"{name:<36}{middle:>9.2f} ms{p99:>9.2f} ms{own_middle:>9.2f} ms{own_p99:>9.2f} ms{remark}",
        flush=True,
    )


def _figures(milliseconds: list[float]) -> tuple[float, float]:
    return statistics.median(milliseconds), statistics.quantiles(milliseconds, n=100)[98]


def bench_identity() -> None:
    """Both tables."""
    with temporary_folder("portico-bench-") as folder:
        _table("SQLite", f"sqlite:///{folder}/identity.db", folder)
    with (
        private_postgres() as cluster,
        fresh_database(cluster) as url,
        temporary_folder("portico-bench-") as folder,
    ):
        _table("PostgreSQL", url, folder)


def _table(kind: str, url: str, folder: Path) -> None:
    town = Town(url, folder)
    print(f"\n{f'identity on {kind}':<36}{'p50':>12}{'p99':>12}{'own p50':>12}{'own p99':>12}")
    asked = questions(town)
    # As a service does after its start: freeze all objects, here those of the town's hundred thousand people.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    for name, ask in asked.items():
        measure(name, ask)
    town.identity.close()


if __name__ == "__main__":
    bench_identity()
