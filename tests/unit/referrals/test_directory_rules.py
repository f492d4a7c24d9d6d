"""Rules of the resource directory: what may be referred to, how names match."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.referrals.directory.rules import (
    Address,
    Level,
    Phone,
    ResourceRecord,
    ResourceStatus,
    TemporaryMessage,
    check_may_be_referred_to,
    fingerprint,
    may_be_referred_to,
    record_as_json,
    record_from_json,
)
from tests.unit.referrals.resource_records import a_record


def test_only_an_active_resource_may_be_referred_to() -> None:
    assert [status for status in ResourceStatus if may_be_referred_to(status)] == [ResourceStatus.ACTIVE]


@pytest.mark.parametrize(
    ("status", "code"),
    [(ResourceStatus.INACTIVE, "resource_inactive"), (ResourceStatus.DO_NOT_REFER, "resource_not_referable")],
)
def test_a_referral_to_any_other_resource_is_refused_by_name(status: ResourceStatus, code: str) -> None:
    check_may_be_referred_to(ResourceStatus.ACTIVE, None)
    with pytest.raises(Refused) as refusal:
        check_may_be_referred_to(status, ResourceStatus.ACTIVE)

    assert refusal.value.code == code


def test_a_program_of_an_inactive_agency_may_not_be_referred_to() -> None:
    for open_one in (ResourceStatus.ACTIVE, ResourceStatus.DO_NOT_REFER):
        check_may_be_referred_to(ResourceStatus.ACTIVE, open_one)
    with pytest.raises(Refused) as refusal:
        check_may_be_referred_to(ResourceStatus.ACTIVE, ResourceStatus.INACTIVE)

    assert (refusal.value.code, refusal.value.field) == ("resource_inactive", "program_id")


@pytest.mark.parametrize(
    ("day", "shown"),
    [
        (date(2026, 10, 31), False),
        (date(2026, 11, 1), True),
        (date(2026, 11, 30), True),
        (date(2026, 12, 1), False),
    ],
)
def test_a_temporary_message_is_shown_from_its_first_day_to_the_day_before_it_expires(
    day: date, shown: bool
) -> None:
    message = TemporaryMessage("Closed early.", date(2026, 11, 1), date(2026, 12, 1))

    assert message.is_shown_on(day) is shown
    assert TemporaryMessage("Always.").is_shown_on(day)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Other"},
        {"status": ResourceStatus.INACTIVE},
        {"level": Level.PROGRAM},
        {"parent_number": "7"},
        {"latitude": 0.0},
        {"phones": (Phone("555-0101"),)},
        {"phones": (Phone("555-0101", "fax"),)},
        {"physical_address": Address(city="Saltmarsh")},
        {"mailing_address": Address(city="Saltmarsh")},
        {"temporary_message": TemporaryMessage("Closed.")},
        {"temporary_message": TemporaryMessage("Closed.", date(2026, 1, 1))},
        {"is_hidden_from_website": True},
        {"extra": {"FEIN": "1"}},
        {"languages": ("English", "Spanish")},
        {"languages": ("Spanish", "English")},
    ],
)
def test_every_change_of_a_record_changes_its_fingerprint(change: dict[str, Any]) -> None:
    assert fingerprint(a_record(**change)) != fingerprint(a_record())


def test_all_these_changes_have_fingerprints_of_their_own() -> None:
    assert fingerprint(a_record(physical_address=Address(city="A"))) != fingerprint(
        a_record(mailing_address=Address(city="A"))
    )


def test_a_fingerprint_does_not_depend_on_the_order_of_extra_columns() -> None:
    first = a_record(extra={"a": "1", "b": "2"})

    assert fingerprint(first) == fingerprint(a_record(extra={"b": "2", "a": "1"}))


def test_a_fingerprint_is_a_promise_to_the_rows_that_are_stored() -> None:
    # If this fails, every stored record reads as changed at the next import: migrate the fingerprints.
    assert fingerprint(a_record()) == "817d0534062811706fe90f9c3c274a9ec74aef72d08095eb82118af71dc3e03c"


def test_the_json_of_a_record_leaves_out_what_is_empty() -> None:
    record = a_record(latitude=0.0, temporary_message=TemporaryMessage("Closed.", date(2026, 1, 2)))

    assert record_as_json(record) == {
        "number": "10",
        "level": "agency",
        "name": "Harbor Shelter Alliance",
        "status": "active",
        "latitude": 0.0,
        "temporary_message": {"text": "Closed.", "appears_on": "2026-01-02"},
    }


def test_a_record_is_made_again_of_its_json() -> None:
    record = a_record(
        status=ResourceStatus.DO_NOT_REFER,
        phones=(Phone("555-0101", "fax", "Desk"),),
        physical_address=Address(city="Saltmarsh"),
        temporary_message=TemporaryMessage("Closed.", date(2026, 1, 2)),
        languages=("English", "Spanish"),
        latitude=0.0,
        is_hidden_from_website=True,
        extra={"FEIN": "1"},
    )

    assert ResourceRecord(**record_from_json(record_as_json(record))) == record


@pytest.mark.parametrize(
    "values", [{"name": 5}, {"phones": "555"}, {"extra": []}, {"latitude": "north"}, {"level": "planet"}]
)
def test_values_of_another_shape_make_no_record(values: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        record_from_json(values)
