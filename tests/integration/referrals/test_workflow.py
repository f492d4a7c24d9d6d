"""The organisation's workflows: changes of status switched off, and agencies without a program that take referrals."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.referrals import (
    assignments,
    bulk,
    capacity,
    directory,
    fhir,
    queues,
    reports,
    status_changes,
    workflow,
)
from services.contracts.referrals.assignments import referral_assigned
from services.referrals.status_changes import expiry
from tests.integration.referrals.builders import OTHER_STAFF, PROVIDER_MAY, STAFF_MAY, Desk, outcome, refusal
from tests.support.in_process import a_caller

ALONE = "Legal Aid Society"


def switch(desk: Desk, **settings: bool) -> Any:
    return desk(workflow.set_workflow_settings, **settings)


def test_what_is_not_named_stays_and_each_organisation_has_its_own(desk: Desk) -> None:
    at_first = {"has_status_changes": True, "can_refer_to_agencies": False}
    assert desk(workflow.get_workflow_settings) == at_first
    assert switch(desk, has_status_changes=False) == {**at_first, "has_status_changes": False}
    both = {"has_status_changes": False, "can_refer_to_agencies": True}
    assert switch(desk, can_refer_to_agencies=True) == both
    assert desk(workflow.get_workflow_settings) == both
    assert desk(workflow.get_workflow_settings, OTHER_STAFF) == at_first
    assert [row.facts for row in desk.service.audit("workflow.settings_changed")][-1] == both
    for caller in (desk.provider("Night Shelter", may=STAFF_MAY), a_caller("queue.read")):
        refused = refusal(lambda by=caller: desk(workflow.set_workflow_settings, by, has_status_changes=True))
        assert refused == "forbidden"


def test_an_organisation_works_without_changes_of_status(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter", settings={"expire_after_days": 1})
    referral = desk.assign(queue_id, "Night Shelter")
    switch(desk, has_status_changes=False)
    provider = desk.provider("Night Shelter")
    at_version = {"referral_id": referral["id"], "version": 1}
    steps: dict[Any, dict[str, Any]] = {
        status_changes.change_status: {**at_version, "status": "enrolled"},
        status_changes.accept_referral: at_version,
        status_changes.decline_referral: {**at_version, "reason_code": "no_capacity"},
        bulk.start_bulk_status_change: {"referral_ids": [referral["id"]], "status": "enrolled"},
    }
    for operation, request in steps.items():
        for caller in (a_caller(*STAFF_MAY), provider):
            if caller is provider and operation is bulk.start_bulk_status_change:
                continue
            with pytest.raises(Refused) as refused:
                desk(operation, caller, **request)
            assert (refused.value.code, refused.value.field) == ("feature_is_off", "has_status_changes")
    assert desk.read(referral)["progress"]["next_statuses"] == []
    desk.shift(referral["id"], datetime.timedelta(days=5))
    expiry.expire(desk.service.runtime)
    assert (desk.read(referral)["progress"]["status_key"], desk.read(referral)["version"]) == ("referred", 1)
    # Notes, withdrawal and new referrals go on.
    noted = desk(assignments.add_referral_note, provider, referral_id=referral["id"], note="Come by at 5.")
    assert noted["limited"]["note"] == "Come by at 5."
    taken_back = {"referral_id": referral["id"], "version": 2, "reason_code": "other"}
    assert desk(status_changes.withdraw_referral, **taken_back)["progress"]["is_terminal"]
    again = desk.assign(queue_id, "Night Shelter")
    switch(desk, has_status_changes=True)
    assert desk.move(again, "enrolled")["progress"]["status_key"] == "enrolled"


@pytest.mark.seed("S0-7")
def test_each_workflow_can_be_off_for_an_organisation_and_for_a_person(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    desk.set_capacity("Night Shelter", 90)

    def works(caller: Any) -> tuple[str, str]:
        """What becomes of a change of capacity and of a change of status."""
        referral = desk.assign(queue_id, "Night Shelter")
        move = lambda: desk.move(referral, "enrolled", caller)  # noqa: E731
        return outcome(lambda: desk.set_capacity("Night Shelter", 90, caller)), outcome(move)

    staff, both = a_caller(*STAFF_MAY), desk.provider("Night Shelter")
    no_capacity = desk.provider("Night Shelter", may=tuple({*PROVIDER_MAY} - {"capacity.edit"}))
    no_status = desk.provider("Night Shelter", may=tuple({*PROVIDER_MAY} - {"referral.change_status"}))
    assert works(staff) == works(both) == ("accepted", "accepted")
    assert works(no_capacity) == ("forbidden", "accepted")
    assert works(no_status) == ("accepted", "forbidden")
    desk(capacity.set_capacity_settings, is_on=False)
    assert works(staff) == works(both) == ("feature_is_off", "accepted")
    switch(desk, has_status_changes=False)
    assert works(staff) == works(both) == ("feature_is_off", "feature_is_off")
    desk(capacity.set_capacity_settings, is_on=True)
    assert works(staff) == works(both) == ("accepted", "feature_is_off")
    assert desk(capacity.get_capacity_settings, OTHER_STAFF)["is_on"] is True
    assert desk(workflow.get_workflow_settings, OTHER_STAFF)["has_status_changes"] is True


def test_an_acceptance_is_not_taken_back_without_changes_of_status(desk: Desk) -> None:
    referral = desk.assign(desk.a_queue("Night Shelter"), "Night Shelter")
    referral = desk(status_changes.accept_referral, referral_id=referral["id"], version=1)
    switch(desk, has_status_changes=False)
    again = {"referral_id": referral["id"], "version": referral["version"]}
    assert refusal(lambda: desk(status_changes.unaccept_referral, **again)) == "feature_is_off"


def test_both_sides_write_notes_whoever_may_change_the_status(desk: Desk) -> None:
    referral = desk.assign(desk.a_queue("Night Shelter"), "Night Shelter")
    without = [right for right in PROVIDER_MAY if right != "referral.change_status"]
    provider = desk.provider("Night Shelter", may=tuple(without))
    staff = a_caller(*[right for right in STAFF_MAY if right != "referral.change_status"])
    for caller, note in ((provider, "We called twice."), (staff, "Try in the evening.")):
        written = desk(assignments.add_referral_note, caller, referral_id=referral["id"], note=note)
        assert written["limited"]["note"] == note
        move = {"referral_id": referral["id"], "version": written["version"], "status": "enrolled"}
        assert (
            refusal(lambda by=caller, ask=move: desk(status_changes.change_status, by, **ask)) == "forbidden"
        )
    notes = desk(assignments.list_referral_notes, provider, referral_id=referral["id"])["items"]
    assert [(note["note"], note["author"]["side"]) for note in notes] == [
        ("We called twice.", "provider"),
        ("Try in the evening.", "partner"),
    ]
    reader = desk.provider("Night Shelter", may=("referral.read",))
    unheard = {"referral_id": referral["id"], "note": "x"}
    assert refusal(lambda: desk(assignments.add_referral_note, reader, **unheard)) == "forbidden"


@pytest.fixture
def alone(desk: Desk) -> dict[str, str]:
    """An agency that has no program, and its site; their ids."""
    agency = desk(directory.create_resource, name=ALONE, level="agency")
    site = desk(directory.create_resource, name="Legal Aid, Pier 3", level="site", agency_id=agency["id"])
    desk.resource[ALONE], desk.resource["site"] = agency["id"], site["id"]
    return {"agency": agency["id"], "site": site["id"]}


@pytest.mark.parametrize("which", ["agency", "site"])
def test_an_agency_without_a_program_takes_referrals_where_the_organisation_allows_it(
    desk: Desk, alone: dict[str, str], which: str
) -> None:
    resource_id, queue_id = alone[which], desk.a_queue()
    add = {"queue_id": queue_id, "program_id": resource_id}
    name = ALONE if which == "agency" else "site"
    with pytest.raises(Refused) as refused:
        desk(queues.add_program_to_queue, **add)
    assert refused.value.code == "not_a_program"
    assert "workflow settings" in refused.value.detail
    assert refusal(lambda: desk.set_capacity(name, 4)) == "not_a_program"
    switch(desk, can_refer_to_agencies=True)
    desk(queues.add_program_to_queue, **add)
    assert desk.set_capacity(name, 4)["free"] == 4
    referral = desk.assign(queue_id, name)
    assert desk.numbers(name) == (4, 1, 3)
    event = desk.service.events(referral_assigned)[-1]["data"]
    assert (event["program_id"], event["agency_id"]) == (resource_id, alone["agency"])
    # The provider of the agency sees and works on it; another agency's does not.
    own = a_caller(
        *PROVIDER_MAY,
        "referral.note",
        realm="provider",
        id="7" * 32,
        scope={"resources": [{"id": alone["agency"], "level": "agency"}], "details": False},
    )
    assert [each["id"] for each in desk(assignments.list_referrals, own)["items"]] == [referral["id"]]
    assert desk(capacity.get_capacity, own, program_id=resource_id)["used"] == 1
    assert desk(assignments.list_referrals, desk.provider("Bayside Food Network"))["items"] == []
    by_agency = {"agency_id": alone["agency"]}
    assert len(desk(assignments.list_referrals, **by_agency)["items"]) == 1
    assert len(desk(capacity.list_capacities, **by_agency)["items"]) == 1
    assert len(desk(reports.list_program_demand, **by_agency)["items"]) == 1

    def read(kind: str, one: str) -> Any:
        return desk(fhir.fhir_read, own, resource_type=kind, resource_id=one, base_url="https://x.example")

    services = read("HealthcareService", resource_id)
    assert services["resource"]["id"] == resource_id
    agency = read("Organization", alone["agency"])
    assert agency["resource"]["name"] == ALONE
    desk(assignments.add_referral_note, own, referral_id=referral["id"], note="Welcome.")
    (note,) = desk(assignments.list_referral_notes, referral_id=referral["id"])["items"]
    assert note["author"]["organisation"] == ALONE
    # Switched off again, it takes no new referral.
    switch(desk, can_refer_to_agencies=False)
    assert refusal(lambda: desk.assign(queue_id, name)) == "not_a_program"


@pytest.mark.parametrize("which", ["agency", "site"])
def test_an_agency_that_takes_referrals_is_its_own_agency_in_every_view(
    desk: Desk, alone: dict[str, str], which: str
) -> None:
    switch(desk, can_refer_to_agencies=True)
    queue_id, name = desk.a_queue("Night Shelter"), ALONE if which == "agency" else "site"
    desk(queues.add_program_to_queue, queue_id=queue_id, program_id=alone[which])
    desk.set_capacity(name, 4)
    other = desk.assign(queue_id, "Night Shelter")
    own = desk.assign(queue_id, name)
    other_agency = desk.resource["Harbor Shelter Alliance"]

    def found(kind: str, **parameters: str) -> set[str]:
        asked = {key: [value] for key, value in parameters.items()}
        answer = desk(fhir.fhir_search, resource_type=kind, parameters=asked, base_url="https://x.example")
        return {entry["resource"]["id"] for entry in answer["resource"]["entry"]}

    for agency_id, referral, program_id in (
        (alone["agency"], own, alone[which]),
        (other_agency, other, desk.resource["Night Shelter"]),
    ):
        organization = f"Organization/{agency_id}"
        assert found("Task", owner=organization) == {referral["id"]}
        assert found("ServiceRequest", performer=organization) == {referral["id"]}
        assert program_id in found("HealthcareService", organization=organization)
        (demand,) = desk(reports.list_program_demand, agency_id=agency_id, queue_id=queue_id)["items"]
        assert (demand["program_id"], demand["agency_id"]) == (program_id, agency_id)
    assert found("HealthcareService", organization=f"Organization/{alone['agency']}") == {alone[which]}
    # A program is nobody's agency.
    assert found("Task", owner=f"Organization/{desk.resource['Night Shelter']}") == set()
    (line,) = desk(capacity.list_capacities, agency_id=alone["agency"])["items"]
    assert (line["agency_id"], line["agency_name"]) == (alone["agency"], ALONE)
    service = desk(
        fhir.fhir_read,
        resource_type="HealthcareService",
        resource_id=alone[which],
        base_url="https://x.example",
    )["resource"]
    assert service["providedBy"] == {"reference": f"Organization/{alone['agency']}", "display": ALONE}
    year = utc_now().year
    seen = desk(reports.get_statistics, from_on=f"{year - 1}-12-31", to_on=f"{year}-12-31", group_by="agency")
    assert {group["label"]: group["assigned"] for group in seen["groups"]} == {
        ALONE: 1,
        "Harbor Shelter Alliance": 1,
    }


@pytest.mark.parametrize("which", ["agency", "site"])
def test_an_agency_that_has_a_program_takes_no_referral_itself(
    desk: Desk, alone: dict[str, str], which: str
) -> None:
    switch(desk, can_refer_to_agencies=True)
    add = {"queue_id": desk.a_queue(), "program_id": alone[which]}
    desk(queues.add_program_to_queue, **add)
    program = desk(directory.create_resource, name="Advice", level="program", agency_id=alone["agency"])
    with pytest.raises(Refused) as refused:
        desk(queues.add_program_to_queue, **add)
    assert (refused.value.code, refused.value.detail) == (
        "not_a_program",
        "This is no program; choose one of its programs.",
    )
    desk(directory.retire_resource, resource_id=program["id"], version=program["version"])
    desk(queues.add_program_to_queue, **add)
