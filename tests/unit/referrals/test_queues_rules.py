"""Rules of ReferralQs: their list of statuses and the moves of a referral."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.errors import Refused
from services.referrals.queues.rules import (
    DEFAULT_STATUSES,
    FHIR_NEEDS_REASON,
    FHIR_OPEN,
    FHIR_TASK_STATUSES,
    FHIR_TERMINAL,
    STAGES,
    DeclineReason,
    Outcome,
    QueueSettings,
    Status,
    check_queue_name,
    check_replacement,
    check_statuses,
    decline_reasons_of,
    find_status,
    first_status,
    get_status,
    outcomes_of,
    settings_of,
    status_key,
)

REFERRED, ATTEMPTING, ENROLLED, COMPLETED, DECLINED = DEFAULT_STATUSES


def refusal_of(action: Callable[[], object]) -> tuple[str, str | None]:
    """Code and field of the refusal that this raises."""
    with pytest.raises(Refused) as refusal:
        action()
    return refusal.value.code, refusal.value.field


@pytest.mark.seed("S0-13")
def test_the_default_list_is_the_articles_flow_and_ends_in_two_ways() -> None:
    labels = [status.label for status in check_statuses(DEFAULT_STATUSES)]

    assert labels == ["Referred", "Attempting Contact", "Enrolled", "Completed", "Declined"]
    assert [status.label for status in DEFAULT_STATUSES if status.is_terminal] == ["Completed", "Declined"]
    assert first_status(DEFAULT_STATUSES) is REFERRED


def test_the_codes_of_fhir_r4_task_are_twelve() -> None:
    assert len(FHIR_TASK_STATUSES) == 12
    assert FHIR_OPEN.isdisjoint(FHIR_TERMINAL)
    assert FHIR_NEEDS_REASON <= FHIR_TASK_STATUSES


def changed(index: int, /, **parts: object) -> list[Status]:
    """The default list with one status changed."""
    statuses = list(DEFAULT_STATUSES)
    statuses[index] = replace(statuses[index], **parts)  # type: ignore[arg-type]  # names of fields
    return statuses


@pytest.mark.parametrize(
    ("statuses", "field"),
    [
        ([], "statuses"),
        ([REFERRED], "statuses"),
        ([REFERRED, ATTEMPTING], "statuses"),
        (
            [Status(f"s{i}", f"S{i}", i, i == 40, "completed" if i == 40 else "draft") for i in range(41)],
            "statuses",
        ),
        (changed(2, position=7), "statuses"),
        (changed(2, position=1), "statuses"),
        ([replace(status, position=status.position + 1) for status in DEFAULT_STATUSES], "statuses"),
        (changed(1, label="REFERRED"), "statuses.1.label"),
        (changed(1, label=" referred "), "statuses.1.label"),
        (changed(1, label=""), "statuses.1.label"),
        (changed(1, label="x" * 41), "statuses.1.label"),
        (changed(1, key="referred"), "statuses.1.key"),
        (changed(1, key="Two Words"), "statuses.1.key"),
        (changed(1, key="_x"), "statuses.1.key"),
        (changed(1, key="x" * 41), "statuses.1.key"),
        (changed(1, fhir_status="busy"), "statuses.1.fhir_status"),
        (changed(1, fhir_status="completed"), "statuses.1.fhir_status"),
        (changed(3, fhir_status="in-progress"), "statuses.3.fhir_status"),
        (changed(1, fhir_status="on-hold"), "statuses.1.reason_required"),
        (changed(4, reason_required=False), "statuses.4.reason_required"),
        (changed(1, outcome_required=True), "statuses.1.outcome_required"),
        (changed(0, is_terminal=True, fhir_status="completed"), "statuses.0.is_terminal"),
    ],
)
def test_a_broken_list_is_refused_and_the_field_is_named(statuses: list[Status], field: str) -> None:
    assert refusal_of(lambda: check_statuses(statuses)) == ("invalid_status_list", field)


@pytest.mark.parametrize(
    "statuses",
    [
        [Status(f"s{i}", f"S{i}", i, i == 39, "completed" if i == 39 else "draft") for i in range(40)],
        [REFERRED, replace(COMPLETED, position=1)],
        changed(1, label="x" * 40),
        changed(1, label="x"),
        changed(1, key="x" * 40),
        changed(1, key="x"),
        changed(1, fhir_status="on-hold", reason_required=True),
        changed(3, outcome_required=True),
        changed(1, colour=None, category=None),
    ],
)
def test_a_list_at_its_limits_is_valid(statuses: list[Status]) -> None:
    assert check_statuses(statuses) == tuple(statuses)


def test_a_list_comes_back_in_order_with_clean_labels() -> None:
    statuses = [COMPLETED, replace(REFERRED, label="  New   one "), DECLINED, ENROLLED, ATTEMPTING]

    assert [status.label for status in check_statuses(statuses)][:2] == ["New one", "Attempting Contact"]
    assert [status.position for status in check_statuses(statuses)] == [0, 1, 2, 3, 4]


def test_a_status_with_referrals_can_not_be_taken_out() -> None:
    shorter = [REFERRED, replace(COMPLETED, position=1)]

    assert check_replacement(shorter, {"referred", "completed"}) == tuple(shorter)
    assert refusal_of(lambda: check_replacement(shorter, {"enrolled"})) == ("status_in_use", "statuses")


@pytest.mark.parametrize(
    ("label", "taken", "key"),
    [
        ("Attempting Contact", (), "attempting_contact"),
        ("Re-opened (2nd)", (), "re_opened_2nd"),
        ("Zurückgestellt", (), "zuruckgestellt"),
        ("待機中", (), "status"),
        ("Enrolled", ("enrolled",), "enrolled_2"),
        ("Enrolled", ("enrolled", "enrolled_2"), "enrolled_3"),
    ],
)
def test_a_key_is_made_from_the_label(label: str, taken: tuple[str, ...], key: str) -> None:
    assert status_key(label, taken) == key


@given(st.lists(st.text(max_size=50), max_size=8))
def test_made_keys_are_valid_and_differ(labels: list[str]) -> None:
    keys: list[str] = []
    for label in labels:
        keys.append(status_key(label, keys))

    statuses = [Status(key, f"Label {i}", i, False, "received") for i, key in enumerate(keys)]
    end = Status("the_end_of_it", "End", len(keys), True, "completed")
    assert len(set(keys)) == len(keys)
    if statuses:
        check_statuses([*statuses, end])


def test_a_queue_needs_a_name_of_reasonable_length() -> None:
    assert check_queue_name("  Shelter   referrals ") == "Shelter referrals"
    assert [check_queue_name(name) for name in ("x", "x" * 120)] == ["x", "x" * 120]
    assert refusal_of(lambda: check_queue_name(" ")) == ("invalid_queue", "name")
    assert refusal_of(lambda: check_queue_name("x" * 121)) == ("invalid_queue", "name")


@pytest.mark.seed("S0-12")
def test_a_status_of_another_queue_is_refused_and_the_queue_s_own_are_named() -> None:
    with pytest.raises(Refused) as refusal:
        get_status(DEFAULT_STATUSES, "waitlisted")

    assert (refusal.value.code, refusal.value.field) == ("status_not_in_queue", "status")
    # By the keys that a request needs, with the labels that people read.
    assert "referred (Referred), attempting_contact (Attempting Contact), enrolled" in refusal.value.detail


def test_a_status_is_found_by_its_key() -> None:
    assert find_status(DEFAULT_STATUSES, "enrolled") is ENROLLED
    assert find_status(DEFAULT_STATUSES, "Enrolled") is None


@dataclass
class AQueue:
    """A queue with what an editor has set."""

    settings: dict[str, Any]


@pytest.mark.parametrize(
    ("fhir_status", "stage"),
    [
        ("requested", "offered"),
        ("received", "offered"),
        ("accepted", "accepted"),
        ("ready", "accepted"),
        ("in-progress", "enrolled"),
        ("on-hold", "enrolled"),
        ("completed", "enrolled"),
        ("rejected", "offered"),
        ("cancelled", "offered"),
        ("failed", "offered"),
    ],
)
def test_a_status_stands_for_a_stage_unless_its_editor_says_another(fhir_status: str, stage: str) -> None:
    status = replace(REFERRED, fhir_status=fhir_status)
    assert status.stage == stage
    assert replace(status, category="enrolled").stage == "enrolled"


def test_every_fhir_status_has_a_stage() -> None:
    assert {replace(REFERRED, fhir_status=code).stage for code in FHIR_TASK_STATUSES} == set(STAGES)


def test_what_nobody_set_is_default() -> None:
    assert settings_of(AQueue({})) == QueueSettings()
    assert settings_of(AQueue({"when_full": "warn"})) == QueueSettings(when_full="warn")
    assert list(outcomes_of(AQueue({})))[:2] == ["service_received", "partly_received"]
    by_client = [code for code, reason in decline_reasons_of(AQueue({})).items() if reason.by == "client"]
    assert by_client == ["client_declined", "client_unreachable"]


def test_a_queues_own_codes_replace_the_default_ones() -> None:
    queue = AQueue(
        {
            "outcomes": [{"code": "housed", "label": "Housed", "is_met": True}],
            "decline_reasons": [{"code": "pets", "label": "No pets", "by": "client"}],
        }
    )
    assert outcomes_of(queue) == {"housed": Outcome("housed", "Housed", is_met=True)}
    assert decline_reasons_of(queue) == {"pets": DeclineReason("pets", "No pets", "client")}


@pytest.mark.parametrize(
    ("change", "field"),
    [({"category": "later"}, "statuses.1.category"), ({"colour": "red"}, "statuses.1.colour")],
)
def test_a_status_with_an_unknown_stage_or_colour_is_refused(change: dict[str, str], field: str) -> None:
    assert refusal_of(lambda: check_statuses(changed(1, **change))) == ("invalid_status_list", field)
