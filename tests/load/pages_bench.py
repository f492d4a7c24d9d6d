"""The start pages and lists of providers and staff, with a thousand referrals and documents behind them."""

from __future__ import annotations

import datetime
import statistics
import time
from collections.abc import Mapping

import requests
from sqlalchemy import insert, select

from deploy.client import Portico
from gateway import cookies
from services.chassis import wire
from services.chassis.database import Database
from services.signing.documents.models import Document, Recipient
from tests.load.bars import Bar
from tests.support.eventually import eventually
from tests.support.stack import RunningStack, running_stack

ROWS = 1000
REQUESTS = 100  # of each page in each round
MOST_MS = 150.0


def bench_pages(rounds: int) -> list[Bar]:
    """Print the figures; the bars. Other programs only make a round slower, so the best round counts."""
    with running_stack() as portico:
        provider = _fill(portico)
        sessions: Mapping[str, Portico] = {
            "/provider": provider,
            "/provider/referrals": provider,
            "/staff": portico.staff,
            "/staff/referrals": portico.staff,
            "/signing": provider,
        }
        took = {
            address: [took_ms(portico.url + address, session) for _ in range(rounds)]
            for address, session in sessions.items()
        }
    bars = []
    print(f"\n{f'page with {ROWS} rows behind it':<32}{'p50':>10}{'p95':>10}")
    for address, turns in took.items():
        p50, p95 = (min(part(turn, percent) for turn in turns) for percent in (50, 95))
        print(f"{address:<32}{p50:>7.1f} ms{p95:>7.1f} ms")
        bars.append(Bar(f"p95 of {address} in milliseconds", p95, most=MOST_MS))
    return bars


def _fill(portico: RunningStack) -> Portico:
    """Referrals to one program, and documents for its provider to sign. The provider."""
    portico.import_sample()
    journey = portico.journey()
    program = journey.find_program("Night Shelter")
    queue = journey.create_queue([program])
    journey.set_capacity(program, ROWS + 100)
    account, provider = portico.create_provider("keeper@shelter.example.org", [program["id"]])
    records = [journey.enter_record(last_name=f"Quimby {number}") for number in range(ROWS)]
    given = {"queue_id": queue["id"], "program_ids": [program["id"]]}
    job = portico.staff.post(
        "/v1/bulk-jobs/assignment",
        expect=202,
        contact_record_ids=[each["id"] for each in records],
        **given,
    )
    _send_copies(portico, journey.send_document(records[0], account)["id"])
    eventually(lambda: _require_done(portico, job["id"]), timeout_s=300, every_s=1)
    return provider


def _send_copies(portico: RunningStack, document_id: str) -> None:
    """Copies of a document that was sent, with its recipients: to send a thousand files takes minutes."""
    database = Database(portico.stack.database_url("signing"))
    try:
        with database.engine.begin() as connection:
            chosen = select(Document.__table__).where(Document.id == document_id)
            row = connection.execute(chosen).mappings().one()
            copies = [
                {**row, "id": wire.new_id(), "sent_at": row["sent_at"] - datetime.timedelta(minutes=number)}
                for number in range(1, ROWS)
            ]
            connection.execute(insert(Document), copies)
            of_document = select(Recipient.__table__).where(Recipient.document_id == document_id)
            recipients = connection.execute(of_document).mappings().all()
            of_copies = [
                {**each, "id": wire.new_id(), "document_id": copy["id"]}
                for copy in copies
                for each in recipients
            ]
            connection.execute(insert(Recipient), of_copies)
    finally:
        database.close()


def _require_done(portico: RunningStack, job_id: str) -> None:
    """Fail while referrals are still to be made, and mails about them to be sent: both take the processor."""
    assert portico.staff.get(f"/v1/bulk-jobs/{job_id}")["finished_at"]
    assert not portico.admin.get("/v1/deliveries", state="created", limit=1)["items"]


def took_ms(address: str, session: Portico) -> list[float]:
    """How many milliseconds each of many requests took, one after the other. Raises RuntimeError for a refusal."""
    took = []
    with requests.Session() as http:
        http.headers["Cookie"] = f"{cookies.NAME}={session.token}"
        for _ in range(REQUESTS):
            began = time.perf_counter()
            answer = http.get(address, allow_redirects=False)
            took.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200:
                raise RuntimeError(f"{address} answered {answer.status_code}")
    return took


def part(took: list[float], percent: int) -> float:
    """The time within which so many percent of the requests were answered."""
    return statistics.quantiles(took, n=100)[percent - 1]
