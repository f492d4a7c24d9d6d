"""The FHIR R4 view: every resource parses in the public models, and shows no more than other operations."""

from __future__ import annotations

import datetime
import uuid
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.healthcareservice import HealthcareService
from fhir.resources.R4B.organization import Organization
from fhir.resources.R4B.provenance import Provenance
from fhir.resources.R4B.servicerequest import ServiceRequest
from fhir.resources.R4B.task import Task

from services.chassis.fhir_queries import MOST_VALUES_KEPT
from services.chassis.fhir_search import MOST_VALUES, moments
from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.portals import fhir as portals_fhir
from services.contracts.referrals import assignments, fhir, status_changes
from services.referrals.fhir.rules import (
    CAPACITY_STATUS,
    ENROLLMENT_STATUS,
    GRAVITY_CODES,
    PARAMETERS,
    program_capacity,
    sdoh_categories,
)
from tests.integration.referrals.builders import OTHER_STAFF, STAFF, Desk, refusal
from tests.support.in_process import HARBOR, a_caller

CHECKOUT = Path(__file__).resolve().parents[3]
BASE = "https://portico.example/fhir/R4"
MODELS = {
    "Task": Task,
    "ServiceRequest": ServiceRequest,
    "HealthcareService": HealthcareService,
    "Organization": Organization,
    "Provenance": Provenance,
}
SYSTEM = a_caller("referral.read", id="8" * 32, organisation=HARBOR, realm="api")


def read(desk: Desk, kind: str, own_id: str, caller: Caller = STAFF) -> Any:
    """One resource, which must parse."""
    found = desk(fhir.fhir_read, caller, resource_type=kind, resource_id=own_id, base_url=BASE)["resource"]
    MODELS[kind].model_validate(found)
    return found


def search(desk: Desk, kind: str, caller: Caller = STAFF, **parameters: Any) -> Any:
    """A Bundle, which must parse; `last_updated` stands for `_lastUpdated`, and so on."""
    names = {
        "last_updated": "_lastUpdated",
        "since": "_since",
        "count": "_count",
        "after": "_after",
        "own_id": "_id",
    }
    given = {
        names.get(name, name.replace("_", "-")): value if isinstance(value, list) else [value]
        for name, value in parameters.items()
    }
    bundle = desk(fhir.fhir_search, caller, resource_type=kind, parameters=given, base_url=BASE)["resource"]
    Bundle.model_validate(bundle)
    return bundle


def ids(bundle: Any) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle["entry"]]


def next_cursor(bundle: Any) -> str | None:
    links = {link["relation"]: link["url"] for link in bundle["link"]}
    return links["next"].partition("_after=")[2] if "next" in links else None


def a_referral(desk: Desk, program: str = "Night Shelter", **more: Any) -> Any:
    record_id = desk.a_record(phone="555 0100", email="ana@example.org", postal_code="20001")
    return desk.assign(desk.a_queue(program, **more.pop("queue", {})), program, record_id, **more)


@pytest.mark.seed("S0-53")
def test_a_referral_is_a_task_and_a_service_request(desk: Desk) -> None:
    referral = a_referral(desk, note="Prefers mornings.", priority="urgent")

    task, request = read(desk, "Task", referral["id"]), read(desk, "ServiceRequest", referral["id"])

    assert (task["status"], task["intent"], task["priority"]) == ("requested", "order", "urgent")
    assert task["businessStatus"]["text"] == "Referred"
    assert task["businessStatus"]["coding"][0]["code"] == "referred"
    assert task["focus"] == {"reference": f"ServiceRequest/{referral['id']}"}
    assert task["owner"]["reference"] == f"HealthcareService/{desk.resource['Night Shelter']}"
    assert task["note"] == [{"text": "Prefers mornings."}]
    assert task["identifier"][0]["value"] == "CR-00000001"
    assert task["meta"]["versionId"] == "1"
    assert (request["status"], request["intent"]) == ("active", "order")
    assert request["subject"]["identifier"]["value"] == "CR-00000001"
    assert request["performer"] == [task["owner"]]


