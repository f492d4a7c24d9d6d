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
    has_place,
    is_public,
    may_be_referred_to,
    record_as_json,
    record_from_json,
    typed_keys,
    whole_addresses,
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
    has_begun, is_over = day >= date(2026, 11, 1), day >= date(2026, 12, 1)
    assert TemporaryMessage("From now on.", date(2026, 11, 1)).is_shown_on(day) is has_begun
    assert TemporaryMessage("Until then.", expires_on=date(2026, 12, 1)).is_shown_on(day) is not is_over


@pytest.mark.parametrize(
    ("says", "status", "shown"),
    [
        ({}, ResourceStatus.ACTIVE, True),
        ({}, ResourceStatus.INACTIVE, True),
        ({}, ResourceStatus.DO_NOT_REFER, False),
        ({"extra": {"hsds_status": "temporarily closed"}}, ResourceStatus.DO_NOT_REFER, True),
        ({"extra": {"other": "x"}}, ResourceStatus.DO_NOT_REFER, False),
        ({"is_hidden_from_website": True}, ResourceStatus.ACTIVE, False),
        ({"is_hidden_from_directory": True}, ResourceStatus.ACTIVE, False),
        ({"is_hidden_from_website": True, "extra": {"hsds_status": "x"}}, ResourceStatus.DO_NOT_REFER, False),
    ],
)
def test_who_is_shown_outside_the_staff(says: dict[str, Any], status: ResourceStatus, shown: bool) -> None:
    assert is_public(says, status.value) is shown


WHOLE = {"line1": "1 Pier Street", "country": "US"}


@pytest.mark.parametrize(
    ("says", "members"),
    [
        (
            {"physical_address": WHOLE, "mailing_address": WHOLE, "other_address": WHOLE},
            "physical mailing other",
        ),
        ({"mailing_address": WHOLE, "other_address": WHOLE}, "mailing"),
        ({"physical_address": {"country": "US"}, "other_address": WHOLE}, "other"),
        ({"physical_address": {**WHOLE, "country": "Nowhere at all"}}, ""),
        ({"physical_address": {}}, ""),
        ({}, ""),
    ],
)
def test_an_address_is_whole_with_a_line_and_a_country(says: dict[str, Any], members: str) -> None:
    found = whole_addresses(says)
    assert [(member, country) for member, _, country in found] == [
        (f"{each}_address", "US") for each in members.split()
    ]
    assert has_place(says) is (members != "")
    assert has_place({**says, "latitude": 0.0})


@pytest.mark.parametrize(
    ("typed", "kinds"),
    [
        ("shelter", []),
        ("12", ["number", "postal_code"]),
        ("202 555 0100", ["number", "phone", "postal_code"]),
        ("K1A 0B1", ["number", "postal_code"]),
    ],
)
def test_a_typed_text_with_a_digit_may_be_a_number_a_phone_or_a_postal_code(
    typed: str, kinds: list[str]
) -> None:
    # A phone has a key for each way to read its country.
    assert list(dict.fromkeys(kind for kind, _ in typed_keys(typed))) == kinds


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
    assert record_from_json({"latitude": 5, "longitude": -7.5}) == {"latitude": 5, "longitude": -7.5}


@pytest.mark.parametrize(
    "values", [{"name": 5}, {"phones": "555"}, {"extra": []}, {"latitude": "north"}, {"level": "planet"}]
)
def test_values_of_another_shape_make_no_record(values: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        record_from_json(values)
