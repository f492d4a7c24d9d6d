"""An import that closes programs with open referrals asks first."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.referrals import assignments, directory, directory_imports
from services.contracts.referrals.directory import resource_changed
from services.referrals.directory_imports import jobs
from tests.integration.referrals.builders import Desk, an_export
from tests.integration.referrals.imported_files import (
    RENAMED,
    all_in_background,
    counts,
    names,
    report_of,
    upload,
)


def closed(*numbers: str) -> bytes:
    """The small directory with these resources inactive, and the Night Shelter renamed."""
    return an_export(
        [
            (number, name, level, agency, "Inactive" if number in numbers else status, message)
            for number, name, level, agency, status, message in RENAMED
        ]
    )


def closing(*programs: tuple[str, str, int]) -> dict[str, Any]:
    names = ("program_id", "program_name", "open_referrals")
    return {
        "open_referrals": sum(count for *_, count in programs),
        "programs": [dict(zip(names, program, strict=True)) for program in programs],
    }


NOTHING = closing()


@pytest.fixture
def referred(desk_on_both: Desk) -> Desk:
    """Two open referrals and one that has ended to the Night Shelter, one open to another program of its agency."""
    desk = desk_on_both
    queue_id = desk.a_queue("Night Shelter", "Family Housing First", "St. Mary's Café & Pantry")
    for _ in range(2):
        desk.assign(queue_id, "Night Shelter")
    desk.move(desk.assign(queue_id, "Night Shelter"), "completed")
    desk.assign(queue_id, "Family Housing First")
    desk.move(desk.assign(queue_id, "St. Mary's Café & Pantry"), "completed")
    return desk


@pytest.mark.parametrize(
    ("numbers", "counts_of"),
    [
        (("11",), (("Night Shelter", 2),)),
        (("1",), (("Night Shelter", 2), ("Family Housing First", 1))),
        (("1", "11"), (("Night Shelter", 2), ("Family Housing First", 1))),
        (("12", "21"), (("Family Housing First", 1),)),
    ],
    ids=["program", "agency", "both", "another"],
)
def test_a_file_that_closes_programs_with_open_referrals_asks_first(
    referred: Desk, numbers: tuple[str, ...], counts_of: tuple[tuple[str, int], ...]
) -> None:
    desk = referred
    expected = closing(*((desk.resource[name], name, count) for name, count in counts_of))
    tried = upload(desk, closed(*numbers), dry_run=True)
    assert (tried["state"], tried["closing"]) == ("done", expected)

    for _ in range(2):  # the same request again gets the same answer
        with pytest.raises(Refused) as refused:
            upload(desk, closed(*numbers), key="closing")
        assert (refused.value.code, refused.value.field) == ("program_has_open_referrals", "confirm")
        assert refused.value.more == expected
    (last, *_) = desk(directory_imports.list_directory_imports)["items"]
    assert (last["state"], last["done"], last["closing"]) == ("refused", 0, expected)
    assert last["refusal"]["reason"] == "program_has_open_referrals"
    assert "Night Haven" not in names(desk)  # nothing of the file is written
    assert desk.service.events(resource_changed) == []

    done = upload(desk, closed(*numbers), confirm=True)
    assert (done["state"], done["closing"]) == ("done", expected)
    assert "Night Haven" in names(desk)
    told = desk.service.events(resource_changed)
    assert [event["data"]["status"] for event in told] == ["inactive"] * len(numbers)
    assert len(desk(assignments.list_referrals, is_open=True)["items"]) == 3
    # What is closed already closes nothing more.
    again = upload(desk, closed(*numbers))
    assert (again["state"], again["closing"]) == ("done", NOTHING)


def test_a_file_that_closes_only_what_has_no_open_referral_asks_nothing(referred: Desk) -> None:
    done = upload(referred, closed("2", "15", "21"))
    assert (done["state"], done["changed"], done["closing"]) == ("done", 4, NOTHING)


def test_a_file_that_leaves_open_what_was_opened_by_hand_asks_nothing(referred: Desk) -> None:
    desk = referred
    upload(desk, closed("11"), confirm=True)
    shelter = desk(directory.get_resource, resource_id=desk.resource["Night Shelter"])
    wanted = {"resource_id": shelter["id"], "version": shelter["version"], "status": "active"}
    desk(directory.set_resource_status, **wanted)

    report = upload(desk, closed("11"))

    assert (report["state"], report["unchanged"], report["closing"]) == ("done", 8, NOTHING)
    assert desk(directory.get_resource, resource_id=shelter["id"])["status"] == "active"


def test_a_large_file_that_nobody_has_confirmed_is_refused_in_the_background(
    referred: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = referred
    all_in_background(monkeypatch)
    expected = closing((desk.resource["Family Housing First"], "Family Housing First", 1))
    begun, confirmed = upload(desk, closed("12")), upload(desk, closed("12"), confirm=True)
    assert begun["closing"] is None

    jobs.work(desk.service.runtime)

    report = report_of(desk, begun["import_id"])
    assert (report["state"], report["done"], report["closing"]) == ("refused", 0, expected)
    assert "open referrals (1)" in report["refusal"]["detail"]
    report = report_of(desk, confirmed["import_id"])
    assert (report["state"], counts(report), report["closing"]) == ("done", (0, 2, 6, 0), expected)
