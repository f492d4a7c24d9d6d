"""Files for imports of the directory, and what their reports say."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.referrals import directory, directory_imports
from services.referrals.directory_imports import jobs
from tests.integration.referrals.builders import SMALL_DIRECTORY, STAFF, Desk

RENAMED = [
    (number, "Night Haven" if number == "11" else name, *rest) for number, name, *rest in SMALL_DIRECTORY
]
COUNTS = ("added", "changed", "unchanged", "refused")


def counts(report: Any) -> tuple[int, ...]:
    return tuple(report[name] for name in COUNTS)


def upload(desk: Desk, content: bytes, *, key: str | None = None, **more: Any) -> Any:
    document = desk.service.upload(content)
    return desk.service.call(directory_imports.import_directory, STAFF, key=key, document=document, **more)


def report_of(desk: Desk, import_id: str) -> Any:
    return desk(directory_imports.get_directory_import, import_id=import_id)


def names(desk: Desk) -> list[str]:
    return [item["name"] for item in desk(directory.list_resources, level="program")["items"]]


def all_in_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every import run in the background, three records at a time."""
    monkeypatch.setattr(jobs, "DONE_IN_CALL_BYTES", 0)
    monkeypatch.setattr(jobs, "RECORDS_AT_ONCE", 3)
