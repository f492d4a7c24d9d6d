"""Intakes: a contact record and its first referral in one step."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.referrals import assignments, intakes, queues, records
from services.contracts.referrals.assignments import referral_assigned
from services.contracts.referrals.records import contact_record_created
from tests.integration.referrals.builders import Desk, refusal
from tests.support.in_process import a_caller


@pytest.mark.seed("S0-48")
@pytest.mark.seed("S0-49")
def test_an_intake_is_record_queue_and_program_in_one_call(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue("Night Shelter")
    desk.set_capacity("Night Shelter", 5)
    answer = desk(
        intakes.create_intake,
        first_name="Ana",
        sections={"Needs": {"Housing": "tonight"}},
        queue_id=queue_id,
        program_id=desk.resource["Night Shelter"],
        note="Has a dog.",
    )
    record, referral = answer["contact_record"], answer["referral"]
    assert referral["limited"]["contact_record_number"] == record["number"]
    assert (referral["limited"]["note"], referral["details"]) == ("Has a dog.", None)
    assert desk.numbers("Night Shelter") == (5, 1, 4)
    (listed,) = desk(assignments.list_referrals)["items"]
    assert listed["id"] == referral["id"]


def test_an_intake_that_cannot_be_assigned_leaves_nothing_behind(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue("Night Shelter")
    desk.set_capacity("Night Shelter", 0)
    intake = {"queue_id": queue_id, "program_id": desk.resource["Night Shelter"], "last_name": "Vega"}
    assert refusal(lambda: desk(intakes.create_intake, **intake)) == "capacity_exhausted"
    assert desk(records.search_contact_records)["items"] == []
    assert desk.service.events(contact_record_created) == desk.service.events(referral_assigned) == []
    assert desk(records.create_contact_record)["number"] == "CR-00000001"


def test_an_intake_takes_the_permission_for_both_halves(desk: Desk) -> None:
    intake = {"queue_id": desk.a_queue("Night Shelter"), "program_id": desk.resource["Night Shelter"]}
    for may in (("record.create",), ("referral.assign",)):
        half = a_caller(*may, id="5" * 32)
        assert refusal(lambda half=half: desk(intakes.create_intake, half, **intake)) == "forbidden"


def test_an_intake_by_a_form_has_the_forms_sections(desk: Desk) -> None:
    form = {"code": "housing", "name": "Housing intake", "sections": ["Needs", "Household"]}
    queue = desk(queues.get_queue, queue_id=desk.a_queue("Night Shelter"))
    desk(queues.edit_queue, queue_id=queue["id"], version=queue["version"], forms=[form])

    def intake(form_code: str, *titles: str) -> Any:
        return desk(
            intakes.create_intake,
            queue_id=queue["id"],
            program_id=desk.resource["Night Shelter"],
            form_code=form_code,
            sections={title: {"a": 1} for title in titles},
        )

    for call, field in (
        (lambda: intake("food", "Needs"), "form_code"),
        (lambda: intake("housing", "needs"), "sections"),
    ):
        with pytest.raises(Refused) as refused:
            call()
        assert (refused.value.code, refused.value.field) == ("invalid_contact_record", field)
    assert intake("housing", "needs", "Household", "Pets")["contact_record"]["form_code"] == "housing"
