"""Keeping the directory by hand: resources, statuses, dated messages, and a later import after edits."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.referrals import bulk, directory, directory_exports, fhir, hsds, offers
from services.contracts.referrals.directory import resource_changed
from tests.integration.referrals.builders import (
    OTHER_STAFF,
    SMALL_DIRECTORY,
    Desk,
    an_export,
    an_export_with,
    refusal,
)
from tests.support.in_process import HARBOR, a_caller

TODAY = utc_now().date()
A_DAY = datetime.timedelta(days=1)


def shelter(desk: Desk) -> Any:
    return desk(directory.get_resource, resource_id=desk.resource["Night Shelter"])


def found(desk: Desk, q: str, **more: Any) -> list[str]:
    return [item["name"] for item in desk(directory.search_resources, q=q, **more)["items"]]


def edit(desk: Desk, operation: Any = directory.edit_resource, **more: Any) -> Any:
    resource = shelter(desk)
    more.setdefault("version", resource["version"])
    return desk(operation, resource_id=resource["id"], **more)


def test_an_agency_and_its_program_are_added_and_found(desk_on_both: Desk) -> None:
    desk = desk_on_both
    agency = desk(directory.create_resource, level="agency", name="Tidewater  Legal Aid")
    program = desk(
        directory.create_resource,
        level="program",
        name="Tenants' Hotline",
        agency_id=agency["id"],
        description="Advice by telephone.",
        phones=[{"number": "555-0142", "kind": "hotline"}],
    )

    assert (agency["name"], agency["version"], agency["agency_id"]) == ("Tidewater  Legal Aid", 1, None)
    assert program["agency_name"] == "Tidewater  Legal Aid"
    # The standard's view finds the agency by the number that the record of the program names.
    assert desk(hsds.get_hsds_service, service_id=program["id"])["organization"]["name"] == agency["name"]
    assert program["phones"] == [{"number": "555-0142", "kind": "hotline", "label": ""}]
    assert found(desk, "tenants hot") == ["Tenants' Hotline"]
    told = desk.service.events(resource_changed)
    assert [(event["data"]["level"], event["data"]["is_new"]) for event in told] == [
        ("agency", True),
        ("program", True),
    ]
    assert len(desk.service.audit("resource.created")) == 2


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"level": "program"}, "agency_required"),
        ({"level": "program", "agency_id": "0" * 32}, "resource_not_found"),
        ({"level": "agency", "number": "11"}, "number_taken"),
    ],
)
def test_what_does_not_fit_is_refused(desk: Desk, request_: dict[str, Any], code: str) -> None:
    assert refusal(lambda: desk(directory.create_resource, name="Anything", **request_)) == code


def test_a_program_hangs_on_an_agency_never_on_a_program(desk: Desk) -> None:
    wrong = {"level": "program", "name": "Anything", "agency_id": desk.resource["Night Shelter"]}

    assert refusal(lambda: desk(directory.create_resource, **wrong)) == "not_an_agency"


def test_an_edit_changes_what_it_names_and_nothing_else(desk: Desk) -> None:
    before = shelter(desk)
    assert found(desk, "night shelter") == ["Night Shelter"]
    after = edit(desk, name="Night Haven", hours="From 8 in the evening")

    assert (after["name"], after["hours"], after["version"]) == (
        "Night Haven",
        "From 8 in the evening",
        before["version"] + 1,
    )
    assert after["edited_at"] is not None
    assert after["temporary_message"] == before["temporary_message"]
    assert found(desk, "night haven") == ["Night Haven"]
    assert found(desk, "night shelter") == []
    (row,) = desk.service.audit("resource.edited")
    assert row.facts["fields"] == ["hours", "name"]
    assert edit(desk, hours="")["hours"] == ""


def test_who_read_an_older_version_changes_nothing(desk: Desk) -> None:
    edit(desk, name="Night Haven")

    assert refusal(lambda: edit(desk, name="Other", version=1)) == "version_conflict"


def test_a_status_that_is_set_decides_whether_one_may_refer_there(desk: Desk) -> None:
    queue = desk.a_queue("Night Shelter")
    edit(desk, directory.set_resource_status, status="active_do_not_refer")
    assert found(desk, "night shelter") == ["Night Shelter"]
    assert refusal(lambda: desk.assign(queue, "Night Shelter")) == "resource_not_referable"

    edit(desk, directory.set_resource_status, status="inactive")
    assert found(desk, "night shelter") == []
    assert found(desk, "night shelter", include_inactive=True) == ["Night Shelter"]
    assert refusal(lambda: desk.assign(queue, "Night Shelter")) == "resource_inactive"
    assert [event["data"]["status"] for event in desk.service.events(resource_changed)] == [
        "active_do_not_refer",
        "inactive",
    ]


def test_a_program_of_a_closed_agency_takes_no_referral(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    open_one = desk.assign(queue_id, "Night Shelter")
    agency = desk.resource["Harbor Shelter Alliance"]
    close = {"resource_id": agency, "status": "inactive", "version": 1, "confirm": True}
    desk(directory.set_resource_status, **close)
    program_ids = [desk.resource[name] for name in ("Night Shelter", "Family Housing First")]
    offer = {"queue_id": queue_id, "contact_record_id": desk.a_record(), "program_ids": program_ids}
    job = {"queue_id": queue_id, "program_ids": program_ids[:1], "contact_record_ids": [desk.a_record()]}
    moved = {"from_program_id": desk.resource["Old Shelter"], "to_program_id": program_ids[0]}
    for call in (
        lambda: desk.assign(queue_id, "Night Shelter"),
        lambda: desk.a_queue("Family Housing First", name="Other"),
        lambda: desk(offers.create_offer, **offer),
        lambda: desk(bulk.start_bulk_assignment, **job),
        lambda: desk(bulk.start_bulk_reassignment, **moved),
    ):
        with pytest.raises(Refused) as refused:
            call()
        assert (refused.value.code, refused.value.detail) == (
            "resource_inactive",
            "Its agency is inactive; choose a program of another one.",
        )
    assert desk.move(open_one, "enrolled")["progress"]["status_key"] == "enrolled"
    desk(directory.set_resource_status, resource_id=agency, status="active", version=2)
    assert desk.assign(queue_id, "Night Shelter")


@pytest.mark.parametrize("operation", [directory.set_resource_status, directory.retire_resource])
@pytest.mark.parametrize("level", ["program", "agency"])
def test_closing_with_open_referrals_asks_first(desk: Desk, operation: Any, level: str) -> None:
    queue_id = desk.a_queue("St. Mary's Café & Pantry")
    for _ in range(2):
        desk.assign(queue_id, "St. Mary's Café & Pantry")
    ended = desk.assign(queue_id, "St. Mary's Café & Pantry")
    desk.move(ended, "completed")
    if level == "agency" and operation is directory.retire_resource:
        # An agency keeps its resources: they are retired before it.
        program = {"resource_id": desk.resource["St. Mary's Café & Pantry"], "version": 1, "confirm": True}
        refused = refusal(
            lambda: desk(operation, resource_id=desk.resource["Bayside Food Network"], version=1)
        )
        assert refused == "conflict"
        desk(operation, **program)
    name = "Bayside Food Network" if level == "agency" else "St. Mary's Café & Pantry"
    request = {"resource_id": desk.resource[name], "version": 1}
    if operation is directory.set_resource_status:
        request["status"] = "inactive"
    with pytest.raises(Refused) as refused_:
        desk(operation, **request)
    assert (refused_.value.code, refused_.value.field) == ("program_has_open_referrals", "confirm")
    assert refused_.value.more == {"open_referrals": 2, "statuses": {"referred": 2}}
    assert desk(directory.get_resource, resource_id=request["resource_id"])["status"] == "active"
    assert desk(operation, **request, confirm=True)["status"] == "inactive"


def test_what_closes_without_an_open_referral_or_is_closed_already_asks_nothing(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter", "Family Housing First")
    desk.assign(queue_id, "Family Housing First")
    assert edit(desk, directory.set_resource_status, status="inactive")["status"] == "inactive"
    other = {"resource_id": desk.resource["Family Housing First"]}
    desk(directory.set_resource_status, **other, status="active_do_not_refer", version=1)
    desk(directory.set_resource_status, **other, status="inactive", version=2, confirm=True)
    assert desk(directory.set_resource_status, **other, status="inactive", version=3)["version"] == 4
    assert desk(directory.retire_resource, **other, version=4)["retired_at"] is not None


def test_a_retired_resource_is_in_no_list_and_no_search_until_it_is_brought_back(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    retired = edit(desk, directory.retire_resource)
    assert (retired["status"], retired["version"], retired["retired_at"]) == (
        "inactive",
        2,
        retired["updated_at"],
    )
    assert edit(desk, directory.retire_resource)["retired_at"] == retired["retired_at"]
    assert found(desk, "night shelter", include_inactive=True) == []
    names = [item["name"] for item in desk(directory.list_resources, level="program")["items"]]
    assert "Night Shelter" not in names
    assert "Old Shelter" in names
    every = desk(directory.list_resources, level="program", include_retired=True)["items"]
    assert "Night Shelter" in [item["name"] for item in every]
    assert refusal(lambda: desk.assign(queue_id, "Night Shelter")) == "resource_inactive"
    assert shelter(desk)["name"] == "Night Shelter"
    assert edit(desk, directory.set_resource_status, status="inactive")["retired_at"] is not None
    assert edit(desk, directory.set_resource_status, status="active")["retired_at"] is None
    assert found(desk, "night shelter") == ["Night Shelter"]
    assert desk.assign(queue_id, "Night Shelter")
    assert [row.facts["before"] for row in desk.service.audit("resource.retired")] == ["active", "inactive"]


def test_nothing_is_added_to_a_retired_agency(desk: Desk) -> None:
    agency = desk(directory.create_resource, level="agency", name="Legal Aid")
    desk(directory.retire_resource, resource_id=agency["id"], version=1)
    add = {"level": "program", "name": "Advice", "agency_id": agency["id"]}
    assert refusal(lambda: desk(directory.create_resource, **add)) == "resource_inactive"


def test_a_retired_resource_comes_back_where_its_source_has_changed_it(desk: Desk) -> None:
    edit(desk, directory.retire_resource)
    desk.import_file(an_export())
    assert shelter(desk)["retired_at"] is not None
    renamed = [
        (number, f"{name} II" if number == "11" else name, *rest) for number, name, *rest in SMALL_DIRECTORY
    ]
    desk.import_file(an_export(renamed))
    assert (shelter(desk)["name"], shelter(desk)["retired_at"]) == ("Night Shelter II", None)


@pytest.mark.parametrize(
    ("appears", "expires", "is_shown"),
    [
        (None, None, True),
        (TODAY - A_DAY, TODAY + A_DAY, True),
        (TODAY, None, True),
        (TODAY + A_DAY, None, False),
        (None, TODAY, False),
    ],
)
def test_a_message_is_shown_in_its_time_only(
    desk: Desk, appears: datetime.date | None, expires: datetime.date | None, is_shown: bool
) -> None:
    dates = {name: day.isoformat() for name, day in (("appears_on", appears), ("expires_on", expires)) if day}
    after = edit(desk, directory.set_temporary_message, text="Closed for the storm.", **dates)

    assert after["temporary_message"] == ("Closed for the storm." if is_shown else None)
    assert after["message"] == {
        "text": "Closed for the storm.",
        "appears_on": dates.get("appears_on"),
        "expires_on": dates.get("expires_on"),
    }


def test_a_message_is_taken_away(desk: Desk) -> None:
    after = edit(desk, directory.set_temporary_message, text=None)

    assert (after["temporary_message"], after["message"]) == (None, None)


def test_a_message_that_would_never_be_shown_is_refused(desk: Desk) -> None:
    day = TODAY.isoformat()
    with pytest.raises(Refused) as refused:
        edit(desk, directory.set_temporary_message, text="Never.", appears_on=day, expires_on=day)

    assert (refused.value.code, refused.value.field) == ("invalid_request", "expires_on")


def test_an_edit_stays_until_its_source_changes_and_the_report_says_so(desk: Desk) -> None:
    edit(desk, name="Night Haven")
    assert desk.import_file(an_export())["unchanged"] == 8
    assert shelter(desk)["name"] == "Night Haven"

    rows = [(*row[:4], "Inactive" if row[0] == "11" else row[4], row[5]) for row in SMALL_DIRECTORY]
    report = desk.import_file(an_export(rows))

    assert report["changed"] == 1
    assert [(warning["code"], warning["line"]) for warning in report["warnings"]] == [("edit_overwritten", 3)]
    assert (shelter(desk)["name"], shelter(desk)["edited_at"]) == ("Night Shelter", None)


def test_resources_are_listed_by_level_agency_and_status(desk: Desk) -> None:
    agency = desk.resource["Harbor Shelter Alliance"]
    page = desk(directory.list_resources, level="program", agency_id=agency, limit=3)

    assert [item["name"] for item in page["items"]] == [
        "Family Housing First",
        "Night Shelter",
        "Old Shelter",
    ]
    rest = desk(directory.list_resources, level="program", agency_id=agency, limit=3, after=page["next"])
    assert [item["name"] for item in rest["items"]] == ["Winter Shelter"]
    inactive = desk(directory.list_resources, status="inactive")["items"]
    assert [item["name"] for item in inactive] == ["Old Shelter"]


def test_another_organisation_reaches_none_of_it(desk: Desk) -> None:
    mine = desk.resource["Night Shelter"]

    def theirs(operation: Any, **more: Any) -> str:
        return refusal(lambda: desk(operation, OTHER_STAFF, resource_id=mine, version=1, **more))

    assert theirs(directory.edit_resource, name="Taken") == "not_found"
    assert theirs(directory.set_resource_status, status="inactive") == "not_found"
    assert theirs(directory.retire_resource, confirm=True) == "not_found"
    assert theirs(directory.set_temporary_message, text="Taken") == "not_found"
    assert desk(directory.list_resources, OTHER_STAFF)["items"] == []


def test_an_edit_that_says_what_is_there_already_is_no_change(desk: Desk) -> None:
    edited = edit(desk, description="Beds for the night.", phones=[{"number": "555-0142"}])
    assert edited["version"] == 2
    assert edit(desk) == edited
    assert edit(desk, description="Beds for the night.", phones=[{"number": "555-0142"}]) == edited
    assert len(desk.service.audit("resource.edited")) == len(desk.service.events(resource_changed)) == 1


QUAY = {
    "line1": "12 Quay Street",
    "line2": "Floor 2",
    "city": "Bristol Bay",
    "region": "AK",
    "postal_code": "99613",
    "country": "US",
}
TERMS = [{"name": "Food Pantries", "code": "BD-1800.2000"}, {"name": "Soup", "code": ""}]


def a_pantry(desk: Desk, **more: Any) -> Any:
    asked = {
        "level": "program",
        "name": "Quay Pantry",
        "agency_id": desk.resource["Bayside Food Network"],
        "physical_address": QUAY,
        "mailing_address": {"line1": "Box 7", "country": "US"},
        "languages": ["Yup'ik", "English"],
        "taxonomy_terms": TERMS,
        **more,
    }
    return desk(directory.create_resource, **asked)


def test_address_languages_and_terms_by_hand_come_out_as_imported_ones_do(desk_on_both: Desk) -> None:
    desk = desk_on_both
    made = a_pantry(desk)
    assert made["physical_address"] == {**QUAY, "is_private": False}
    assert (made["languages"], made["taxonomy_terms"]) == (["Yup'ik", "English"], TERMS)
    for typed in ("bristol", "99613", "pantries", "soup bristol", "BD-1800"):
        assert "Quay Pantry" in found(desk, typed)

    service = desk(hsds.get_hsds_service, service_id=made["id"])
    (place,) = service["service_at_locations"]
    by_kind = {each["address_type"]: each for each in place["location"]["addresses"]}
    assert (by_kind["physical"]["address_1"], by_kind["physical"]["address_2"]) == (
        "12 Quay Street",
        "Floor 2",
    )
    assert (by_kind["physical"]["state_province"], by_kind["postal"]["address_1"]) == ("AK", "Box 7")
    assert [each["name"] for each in service["languages"]] == ["Yup'ik", "English"]
    terms = [each["taxonomy_term"] for each in service["attributes"] if "taxonomy_term" in each]
    assert [(each["name"], each.get("code", "")) for each in terms] == [
        ("Food Pantries", "BD-1800.2000"),
        ("Soup", ""),
    ]
    listed = desk(hsds.list_hsds_taxonomy_terms)["contents"]
    assert {each["name"] for each in listed} == {"Food Pantries", "Soup"}
    assert desk(hsds.list_hsds_service_at_locations, postcode="99613")["total_items"] == 1
    wanted = {
        "resource_type": "HealthcareService",
        "resource_id": made["id"],
        "base_url": "https://portico.example/fhir/R4",
    }
    seen = desk(fhir.fhir_read, **wanted)["resource"]
    assert seen["contained"][0]["address"]["line"] == ["12 Quay Street", "Floor 2"]
    assert seen["type"][0]["coding"] == [
        {"system": "urn:portico:taxonomy", "code": "BD-1800.2000", "display": "Food Pantries"}
    ]

    export = desk(directory_exports.export_directory)
    file = desk(directory_exports.download_directory_export, export_id=export["export_id"])
    content = desk.service.runtime.blobs.find(HARBOR[0], file["sha256"]).read_bytes()
    again = desk.import_file(content)
    assert (again["added"], again["changed"]) == (0, 0)

    cleared = {"physical_address": None, "languages": [], "taxonomy_terms": []}
    after = desk(directory.edit_resource, resource_id=made["id"], version=made["version"], **cleared)
    assert (after["physical_address"], after["languages"], after["taxonomy_terms"]) == (None, [], [])
    assert after["mailing_address"]["line1"] == "Box 7"
    assert "Quay Pantry" not in found(desk, "bristol") + found(desk, "pantries")


def test_a_private_address_by_hand_is_the_staffs_and_shows_when_the_mark_is_gone(desk: Desk) -> None:
    outside = a_caller("directory.read", id="8" * 32, organisation=HARBOR, realm="api")
    made = a_pantry(desk, physical_address={**QUAY, "is_private": True})
    one = {"resource_id": made["id"]}
    assert made["physical_address"] == {**QUAY, "is_private": True}
    assert desk(directory.get_resource, outside, **one)["physical_address"] is None
    assert "12 Quay" not in str(desk(hsds.get_hsds_service, service_id=made["id"]))
    assert found(desk, "bristol") == []
    shown = desk(directory.edit_resource, **one, version=made["version"], physical_address=QUAY)
    assert shown["physical_address"] == {**QUAY, "is_private": False}
    assert desk(directory.get_resource, outside, **one)["physical_address"]["line1"] == "12 Quay Street"
    same = desk(directory.edit_resource, **one, version=shown["version"], physical_address=QUAY)
    assert same["version"] == shown["version"]


def test_coordinates_go_with_the_address_that_they_belong_to(desk: Desk) -> None:
    row = {
        "ResourceAgencyNum": "90",
        "PublicName": "Haven",
        "TaxonomyLevelName": "Agency",
        "AgencyStatus": "Active",
        "PhysicalAddress1": "9 Mill Lane",
        "PhysicalCountry": "US",
        "Latitude": "38.5",
        "Longitude": "-77.5",
    }
    desk.import_file(an_export_with([row]))
    (haven,) = desk(directory.search_resources, q="90")["items"]
    address = {"line1": "9 Mill Lane", "country": "US"}

    def put(**more: Any) -> Any:
        version = desk(directory.get_resource, resource_id=haven["id"])["version"]
        return desk(
            directory.edit_resource,
            resource_id=haven["id"],
            version=version,
            physical_address={**address, **more},
        )["record"]

    hidden = put(is_private=True)
    assert ("latitude" in hidden, hidden["private"]["latitude"]) == (False, "38.5")
    assert "latitude" not in put(line1="1 Other Street")


@pytest.mark.parametrize(
    ("address", "is_known"),
    [
        ({"country": "US"}, True),
        ({"region": "AK"}, True),
        ({"region": "Kent"}, False),
        ({"country": "Atlantis"}, False),
    ],
)
def test_an_address_needs_a_country_that_can_be_told(
    desk: Desk, address: dict[str, str], is_known: bool
) -> None:
    given = {"line1": "1 Quay", **address}
    if is_known:
        assert a_pantry(desk, physical_address=given)["physical_address"]["line1"] == "1 Quay"
        return
    with pytest.raises(Refused) as refused:
        a_pantry(desk, physical_address=given)
    assert (refused.value.code, refused.value.field) == ("invalid_request", "physical_address.country")
