"""Who stands in for whom, and who is told of what nobody answers."""

from __future__ import annotations

import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from services.portals.absences import rules
from services.portals.portal_queue.rules import chain, following

DAY = datetime.date(2026, 3, 4)
LATER = DAY + datetime.timedelta(days=1)
EARLIER = DAY - datetime.timedelta(days=1)


def away(**surrogates: str | None) -> dict[str, Any]:
    return {
        account: SimpleNamespace(account_id=account, surrogate_id=each, until_on=DAY)
        for account, each in surrogates.items()
    }


@pytest.mark.parametrize(
    ("absences", "expected"),
    [
        (away(), "ann"),
        (away(ann="ben"), "ben"),
        (away(ann="ben", ben="cyd"), "cyd"),
        (away(ann="ben", ben=None), None),
        (away(ann=None), None),
        (away(ann="ben", ben="ann"), None),
        (away(ben="cyd"), "ann"),
    ],
)
def test_who_stands_in(absences: dict[str, Any], expected: str | None) -> None:
    assert rules.stand_in("ann", absences) == expected


def test_a_group_is_away_once_all_of_it_are() -> None:
    absences = away(ann=None, ben=None)
    absences["ben"].until_on = EARLIER
    assert rules.first_back(["ann", "ben"], absences).account_id == "ben"
    assert rules.first_back(["ann", "cyd"], absences) is None
    assert rules.first_back([], absences) is None


@pytest.mark.parametrize(
    ("from_on", "until_on", "surrogate_id", "fields"),
    [
        (DAY, DAY, None, []),
        (EARLIER, DAY, "ben", []),
        (LATER, DAY, None, ["until_on"]),
        (EARLIER, EARLIER, None, ["until_on"]),
        (DAY, LATER, "ann", ["surrogate_id"]),
    ],
)
def test_what_is_wrong_with_an_absence(
    from_on: datetime.date, until_on: datetime.date, surrogate_id: str | None, fields: list[str]
) -> None:
    found = rules.problems("ann", from_on, until_on, surrogate_id, DAY)
    assert [field for field, _ in found] == fields


@pytest.mark.parametrize(
    ("assigned_to", "members", "supervisor_id", "absences", "expected"),
    [
        ("ann", [], "sue", away(ann="ben"), [("holder", ["ann"]), ("surrogate", ["ben"]), ("supervisor", ["sue"])]),
        ("ann", ["cyd"], "sue", away(), [("holder", ["ann"]), ("supervisor", ["sue"])]),
        ("ann", [], None, away(ann=None), [("holder", ["ann"])]),
        (None, ["ann", "ben"], None, away(ann="ben"), [("holder", ["ben"])]),
        (None, ["ann", "ben"], "ann", away(), [("holder", ["ann", "ben"])]),
        (None, ["ann"], "sue", away(ann=None), [("supervisor", ["sue"])]),
        (None, [], "sue", away(sue="tom"), [("supervisor", ["tom"])]),
        (None, [], "sue", away(sue=None), [("supervisor", ["sue"])]),
        (None, [], None, away(), []),
    ],
)  # fmt: skip
def test_who_is_told_one_after_another(
    assigned_to: str | None,
    members: list[str],
    supervisor_id: str | None,
    absences: dict[str, Any],
    expected: list[tuple[str, list[str]]],
) -> None:
    found = chain(assigned_to, members, supervisor_id, lambda each: rules.stand_in(each, absences))
    assert found == expected


def test_the_chain_goes_on_behind_who_was_told_last() -> None:
    levels = [("holder", ["ann"]), ("supervisor", ["sue"])]
    assert following(levels, None) == levels
    assert following(levels, "holder") == following(levels, "surrogate") == levels[1:]
    assert following(levels, "supervisor") == []
