"""The directory as HSDS 3.1: valid objects, pages, one file with everything, and the same directory when it is read back."""

from __future__ import annotations

import csv
import datetime
import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from services.chassis import wire
from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.referrals import directory, directory_exports, hsds
from services.referrals.directory.countries import country_code
from services.referrals.directory.models import Resource
from services.referrals.hsds import queries
from services.referrals.hsds.objects import Row, location_of
from tests.integration.referrals.builders import OTHER_STAFF, STAFF, Desk, refusal
from tests.integration.referrals.test_directory import REAL_EXPORT
from tests.support.hsds_schema import violations
from tests.support.in_process import HARBOR, a_caller

CHECKOUT = Path(__file__).resolve().parents[3]
SAMPLE = CHECKOUT / "deploy" / "sample" / "resources.csv"
HSDS_SAMPLE = CHECKOUT / "deploy" / "sample" / "services.hsds.json"
COUNTS = ("added", "changed", "unchanged", "refused")


def exported(desk: Desk, caller: Caller = STAFF) -> bytes:
    export = desk(directory_exports.export_directory, caller)
    answer = desk(directory_exports.download_directory_export, caller, export_id=export["export_id"])
    content = desk.service.runtime.blobs.find(caller.organisation_id, answer["sha256"]).read_bytes()
    assert answer["size"] == len(content)
    return bytes(content)


SYSTEM = a_caller("directory.read", id="8" * 32, realm="api")


def counts(report: Any) -> tuple[int, ...]:
    return tuple(report[name] for name in COUNTS)


def whole(desk: Desk, caller: Caller) -> dict[str, Any]:
    """The whole directory by number, without ids, versions and times, which differ between organisations."""
    own = {"id", "agency_id", "version", "updated_at", "edited_at"}
    found: dict[str, Any] = {}
    after = None
    while True:
        page = desk(directory.list_resources, caller, limit=200, after=after)
        for item in page["items"]:
            details = desk(directory.get_resource, caller, resource_id=item["id"])
            found[details["number"]] = {name: value for name, value in details.items() if name not in own}
        after = page["next"]
        if after is None:
            return found


@pytest.fixture
def full_desk(desk: Desk) -> Desk:
    """A directory of every level and status, from both formats, partly edited, with capacity."""
    desk.import_file(SAMPLE.read_bytes())
    desk.import_file(HSDS_SAMPLE.read_bytes())
    shelter = desk(directory.get_resource, resource_id=desk.resource["Night Shelter"])
    desk(
        directory.edit_resource,
        resource_id=shelter["id"],
        version=shelter["version"],
        email="no address",
        website="www.harbor.example/night",
        description="Beds for “tonight” — 💤",
    )
    day = datetime.date(2031, 1, 1).isoformat()
    desk(
        directory.set_temporary_message,
        resource_id=shelter["id"],
        version=shelter["version"] + 1,
        text="From 2031 in a new house.",
        appears_on=day,
    )
    desk.a_queue("Night Shelter")
    desk.set_capacity("Night Shelter", 20)
    return desk


def test_what_is_exported_is_hsds(full_desk: Desk) -> None:
    file = json.loads(exported(full_desk))

    assert file["hsds_version"] == "3.1"
    problems = [each for one in file["organizations"] for each in violations("organization", one)]
    problems += [each for one in file["services"] for each in violations("service", one)]
    assert problems == []
    assert len(file["organizations"]) == 3 + 14
    (row,) = full_desk.service.audit("directory.exported")
    assert row.facts["size"] > 0


def test_the_directory_read_back_elsewhere_is_the_same(full_desk: Desk) -> None:
    file = exported(full_desk)
    report = full_desk.import_file(file, OTHER_STAFF)

    assert (report["refused"], report["warnings"]) == (0, [])
    assert report["added"] == report["total"]
    # Less what only staff see.
    shown = whole(full_desk, SYSTEM)
    assert whole(full_desk, OTHER_STAFF) == shown
    hidden = whole(full_desk, STAFF).keys() - shown.keys()
    assert (len(shown), len(hidden)) == (report["total"], 4)
    assert counts(full_desk.import_file(file, OTHER_STAFF)) == (0, 0, report["total"], 0)
    again = json.loads(exported(full_desk, OTHER_STAFF))
    assert len(again["services"]) == len(json.loads(file)["services"])


