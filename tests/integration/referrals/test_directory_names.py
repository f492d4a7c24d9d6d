"""The names of a directory are in memory before the first search, and few directories are kept."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.referrals import directory
from services.referrals import service as referrals_service
from services.referrals.directory import name_index
from services.referrals.directory.name_index import NameIndex, names_of
from tests.integration.referrals.builders import OTHER_STAFF, STAFF, Desk, an_export
from tests.support.eventually import eventually
from tests.support.in_process import BAYSIDE, HARBOR

TWO_MORE = (
    ("7", "Bayside Night Kitchen", "Agency", "0", "Active", ""),
    ("71", "Soup Kitchen", "Program", "7", "Active", ""),
)


@pytest.fixture
def two_directories(desk: Desk) -> Desk:
    """Harbor's eight resources, Bayside's two, in a process that has not searched yet."""
    desk.import_file(an_export(TWO_MORE), OTHER_STAFF)
    restart(desk)
    return desk


def restart(desk: Desk) -> None:
    desk.service.runtime.parts.keep(NameIndex, NameIndex())


def found(desk: Desk, q: str, caller: Any = STAFF) -> list[str]:
    return [item["name"] for item in desk(directory.search_resources, caller, q=q)["items"]]


def readings(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Organisations whose names are read from now on."""
    read: list[str] = []
    original = NameIndex._refreshed

    def refreshed(self: NameIndex, session: Any, organisation_id: str, revision: int) -> Any:
        read.append(organisation_id)
        return original(self, session, organisation_id, revision)

    monkeypatch.setattr(NameIndex, "_refreshed", refreshed)
    return read


def warm(desk: Desk, **more: Any) -> None:
    assert names_of(desk.service.runtime).warm(desk.service.database, **more)


def test_nobody_waits_for_the_names_of_a_process_that_was_warmed(
    desk_on_both: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    restart(desk_on_both)
    read = readings(desk_on_both, monkeypatch)
    warm(desk_on_both)
    assert read == [HARBOR[0]]
    assert found(desk_on_both, "night shel") == ["Night Shelter"]
    assert read == [HARBOR[0]]


def test_what_has_changed_since_is_read_before_somebody_searches(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm(desk)
    desk.import_file(an_export([("16", "Harbor Day Room", "Program", "1", "Active", "")]))
    read = readings(desk, monkeypatch)
    warm(desk)
    warm(desk)
    assert found(desk, "day room") == ["Harbor Day Room"]
    assert read == [HARBOR[0]]


@pytest.mark.parametrize(
    ("most_names", "warmed"),
    [(10, [HARBOR[0], BAYSIDE[0]]), (9, [HARBOR[0]]), (7, [BAYSIDE[0]]), (1, [])],
)
def test_the_largest_directories_are_warmed_as_far_as_there_is_room(
    two_directories: Desk, monkeypatch: pytest.MonkeyPatch, most_names: int, warmed: list[str]
) -> None:
    read = readings(two_directories, monkeypatch)
    warm(two_directories, most_names=most_names)
    assert read == warmed
    # The first search reads the other directories once. From then on they are kept up to date.
    assert found(two_directories, "soup", OTHER_STAFF) == ["Soup Kitchen"]
    assert found(two_directories, "winter") == ["Winter Shelter"]
    warm(two_directories, most_names=most_names)
    assert sorted(read) == sorted([HARBOR[0], BAYSIDE[0]])


def test_the_service_warms_its_names_as_soon_as_it_starts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    restart(desk)
    monkeypatch.setattr(referrals_service, "Runtime", lambda *_: desk.service.runtime)
    monkeypatch.setattr(name_index, "WARMED_EVERY_S", 3600.0)
    read = readings(desk, monkeypatch)
    loops = referrals_service.start_runtime(None).loops
    (loop,) = [each for each in loops if each.name == "directory-names"]
    loop.start()

    def has_read() -> None:
        assert read == [HARBOR[0]]

    try:
        eventually(has_read)
    finally:
        loop.stop()
