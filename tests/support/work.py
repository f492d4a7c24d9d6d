"""Writes that a service must not lose: how to send them, what they must leave, and the one line that a fault run prints of them."""

from __future__ import annotations

import contextlib
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import kombu
import orjson
from sqlalchemy import create_engine, text

from deploy.journey import a_pdf
from services.contracts.declare import Event
from services.contracts.identity import accounts
from services.contracts.referrals import records as referrals
from services.contracts.signing import documents as signing
from tests.support.eventually import eventually
from tests.support.load import Load, Outcome, Write
from tests.support.stack import RunningStack


@dataclass
class Work:
    """Writes that one service must not lose: how to send them, and the outcome of each."""

    load: Load
    found: Callable[[], list[str]]
    """What is there of it, one entry for each business effect."""
    wanted: Callable[[Outcome], str]
    """The entry that an acknowledged write must have left."""
    event: Event | None = None
    """The event whose subjects must be those entries, in the organisation's stream."""


def rows(portico: RunningStack, service: str, statement: str) -> list[str]:
    """The first column of what a service's database answers."""
    engine = create_engine(portico.stack.database_url(service))
    try:
        with engine.connect() as connection:
            return [str(row[0]) for row in connection.execute(text(statement))]
    finally:
        engine.dispose()


def work_for(portico: RunningStack, service: str, size: int) -> Work:
    """The writes of this service: `size` (at most) at 40/s if they are light, fewer if they are heavy."""
    return {
        "identity": _accounts,
        "referrals": _records,
        "portals": _configurations,
        "notifications": _mails,
        "signing": _documents,
    }[service](portico, size)


def _accounts(portico: RunningStack, size: int) -> Work:
    mark = uuid.uuid4().hex[:8]

    def request(number: int) -> Write:
        return Write(
            "/v1/accounts",
            json={"email": f"l{number}.{mark}@example.org", "first_name": "Load", "last_name": "Test"},
        )

    load = Load(portico.url, str(portico.admin.token), request, 40, size)
    found = partial(rows, portico, "identity", "SELECT id FROM accounts")
    return Work(load, _new_only(found), _id, accounts.account_created)


def _records(portico: RunningStack, size: int) -> Work:
    def request(number: int) -> Write:
        return Write("/v1/contact-records", json={"first_name": "Load", "last_name": f"Test {number}"})

    load = Load(portico.url, str(portico.staff.token), request, 40, size)
    found = partial(rows, portico, "referrals", "SELECT id FROM contact_records")
    return Work(load, _new_only(found), _id, referrals.contact_record_created)


def _configurations(portico: RunningStack, size: int) -> Work:
    first = portico.admin.get("/v1/portals/provider")["version"]

    def request(number: int) -> Write:
        body = {"name": f"Portal {number}", "colour": "#123456", "ticker": []}
        return Write("/v1/portals/provider", "PUT", json=body, headers={"If-Match": f'"{first + number}"'})

    load = Load(
        portico.url, str(portico.admin.token), request, 40, size, clients=1
    )  # each builds on the one before
    found = partial(rows, portico, "portals", "SELECT count(*) FROM audit WHERE action LIKE 'portal%'")
    before = int(found()[0])
    # One audit row a version: the n-th write of this run left the n-th.
    return Work(
        load,
        lambda: [str(number) for number in range(int(found()[0]) - before)],
        lambda outcome: str(outcome.number),
    )


def _mails(portico: RunningStack, size: int) -> Work:
    journey = portico.journey()
    program = journey.find_program("Community Pantry")
    journey.create_queue([program])
    mark = uuid.uuid4().hex[:8]
    portico.create_provider(f"reader.{mark}@example.org", [program["id"]])
    records = [journey.enter_record() for _ in range(size // 4)]

    def request(number: int) -> Write:
        body = {
            "contact_record_id": records[number]["id"],
            "queue_id": journey.found["queue"]["id"],
            "program_id": program["id"],
        }
        return Write("/v1/referrals", json=body)

    def found() -> list[str]:
        # A second copy with the same Message-ID is allowed: the sender may die between the server's answer and its commit.
        mails = {mail["message_id"]: mail for mail in journey.mails_to(f"reader.{mark}@example.org")}
        return [
            number for mail in mails.values() for number in re.findall(r"[A-Z]+-[0-9]{8}", mail["text"])[:1]
        ]

    load = Load(portico.url, str(portico.staff.token), request, 20, size // 4)
    return Work(load, found, lambda outcome: str(outcome.answer["limited"]["contact_record_number"]))


def _documents(portico: RunningStack, size: int) -> Work:
    program = portico.journey().find_program("Community Pantry")
    account, _ = portico.create_provider(f"signer.{uuid.uuid4().hex[:8]}@example.org", [program["id"]])
    content = a_pdf("CR-00000001")

    def request(_number: int) -> Write:
        form = {"title": "Plan of care", "recipient_account_id": account["id"]}
        return Write("/v1/documents", form=form, file=("plan.pdf", content, "application/pdf"))

    load = Load(portico.url, str(portico.staff.token), request, 4, size // 10)
    found = partial(rows, portico, "signing", "SELECT id FROM documents")
    return Work(load, _new_only(found), _id, signing.signature_requested)


def _new_only(found: Callable[[], list[str]]) -> Callable[[], list[str]]:
    before = set(found())
    return lambda: [entry for entry in found() if entry not in before]


def _id(outcome: Outcome) -> str:
    return str(outcome.answer["id"])


def _subjects(portico: RunningStack, event: Event, wanted: set[str]) -> set[str]:
    """Subjects of an event in the organisation's stream, read from the beginning until all wanted ones are there."""
    found: set[str] = set()
    with kombu.Connection(portico.stack.feed_amqp_uri) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 200, False)

        def take(message: Any) -> None:
            body = orjson.loads(message.body)
            if body["type"] == event.type:
                found.add(body["subject"])
            channel.basic_ack(message.delivery_tag)

        channel.basic_consume("feed.harbor", callback=take, arguments={"x-stream-offset": "first"})
        ends_at = time.monotonic() + 40
        while not wanted <= found and time.monotonic() < ends_at:
            with contextlib.suppress(TimeoutError):
                connection.drain_events(timeout=1)
    return found


def check(portico: RunningStack, work: Work, label: str, recovery_s: float) -> None:
    """The one line every fault run prints, and the bars."""
    wanted = [work.wanted(outcome) for outcome in work.load.outcomes]
    with contextlib.suppress(AssertionError):  # missing subjects are counted below
        eventually(lambda: _assert_within(set(wanted), set(work.found())), timeout_s=40)
    found = work.found()
    missing = set(wanted) - set(found)
    if work.event is not None:
        missing |= set(wanted) - _subjects(portico, work.event, set(wanted))
    duplicated = len(found) - len(set(found)) + len(set(found) - set(wanted))
    print(
        f"{label}: attempted {work.load.count} acknowledged {len(set(wanted))} found {len(found)} lost {len(missing)} "
        f"duplicated {duplicated} recovered {recovery_s:.1f} s unexpected {work.load.count - len(set(wanted))}"
    )
    assert (len(set(wanted)), len(missing), duplicated) == (work.load.count, 0, 0)


def _assert_within(wanted: set[str], found: set[str]) -> None:
    assert wanted <= found
