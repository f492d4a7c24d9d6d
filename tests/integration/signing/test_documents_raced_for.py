"""Concurrent requests on both databases lead to one signature and one decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from services.chassis import migrate
from services.contracts.errors import Refused
from services.contracts.signing import documents as contract
from services.signing.documents.signer import Signer

AT_ONCE = 50


class CountingSigner(Signer):
    """Counts the signatures it makes."""

    made = 0

    def sign(self, order: Any) -> str:
        self.made += 1
        return super().sign(order)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/signing.db"
    return str(request.getfixturevalue("new_postgres_url"))


@pytest.fixture
def busy_office(open_office: Callable[..., Any], url: str) -> Any:
    """An office whose callers are real threads, so that work does not go to eventlet's pool, which serves one thread."""
    office = open_office(url)
    runtime = office.process.runtime
    office.signer(
        CountingSigner(runtime.settings, runtime.blobs, in_thread=lambda work, *arguments: work(*arguments))
    )
    return office


def outcome(work: Callable[[], Any]) -> Any:
    try:
        return work()["state"]
    except Refused as refusal:
        return refusal.code


def all_at_once(works: list[Callable[[], Any]]) -> Counter[str]:
    with ThreadPoolExecutor(len(works)) as pool:
        return Counter(pool.map(outcome, works))


@pytest.mark.fault("A17")
def test_fifty_signings_at_once_make_one_signature(busy_office: Any) -> None:
    office, sent = busy_office, busy_office.send()
    outcomes = all_at_once([lambda: office.sign(sent)] * AT_ONCE)

    assert outcomes["signed"] == 1
    assert set(outcomes) <= {"signed", "conflict", "already_decided"}
    assert office.process.runtime.parts.get(Signer).made == 1
    assert len(office.process.events(contract.document_signed)) == 1
    assert len(office.process.audit("document.signed")) == 1


@pytest.mark.fault("A17")
def test_one_request_sent_fifty_times_makes_one_signature_and_one_answer(busy_office: Any) -> None:
    office, sent = busy_office, busy_office.send()
    outcomes = all_at_once([lambda: office.sign(sent, key="the same")] * AT_ONCE)

    assert outcomes == Counter(signed=AT_ONCE)
    assert office.process.runtime.parts.get(Signer).made <= office.process.runtime.settings.signing_workers
    assert len(office.process.events(contract.document_signed)) == 1


def test_signing_and_declining_at_once_make_one_decision(busy_office: Any) -> None:
    office, sent = busy_office, busy_office.send()
    works = [lambda: office.sign(sent), lambda: office.decline(sent)] * 10
    outcomes = all_at_once(works)

    assert outcomes["signed"] + outcomes["declined"] == 1
    told = office.process.events(contract.document_signed) + office.process.events(contract.document_declined)
    assert len(told) == 1


def test_returning_at_once_returns_once(busy_office: Any) -> None:
    office = busy_office
    signed = office.sign(office.send())
    outcomes = all_at_once([lambda: office.give_back(signed)] * 10)
    assert outcomes["returned"] == 1
    assert len(office.process.events(contract.document_returned)) == 1


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_migrations_make_the_tables_of_the_code(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/x.db" if kind == "sqlite" else request.getfixturevalue("postgres_database")
    migrate.upgrade("signing", url)
    assert migrate.differences("signing", url) == []
    migrate.downgrade("signing", url)