def test_what_is_read_back_into_the_same_directory_changes_nothing(full_desk: Desk) -> None:
    before = whole(full_desk, STAFF)

    report = full_desk.import_file(exported(full_desk))

    assert counts(report) == (0, 0, report["total"], 0)
    assert report["warnings"] == []
    assert whole(full_desk, STAFF) == before


def test_hsds_is_imported_once_and_then_unchanged(desk_on_both: Desk) -> None:
    desk = desk_on_both
    report = desk.import_file(HSDS_SAMPLE.read_bytes())

    assert (report["source"], counts(report)) == ("hsds_json", (5, 0, 0, 0))
    assert report["levels"] == {"agency": 1, "site": 1, "program": 2, "program_at_site": 1}
    assert counts(desk.import_file(HSDS_SAMPLE.read_bytes())) == (0, 0, 5, 0)
    closed = desk(directory.search_resources, q="meals on wheels")["items"][0]
    assert (closed["status"], closed["agency_name"]) == ("active_do_not_refer", "Saltmarsh Community Kitchen")
    page = desk(hsds.list_hsds_services, search="saltmarsh", full=True)
    assert [violations("service", each) for each in page["contents"]] == [[], []]
    assert [each["status"] for each in page["contents"]] == ["active", "temporarily closed"]
    assert page["contents"][0]["service_at_locations"][0]["location"]["name"] == "Old Customs House"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("attributes", [{"id": "x", "label": "l", "value": 10**30}]),
        ("contacts", [{"id": "c", "name": "\ud800"}]),
        ("organization", {"id": "2" * 32, "name": "Kit\ud800", "description": "d"}),
        ("minimum_age", 10**30),
        ("minimum_age", "1" + "0" * 30),
        ("maximum_age", "1e999"),
        ("contacts", '[{"id": "c", "name": "\\ud800"}]'),
        ("contacts", "[" * 19_000),
    ],
)
def test_whatever_a_service_holds_the_directory_can_be_read_and_exported(
    desk: Desk, member: str, value: Any
) -> None:
    organization = {"id": "1" * 32, "name": "Kitchen", "description": "Food."}
    service = {"id": "3" * 32, "name": "Larder", "status": "active", "organization": organization}
    assert desk.import_file(json.dumps([service | {member: value}]).encode())["state"] == "done"

    page = desk(hsds.list_hsds_services, search="larder", full=True)
    assert [each["name"] for each in page["contents"]] == ["Larder"]
    wire.encode(page)
    assert b"Larder" in exported(desk)


def test_a_service_is_shown_with_its_capacity_its_places_and_its_alert(full_desk: Desk) -> None:
    service = full_desk(hsds.get_hsds_service, service_id=full_desk.resource["Night Shelter"])

    assert violations("service", service) == []
    (capacity,) = service["capacities"]
    assert (capacity["available"], capacity["maximum"]) == (20, 20)
    assert capacity["unit"]["name"]
    assert service["organization"]["name"] == "Harbor Shelter Alliance"
    assert (service["url"], "email" in service) == ("http://www.harbor.example/night", False)
    assert "alert" not in service  # its time is in the future


def test_pages_of_services_are_numbered_as_hsds_does_it(full_desk: Desk) -> None:
    first = full_desk(hsds.list_hsds_services, per_page=30)
    last = full_desk(hsds.list_hsds_services, per_page=30, page=first["total_pages"])
    beyond = full_desk(hsds.list_hsds_services, per_page=30, page=99)

    for page in (first, last, beyond):
        assert violations("page", page) == []
        assert [violations("service", each) for each in page["contents"]] == [[]] * page["size"]
    assert (first["page_number"], first["first_page"], first["last_page"], first["size"]) == (
        1,
        True,
        False,
        30,
    )
    assert (last["last_page"], beyond["empty"], beyond["contents"]) == (True, True, [])
    assert first["total_items"] == 30 + last["size"]
    assert all("phones" not in each for each in first["contents"])  # the short form has no lists


