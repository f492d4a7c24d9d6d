"""What is published to people's portals, in process on real databases."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.identity import people
from services.contracts.portals import published_items as contract
from services.portals.published_items import rules
from tests.support.in_process import BAYSIDE, InProcess, a_caller
from tests.support.merged_people import MergedPeople

STAFF = a_caller(contract.PUBLISH)
PERSON, OTHER = "1" * 32, "2" * 32
RESTRICTION = {"restriction": "No lifting above 10 kg", "from_on": "2026-03-01", "until_on": None}


def somebody(
    *permissions: str, person_id: str = PERSON, own_id: str | None = PERSON, realm: str = "family"
) -> Caller:
    profile = {"person_id": person_id, "role": "r", "permissions": list(permissions)}
    return a_caller(realm=realm, id="d" * 32, scope={"person_id": own_id, "profiles": [profile]})


EMPLOYEE = somebody(*set(rules.PERMISSION_OF_KIND.values()), realm="employee")


@pytest.fixture(params=["sqlite", "postgresql"])
def portals(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[InProcess]:
    is_file = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/portals.db" if is_file else request.getfixturevalue("postgres_database")
    process = InProcess("portals", url, tmp_path)

    MergedPeople({PERSON, OTHER}).answer(process)
    yield process
    process.close()


def publish(portals: InProcess, kind: str = "restriction", values: Any = None, **more: Any) -> Any:
    request = {"person_id": PERSON, "kind": kind, "values": RESTRICTION if values is None else values} | more
    return portals.call(contract.publish_item, STAFF, **request)


def seen(portals: InProcess, caller: Caller = EMPLOYEE, **request: Any) -> list[Any]:
    return list(portals.call(contract.list_my_items, caller, **request)["items"])


def refusal(call: Any) -> tuple[str, str | None]:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.code, refused.value.field


SAMPLES: dict[str, dict[str, Any]] = {
    "work_status": {"status": "restricted_duty"},
    "restriction": {"restriction": "No ladders"},
    "lost_time": {"days": 3},
    "order": {"name": "Audiogram", "state": "open"},
    "due_item": {"name": "Fit test"},
    "certification": {"name": "Forklift"},
    "surveillance": {"panel": "Hearing", "status": "due"},
    "case": {"stage": "Open"},
    "document": {"title": "Letter", "document_type": "letter"},
    "result": {"name": "Lead", "value": "2"},
    "allergy": {"substance": "Latex"},
    "medication": {"name": "Ibuprofen"},
    "immunisation": {"vaccine": "Influenza"},
    "vital": {"name": "Pulse", "value": "60"},
    "report": {"title": "Report", "text": "Fit."},
    "contact": {"name": "Nurse"},
    "visit": {"title": "Check", "starts_at": "2026-04-01T10:00:00+00:00"},
    "care_plan": {"title": "Plan", "text": "Rest."},
    "care_note": {"text": "Slept well."},
    "invoice": {"number": "7", "amount": "12.50", "currency": "USD", "state": "open"},
    "custom": {"label": "Locker", "value": "12"},
}


@pytest.mark.seed("S2-23", "S2-24")
def test_each_kind_is_published_and_read_with_its_values(portals: InProcess) -> None:
    assert set(SAMPLES) == set(contract.KINDS) == set(rules.PERMISSION_OF_KIND)
    for kind, values in SAMPLES.items():
        publish(portals, kind, values)
        [item] = seen(portals, kind=kind)
        assert item["kind"] == kind
        for name, value in values.items():
            told = item["values"][name]
            assert told == value or name == "starts_at", (kind, name)
        assert refusal(lambda kind=kind: publish(portals, kind, {"unheard_of": 1}))[0] == "invalid_request"
    assert len(seen(portals)) == len(SAMPLES)


def test_every_problem_of_the_values_is_told_with_its_member(portals: InProcess) -> None:
    with pytest.raises(Refused) as refused:
        publish(
            portals,
            "invoice",
            {"number": "1", "amount": "12.505", "currency": "dollar", "state": "new", "x": 1},
        )
    told = {each["field"] for each in refused.value.more["errors"]}
    assert told == {"values.amount", "values.currency", "values.state", "values.x"}
    assert refusal(lambda: publish(portals, person_id="9" * 32)) == ("not_found", "person_id")
    assert seen(portals) == []


@pytest.mark.seed("S1-15", "S1-32")
def test_two_contacts_with_different_roles_see_different_sections(portals: InProcess) -> None:
    for kind, values in SAMPLES.items():
        publish(portals, kind, values)
    physician = somebody("profile.view_medications", "profile.view_vitals", own_id=OTHER)
    relative = somebody("profile.view_schedule", "profile.view_contacts", own_id=OTHER)
    assert {each["kind"] for each in seen(portals, physician, person_id=PERSON)} == {
        "allergy",
        "medication",
        "immunisation",
        "vital",
        "result",
    }
    assert {each["kind"] for each in seen(portals, relative, person_id=PERSON)} == {"visit", "contact"}
    assert seen(portals, relative, person_id=PERSON, kind="medication") == []
    assert seen(portals, somebody(own_id=OTHER), person_id=PERSON) == []


def test_nobody_sees_a_person_whose_profile_is_not_open_to_them(portals: InProcess) -> None:
    publish(portals)
    stranger = somebody("profile.view_documents", person_id=OTHER, own_id=OTHER)
    assert refusal(lambda: seen(portals, stranger, person_id=PERSON)) == ("not_found", "person_id")
    assert refusal(lambda: seen(portals, a_caller(realm="employee"))) == ("not_found", "person_id")
    assert refusal(lambda: seen(portals, STAFF))[0] == "forbidden"
    for caller in (a_caller(), EMPLOYEE, a_caller(contract.PUBLISH, realm="provider")):
        assert refusal(lambda caller=caller: portals.call(contract.list_items, caller, person_id=PERSON)) == (
            "forbidden",
            None,
        )


def test_the_same_source_reference_makes_a_revision_and_the_same_content_changes_nothing(
    portals: InProcess,
) -> None:
    named = {"source": "clinic", "source_reference": "r-1"}
    first = publish(portals, **named)
    assert publish(portals, **named) == first
    assert len(portals.events(contract.item_published)) == 1
    second = publish(portals, values=RESTRICTION | {"until_on": "2026-04-01"}, **named)
    assert (second["id"], second["revision"]) == (first["id"], 2)
    assert [each["values"]["until_on"] for each in seen(portals)] == ["2026-04-01"]
    kept = portals.call(contract.get_item, STAFF, item_id=first["id"])
    assert [(each["revision"], each["values"]["until_on"]) for each in kept["earlier"]] == [(1, None)]
    assert refusal(lambda: publish(portals, person_id=OTHER, **named)) == ("conflict", "source_reference")
    assert refusal(lambda: publish(portals, "lost_time", {"days": 1}, **named)) == (
        "conflict",
        "source_reference",
    )
    # Another source may use the same name, and without a name each is an item of its own.
    publish(portals, source="hospital", source_reference="r-1")
    publish(portals)
    publish(portals)
    assert len(seen(portals)) == 4
    told = portals.events(contract.item_published)[-1]["data"]
    assert told == {"person_id": PERSON, "kind": "restriction", "revision": 1}


def test_a_withdrawn_item_is_gone_for_its_person_and_there_for_staff(portals: InProcess) -> None:
    item = publish(portals, source_reference="r-1")
    for _ in range(2):
        withdrawn = portals.call(contract.withdraw_item, STAFF, item_id=item["id"])
    assert withdrawn["withdrawn_at"] is not None
    assert seen(portals) == []
    assert len(portals.events(contract.item_withdrawn)) == 1
    [kept] = portals.call(contract.list_items, STAFF, person_id=PERSON)["items"]
    assert kept["withdrawn_at"] == withdrawn["withdrawn_at"]
    assert refusal(lambda: publish(portals, source_reference="r-1")) == ("conflict", "source_reference")
    elsewhere = a_caller(contract.PUBLISH, organisation=BAYSIDE)
    for operation in (contract.withdraw_item, contract.get_item):
        assert refusal(
            lambda operation=operation: portals.call(operation, elsewhere, item_id=item["id"])
        ) == (
            "not_found",
            "item_id",
        )


def test_an_item_is_seen_while_it_is_valid(portals: InProcess) -> None:
    start = datetime.datetime(2026, 3, 4, 12, tzinfo=datetime.UTC)
    day = datetime.timedelta(days=1)
    with time_machine.travel(start, tick=False) as clock:
        publish(portals, valid_from=(start + day).isoformat(), valid_until=(start + 2 * day).isoformat())
        assert seen(portals) == []
        clock.move_to(start + day)
        assert len(seen(portals)) == 1
        clock.move_to(start + 2 * day)
        assert seen(portals) == []


def test_items_come_in_pages_newest_first(portals: InProcess) -> None:
    made = [publish(portals, "lost_time", {"days": number})["id"] for number in range(5)]
    got: list[str] = []
    after = None
    while True:
        page = portals.call(contract.list_my_items, EMPLOYEE, limit=2, after=after)
        got += [each["id"] for each in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert sorted(got) == sorted(made)
    assert len(got) == 5


def test_items_follow_a_merge_and_go_back_when_it_is_undone(portals: InProcess) -> None:
    publish(portals)
    publish(portals, "lost_time", {"days": 2}, person_id=OTHER)
    people = MergedPeople({PERSON, OTHER}).answer(portals)
    people.tell_merge(portals, PERSON, OTHER)
    assert len(seen(portals)) == 2
    people.tell_undoing(portals, PERSON, OTHER)
    assert [each["kind"] for each in seen(portals)] == ["restriction"]
    [back] = portals.call(contract.list_items, STAFF, person_id=OTHER)["items"]
    assert back["kind"] == "lost_time"


def test_each_reading_is_audited(portals: InProcess) -> None:
    item = publish(portals)
    seen(portals)
    portals.call(contract.get_item, STAFF, item_id=item["id"])
    portals.call(contract.list_items, STAFF, person_id=PERSON)
    assert [row.action for row in portals.audit() if row.action.endswith(".read")] == [
        "items.read",
        "item.read",
        "items.read",
    ]


NOBODY = "9" * 32


def batch(portals: InProcess, *items: Any, **more: Any) -> Any:
    known = [
        {"person_id": each, "first_name": "Pat", "last_name": "Quill", "accounts": []}
        for each in (PERSON, OTHER)
    ]
    portals.answers[people.describe_people.address] = lambda asked: {
        "items": [each for each in known if each["person_id"] in asked["person_ids"]]
    }
    return portals.call(contract.publish_items, STAFF, source="lab", items=list(items), **more)


def given(number: int, **more: Any) -> dict[str, Any]:
    values = {"name": "Lead", "value": str(number)}
    return {"person_id": PERSON, "kind": "result", "values": values, "source_reference": f"r{number}"} | more


def test_a_batch_publishes_each_item_for_itself_and_tells_what_became_of_it(portals: InProcess) -> None:
    wanted = [
        given(1),
        given(2, values={"name": "Lead"}),
        given(3, person_id=NOBODY),
        given(4, person_id=OTHER),
    ]
    told = batch(portals, *wanted, key="k" * 32)
    assert [each["outcome"] for each in told["outcomes"]] == ["published", "refused", "refused", "published"]
    assert [told[name] for name in ("published", "unchanged", "refused")] == [2, 0, 2]
    wrong, unknown = told["outcomes"][1:3]
    assert [each["field"] for each in wrong["problems"]] == ["values.value"]
    assert [each["field"] for each in unknown["problems"]] == ["person_id"]
    assert [each["values"]["value"] for each in seen(portals)] == ["1"]
    assert len(portals.events(contract.item_published)) == 2
    # Sent again, with the same key or another, it changes nothing; what is mended is published.
    assert batch(portals, *wanted, key="k" * 32) == told
    again = batch(portals, given(1), given(2), given(4, person_id=OTHER))
    assert [each["outcome"] for each in again["outcomes"]] == ["unchanged", "published", "unchanged"]
    taken = batch(portals, given(4))["outcomes"][0]
    assert (taken["outcome"], taken["problems"][0]["field"]) == ("refused", "source_reference")
    for items in ([], [given(each) for each in range(contract.MOST_AT_ONCE + 1)]):
        assert refusal(lambda items=items: batch(portals, *items))[0] == "invalid_request"


def test_a_batch_is_published_by_whoever_may_publish_alone(portals: InProcess) -> None:
    request = {"source": "lab", "items": [given(1)]}
    for caller in (a_caller(), EMPLOYEE):
        ask = functools.partial(portals.call, contract.publish_items, caller, **request)
        assert refusal(ask)[0] == "forbidden"


def a_bundle(*resources: Any) -> dict[str, Any]:
    entries = [{"resource": {"id": f"x{at}", **each}} for at, each in enumerate(resources)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def concept(text: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://loinc.org", "code": "1-8", "display": text}]}


def test_a_fhir_bundle_is_published_and_what_is_not_understood_is_named(portals: InProcess) -> None:
    bundle = a_bundle(
        {
            "resourceType": "Observation", "status": "final", "category": [{"coding": [{"code": "vital-signs"}]}],
            "code": concept("Heart rate"), "valueQuantity": {"value": 64, "unit": "/min"},
            "effectiveDateTime": "2026-03-01T09:00:00Z", "subject": {"reference": "Patient/1"},
        },
        {
            "resourceType": "Observation", "status": "final", "code": {"text": "Lead"}, "valueString": "negative",
            "referenceRange": [{"text": "negative"}],
        },
        {"resourceType": "Observation", "status": "preliminary", "code": {"text": "HIV"}, "valueString": "?"},
        {
            "resourceType": "AllergyIntolerance", "code": concept("Latex"), "patient": {"reference": "Patient/1"},
            "reaction": [{"manifestation": [concept("Hives")], "severity": "mild"}],
        },
        {
            "resourceType": "MedicationStatement", "status": "active", "medicationCodeableConcept": concept("Ibuprofen"),
            "dosage": [{"text": "400 mg"}], "effectivePeriod": {"start": "2026-01-01"},
        },
        {
            "resourceType": "Immunization", "status": "completed", "vaccineCode": concept("Tetanus"),
            "occurrenceDateTime": "2025-12-01",
        },
        {"resourceType": "Condition", "code": concept("Silicosis")},
        {"resourceType": "AllergyIntolerance", "code": concept("Nuts"), "modifierExtension": [{"url": "x"}]},
        {"resourceType": "Immunization", "status": "not-done", "vaccineCode": concept("Hepatitis B")},
    )  # fmt: skip
    request = {"person_id": PERSON, "source": "ehr", "bundle": bundle}
    told = portals.call(contract.publish_fhir_bundle, STAFF, **request)
    assert (told["published"], told["refused"]) == (5, 0)
    assert [each["field"] for each in told["not_understood"]] == [
        f"bundle.entry.{at}.resource" for at in (2, 6, 7, 8)
    ]
    assert "Condition" in told["not_understood"][1]["rule"]
    shown = {each["kind"]: each["values"] for each in seen(portals)}
    assert (
        shown["vital"] | {"name": "Heart rate", "value": "64", "unit": "/min", "taken_on": "2026-03-01"}
        == shown["vital"]
    )
    assert shown["result"]["range"] == "negative"
    assert shown["allergy"] == {"substance": "Latex", "reaction": "Hives", "severity": "mild"}
    assert (shown["medication"]["dose"], shown["medication"]["from_on"]) == ("400 mg", "2026-01-01")
    assert shown["immunisation"]["given_on"] == "2025-12-01"
    again = portals.call(contract.publish_fhir_bundle, STAFF, **request)
    assert (again["published"], again["unchanged"]) == (0, 5)
    several = a_bundle(
        *({"resourceType": "AllergyIntolerance", "code": concept("Nuts"), "patient": {"reference": f"Patient/{each}"}}
          for each in (1, 2))
    )  # fmt: skip
    for wrong, field in (
        ({"resourceType": "Patient"}, "bundle.resourceType"),
        ({"resourceType": "Bundle", "entry": {}}, "bundle.entry"),
        (a_bundle(*[{}] * (contract.MOST_AT_ONCE + 1)), "bundle.entry"),
        (several, "bundle.entry"),
        (a_bundle({"resourceType": "Condition", "x": "\ud800"}), "bundle.entry.0.resource.x"),
    ):
        call = {**request, "bundle": wrong}
        assert refusal(lambda call=call: portals.call(contract.publish_fhir_bundle, STAFF, **call)) == (
            "invalid_request", field,
        )  # fmt: skip
    call = {**request, "person_id": NOBODY}
    assert refusal(lambda: portals.call(contract.publish_fhir_bundle, STAFF, **call))[0] == "not_found"
