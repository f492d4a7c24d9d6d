"""Access to referrals: which ones a caller sees, and how much of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.referrals import assignments, queues
from services.contracts.referrals.assignments import LimitedView
from services.referrals.access.access_scope import AccessScope, access_scope_of, may_see_details
from services.referrals.access.rules import UNAVAILABLE
from tests.integration.referrals.builders import (
    OTHER_STAFF,
    PROVIDER_MAY,
    STAFF_MAY,
    Desk,
    refusal,
)
from tests.support.in_process import HARBOR, a_caller

FOOD = "St. Mary's Café & Pantry"


def numbers_seen(desk: Desk, caller: Any, **more: Any) -> list[str]:
    items = desk(assignments.list_referrals, caller, **more)["items"]
    return [item["limited"]["contact_record_number"] for item in items]


@pytest.fixture
def referrals(desk: Desk) -> dict[str, Any]:
    return three_referrals(desk)


def three_referrals(desk: Desk) -> dict[str, Any]:
    """CR-00000001 to Night Shelter through Housing, 2 to the same through Winter, 3 to Food through Winter."""
    housing = desk.a_queue("Night Shelter")
    winter = desk.a_queue("Night Shelter", FOOD, name="Winter")
    return {
        "first": desk.assign(housing, "Night Shelter"),
        "second": desk.assign(winter, "Night Shelter"),
        "third": desk.assign(winter, FOOD),
    }


@pytest.mark.seed("S0-14")
@pytest.mark.seed("S0-37")
def test_a_provider_sees_the_own_referrals_from_any_queue_newest_first(desk: Desk, referrals: Any) -> None:
    assert numbers_seen(desk, desk.provider("Night Shelter")) == [
        "CR-00000002",
        "CR-00000001",
    ]
    assert numbers_seen(desk, desk.provider(FOOD)) == ["CR-00000003"]


@pytest.mark.seed("S0-36")
@pytest.mark.seed("S0-38")
def test_an_agencys_provider_sees_its_programs_that_are_in_a_queue(desk_on_both: Desk) -> None:
    desk = desk_on_both
    three_referrals(desk)
    both = desk.provider("Harbor Shelter Alliance", FOOD)
    assert numbers_seen(desk, both) == ["CR-00000003", "CR-00000002", "CR-00000001"]
    assert numbers_seen(desk, desk.provider("Bayside Food Network")) == ["CR-00000003"]
    assert numbers_seen(desk, desk.provider("Family Housing First")) == []


@pytest.mark.seed("S0-27")
def test_without_a_resource_a_provider_sees_nothing(desk: Desk, referrals: Any) -> None:
    assert numbers_seen(desk, desk.provider()) == []


@pytest.mark.parametrize(
    "scope",
    [
        {},
        {"resources": None},
        {"resources": "all"},
        {"resources": ["x", {}, {"id": None, "level": "program"}]},
    ],
)
def test_a_scope_that_is_not_understood_reaches_nothing(desk: Desk, referrals: Any, scope: Any) -> None:
    caller = a_caller(*PROVIDER_MAY, realm="provider", scope=scope)
    assert numbers_seen(desk, caller) == []


def test_a_realm_that_is_not_known_reaches_nothing(desk: Desk, referrals: Any) -> None:
    resources = [{"id": desk.resource["Night Shelter"], "level": "program"}]
    caller = a_caller(*STAFF_MAY, realm="client", scope={"resources": resources, "details": True})
    assert numbers_seen(desk, caller) == []
    one = referrals["first"]["id"]
    assert refusal(lambda: desk(assignments.get_referral, caller, referral_id=one)) == "not_found"
    assert refusal(lambda: desk.set_capacity("Night Shelter", 1, caller)) == "not_found"


def of_a_referral(desk: Desk, referral: Any, caller: Any) -> list[Callable[[], Any]]:
    one = referral["id"]
    return [
        lambda: desk(assignments.get_referral, caller, referral_id=one),
        lambda: desk(assignments.list_referral_history, caller, referral_id=one),
        lambda: desk.move(referral, "enrolled", caller),
    ]


@pytest.mark.seed("S0-1")
def test_a_provider_of_another_agency_finds_no_operation_that_works(desk: Desk, referrals: Any) -> None:
    stranger = desk.provider("Bayside Food Network", details=True, may=STAFF_MAY)
    for call in of_a_referral(desk, referrals["first"], stranger):
        assert refusal(call) == "not_found"
    assert refusal(lambda: numbers_seen(desk, stranger, number="CR-00000001")) == "not_found"
    queue_id = desk(queues.list_queues, stranger)["items"][0]["id"]
    attempt = {"queue_id": queue_id, "program_id": desk.resource[FOOD], "contact_record_id": desk.a_record()}
    assert refusal(lambda: desk(assignments.assign_referral, stranger, **attempt)) == "forbidden"
    assert desk(assignments.get_referral, referral_id=referrals["first"]["id"])["version"] == 1


@pytest.mark.seed("S0-1")
def test_another_organisation_finds_nothing(desk: Desk, referrals: Any) -> None:
    for call in of_a_referral(desk, referrals["first"], OTHER_STAFF):
        assert refusal(call) == "not_found"
    assert numbers_seen(desk, OTHER_STAFF) == []


def test_a_provider_without_the_switch_changes_no_status(desk: Desk, referrals: Any) -> None:
    reader = desk.provider("Night Shelter", may=("referral.read",))
    assert refusal(lambda: desk.move(referrals["first"], "enrolled", reader)) == "forbidden"


@pytest.mark.seed("S0-25")
@pytest.mark.seed("S0-28")
@pytest.mark.seed("S0-29")
@pytest.mark.seed("S0-30")
@pytest.mark.seed("S0-31")
def test_without_the_permission_a_provider_sees_eight_fields_and_no_more(desk: Desk, referrals: Any) -> None:
    provider = desk.provider("Night Shelter")
    seen = desk(assignments.get_referral, provider, referral_id=referrals["first"]["id"])
    assert set(seen) == {"id", "version", "progress", "limited", "withheld", "details"}
    assert seen["details"] is None
    assert {seen["progress"][name] for name in ("contact_record_id", "replaced_by_id", "offer_id")} == {None}
    assert len(LimitedView().fields) == 8
    assert set(seen["limited"]) == set(LimitedView().fields)
    assert desk.service.audit("referral.details_read") == []


@pytest.mark.seed("S0-24")
def test_with_the_permission_a_provider_reads_the_record_and_it_is_audited(desk: Desk) -> None:
    record_id = desk.a_record(phone="202 555 0100", sections={"Needs": {"Housing": "tonight"}})
    referral = desk.assign(desk.a_queue("Night Shelter"), "Night Shelter", record_id)
    provider = desk.provider("Night Shelter", details=True)
    seen = desk(assignments.get_referral, provider, referral_id=referral["id"])
    assert (seen["details"]["phone"], seen["details"]["sections"]) == (
        "202 555 0100",
        {"Needs": {"Housing": "tonight"}},
    )
    (row,) = desk.service.audit("referral.details_read")
    assert (row.object_id, row.actor_id, row.facts) == (
        referral["id"],
        provider.id,
        {"contact_record_id": record_id},
    )
    (listed,) = desk(assignments.list_referrals, provider)["items"]
    assert listed["details"] is None


def test_staff_needs_record_read_for_the_details(desk: Desk, referrals: Any) -> None:
    one = referrals["first"]["id"]
    assert desk(assignments.get_referral, referral_id=one)["details"]["last_name"] == "Vega"
    assert desk(assignments.get_referral, a_caller("referral.read"), referral_id=one)["details"] is None


@pytest.mark.seed("S0-45")
@pytest.mark.parametrize("typed", ["CR-00000001", "cr 1", "1"])
def test_a_referral_is_found_by_its_contact_record_number(desk: Desk, referrals: Any, typed: str) -> None:
    provider = desk.provider("Night Shelter")
    assert numbers_seen(desk, provider, number=typed) == ["CR-00000001"]


@pytest.mark.seed("S0-46")
@pytest.mark.parametrize("typed", ["CR-00000003", "CR-00000999", "no number"])
def test_a_number_out_of_reach_looks_like_one_that_does_not_exist(
    desk: Desk, referrals: Any, typed: str
) -> None:
    words = set()
    provider = desk.provider("Night Shelter")
    for look in (
        lambda: desk(assignments.list_referrals, provider, number=typed),
        lambda: desk(assignments.list_referrals, provider, number="CR-00088888"),
        lambda: desk(assignments.get_referral, provider, referral_id=referrals["third"]["id"]),
        lambda: desk(assignments.get_referral, provider, referral_id="0" * 32),
    ):
        with pytest.raises(Refused) as refused:
            look()
        words.add((refused.value.code, refused.value.detail))
    assert words == {("not_found", UNAVAILABLE)}
    assert "reassigned" in UNAVAILABLE
    assert "contact your partner" in UNAVAILABLE
    assert desk(assignments.list_referrals, number="CR-00088888") == {"items": [], "next": None}


def test_pages_follow_each_other_without_gap_or_repetition(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    assigned = [desk.assign(queue_id, "Night Shelter")["id"] for _ in range(7)]
    seen, after = [], None
    for _ in range(3):
        page = desk(assignments.list_referrals, desk.provider("Night Shelter"), after=after, limit=3)
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
    assert seen == assigned[::-1]
    assert after is None


@pytest.mark.parametrize("cursor", ["", "nonsense", "####", "MjAyNi0wMS0wMQ", "w6TDpMOk"])
def test_a_cursor_that_nobody_gave_is_refused(desk: Desk, cursor: str) -> None:
    assert refusal(lambda: desk(assignments.list_referrals, after=cursor)) == "invalid_request"


ONE, TWO = "1" * 32, "2" * 32


def a_scoped(resources: Any, *, realm: str = "provider", kind: str = "account", **scope: Any) -> Caller:
    return Caller(
        kind,
        "7" * 32,
        *HARBOR,
        realm,
        frozenset({"record.read"}),
        {"resources": resources, **scope},
    )


@pytest.mark.parametrize(
    ("caller", "scope"),
    [
        (None, AccessScope()),
        (a_scoped([], realm="staff", kind="service"), AccessScope()),
        (a_scoped([], realm="staff"), AccessScope(everything=True)),
        (a_scoped([], realm="api"), AccessScope(everything=True)),
        (a_scoped([{"id": ONE, "level": "program"}], realm="patient"), AccessScope()),
        (a_scoped([{"id": ONE, "level": "program"}], kind="service"), AccessScope()),
        (a_scoped([{"id": ONE, "level": "program"}]), AccessScope(program_ids=frozenset({ONE}))),
        (a_scoped([{"id": TWO, "level": "agency"}]), AccessScope(agency_ids=frozenset({TWO}))),
        (a_scoped([{"id": ONE, "level": "site"}]), AccessScope()),
        (a_scoped([{"id": ONE}, {"level": "program"}, {"id": 7, "level": "program"}]), AccessScope()),
        (a_scoped([ONE, None, {"id": ONE, "level": "program"}]), AccessScope(program_ids=frozenset({ONE}))),
        (a_scoped({"id": ONE, "level": "program"}), AccessScope()),
        (a_scoped(None), AccessScope()),
    ],
)
def test_a_scope_is_what_a_passport_says_in_the_form_that_is_known(caller: Caller | None, scope: AccessScope):
    assert access_scope_of(caller) == scope


@pytest.mark.parametrize(
    ("caller", "sees"),
    [
        (None, False),
        (a_scoped([], realm="staff", kind="service"), False),
        (a_scoped([], realm="staff"), True),
        (a_scoped([], realm="api"), True),
        (replace(a_scoped([], realm="staff", details=True), permissions=frozenset()), False),
        (replace(a_scoped([], realm="api", details=True), permissions=frozenset()), False),
        (a_scoped([], details=True), True),
        (a_scoped([], details=False), False),
        (a_scoped([], details="yes"), False),
        (a_scoped([]), False),
        (a_scoped([], realm="patient", details=True), False),
    ],
)
def test_details_are_seen_by_permission_or_by_a_providers_switch(caller: Caller | None, *, sees: bool):
    assert may_see_details(caller) is sees