def test_a_minimal_list_has_ids_and_times_of_all_services_in_one_page(full_desk: Desk) -> None:
    whole = full_desk(hsds.list_hsds_services, minimal=True, per_page=10_000)
    assert (whole["total_pages"], whole["last_page"], whole["size"]) == (1, True, whole["total_items"])
    assert violations("page", whole) == []
    first = full_desk(hsds.list_hsds_services, per_page=200)["contents"][0]
    assert whole["contents"][0] == {"id": first["id"], "modified_date": first["last_modified"]}
    assert all(set(each) == {"id", "modified_date"} for each in whole["contents"])
    second = full_desk(hsds.list_hsds_services, minimal=True, per_page=5, page=2)
    assert second["contents"] == whole["contents"][5:10]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"minimal": True, "full": True}, "minimal"),
        ({"per_page": 201}, "per_page"),
        ({"after": "bm9uZQ"}, "after"),
        ({"proximity": "500"}, "proximity"),
    ],
)
def test_what_a_list_cannot_do_is_refused_by_its_name(full_desk: Desk, given: Any, field: str) -> None:
    with pytest.raises(Refused) as refused:
        full_desk(hsds.list_hsds_services, **given)
    assert (refused.value.code, refused.value.field) == ("invalid_request", field)


LISTS = [
    (hsds.list_hsds_services, {}),
    (hsds.list_hsds_services, {"minimal": True}),
    (hsds.list_hsds_services, {"full": True, "search": "shelter"}),
    (hsds.list_hsds_organizations, {}),
    (hsds.list_hsds_service_at_locations, {}),
    (hsds.list_hsds_taxonomies, {}),
    (hsds.list_hsds_taxonomy_terms, {}),
]


@pytest.mark.parametrize(("operation", "given"), LISTS)
def test_a_list_is_read_on_from_where_a_page_ended(full_desk: Desk, operation: Any, given: Any) -> None:
    whole = full_desk(operation, **given, per_page=200)
    found, after, last = [], None, False
    while not last:
        page = full_desk(operation, **given, per_page=1 + len(found), after=after)
        assert page["total_items"] == whole["total_items"] - len(found)
        found += page["contents"]
        after, last = page["next"], page["last_page"]
        assert (after is None) == last
    assert whole["size"] > 1
    assert (found, whole["next"]) == (whole["contents"], None)


def test_who_reads_on_misses_nothing_that_goes_meanwhile(full_desk: Desk) -> None:
    everything = full_desk(hsds.list_hsds_services, per_page=200)["contents"]
    first = full_desk(hsds.list_hsds_services, per_page=3)
    gone = UUID(first["contents"][0]["id"]).hex
    with full_desk.service.runtime.database.engine.begin() as connection:
        connection.execute(update(Resource).where(Resource.id == gone).values(is_public=False))

    following = full_desk(hsds.list_hsds_services, per_page=200, after=first["next"])
    by_page = full_desk(hsds.list_hsds_services, per_page=3, page=2)

    assert following["contents"] == everything[3:]
    assert by_page["contents"][0] == everything[4]  # one was missed


@pytest.mark.parametrize("operation", [hsds.list_hsds_taxonomies, hsds.list_hsds_taxonomy_terms])
def test_the_cursor_of_another_list_is_refused(full_desk: Desk, operation: Any) -> None:
    strange = full_desk(hsds.list_hsds_services, per_page=1)["next"]
    with pytest.raises(Refused) as refused:
        full_desk(operation, after=strange)
    assert (refused.value.code, refused.value.field) == ("invalid_request", "after")


def test_services_are_narrowed_by_organization_name_and_time(full_desk: Desk) -> None:
    agency = full_desk.resource["Harbor Shelter Alliance"]
    of_agency = full_desk(hsds.list_hsds_services, organization_id=agency)
    by_name = full_desk(hsds.list_hsds_services, search="night shelter")
    later = full_desk(hsds.list_hsds_services, modified_after="2100-01-01T00:00:00Z")

    assert {each["organization"]["name"] for each in of_agency["contents"]} == {"Harbor Shelter Alliance"}
    assert {each["name"] for each in by_name["contents"]} == {"Night Shelter"}
    assert later["total_items"] == 0


