"""Setting up, changing and deactivating a ReferralQ."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.referrals import assignments, queues
from services.contracts.referrals.queues import queue_changed, queue_deactivated, queue_reactivated
from services.referrals.queues import handlers
from tests.integration.referrals.builders import OTHER_STAFF, Desk, refusal
from tests.support.in_process import a_service


def the_refusal(call: Any) -> Refused:
    """The whole refusal of a call."""
    with pytest.raises(Refused) as refused:
        call()
    return refused.value


def statuses_as_input(queue: dict[str, Any]) -> list[dict[str, Any]]:
    """The statuses of a queue as an editor sends them back."""
    taken = ("key", "label", "is_terminal", "fhir_status", "outcome_required", "reason_required")
    return [{name: status[name] for name in taken} for status in queue["statuses"]]


@pytest.fixture
def queue(desk: Desk) -> dict[str, Any]:
    return dict(desk(queues.get_queue, queue_id=desk.a_queue("Night Shelter")))


@pytest.mark.seed("S0-12")
@pytest.mark.seed("S0-47")
def test_statuses_are_renamed_added_and_reordered_and_keep_their_keys(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue = desk(queues.get_queue, queue_id=desk.a_queue("Night Shelter"))
    referral = desk.assign(queue["id"], "Night Shelter")
    referred, attempting, enrolled, completed, declined = statuses_as_input(queue)
    wanted = [
        referred,
        {
            "label": "Waiting for Papers",
            "fhir_status": "on-hold",
            "category": "accepted",
            "colour": "#aa3300",
        },
        {**enrolled, "label": "Moved In"},
        declined,
        {**completed, "outcome_required": True},
        attempting,
    ]
    edited = desk(queues.edit_queue, queue_id=queue["id"], version=queue["version"], statuses=wanted)
    assert [(status["key"], status["label"], status["position"]) for status in edited["statuses"]] == [
        ("referred", "Referred", 0),
        ("waiting_for_papers", "Waiting for Papers", 1),
        ("enrolled", "Moved In", 2),
        ("declined", "Declined", 3),
        ("completed", "Completed", 4),
        ("attempting_contact", "Attempting Contact", 5),
    ]
    papers = edited["statuses"][1]
    assert (papers["category"], papers["reason_required"], papers["colour"]) == ("accepted", True, "#aa3300")
    assert edited["statuses"][4]["outcome_required"]
    moved = desk.move(referral, "enrolled")
    assert moved["limited"]["status"] == "Moved In"
    (*_, event) = desk.service.events(queue_changed)
    assert event["data"] == {"queue_id": queue["id"], "version": edited["version"]}


@pytest.mark.seed("S0-12")
def test_a_status_with_referrals_does_not_vanish(desk: Desk, queue: dict[str, Any]) -> None:
    referral = desk.assign(queue["id"], "Night Shelter")
    desk.move(referral, "attempting_contact")
    referred, _, *others = statuses_as_input(queue)

    def edit(statuses: list[dict[str, Any]]) -> Any:
        return desk(queues.edit_queue, queue_id=queue["id"], version=queue["version"], statuses=statuses)

    assert refusal(lambda: edit([referred, *others])) == "status_in_use"
    ended = [
        {**status, "is_terminal": True, "fhir_status": None, "category": "accepted"}
        if status["key"] == "attempting_contact"
        else status
        for status in statuses_as_input(queue)
    ]
    refused = the_refusal(lambda: edit(ended))
    assert (refused.code, refused.field) == ("status_in_use", "statuses.1.is_terminal")
    without_enrolled = [status for status in statuses_as_input(queue) if status["key"] != "enrolled"]
    assert [status["key"] for status in edit(without_enrolled)["statuses"]] == [
        "referred",
        "attempting_contact",
        "completed",
        "declined",
    ]


def test_a_new_status_never_takes_over_an_old_key(desk: Desk, queue: dict[str, Any]) -> None:
    others = [status for status in statuses_as_input(queue) if status["key"] != "enrolled"]
    edited = desk(
        queues.edit_queue,
        queue_id=queue["id"],
        version=queue["version"],
        statuses=[*others, {"label": "Enrolled", "category": "enrolled"}],
    )
    assert edited["statuses"][-1]["key"] == "enrolled_2"


def test_a_key_that_the_queue_lacks_is_refused(desk: Desk, queue: dict[str, Any]) -> None:
    statuses = [*statuses_as_input(queue), {"key": "parked", "label": "Parked"}]
    refused = the_refusal(
        lambda: desk(queues.edit_queue, queue_id=queue["id"], version=queue["version"], statuses=statuses)
    )
    assert (refused.code, refused.field) == ("invalid_status_list", "statuses.5.key")


def test_statuses_can_be_copied_from_another_queue(desk: Desk) -> None:
    given = [{"label": "New"}, {"label": "Served", "is_terminal": True, "category": "accepted"}]
    source = desk(queues.create_queue, name="Food", statuses=given)
    copy = desk(queues.create_queue, name="Food West", statuses_from_queue_id=source["id"])
    assert copy["statuses"] == source["statuses"]
    both = the_refusal(
        lambda: desk(queues.create_queue, name="X", statuses=given, statuses_from_queue_id=source["id"])
    )
    assert (both.code, both.field) == ("invalid_status_list", "statuses_from_queue_id")


def test_capacity_and_status_workflows_are_off_for_whom_they_are_not_switched_on(
    desk: Desk, queue: dict[str, Any]
) -> None:
    desk.set_capacity("Night Shelter", 3)
    referral = desk.assign(queue["id"], "Night Shelter")
    reader = desk.provider("Night Shelter", may=("referral.read", "capacity.read"))
    assert refusal(lambda: desk.set_capacity("Night Shelter", 9, reader)) == "forbidden"
    assert refusal(lambda: desk.move(referral, "enrolled", reader)) == "forbidden"
    one_way = {"allowed_moves": {"referred": ["declined"]}, "may_reopen": False}
    desk(queues.edit_queue, queue_id=queue["id"], version=queue["version"], settings=one_way)
    mover = desk.provider("Night Shelter")
    assert refusal(lambda: desk.move(referral, "enrolled", mover)) == "move_not_allowed"


@pytest.mark.seed("S0-12")
@pytest.mark.parametrize(
    "unclear",
    [
        {"label": "Intake Interview"},
        {"label": "Intake Interview", "fhir_status": "on-hold"},
        {"label": "Moved Away", "is_terminal": True},
    ],
)
def test_a_status_without_a_stage_is_asked_for_it_and_opens_no_field(
    desk: Desk, queue: dict[str, Any], unclear: dict[str, Any]
) -> None:
    first, end = {"label": "New"}, {"label": "Done", "is_terminal": True, "fhir_status": "completed"}

    def create(status: dict[str, Any], *, name: str) -> Any:
        return desk(queues.create_queue, name=name, statuses=[first, status, end])

    refused = the_refusal(lambda: create(unclear, name="Unclear"))
    assert (refused.code, refused.field) == ("invalid_status_list", "statuses.1.category")
    assert "offered, accepted, enrolled" in refused.detail
    added = {"queue_id": queue["id"], "version": queue["version"]}
    refused = the_refusal(
        lambda: desk(queues.edit_queue, statuses=[*statuses_as_input(queue), unclear], **added)
    )
    assert (refused.code, refused.field) == ("invalid_status_list", "statuses.5.category")
    for stage in queues.STAGES:
        status = create({**unclear, "category": stage}, name=stage)["statuses"][1]
        assert status["category"] == stage
    # The first status, at which every referral starts, shows least.
    assert desk(queues.list_queues)["items"][0]["statuses"][0]["category"] == "offered"


@pytest.mark.parametrize(
    ("stage", "fhir"), [("offered", "received"), ("accepted", "accepted"), ("enrolled", "in-progress")]
)
def test_a_status_that_names_only_its_stage_gets_the_usual_code(desk: Desk, stage: str, fhir: str) -> None:
    end = {"label": "Done", "is_terminal": True, "category": stage}
    statuses = [{"label": "New"}, {"label": "Next", "category": stage}, end]
    made = desk(queues.create_queue, name="Stages", statuses=statuses)["statuses"]
    assert [status["fhir_status"] for status in made] == ["requested", fhir, "completed"]
    assert [status["category"] for status in made] == ["offered", stage, stage]


def test_a_status_keeps_its_stage_where_an_edit_does_not_name_it(desk: Desk) -> None:
    papers = {"label": "Papers", "fhir_status": "on-hold", "category": "accepted"}
    end = {"label": "Done", "is_terminal": True, "category": "accepted"}
    queue = desk(queues.create_queue, name="Papers", statuses=[{"label": "New"}, papers, end])
    sent = statuses_as_input(queue)
    for status in sent:
        status["fhir_status"] = None
    sent[1]["label"] = "Waiting for Papers"
    edited = desk(queues.edit_queue, queue_id=queue["id"], version=queue["version"], statuses=sent)
    kept = [(status["label"], status["fhir_status"], status["category"]) for status in edited["statuses"]]
    assert kept == [
        ("New", "requested", "offered"),
        ("Waiting for Papers", "on-hold", "accepted"),
        ("Done", "completed", "accepted"),
    ]
    # Another code that an edit names counts, and the stage that was chosen stays beside it.
    sent[1]["fhir_status"] = "in-progress"
    edited = desk(queues.edit_queue, queue_id=queue["id"], version=edited["version"], statuses=sent)
    changed = edited["statuses"][1]
    assert (changed["fhir_status"], changed["category"]) == ("in-progress", "accepted")


@pytest.mark.seed("S0-54")
def test_a_queue_is_set_up_by_its_settings(desk: Desk, queue: dict[str, Any]) -> None:
    assert (queue["settings"]["when_full"], queue["settings"]["allowed_moves"]) == ("block", None)
    assert [reason["code"] for reason in queue["settings"]["decline_reasons"]][:2] == [
        "no_capacity",
        "not_eligible",
    ]
    given = {
        "when_full": "waitlist",
        "due_hours": 48,
        "status_due_hours": {"referred": 24},
        "expire_after_days": 30,
        "assignment_email_text": "Please call within two days.",
        "may_reopen": False,
        "allowed_moves": {"referred": ["enrolled", "declined"], "enrolled": ["completed"]},
        "statistics_small_cells": 5,
        "consent_required": True,
        "outcomes": [{"code": "housed", "label": "Housed", "is_met": True}],
        "decline_reasons": [{"code": "pets", "label": "No pets", "by": "client"}],
    }
    edited = desk(queues.edit_queue, queue_id=queue["id"], version=queue["version"], settings=given)
    assert edited["settings"] == {**given, "stage_fields": None}
    again = desk(
        queues.edit_queue,
        queue_id=queue["id"],
        version=edited["version"],
        settings={"due_hours": None, "outcomes": None},
    )
    assert (again["settings"]["due_hours"], again["settings"]["when_full"]) == (None, "waitlist")
    assert again["settings"]["outcomes"][0]["code"] == "service_received"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"status_due_hours": {"parked": 3}}, "settings.status_due_hours.parked"),
        ({"status_due_hours": {"completed": 3}}, "settings.status_due_hours.completed"),
        ({"allowed_moves": {"referred": ["parked"]}}, "settings.allowed_moves.referred.parked"),
        ({"allowed_moves": {"referred": ["referred"]}}, "settings.allowed_moves.referred"),
        ({"allowed_moves": {"referred": ["enrolled"]}}, "settings.allowed_moves"),
        ({"stage_fields": {"offered": []}}, "settings.stage_fields"),
        (
            {"stage_fields": {"offered": ["shoe_size"], "accepted": [], "enrolled": []}},
            "settings.stage_fields.offered.0",
        ),
        (
            {"stage_fields": {"offered": ["phone"], "accepted": [], "enrolled": ["phone"]}},
            "settings.stage_fields.accepted",
        ),
        (
            {"stage_fields": {"offered": ["phone"], "accepted": ["sections"], "enrolled": ["sections"]}},
            "settings.stage_fields.accepted",
        ),
        (
            {"stage_fields": {"offered": ["section:Needs"], "accepted": [], "enrolled": ["sections"]}},
            "settings.stage_fields.accepted",
        ),
        (
            {"stage_fields": {"offered": ["section: "], "accepted": [], "enrolled": []}},
            "settings.stage_fields.offered.0",
        ),
        (
            {"outcomes": [{"code": "a", "label": "A"}, {"code": "a", "label": "B"}]},
            "settings.outcomes.1.code",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused_with_the_field(
    desk: Desk, queue: dict[str, Any], settings: dict[str, Any], field: str
) -> None:
    refused = the_refusal(
        lambda: desk(queues.edit_queue, queue_id=queue["id"], version=queue["version"], settings=settings)
    )
    assert (refused.code, refused.field) == ("invalid_queue", field)


def test_a_section_that_is_seen_early_is_one_of_all_sections_later(desk: Desk, queue: dict[str, Any]) -> None:
    stages = {"offered": ["section:Needs"], "accepted": ["sections"], "enrolled": ["phone", "sections"]}
    given = {"stage_fields": stages}
    edited = desk(queues.edit_queue, queue_id=queue["id"], version=queue["version"], settings=given)
    assert edited["settings"]["stage_fields"] == stages


def test_a_status_that_settings_name_does_not_vanish_unnoticed(desk: Desk, queue: dict[str, Any]) -> None:
    edited = desk(
        queues.edit_queue,
        queue_id=queue["id"],
        version=queue["version"],
        settings={"status_due_hours": {"enrolled": 24}},
    )
    statuses = [status for status in statuses_as_input(queue) if status["key"] != "enrolled"]

    def edit(**more: Any) -> Any:
        return desk(
            queues.edit_queue, queue_id=queue["id"], version=edited["version"], statuses=statuses, **more
        )

    assert the_refusal(edit).field == "settings.status_due_hours.enrolled"
    assert edit(settings={"status_due_hours": {}})["settings"]["status_due_hours"] == {}


def test_contact_forms_are_linked_with_their_questionnaire(desk: Desk, queue: dict[str, Any]) -> None:
    form = {"code": "intake", "name": "Intake", "sections": ["Needs"], "questionnaire_id": "9" * 32}
    edited = desk(queues.edit_queue, queue_id=queue["id"], version=queue["version"], forms=[form])
    assert edited["forms"] == [form]
    twice = the_refusal(
        lambda: desk(queues.edit_queue, queue_id=queue["id"], version=edited["version"], forms=[form, form])
    )
    assert (twice.code, twice.field) == ("invalid_queue", "forms.1.code")


def test_a_queue_is_renamed_but_not_to_anothers_name(desk_on_both: Desk) -> None:
    desk = desk_on_both
    desk.a_queue(name="Food")
    queue_id = desk.a_queue(name="Housing")
    taken = the_refusal(lambda: desk(queues.edit_queue, queue_id=queue_id, version=1, name="FOOD"))
    assert (taken.code, taken.field) == ("queue_name_taken", "name")
    edited = desk(queues.edit_queue, queue_id=queue_id, version=1, name="housing", description="Beds")
    assert (edited["name"], edited["description"], edited["version"]) == ("housing", "Beds", 2)
    (row,) = desk.service.audit("queue.edited")
    assert row.facts == {"fields": ["description", "name"], "settings": [], "version": 2}


def test_an_edit_of_what_was_changed_meanwhile_is_refused(desk: Desk, queue: dict[str, Any]) -> None:
    assert refusal(lambda: desk(queues.edit_queue, queue_id=queue["id"], version=1)) == "version_conflict"
    assert refusal(lambda: desk(queues.edit_queue, queue_id=queue["id"])) == "version_required"


@pytest.mark.seed("S0-47")
@pytest.mark.seed("C6")
def test_a_queue_with_open_referrals_is_deactivated_after_a_warning_that_counts_them(
    desk_on_both: Desk,
) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue("Night Shelter")
    first, second, ended = (desk.assign(queue_id, "Night Shelter") for _ in range(3))
    desk.move(second, "enrolled")
    desk.move(ended, "completed")
    warning = the_refusal(lambda: desk(queues.deactivate_queue, queue_id=queue_id))
    assert (warning.code, warning.field) == ("queue_has_open_referrals", "confirm")
    assert warning.more == {"open_referrals": 2, "statuses": {"enrolled": 1, "referred": 1}}
    assert desk(queues.get_queue, queue_id=queue_id)["is_active"]
    assert not desk(queues.deactivate_queue, queue_id=queue_id, confirm=True)["is_active"]
    (event,) = desk.service.events(queue_deactivated)
    assert event["data"] == {"queue_id": queue_id, "open_referrals": 2}
    assert desk.move(first, "attempting_contact")["limited"]["status"] == "Attempting Contact"
    assert refusal(lambda: desk.assign(queue_id, "Night Shelter")) == "conflict"
    assert desk(queues.list_queues)["items"] == []
    (shown,) = desk(queues.list_queues, include_inactive=True)["items"]
    assert (shown["id"], shown["is_active"]) == (queue_id, False)
    assert desk(queues.reactivate_queue, queue_id=queue_id)["is_active"]
    assert len(desk.service.events(queue_reactivated)) == 1
    desk.assign(queue_id, "Night Shelter")


def test_deactivating_again_changes_nothing(desk: Desk, queue: dict[str, Any]) -> None:
    once = desk(queues.deactivate_queue, queue_id=queue["id"])
    assert desk(queues.deactivate_queue, queue_id=queue["id"]) == once
    assert len(desk.service.audit("queue.deactivated")) == 1


@pytest.mark.seed("S0-38")
def test_a_program_with_open_referrals_leaves_a_queue_only_after_a_warning(
    desk: Desk, queue: dict[str, Any]
) -> None:
    referral = desk.assign(queue["id"], "Night Shelter")
    of_agency, of_program = desk.provider("Harbor Shelter Alliance"), desk.provider("Night Shelter")
    link = {"queue_id": queue["id"], "program_id": desk.resource["Night Shelter"]}
    warning = the_refusal(lambda: desk(queues.remove_program_from_queue, **link))
    assert (warning.code, warning.more) == (
        "program_has_open_referrals",
        {"open_referrals": 1, "statuses": {"referred": 1}},
    )
    assert len(desk(assignments.list_referrals, of_agency)["items"]) == 1
    assert desk(queues.remove_program_from_queue, **link, confirm=True)["programs"] == []
    assert desk(assignments.list_referrals, of_agency)["items"] == []
    (seen,) = desk(assignments.list_referrals, of_program)["items"]
    assert seen["id"] == referral["id"]
    assert refusal(lambda: desk(queues.remove_program_from_queue, **link)) == "not_found"


@pytest.mark.parametrize(
    "operation", [queues.edit_queue, queues.deactivate_queue, queues.reactivate_queue], ids=lambda it: it.name
)
def test_nobody_changes_another_organisations_queue(
    desk: Desk, queue: dict[str, Any], operation: Any
) -> None:
    assert refusal(lambda: desk(operation, OTHER_STAFF, queue_id=queue["id"], version=1)) == "not_found"


def test_a_provider_changes_no_queue_whatever_its_role_says(desk: Desk, queue: dict[str, Any]) -> None:
    provider = desk.provider("Night Shelter", may=("queue.manage",))
    assert refusal(lambda: desk(queues.deactivate_queue, provider, queue_id=queue["id"])) == "forbidden"
    assert refusal(lambda: desk(queues.create_queue, provider, name="Mine")) == "forbidden"


def test_a_status_does_not_vanish_while_a_referral_is_on_its_way_there(
    desk_on_both: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_on_both
    queue = desk(queues.get_queue, queue_id=desk.a_queue("Night Shelter"))
    referral = desk.assign(queue["id"], "Night Shelter")
    outcomes: list[str] = []

    def move() -> None:
        outcomes.append(refusal(lambda: desk.move(referral, "enrolled")))

    mover = threading.Thread(target=move)
    look = handlers.keys_in_use

    def look_and_let_somebody_come_between(*arguments: Any) -> set[str]:
        found = look(*arguments)
        mover.start()
        mover.join(timeout=0.5)  # it waits for this transaction, so only a time-out ends this
        return found

    monkeypatch.setattr(handlers, "keys_in_use", look_and_let_somebody_come_between)
    left = [status for status in statuses_as_input(queue) if status["key"] != "enrolled"]
    desk(queues.edit_queue, queue_id=queue["id"], version=queue["version"], statuses=left)
    mover.join()
    assert outcomes == ["status_not_in_queue"]
    (listed,) = desk(assignments.list_referrals)["items"]
    assert listed["limited"]["status"] == "Referred"


def test_notifications_learns_the_text_of_a_queue_and_no_more(desk: Desk, queue: dict[str, Any]) -> None:
    desk(
        queues.edit_queue,
        queue_id=queue["id"],
        version=queue["version"],
        settings={"assignment_email_text": "Please call within two days."},
    )
    ask = partial(desk, queues.describe_queue, a_service("notifications"))
    assert ask(queue_id=queue["id"]) == {
        "queue_id": queue["id"],
        "assignment_email_text": "Please call within two days.",
    }
    assert refusal(lambda: ask(queue_id="0" * 32)) == "not_found"