def test_how_a_referral_ended_is_told_by_status_reason_outcome_and_period(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    declined, done = desk.assign(queue_id, "Night Shelter"), desk.assign(queue_id, "Night Shelter")
    desk(
        status_changes.decline_referral,
        referral_id=declined["id"],
        reason_code="no_capacity",
        version=declined["version"],
    )
    done = desk.move(done, "enrolled")
    desk.move(done, "completed", outcome_code="service_received")

    no, yes = read(desk, "Task", declined["id"]), read(desk, "Task", done["id"])

    assert (no["status"], no["statusReason"]["coding"][0]["code"]) == ("rejected", "no_capacity")
    assert yes["status"] == "completed"
    assert yes["output"][0]["valueCodeableConcept"]["coding"][0]["code"] == "service_received"
    assert set(yes["executionPeriod"]) == {"start", "end"}
    assert [task["extension"][0]["valueCode"] for task in (no, yes)] == ["not_enrolled", "enrolled"]
    assert read(desk, "ServiceRequest", declined["id"])["status"] == "revoked"
    assert read(desk, "ServiceRequest", done["id"])["status"] == "completed"


def test_who_waits_for_a_place_is_told_to_be_on_the_waitlist(desk: Desk) -> None:
    desk.set_capacity("Night Shelter", 0)
    referral = a_referral(desk, queue={"settings": {"when_full": "waitlist"}})

    (extension,) = read(desk, "Task", referral["id"])["extension"]

    assert extension == {"url": ENROLLMENT_STATUS, "valueCode": "not_enrolled_on_waitlist"}


@pytest.mark.seed("S0-1")
@pytest.mark.seed("S0-24")
def test_the_person_is_shown_only_to_who_may_see_details_and_each_reading_is_audited(desk: Desk) -> None:
    referral = a_referral(desk)
    for kind in ("Task", "ServiceRequest"):
        for caller in (desk.provider("Night Shelter"), SYSTEM):
            shown = read(desk, kind, referral["id"], caller)
            assert "contained" not in shown
            assert "Ana" not in str(shown)
            assert "555 0100" not in str(shown)
    assert desk.service.audit("referral.details_read") == []

    for caller in (STAFF, desk.provider("Night Shelter", details=True)):
        (person,) = read(desk, "Task", referral["id"], caller)["contained"]
        assert person["name"] == [{"given": ["Ana"], "family": "Vega"}]
        assert {each["value"] for each in person["telecom"]} == {"555 0100", "ana@example.org"}
    assert [row.object_id for row in desk.service.audit("referral.details_read")] == [referral["id"]] * 2
    assert "Ana" not in str(search(desk, "Task"))
    assert "Ana" not in str(search(desk, "ServiceRequest", desk.provider("Night Shelter", details=True)))


def test_what_a_queue_keeps_back_at_a_stage_is_kept_back_here(desk: Desk) -> None:
    seen = ["postal_code", "contact_name"]
    stages = {"offered": ["postal_code"], "accepted": seen, "enrolled": seen}
    referral = a_referral(desk, queue={"settings": {"stage_fields": stages}})
    provider = desk.provider("Night Shelter", details=True)

    offered = read(desk, "Task", referral["id"], provider)
    assert offered["contained"] == [
        {
            "resourceType": "Patient",
            "id": "subject",
            "identifier": offered["identifier"],
            "address": [{"postalCode": "20001"}],
        }
    ]
    desk.move(referral, "attempting_contact")
    accepted = read(desk, "Task", referral["id"], provider)
    assert accepted["contained"][0]["name"] == [{"given": ["Ana"], "family": "Vega"}]
    assert "telecom" not in accepted["contained"][0]


@pytest.mark.seed("S0-1")
def test_nobody_reads_or_finds_what_is_out_of_reach(desk: Desk) -> None:
    referral = a_referral(desk)
    other = desk.provider("Family Housing First")
    program, agency = desk.resource["Night Shelter"], desk.resource["Harbor Shelter Alliance"]
    (step,) = ids(search(desk, "Provenance", target=f"Task/{referral['id']}"))
    for caller in (other, OTHER_STAFF):
        for kind, own_id in (
            ("Task", referral["id"]),
            ("ServiceRequest", referral["id"]),
            ("HealthcareService", program),
            ("Provenance", step),
        ):
            assert refusal(lambda: read(desk, kind, own_id, caller)) == "not_found"  # noqa: B023 - called at once
            more = {"target": f"Task/{referral['id']}"} if kind == "Provenance" else {}
            assert own_id not in ids(search(desk, kind, caller, **more))
        assert refusal(lambda: history(desk, referral["id"], caller)) == "not_found"  # noqa: B023
    assert refusal(lambda: read(desk, "Organization", agency, OTHER_STAFF)) == "not_found"
    assert ids(search(desk, "Organization", desk.provider("Night Shelter"))) == [agency]
    assert ids(search(desk, "HealthcareService", desk.provider("Night Shelter"))) == [program]


def test_what_was_taken_back_is_gone_for_the_provider(desk: Desk) -> None:
    referral = a_referral(desk)
    provider = desk.provider("Night Shelter", details=True)
    desk(
        status_changes.withdraw_referral,
        referral_id=referral["id"],
        reason_code="other",
        version=referral["version"],
    )

    assert refusal(lambda: read(desk, "Task", referral["id"], provider)) == "not_found"
    assert ids(search(desk, "Task", provider)) == []
    assert read(desk, "Task", referral["id"])["status"] == "cancelled"


def test_what_its_sender_took_back_is_found_as_cancelled_and_as_no_work_to_do(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue("Night Shelter")
    stays, taken_back = desk.assign(queue_id, "Night Shelter"), desk.assign(queue_id, "Night Shelter")
    withdrawal = {"referral_id": taken_back["id"], "reason_code": "other", "version": taken_back["version"]}
    desk(status_changes.withdraw_referral, **withdrawal)
    desk(assignments.add_referral_note, referral_id=taken_back["id"], note="Found elsewhere.")

    assert ids(search(desk, "Task", status="requested")) == [stays["id"]]
    assert ids(search(desk, "Task", status="cancelled")) == [taken_back["id"]]
    assert set(ids(search(desk, "Task", status="cancelled,requested"))) == {stays["id"], taken_back["id"]}
    assert ids(search(desk, "ServiceRequest", status="active")) == [stays["id"]]
    assert ids(search(desk, "ServiceRequest", status="revoked")) == [taken_back["id"]]
    versions = [entry["resource"] for entry in history(desk, taken_back["id"])["entry"]]
    assert [version["status"] for version in versions] == ["cancelled", "cancelled", "requested"]
    ends = {version["executionPeriod"]["end"] for version in versions[:2]}
    assert ends == {read(desk, "Task", taken_back["id"])["executionPeriod"]["end"]}


@pytest.mark.parametrize("value", ["9999-12-31", "gt0001-01-01T00:00:00+02:00"])
def test_a_search_for_a_time_beyond_the_calendar_is_refused(desk: Desk, value: str) -> None:
    assert refusal(lambda: search(desk, "Task", last_updated=value)) == "search_refused"


def history(desk: Desk, referral_id: str, caller: Caller = STAFF) -> Any:
    found = desk(fhir.fhir_history, caller, resource_type="Task", resource_id=referral_id, base_url=BASE)
    Bundle.model_validate(found["resource"])
    return found["resource"]


def test_the_versions_of_a_task_are_its_history_newest_first(desk: Desk) -> None:
    referral = a_referral(desk, note="First.")
    referral = desk.move(referral, "enrolled", note="Came by.")
    desk(assignments.add_referral_note, referral_id=referral["id"], note="Between us.", is_internal=True)
    provider = desk.provider("Night Shelter")

    ours, theirs = history(desk, referral["id"]), history(desk, referral["id"], provider)

    told = [
        (version["meta"]["versionId"], version["status"], version.get("note"))
        for version in (entry["resource"] for entry in theirs["entry"])
    ]
    assert told == [
        ("2", "in-progress", [{"text": "Came by."}]),
        ("1", "requested", [{"text": "First."}]),
    ]
    assert [entry["request"]["method"] for entry in theirs["entry"]] == ["PUT", "POST"]
    assert (ours["total"], theirs["total"]) == (3, 2)
    assert "Between us." not in str(ours) + str(theirs)


def test_each_step_has_its_provenance(desk: Desk) -> None:
    referral = a_referral(desk)
    provider = desk.provider("Night Shelter")
    desk.move(referral, "enrolled", provider)

    found = search(desk, "Provenance", target=f"Task/{referral['id']}")

    steps = [entry["resource"] for entry in found["entry"]]
    assert [step["agent"][0]["who"]["identifier"]["value"] for step in steps] == ["5" * 32, "7" * 32]
    assert [step["activity"]["coding"][0]["code"] for step in steps] == ["CREATE", "UPDATE"]
    assert steps[1]["target"] == [{"reference": f"Task/{referral['id']}/_history/2"}]
    assert read(desk, "Provenance", steps[0]["id"], provider) == steps[0]
    assert refusal(lambda: search(desk, "Provenance")) == "search_refused"
    first = search(desk, "Provenance", target=referral["id"], count="1")
    second = search(desk, "Provenance", target=referral["id"], count="1", after=cursor(first))
    assert [*ids(first), *ids(second)] == [step["id"] for step in steps]


def cursor(bundle: Any) -> str:
    found = next_cursor(bundle)
    assert found
    return found.replace("%7E", "~")


def test_programs_and_agencies_are_services_and_organizations(desk: Desk) -> None:
    desk.set_capacity("Night Shelter", 0, note="Full until May", has_waitlist=True)
    program = read(desk, "HealthcareService", desk.resource["Night Shelter"])
    agency = read(desk, "Organization", desk.resource["Harbor Shelter Alliance"])

    assert (program["name"], program["active"]) == ("Night Shelter", True)
    assert program["providedBy"]["reference"] == f"Organization/{agency['id']}"
    assert program["comment"] == "Closed for repairs"
    (extension,) = program["extension"]
    assert extension["url"] == CAPACITY_STATUS
    status, notes = extension["extension"]
    assert (status["url"], status["valueCodeableConcept"]["coding"]) == (
        "capacityStatus",
        [{"system": GRAVITY_CODES, "code": "waitlist", "display": "No Capacity - Has Waitlist"}],
    )
    assert notes == {"url": "capacityNotes", "valueString": "Full until May"}
    assert (agency["name"], agency["active"]) == ("Harbor Shelter Alliance", True)
    assert ids(search(desk, "HealthcareService", name="st. mary")) == [
        desk.resource["St. Mary's Café & Pantry"]
    ]
    assert ids(search(desk, "HealthcareService", active="false")) == [desk.resource["Old Shelter"]]
    of_agency = search(desk, "HealthcareService", organization=f"Organization/{agency['id']}", active="true")
    assert len(ids(of_agency)) == 2
    assert ids(search(desk, "Organization", name="bayside")) == [desk.resource["Bayside Food Network"]]
    # Nobody is to be referred there: only who works for it sees it outside the staff.
    own = desk.provider("Winter Shelter")
    closed = read(desk, "HealthcareService", desk.resource["Winter Shelter"], own)
    assert refusal(lambda: read(desk, "HealthcareService", desk.resource["Winter Shelter"])) == "not_found"
    assert closed["extraDetails"] == "Takes no referrals at present."


def test_a_program_tells_its_kind_its_telephones_and_its_place(desk_on_both: Desk) -> None:
    desk = desk_on_both
    desk.import_file((CHECKOUT / "deploy" / "sample" / "resources.csv").read_bytes())
    programs = [entry["resource"] for entry in search(desk, "HealthcareService", count="100")["entry"]]
    for program in programs:
        us_core, *gravity = program["category"][0]["coding"]
        assert us_core["code"] == "sdoh"
        assert gravity
        assert {coding["system"] for coding in gravity} == {GRAVITY_CODES}
        assert "profile" not in program["meta"]
        assert [each["reference"] for each in program.get("location", ())] == ["#place"] * len(
            program.get("contained", ())
        )
    coded = [program["type"] for program in programs if "coding" in program.get("type", [{}])[0]]
    assert all(len(types) == 1 for types in coded)
    assert coded
    assert any(point["system"] == "phone" for program in programs for point in program.get("telecom", ()))
    assert any("address" in place for program in programs for place in program.get("contained", ()))
    agencies = [entry["resource"] for entry in search(desk, "Organization", count="100")["entry"]]
    assert any("telecom" in agency for agency in agencies)
    assert any("address" in agency for agency in agencies)


def test_a_referral_names_who_refers_and_what_is_asked_for(desk: Desk) -> None:
    referral = a_referral(desk)

    task, request = (read(desk, kind, referral["id"]) for kind in ("Task", "ServiceRequest"))

    identifier = {"system": "urn:portico:organisation", "value": HARBOR[0]}
    assert task["requester"] == request["requester"] == {"type": "Organization", "identifier": identifier}
    assert request["code"]["coding"] == [
        {"system": "urn:portico:queue", "code": task["businessStatus"]["coding"][0]["system"].split(":")[3]}
        | {"display": request["code"]["text"]}
    ]
    assert request["category"][0]["coding"][0]["code"] == "sdoh"


def test_a_programs_capacity_is_that_of_its_best_line() -> None:
    def a_line(name: str, status: str, note: str | None = None) -> dict[str, Any]:
        return {"name": name, "capacity_status": status, "note": note}

    assert program_capacity([]) is None
    assert program_capacity([a_line("Men", "unknown")]) is None
    told = program_capacity([a_line("Men", "no_capacity", "Full"), a_line("Women", "has_capacity")])
    assert told == (("capacity", "Has Capacity"), "Men: No Capacity (Full); Women: Has Capacity")


def test_the_taxonomy_tells_the_category() -> None:
    assert [code for code, _ in sdoh_categories(["BH-1800.8500", "BD-1800", "BH-3800", "BD-5000"])] == [
        "homelessness",
        "food-insecurity",
        "housing-instability",
    ]
    assert [code for code, _ in sdoh_categories([])] == ["sdoh-category-unspecified"]


def _dashed(own_id: str) -> str:
    return str(uuid.UUID(own_id)).upper()


def test_tasks_are_found_by_each_of_their_parameters(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue("Night Shelter", "Family Housing First")
    one = desk.assign(queue_id, "Night Shelter", priority="urgent")
    two = desk.move(desk.assign(queue_id, "Family Housing First"), "enrolled")
    program = desk.resource["Night Shelter"]
    agency = desk.resource["Harbor Shelter Alliance"]
    both = [two["id"], one["id"]]

    def found(kind: str = "Task", **parameters: Any) -> list[str]:
        return ids(search(desk, kind, **parameters))

    assert found() == both
    assert found(own_id=one["id"]) == [one["id"]]
    assert found(own_id=_dashed(one["id"])) == [one["id"]]
    assert found(owner=f"HealthcareService/{_dashed(program)}") == [one["id"]]
    assert read(desk, "Task", _dashed(one["id"]))["id"] == one["id"]
    assert found(status="in-progress") == [two["id"]]
    assert found(status="http://hl7.org/fhir/task-status|requested,in-progress") == both
    assert found(business_status="Enrolled") == [two["id"]]
    assert found(business_status=["enrolled", "referred"]) == []
    assert found(owner=f"HealthcareService/{program}") == [one["id"]]
    assert found(owner=f"Organization/{agency}") == both
    assert found(focus=f"{BASE}/ServiceRequest/{two['id']}") == [two["id"]]
    assert found(identifier="urn:portico:contact-record-number|CR-00000002") == [two["id"]]
    assert found(priority="urgent") == [one["id"]]
    assert found(code="fulfill") == both
    assert found(code="approve") == []
    assert found("ServiceRequest", status="active") == both
    assert found("ServiceRequest", status="revoked") == []
    assert found("ServiceRequest", performer=program, identifier="1") == [one["id"]]


def test_what_changed_since_a_time_comes_oldest_change_first_and_page_by_page(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    first, second, third = (desk.assign(queue_id, "Night Shelter") for _ in range(3))
    desk.shift(third["id"], datetime.timedelta(days=2))
    desk.move(first, "enrolled")
    today = f"ge{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"

    page = search(desk, "Task", last_updated=today, count="1")
    after = search(desk, "Task", last_updated=today, count="1", after=next_cursor(page))

    assert (ids(page), ids(after)) == ([second["id"]], [first["id"]])
    assert next_cursor(after) is None
    assert ids(search(desk, "Task", last_updated=f"lt{today[2:]}")) == [third["id"]]
    whole = [search(desk, "Task", count="2")]
    whole.append(search(desk, "Task", count="2", after=next_cursor(whole[0])))
    assert [len(ids(each)) for each in whole] == [2, 1]


@pytest.mark.parametrize("kind", ["HealthcareService", "Organization"])
def test_the_directory_is_polled_by_the_time_of_its_changes(desk_on_both: Desk, kind: str) -> None:
    desk = desk_on_both
    whole = [each["resource"] for each in search(desk, kind, count="100")["entry"]]
    by_change = sorted(whole, key=lambda each: (each["meta"]["lastUpdated"], each["id"]))
    assert len(by_change) > 1
    got, cursor = [], {}
    while cursor is not None:
        page = search(desk, kind, since="2020-01-01", count="1", **cursor)
        got += ids(page)
        following = next_cursor(page)
        cursor = {"after": following} if following else None
    assert got == [each["id"] for each in by_change]
    assert ids(search(desk, kind, since="2999-01-01")) == []
    assert len(ids(search(desk, kind, last_updated="lt2999-01-01", count="100"))) == len(whole)
    referral = a_referral(desk)
    assert ids(search(desk, "Task", since="2020-01-01")) == [referral["id"]]


def test_what_is_not_understood_is_refused_or_ignored_as_the_client_prefers(desk: Desk) -> None:
    for kind, parameters in (
        ("Task", {"colour": ["red"]}),
        ("Task", {"status:not": ["completed"]}),
        ("Task", {"_count": ["none"]}),
        ("Task", {"_lastUpdated": ["yesterday"]}),
        ("Task", {"owner": ["Practitioner/1"]}),
        ("Task", {"status": [""]}),
        ("Task", {"status": ["requestd"]}),
        ("Task", {"status": ["http://hl7.org/fhir/request-status|requested"]}),
        ("Task", {"priority": ["high"]}),
        ("Task", {"priority": ["urn:other|urgent"]}),
        ("Task", {"code": ["assess"]}),
        ("Task", {"business-status": ["urn:other|referred"]}),
        ("Task", {"business-status": ["urn:portico:queue:" + "0" * 32 + ":status|"]}),
        ("Task", {"_lastUpdated": ["2026-13"]}),
        ("Task", {"_since": ["ge2026-01-01"]}),
        ("Organization", {"_lastUpdated": ["yesterday"]}),
        ("Provenance", {"_since": ["2026-01-01"]}),
        ("Task", {"_lastUpdated": ["20260301"]}),
        ("Task", {"_count": ["-1"]}),
        ("ServiceRequest", {"status": ["requested"]}),
        ("HealthcareService", {"_after": ["0" * 32]}),
        ("Task", {"identifier": ["urn:other|1"]}),
        ("HealthcareService", {"active": ["maybe"]}),
    ):
        with pytest.raises(Refused) as refused:
            desk(fhir.fhir_search, resource_type=kind, parameters=parameters, base_url=BASE)
        assert (refused.value.code, refused.value.field) == ("search_refused", next(iter(parameters)))
    lenient = desk(
        fhir.fhir_search,
        resource_type="Task",
        parameters={"colour": ["red"], "status": ["requested"]},
        is_lenient=True,
        base_url=BASE,
    )["resource"]
    assert lenient["link"][0]["url"] == f"{BASE}/Task?status=requested&_count=20"
    for kind, own_id in (("Patient", "1"), ("Task", "1"), ("Task", "0" * 32), ("Organization", "0" * 32)):
        assert refusal(lambda: read(desk, kind, own_id)) == "not_found"  # noqa: B023 - called at once
    assert refusal(lambda: search(desk, "Patient")) == "not_found"


@pytest.mark.fault("A1")
def test_the_most_values_are_searched_on_every_database(desk_on_both: Desk) -> None:
    values = {"date": "2026-03-05", "string": "a", "reference": "1" * 32}
    for kind, parameters in PARAMETERS.items():
        for name, form in parameters.items():
            if form not in values:
                continue
            given = [values[form]] * MOST_VALUES
            for wanted in ([",".join(given)], given):
                found = desk_on_both(
                    fhir.fhir_search, STAFF, resource_type=kind, parameters={name: wanted}, base_url=BASE
                )
                assert found["resource"]["type"] == "searchset", (kind, name)


@pytest.mark.fault("A28")
@pytest.mark.parametrize("kind", ["Task", "HealthcareService"])
def test_statements_of_searches_with_many_values_are_not_kept(desk_on_both: Desk, kind: str) -> None:
    kept = desk_on_both.service.database.engine.get_execution_options()["compiled_cache"]

    def search_by(values: int) -> int:
        """How many statements are kept after a search with so many values."""
        search(desk_on_both, kind, last_updated=",".join(["2026-03-05"] * values))
        return len(kept)

    search_by(1)
    few, *many = map(search_by, (MOST_VALUES_KEPT, 9, 20, 190))
    assert many == [few, few, few]


def test_a_count_of_nothing_asks_for_the_number_of_matches(desk_on_both: Desk) -> None:
    desk = desk_on_both
    referral = a_referral(desk)

    whole = search(desk, "HealthcareService", count="0", name="night", active="true")
    steps = search(desk, "Provenance", count="0", target=f"Task/{referral['id']}")
    tasks = [search(desk, "Task", count="0", status=status) for status in ("requested", "completed")]

    assert [each["total"] for each in (whole, steps, *tasks)] == [1, 1, 1, 0]
    assert all("entry" not in each for each in (whole, steps, *tasks))
    assert tasks[0]["link"] == [{"relation": "self", "url": f"{BASE}/Task?status=requested&_count=0"}]
    assert "total" not in search(desk, "Task")


def test_a_status_is_sought_in_the_queue_that_the_token_names(desk: Desk) -> None:
    referral = a_referral(desk)
    system = read(desk, "Task", referral["id"])["businessStatus"]["coding"][0]["system"]
    other = f"urn:portico:queue:{'0' * 32}:status"

    assert ids(search(desk, "Task", business_status=f"{system}|referred")) == [referral["id"]]
    assert ids(search(desk, "Task", business_status=f"{other}|referred")) == []


def test_a_date_covers_what_it_names() -> None:
    def bounds(value: str) -> tuple[str, str]:
        begin, end = moments(value, "_lastUpdated")
        assert begin is not None
        assert end is not None
        return begin.isoformat()[:19], end.isoformat()[:19]

    assert bounds("2026") == ("2026-01-01T00:00:00", "2027-01-01T00:00:00")
    assert bounds("2026-11") == ("2026-11-01T00:00:00", "2026-12-01T00:00:00")
    assert bounds("2026-12") == ("2026-12-01T00:00:00", "2027-01-01T00:00:00")
    assert bounds("2026-03-01") == ("2026-03-01T00:00:00", "2026-03-02T00:00:00")
    assert bounds("2026-03-01T08:30Z") == ("2026-03-01T08:30:00", "2026-03-01T08:31:00")
    assert bounds("2026-03-01T08:30:00+02:00") == ("2026-03-01T06:30:00", "2026-03-01T06:30:01")
    assert bounds("2026-03-01T08:30:00 02:00") == bounds("2026-03-01T08:30:00+02:00")


def test_the_capability_statement_names_what_can_be_searched() -> None:
    from services.referrals.fhir.capability import capability_statement

    statement = capability_statement(BASE)

    CapabilityStatement.model_validate(statement)
    (server,) = statement["rest"]
    offered = {each["type"]: {each["name"] for each in each["searchParam"]} for each in server["resource"]}
    every = {**PARAMETERS, **portals_fhir.PARAMETERS}
    assert offered == {name: set(parameters) for name, parameters in every.items()}
    assert statement["fhirVersion"] == "4.0.1"


def test_a_bundle_links_to_itself_and_names_each_resource_in_full(desk: Desk) -> None:
    referral = a_referral(desk)

    bundle = search(desk, "Task")

    assert bundle["entry"][0]["fullUrl"] == f"{BASE}/Task/{referral['id']}"
    assert bundle["link"] == [{"relation": "self", "url": f"{BASE}/Task?_count=20"}]