def test_organizations_are_listed_with_their_locations_if_asked_for(full_desk: Desk) -> None:
    full = full_desk(hsds.list_hsds_organizations, full=True)
    short = full_desk(hsds.list_hsds_organizations)

    for page in (full, short):
        assert [violations("organization", each) for each in page["contents"]] == [[]] * page["size"]
    assert all("locations" not in each for each in short["contents"])
    own_id = str(UUID(full_desk.resource["Harbor Shelter Alliance"]))
    harbor = next(each for each in full["contents"] if each["id"] == own_id)
    assert "Shelter on Pier Street" in [location.get("name") for location in harbor["locations"]]


def test_an_organization_is_read_by_its_id(full_desk: Desk) -> None:
    own_id = full_desk.resource["Harbor Shelter Alliance"]

    organization = full_desk(hsds.get_hsds_organization, organization_id=own_id)

    assert violations("organization", organization) == []
    listed = full_desk(hsds.list_hsds_organizations, full=True)["contents"]
    assert organization == next(each for each in listed if each["id"] == organization["id"])
    program = full_desk.resource["Night Shelter"]
    for caller, other in ((STAFF, program), (OTHER_STAFF, own_id)):
        assert (
            refusal(lambda: full_desk(hsds.get_hsds_organization, caller, organization_id=other))  # noqa: B023 - called at once
            == "not_found"
        )


def test_an_address_has_a_first_line_and_the_code_of_its_country() -> None:
    assert {country_code({"country": each}) for each in ("United States", "U.S.A.", "u.s.")} == {"US"}
    assert country_code({"country": "", "region": "ca"}) == "US"
    assert country_code({"region": "ON"}) == "CA"
    assert country_code({"country": "mx"}) == "MX"
    assert country_code({"country": "Atlantis", "region": "TX"}) is None
    record = {
        "physical_address": {"line1": "", "city": "Austin", "region": "TX", "country": "US"},
        "mailing_address": {"line1": "PO Box 1", "city": "Austin", "region": "TX", "country": "USA"},
    }
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    row = Row("a" * 32, "1", "site", "Old Mill", "active", None, record, None, now)

    site = location_of(row, None)

    assert [(each["address_1"], each["country"]) for each in site["addresses"]] == [("PO Box 1", "US")]
    kept = {
        each["label"]: json.loads(each["value"]) for each in site["attributes"] if each["label"] in record
    }
    assert kept == record


def test_another_organisations_services_do_not_exist(full_desk: Desk) -> None:
    mine = full_desk.resource["Night Shelter"]

    assert refusal(lambda: full_desk(hsds.get_hsds_service, OTHER_STAFF, service_id=mine)) == "not_found"
    assert full_desk(hsds.list_hsds_services, OTHER_STAFF)["total_items"] == 0
    assert json.loads(exported(full_desk, OTHER_STAFF))["organizations"] == []


@pytest.mark.parametrize("at_once", [1, 2, 3, 17])
def test_a_directory_that_is_exported_in_parts_holds_each_once(
    full_desk: Desk, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    def read(query: Any) -> Any:
        with full_desk.service.database.reading(HARBOR[0]) as session:
            return query(session)

    at_one_go = b"".join(queries.whole_directory(read))
    monkeypatch.setattr(queries, "AT_ONCE", at_once)
    assert b"".join(queries.whole_directory(read)) == at_one_go == exported(full_desk)


@pytest.mark.skipif(not REAL_EXPORT.is_file(), reason="the real export is not at hand (PORTICO_REAL_EXPORT)")
def test_a_real_directory_survives_the_way_out_and_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "AT_ONCE", 50)
    rows = list(csv.reader(io.StringIO(REAL_EXPORT.read_text("utf-8", errors="replace"), newline="")))
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows[:500])
    part = text.getvalue().encode()
    taken = desk.import_file(part)["added"]
    assert taken > 300

    report = desk.import_file(exported(desk), OTHER_STAFF)

    assert counts(report)[1:] == (0, 0, 0)
    kept_back = taken + 8 - report["added"]  # what only staff may see
    assert 0 < kept_back < 100
    again = desk.import_file(part, OTHER_STAFF)
    assert kept_back - 8 <= again["added"] <= kept_back
    assert (again["changed"], again["added"] + again["unchanged"]) == (0, taken)
