"""The archive part of `make bench`: searches among 1,000,000 dismissed items of the portal queue, on SQLite and on PostgreSQL.

In process, without the broker: a call from its request to its answer. Each line asks the same kind of question with other
words. The bars are 400 ms on SQLite and 200 ms on PostgreSQL, for the 95th of 100 answers.
"""

from __future__ import annotations

import datetime
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from services.chassis import wire
from services.contracts.portals import messages
from services.contracts.portals import portal_queue as contract
from services.contracts.spelling import search_key
from services.portals.messages.models import Thread
from services.portals.portal_queue.models import QueueItem, QueueText
from services.portals.portal_queue.rules import words_of
from tests.load.bars import Bar
from tests.support.in_process import InProcess, a_caller
from tests.support.portal_desk import PortalDesk
from tests.support.servers import fresh_database, private_postgres, temporary_folder

# As many different items are made, and copied with later times until there are so many.
DISTINCT, ITEMS = 10_000, 1_000_000
ASKED, CHUNK = 40, 5_000
APART_S = 90
MARK = "abcdef"  # the end of the ids of the first items
BARS_MS = {"SQLite": 400.0, "PostgreSQL": 200.0}
STAFF = a_caller(messages.WORK)
TYPES = (
    ("refill_request", "Refill Request"),
    ("ask_a_clinical_question", "Ask a Clinical Question"),
    ("general_message", "Message"),
)
FIRST = ("Ana", "Rosalind", "Pat", "Maria", "Kim", "Olga", "Ben", "Sam", "Ida", "Jon")
LAST = ("Quimby", "Ortiz", "Field", "Keeper", "Vega", "Ruiz", "Stone", "Smith", "Abel", "Zorn")
SYLLABLES = ("ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "wo", "zu")


class Archive:
    """Portals with very many dismissed items of three years. Words are few that come often and many that are rare."""

    def __init__(self, url: str, folder: Path) -> None:
        self.desk = PortalDesk(InProcess("portals", url, folder))
        self.chance = random.Random(7)
        self.words = ["".join(self.chance.choices(SYLLABLES, k=4)) for _ in range(20_000)]
        database = self.desk.portals.database
        organisation = STAFF.organisation_id
        thread = self.desk(
            contract.enter_request, STAFF, person_id="1" * 32, type="refill_request", text="First"
        )
        with database.reading(organisation) as session:
            self.thread_id = session.query(Thread.id).limit(1).scalar()
        self.first = datetime.datetime.fromisoformat(thread["requested_at"])
        for start in range(0, DISTINCT, CHUNK):
            rows = list(self._rows(start))
            database.write(organisation, lambda session, rows=rows: self._write(session, rows))
        for copy in range(1, ITEMS // DISTINCT):
            database.write(organisation, lambda session, copy=copy: self._copy(session, copy))
        if not database.is_sqlite:  # PostgreSQL does that by itself after a while
            with database.engine.connect() as connection:
                connection.execute(text("ANALYZE"))
                connection.commit()

    def _rows(self, start: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        for number in range(start, min(start + CHUNK, DISTINCT)):
            name = f"{self.chance.choice(LAST)}{self.chance.choice(SYLLABLES)}, {self.chance.choice(FIRST)}"
            code, label = self.chance.choice(TYPES)
            said = " ".join(self.words[int(len(self.words) * self.chance.random() ** 3)] for _ in range(12))
            at = self.first - datetime.timedelta(seconds=APART_S * (ITEMS - number))
            item_id = wire.new_id()[:26] + MARK
            item = {
                "id": item_id, "version": 2, "kind": "request", "type": code, "type_name": label, "department": "Clinical",
                "person_id": f"{number % 50_000:032x}", "first_person_id": f"{number % 50_000:032x}", "person_name": name,
                "person_name_key": search_key(name), "text": said, "thread_id": self.thread_id, "priority": "routine",
                "requested_at": at, "due_at": at, "is_open": False, "is_waiting": False, "dismissed_at": at,
                "state": "completed" if number % 10 else "not_completed", "helper_action": "none", "action_state": "none",
                "organisation_id": STAFF.organisation_id,
            }  # fmt: skip
            words = {
                "item_id": item_id,
                "words": words_of(name, label, said),
                "organisation_id": STAFF.organisation_id,
            }
            yield item, words

    def _write(self, session: Session, rows: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        connection = session.connection()
        connection.execute(insert(QueueItem.__table__), [item for item, _ in rows])
        connection.execute(insert(QueueText.__table__), [words for _, words in rows])

    def _copy(self, session: Session, copy: int) -> None:
        """Each item once more, later by what all of them together are apart, so that numbers follow the times."""
        seconds = copy * DISTINCT * APART_S
        is_sqlite = session.connection().dialect.name == "sqlite"
        earlier = (
            "strftime('%Y-%m-%d %H:%M:%f000', {0}, '+{1} seconds')"
            if is_sqlite
            else "{0} + interval '{1} seconds'"
        )
        named = f"substr({{0}}, 1, 26) || '{copy:06d}'"
        changed = {"id": named, "item_id": named}
        changed |= dict.fromkeys(("requested_at", "due_at", "dismissed_at"), earlier)
        for model, key in ((QueueItem, "id"), (QueueText, "item_id")):
            names = [each.name for each in model.__table__.columns if each.name != "number"]
            values = [changed.get(name, "{0}").format(name, seconds) for name in names]
            source = (
                f"SELECT {', '.join(values)} FROM {model.__tablename__} WHERE substr({key}, 27) = '{MARK}'"
            )
            session.execute(text(f"INSERT INTO {model.__tablename__} ({', '.join(names)}) {source}"))

    def ask(self, **request: Any) -> Any:
        return self.desk(contract.search_archive, STAFF, **request)


def _questions(archive: Archive) -> dict[str, Callable[[], dict[str, Any]]]:
    chance = archive.chance
    rare = lambda: archive.words[chance.randrange(10_000, 20_000)]  # noqa: E731
    often = lambda: archive.words[chance.randrange(20)]  # noqa: E731
    return {
        "the newest": dict,
        "a rare word": lambda: {"words": rare()},
        "a frequent word": lambda: {"words": often()},
        "the words of a type": lambda: {"words": "refill request"},
        "a name": lambda: {"words": f"{chance.choice(LAST)} {chance.choice(FIRST)}"},
        "a frequent and a rare word": lambda: {"words": f"{often()} {rare()}"},
        "a type and an outcome": lambda: {"type": chance.choice(TYPES)[0], "outcome": "not_completed"},
        "a person": lambda: {"person_id": f"{chance.randrange(50_000):032x}"},
        "a frequent word of a month": lambda: {"words": often(), **_a_month(archive, chance)},
    }


def _a_month(archive: Archive, chance: random.Random) -> dict[str, Any]:
    day = (archive.first - datetime.timedelta(days=chance.randrange(40, 1000))).date()
    return {"from_on": day.isoformat(), "until_on": (day + datetime.timedelta(days=30)).isoformat()}


def bench_archive() -> list[Bar]:
    """Fill, ask, and the bars."""
    bars: list[Bar] = []
    with (
        temporary_folder("portico-bench-") as folder,
        private_postgres() as server,
        fresh_database(server) as postgres,
    ):
        for name, url in (("SQLite", f"sqlite:///{folder}/archive.db"), ("PostgreSQL", postgres)):
            began = time.perf_counter()
            archive = Archive(url, folder)
            print(f"{name}: {ITEMS} items filled in {time.perf_counter() - began:.0f} s", flush=True)
            for what, question in _questions(archive).items():
                times = []
                for _ in range(ASKED):
                    request = question()
                    started = time.perf_counter()
                    archive.ask(**request)
                    times.append((time.perf_counter() - started) * 1000)
                p95 = statistics.quantiles(times, n=20)[-1]
                print(
                    f"  {what:28} median {statistics.median(times):7.1f} ms   p95 {p95:7.1f} ms", flush=True
                )
                bars.append(Bar(f"archive, {name}, {what}: p95 in ms", p95, most=BARS_MS[name]))
            archive.desk.portals.close()
    return bars
