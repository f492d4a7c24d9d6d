"""The FHIR R4 view of portals: every resource parses in the public models, and nobody reads it unaudited."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from fhir.resources.R4B.appointment import Appointment
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.communication import Communication
from fhir.resources.R4B.communicationrequest import CommunicationRequest
from fhir.resources.R4B.schedule import Schedule
from fhir.resources.R4B.slot import Slot

from services.chassis import fhir_queries, fhir_search
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.portals import appointments, fhir, messages, schedules
from tests.integration.portals.clinic import Clinic, a_clinic
from tests.support.in_process import a_caller, a_service
from tests.support.portal_desk import ANA, BEN, PortalDesk, a_person

clinic = pytest.fixture(params=["sqlite", "postgresql"])(a_clinic)
BASE = "https://example.org/fhir/R4"
MODELS = {
    "Communication": Communication,
    "CommunicationRequest": CommunicationRequest,
    "Appointment": Appointment,
    "Slot": Slot,
    "Schedule": Schedule,
}


def bundle(ask: Any, kind: str, caller: Any = None, *, is_lenient: bool = False, **parameters: Any) -> Any:
    """The Bundle of a search; every resource parses as what it says it is."""
    given = {
        name.replace("__", "-"): value if isinstance(value, list) else [value]
        for name, value in parameters.items()
    }
    more = () if caller is None else (caller,)
    _, search = fhir.OPERATIONS[kind]
    found = ask(search, *more, parameters=given, is_lenient=is_lenient, base_url=BASE)["resource"]
    Bundle.model_validate(found)
    for entry in found.get("entry", ()):
        MODELS[kind].model_validate(entry["resource"])
        assert entry["fullUrl"] == f"{BASE}/{kind}/{entry['resource']['id']}"
    return found


def ids(ask: Any, kind: str, **parameters: Any) -> list[str]:
    return [each["resource"]["id"] for each in bundle(ask, kind, **parameters).get("entry", ())]


def one(ask: Any, kind: str, resource_id: str) -> Any:
    read, _ = fhir.OPERATIONS[kind]
    found = ask(read, resource_id=resource_id)["resource"]
    MODELS[kind].model_validate(found)
    return found


def refused(ask: Any, kind: str, **parameters: Any) -> tuple[str, str | None]:
    with pytest.raises(Refused) as refusal:
        bundle(ask, kind, **parameters)
    return refusal.value.code, refusal.value.field


def pages(ask: Any, kind: str, **parameters: Any) -> list[list[str]]:
    """All pages of a search, by its links."""
    found, wanted = [], dict(parameters)
    while True:
        page = bundle(ask, kind, **wanted)
        found.append([each["resource"]["id"] for each in page.get("entry", ())])
        links = {each["relation"]: each["url"] for each in page["link"]}
        if "next" not in links:
            return found
        wanted["_after"] = links["next"].rpartition("_after=")[2]


def test_correspondence_and_requests_are_read_and_searched(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    first = desk.send(text="More of it")
    desk.clock.shift(60)
    second = desk.send(a_person(BEN), text="Mine too")
    desk.clock.shift(60)
    desk.answer(desk.item(first), "It is ready", outcome="completed")
    request = one(desk, "CommunicationRequest", first["id"])
    assert (request["status"], request["payload"]) == ("completed", [{"contentString": "More of it"}])
    assert request["subject"]["identifier"] == {"system": "urn:portico:person", "value": ANA}
    assert ids(desk, "CommunicationRequest") == [second["id"], first["id"]]
    for wanted, expected in (
        ({"patient": f"Patient/{ANA}"}, first),
        ({"subject": BEN}, second),
        ({"status": "active"}, second),
        ({"status": "http://hl7.org/fhir/request-status|completed"}, first),
        ({"authored": "ge2026-03-04T12:01:00Z"}, second),
        ({"_id": first["id"]}, first),
        # The answer was the last change.
        ({"_lastUpdated": "ge2026-03-04T12:02:00Z"}, first),
        ({"_since": "2026-03-04T12:02:00Z"}, first),
    ):
        assert ids(desk, "CommunicationRequest", **wanted) == [expected["id"]], wanted
    assert ids(desk, "CommunicationRequest", priority="urgent") == []
    # Who polls gets the oldest change first.
    assert ids(desk, "CommunicationRequest", _since="2026-03-04") == [second["id"], first["id"]]
    listed = desk(messages.list_correspondence, person_id=ANA)["items"]
    assert ids(desk, "Communication", patient=ANA) == [each["id"] for each in listed]
    answer = one(desk, "Communication", listed[0]["id"])
    assert (answer["sender"]["type"], answer["recipient"][0]["identifier"]["value"]) == ("Practitioner", ANA)
    assert answer["payload"] == [{"contentString": "It is ready"}]
    asked = one(desk, "Communication", listed[1]["id"])
    assert asked["basedOn"] == [{"reference": f"CommunicationRequest/{first['id']}"}]
    assert (asked["sender"].get("type"), asked["recipient"][0]["type"]) == (None, "Organization")
    assert ids(desk, "Communication", sent="lt2026-03-04T12:01:00Z") == [asked["id"]]
    assert bundle(desk, "Communication", _count="0")["total"] == 3
    backward, forward = (
        pages(desk, "Communication", _count="1"),
        pages(desk, "Communication", _count="1", _since="2026"),
    )
    assert backward == forward[::-1]
    assert [len(each) for each in backward] == [1, 1, 1]


def test_what_is_told_of_a_person_is_audited_for_each_and_only_who_reads_messages_is_told(
    portal_desk: PortalDesk,
) -> None:
    desk = portal_desk
    item = desk.send(text="Private words")
    desk.send(a_person(BEN), text="Other words")
    bundle(desk, "Communication")
    told = desk.portals.audit("correspondence.read")
    assert sorted(each.object_id for each in told) == sorted([ANA, BEN])
    one(desk, "CommunicationRequest", item["id"])
    bundle(desk, "CommunicationRequest", patient=ANA)
    assert [each.object_id for each in desk.portals.audit("queue_items.read")] == [ANA]
    client = a_caller(messages.WORK, realm="api", id="f" * 32)
    assert len(bundle(desk, "Communication", client)["entry"]) == 2
    for stranger in (a_caller("appointment.manage", realm="api", id="f" * 32), a_person()):
        for kind in ("Communication", "CommunicationRequest"):
            with pytest.raises(Refused) as refusal:
                bundle(desk, kind, stranger)
            assert refusal.value.code == "forbidden"


def test_appointments_are_read_and_searched(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    made = clinic.staff_book(kind, plan, "03-05 09:00")
    clinic.clock.shift(60)
    other = clinic.staff_book(kind, plan, "03-06 09:00", person="6" * 32)
    clinic.clock.shift(60)
    clinic(appointments.cancel_appointment, appointment_id=made["id"], version=1)
    shown = one(clinic, "Appointment", other["id"])
    assert (shown["status"], shown["minutesDuration"], shown["start"]) == (
        "booked",
        30,
        "2026-03-06T14:00:00+00:00",
    )
    assert shown["participant"][0]["actor"]["identifier"]["value"] == "6" * 32
    assert [each["actor"].get("display") for each in shown["participant"]] == [
        None,
        "Dr Reed",
        "Main Street 1",
    ]
    assert ids(clinic, "Appointment") == [other["id"], made["id"]]
    for wanted, expected in (
        ({"patient": f"Patient/{'7' * 32}"}, made),
        ({"actor": f"Patient/{'6' * 32}"}, other),
        ({"actor": f"Practitioner/{made['provider_id']}", "status": "cancelled"}, made),
        ({"status": "booked"}, other),
        ({"date": "2026-03-06"}, other),
        ({"date": ["ge2026-03-05", "lt2026-03-06"]}, made),
        ({"_since": "2026-03-04T12:02:00Z"}, made),
    ):
        assert ids(clinic, "Appointment", **wanted) == [expected["id"]], wanted
    assert ids(clinic, "Appointment", actor=f"Practitioner/{'6' * 32}") == []
    assert pages(clinic, "Appointment", _count="1") == [[other["id"]], [made["id"]]]
    assert sorted({each.object_id for each in clinic.portals.audit("appointments.read")}) == [
        "6" * 32,
        "7" * 32,
    ]
    assert len(clinic.portals.audit("appointment.read")) == 1
    with pytest.raises(Refused) as refusal:
        bundle(clinic, "Appointment", a_caller(messages.WORK))
    assert refusal.value.code == "forbidden"


def test_slots_are_what_is_free_and_what_is_booked(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    day = {"schedule": f"Schedule/{plan['id']}", "start": "2026-03-05"}
    (free,) = bundle(clinic, "Slot", **day)["entry"]
    assert (free["resource"]["start"], free["resource"]["end"]) == (
        "2026-03-05T14:00:00+00:00",
        "2026-03-05T16:00:00+00:00",
    )
    clinic.staff_book(kind, plan, "03-05 09:30")
    found = [each["resource"] for each in bundle(clinic, "Slot", **day)["entry"]]
    assert [(each["status"], each["start"][11:16], each["end"][11:16]) for each in found] == [
        ("free", "14:00", "14:30"),
        ("busy", "14:30", "15:00"),
        ("free", "15:00", "16:00"),
    ]
    assert one(clinic, "Slot", found[1]["id"]) == found[1]
    (booked,) = bundle(clinic, "Appointment")["entry"]
    assert booked["resource"]["slot"] == [{"reference": f"Slot/{found[1]['id']}"}]
    assert ids(clinic, "Slot", **day, status="busy") == [found[1]["id"]]
    assert ids(clinic, "Slot", _id=found[0]["id"]) == [found[0]["id"]]
    assert bundle(clinic, "Slot", **day, _count="0")["total"] == 3
    assert pages(clinic, "Slot", **day, _count="2") == [[found[0]["id"], found[1]["id"]], [found[2]["id"]]]
    # A week, without a date: five working days from the Wednesday on, one of them with three slots.
    assert len(ids(clinic, "Slot", schedule=plan["id"])) == 7
    assert refused(clinic, "Slot") == ("search_refused", "schedule")
    long = {"schedule": plan["id"], "start": ["ge2026-03-01", "lt2026-05-01"]}
    assert refused(clinic, "Slot", **long) == ("search_refused", "start")
    last, first = f"{plan['id']}-999912312359", f"{plan['id']}-000101010000"
    assert ids(clinic, "Slot", _id=last) == ids(clinic, "Slot", _id=first) == []
    for unknown in ("1" * 32, f"{plan['id']}-202603050000", f"{plan['id']}-999999999999", last, first):
        with pytest.raises(Refused) as refusal:
            one(clinic, "Slot", unknown)
        assert refusal.value.code == "not_found"


def test_schedules_tell_who_sees_people_where_and_how_long(clinic: Clinic) -> None:
    kind = clinic.a_type()
    reed, hall = clinic.a_provider(kind), clinic.a_provider(kind, name="Dr Hall")
    first = clinic.a_schedule(reed, until_on="2026-06-30")
    clinic.clock.shift(60)
    second = clinic.a_schedule(hall, from_on="2026-07-01")
    shown = one(clinic, "Schedule", first["id"])
    assert (shown["active"], shown["planningHorizon"]) == (True, {"end": "2026-06-30"})
    assert [each["display"] for each in shown["actor"]] == ["Dr Reed", "Main Street 1"]
    for wanted, expected in (
        ({"actor": f"Practitioner/{hall['id']}"}, second),
        ({"date": "2026-06-30"}, first),
        ({"date": "2026-07-01"}, second),
        ({"_since": "2026-03-04T12:01:00Z"}, second),
    ):
        assert ids(clinic, "Schedule", **wanted) == [expected["id"]], wanted
    clinic.clock.shift(datetime.timedelta(hours=1))
    change = {"hours": first["hours"], "place": "Elm Street 2", "time_zone": "America/New_York"}
    clinic(schedules.change_schedule, schedule_id=first["id"], version=1, **change)
    assert ids(clinic, "Schedule", _since="2026-03-04T13:00:00Z") == [first["id"]]
    assert ids(clinic, "Schedule", active="false") == []


@pytest.mark.fault("A1")
def test_the_most_values_are_searched_on_every_database(clinic: Clinic) -> None:
    """A database takes conditions within each other, and parameters of a statement, up to a limit."""
    _, plan = clinic.open()
    for kind in ("Appointment", "Schedule"):
        for name, form in fhir.PARAMETERS[kind].items():
            value = {"reference": "1" * 32, "date": "2026-03-05"}.get(form)
            if value is None:
                continue
            assert ids(clinic, kind, **{name: ",".join([value] * fhir_search.MOST_VALUES)}) in (
                [],
                [plan["id"]],
            )
            assert ids(clinic, kind, **{name: [value] * fhir_search.MOST_VALUES}) in ([], [plan["id"]])
            more = ",".join([value] * (fhir_search.MOST_VALUES + 1))
            assert refused(clinic, kind, **{name: more}) == ("search_refused", name)


@pytest.mark.fault("A28")
@pytest.mark.parametrize("count", [None, "0"])
def test_statements_of_searches_with_many_values_are_not_kept(clinic: Clinic, count: str | None) -> None:
    kept = clinic.portals.database.engine.get_execution_options()["compiled_cache"]
    kept.clear()
    page = {} if count is None else {"_count": count}

    def search(values: int) -> int:
        """How many statements are kept after a search with so many values."""
        ids(clinic, "Schedule", date=",".join(["2026-03-05"] * values), **page)
        return len(kept)

    first, few, *many = map(search, (1, fhir_queries.MOST_VALUES_KEPT, 9, 20, 190))
    assert few == first + 1
    assert many == [few, few, few]


@pytest.mark.fault("A1")
@pytest.mark.parametrize("day", ["lt0001-01-01", "ge9999-12-28", "lt9999-01-01"])
def test_a_date_to_which_no_days_can_be_added_is_refused(clinic: Clinic, day: str) -> None:
    _, plan = clinic.open()
    assert refused(clinic, "Slot", schedule=plan["id"], start=day) == ("search_refused", "start")
    assert refused(clinic, "Schedule", date=day) == ("search_refused", "date")


@pytest.mark.parametrize("day", ["ge9998-12-30", "0002-01-01", "2999-12-31"])
def test_a_date_on_which_no_schedule_has_times_finds_none(clinic: Clinic, day: str) -> None:
    _, plan = clinic.open()
    assert ids(clinic, "Slot", schedule=plan["id"], start=day) == []


@pytest.mark.parametrize(
    ("kind", "wanted", "field"),
    [
        ("Communication", {"colour": "red"}, "colour"),
        ("Communication", {"patient": "Group/1"}, "patient"),
        ("CommunicationRequest", {"status": "done"}, "status"),
        ("Appointment", {"date": "tomorrow"}, "date"),
        ("Appointment", {"_after": "x"}, "_after"),
        ("Slot", {"schedule": "1" * 32 + "," + "2" * 32}, "schedule"),
        ("Slot", {"_id": "1,2"}, "_id"),
        ("Slot", {"schedule": "1" * 32, "start": "2026,2027"}, "start"),
        ("Slot", {"schedule": "1" * 32, "status": "open"}, "status"),
        ("Schedule", {"actor": "Patient/1"}, "actor"),
    ],
)
def test_a_search_that_is_not_understood_is_refused(
    tmp_path: Any, kind: str, wanted: dict[str, Any], field: str, request: pytest.FixtureRequest
) -> None:
    for one_clinic in a_clinic(tmp_path, request):
        caller = a_caller("appointment.manage", messages.WORK)
        with pytest.raises(Refused) as refusal:
            bundle(one_clinic, kind, caller, **wanted)
        assert (refusal.value.code, refusal.value.field) == ("search_refused", field)
        if kind == "Communication" and field == "colour":
            assert bundle(one_clinic, kind, caller, is_lenient=True, **wanted)["entry"] == []


def test_a_page_for_an_export_goes_by_change_and_is_noted_for_each_person(portal_desk: PortalDesk) -> None:
    desk, whose = portal_desk, {"account_id": "f" * 32, "realm": "api"}
    first = desk.send(text="More of it")
    desk.clock.shift(60)
    second = desk.send(a_person(BEN), text="Mine too")
    desk.clock.shift(60)
    until = utc_now()
    desk.clock.shift(60)
    desk.send(text="Too late for this one")
    wanted = {"resource_type": "CommunicationRequest", "until": until.isoformat(), "count": 1, **whose}

    def page(**more: Any) -> Any:
        return desk(fhir.fhir_page, a_service("referrals"), **wanted | more)

    begun = page()
    rest = page(after=begun["next"])
    assert (begun["resources"], rest["next"]) == ([one(desk, "CommunicationRequest", first["id"])], None)
    assert [each["id"] for each in rest["resources"]] == [second["id"]]
    noted = [row for row in desk.portals.audit("queue_items.read") if row.actor_id == whose["account_id"]]
    assert [(row.actor_kind, row.actor_id, row.person_id) for row in noted] == [
        ("api_client", whose["account_id"], ANA),
        ("api_client", whose["account_id"], BEN),
    ]
    since = page(since=(until - datetime.timedelta(seconds=60)).isoformat())
    assert [each["id"] for each in since["resources"]] == [second["id"]]
    assert page(resource_type="Schedule")["resources"] == []
    for caller in (a_service("signing"), a_caller("portal_queue.work", id="9" * 32)):
        with pytest.raises(Refused, match="forbidden"):
            desk(fhir.fhir_page, caller, **wanted)
