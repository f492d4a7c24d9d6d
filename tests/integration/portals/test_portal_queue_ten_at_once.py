"""Ten members of the staff work one queue at once, at random. No item is lost, none is answered twice, each history is whole.

What each of them was told as done is compared with what is kept in the end.
"""

from __future__ import annotations

import copy
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.portals import messages
from services.contracts.portals import portal_queue as contract
from tests.support.in_process import FakeVerifier, InProcess, a_caller
from tests.support.portal_desk import BEN, PortalDesk

WORKERS = 10
LOST_RACE = {"version_conflict", "item_archived", "item_open", "conflict"}
# Each way of working on an item with the step that it adds to the history.
WAYS: dict[str, tuple[Any, dict[str, Any]]] = {
    "claimed": (contract.claim_queue_item, {}),
    "released": (contract.assign_queue_item, {"account_id": None}),
    "answered": (contract.answer_queue_item, {"text": "Yes", "outcome": "left_open"}),
    "answered completed": (contract.answer_queue_item, {"text": "Yes", "outcome": "completed"}),
    "completed": (contract.dismiss_queue_item, {"outcome": "completed"}),
    "not_completed": (contract.dismiss_queue_item, {"outcome": "not_completed"}),
    "unarchived": (contract.unarchive_queue_item, {"confirm": True}),
}


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[PortalDesk]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/x.db" if is_sqlite else request.getfixturevalue("new_postgres_url")
    process = InProcess("portals", url, tmp_path)
    yield PortalDesk(process)
    process.close()


class Worker:
    """One of the staff, in a thread of its own."""

    def __init__(self, process: InProcess, number: int, ids: list[str], start: threading.Barrier) -> None:
        self.process = copy.copy(process)
        # The caller is kept beside the verifier, so each thread has one of its own.
        self.process.runtime = SimpleNamespace(**vars(process.runtime) | {"verifier": FakeVerifier()})
        self.caller = a_caller(messages.WORK, id=f"{number + 10:x}".zfill(32))
        self.chance = random.Random(number)
        self.ids, self.start = ids, start
        self.done: list[tuple[str, int, str]] = []
        self.refused: Counter[str] = Counter()

    def work(self, actions: int) -> None:
        self.start.wait()
        for _ in range(actions):
            # The first items are wanted by everybody.
            item_id = self.chance.choice(self.ids[: len(self.ids) // 4] + self.ids)
            item = self.process.call(contract.get_queue_item, self.caller, item_id=item_id)
            is_open = item["state"] == "open"
            way = self.chance.choice([each for each in WAYS if (each == "unarchived") != is_open])
            self._try(item, way)

    def _try(self, item: dict[str, Any], way: str) -> None:
        operation, more = WAYS[way]
        try:
            answer = self.process.call(
                operation, self.caller, item_id=item["id"], version=item["version"], **more
            )
        except Refused as refusal:
            self.refused[refusal.code] += 1
            return
        if answer["version"] > item["version"]:  # what is there already is no step
            self.done.append((item["id"], item["version"], way))


@pytest.mark.seed("S3-9", "S3-12", "S3-14", "S3-19")
@pytest.mark.parametrize(
    ("items", "actions"),
    [(24, 12), pytest.param(500, 200, marks=[pytest.mark.full, pytest.mark.timeout(900)])],
    ids=["short", "long"],
)
def test_ten_at_once_lose_nothing_and_answer_nothing_twice(
    desk: PortalDesk, items: int, actions: int
) -> None:
    ids = [
        desk(contract.enter_request, person_id=BEN, type="refill_request", text=f"Number {number}")["id"]
        for number in range(items)
    ]
    start = threading.Barrier(WORKERS)
    workers = [Worker(desk.portals, number, ids, start) for number in range(WORKERS)]
    with ThreadPoolExecutor(WORKERS) as pool:
        for each in [pool.submit(worker.work, actions) for worker in workers]:
            each.result()
    done = [each for worker in workers for each in worker.done]
    refused = sum((worker.refused for worker in workers), Counter[str]())
    assert set(refused) <= LOST_RACE, refused
    # Each version of an item was changed by one of them only.
    assert max(Counter((item_id, version) for item_id, version, _ in done).values()) == 1
    _are_all_there(desk, ids)
    for item_id in ids:
        own = sorted((version, way) for each, version, way in done if each == item_id)
        _is_whole(desk, item_id, [way for _, way in own])


def _are_all_there(desk: PortalDesk, ids: list[str]) -> None:
    """Each item is either in the queue or in the archive."""
    queue, archive = _all(desk, contract.list_queue), _all(desk, contract.search_archive)
    assert sorted(queue + archive) == sorted(ids)
    assert desk(contract.count_queue)["open"] == len(queue)


def _all(desk: PortalDesk, operation: Any) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        page = desk(operation, limit=200, after=after)
        found += [each["id"] for each in page["items"]]
        after = page["next"]
        if after is None:
            return found


def _is_whole(desk: PortalDesk, item_id: str, done: list[str]) -> None:
    """The history has what they were told as done, in that order, and the state follows from it."""
    item = desk.item({"id": item_id})
    told = [step for way in done for step in way.split()]
    assert [each["step"] for each in item["steps"]][1:] == told
    assert item["version"] == len(told) + 1
    assert len(item["messages"]) == told.count("answered")
    closing = [each for each in told if each in ("completed", "not_completed", "unarchived")]
    ending = closing[-1] if closing else "unarchived"
    assert item["state"] == ("open" if ending == "unarchived" else ending)
