"""What a source marks as private, hidden or not to be referred to stays with the staff."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from services.chassis.passports import Caller
from services.contracts.declare import Operation
from services.contracts.errors import Refused
from services.contracts.referrals import contract, directory, directory_exports, fhir
from services.referrals.directory_imports.icarol_row import EXPORT_COLUMNS
from tests.integration.referrals.builders import STAFF, Desk, an_export_with
from tests.support.in_process import HARBOR, a_caller

BASE = "https://portico.example/fhir/R4"
MAY = ("directory.read", "queue.read", "capacity.read", "referral.read")
SYSTEM = a_caller(*MAY, id="8" * 32, organisation=HARBOR, realm="api")
PROVIDER = a_caller(*MAY, id="7" * 32, organisation=HARBOR, realm="provider")
CANARY = "canary"

# Each flag of an iCarol export, and the columns that it is about.
PARTS = ("Address1", "Address2", "City", "StateProvince", "PostalCode", "Country")
NUMBERS = (
    "TTY",
    "TollFree",
    "NumberHotline",
    "NumberBusinessLine",
    "NumberOutOfArea",
    "NumberAfterHours",
    "Fax",
)
FLAGS: Mapping[str, tuple[str, ...]] = {
    "PhysicalAddressIsPrivate": (
        *(f"Physical{part}" for part in PARTS),
        "PhysicalCounty",
        "PhysicalLocationDescription",
        "BusServiceAccess",
        "PublicAccessTransportation",
    ),
    "MailingAddressIsPrivate": tuple(f"Mailing{part}" for part in PARTS),
    "OtherAddressIsPrivate": tuple(f"Other{part}" for part in PARTS),
    **{
        f"Phone{at}IsPrivate": (
            f"Phone{at}Number",
            f"Phone{at}Name",
            f"Phone{at}Description",
            f"Phone{at}Type",
        )
        for at in range(1, 6)
    },
    **{f"Phone{kind}IsPrivate": (f"Phone{kind}", f"Phone{kind}Description") for kind in NUMBERS},
    "EmailAddressMainIsPrivate": ("EmailAddressMain",),
    "WebsiteAddressIsPrivate": ("WebsiteAddress",),
    "MainContactIsPrivate": ("MainContactName", "MainContactEmailAddress"),
    "SeniorWorkerIsPrivate": ("SeniorWorkerName",),
}
ROW = {"TaxonomyLevelName": "Program", "ParentAgencyNum": "1", "AgencyStatus": "Active"}
HIDING = (
    {"ExcludeFromWebsite": "Yes"},
    {"ExcludeFromWebsite": "TRUE"},
    {"ExcludeFromWebsite": "-1"},
    {"ExcludeFromDirectory": "yes"},
    {"AvailableForDirectory": "No"},
    {"AgencyStatus": "Active, but do not refer"},
    {"AvailableForReferral": "No"},
)


def exported(desk: Desk) -> str:
    export = desk(directory_exports.export_directory)
    answer = desk(directory_exports.download_directory_export, export_id=export["export_id"])
    return str(desk.service.runtime.blobs.find(HARBOR[0], answer["sha256"]).read_text())


def seen_outside(desk: Desk, *typed: str) -> str:
    """All that anybody outside the staff can read of the directory, and what staff hand to other systems."""
    ids = [each["id"] for each in desk(directory.list_resources, limit=200)["items"]]
    seen: list[Any] = [exported(desk), desk.service.events()]
    for caller in (SYSTEM, PROVIDER):
        for level in (None, "agency", "program", "site"):
            texts = (CANARY, "shelter", *typed)
            seen += [asked(desk, directory.search_resources, caller, q=text, level=level) for text in texts]
        seen.append(asked(desk, directory.list_resources, caller, limit=200))
        seen += [asked(desk, directory.get_resource, caller, resource_id=each) for each in ids]
    for operation in _questions("hsds"):
        for caller in (SYSTEM, PROVIDER, STAFF):
            seen += [asked(desk, operation, caller, **wanted) for wanted in _requests(operation, ids)]
    for kind in ("HealthcareService", "Organization", "Location"):
        for caller in (SYSTEM, PROVIDER, STAFF):
            wanted = {"resource_type": kind, "base_url": BASE}
            seen.append(asked(desk, fhir.fhir_search, caller, parameters={"_count": ["100"]}, **wanted))
            seen += [asked(desk, fhir.fhir_read, caller, resource_id=each, **wanted) for each in ids]
    return json.dumps(seen, ensure_ascii=False)


def _questions(subject: str) -> list[Operation]:
    return [
        each for each in contract.operations.values() if each.kind == "query" and f"_{subject}" in each.name
    ]


def _requests(operation: Operation, ids: list[str]) -> list[dict[str, Any]]:
    """Requests to an operation of lists and single objects: with every id, in short and in full."""
    needed = [name for name, field in operation.request.fields.items() if field.required]
    more = {"per_page": 200} if "per_page" in operation.request.fields else {}
    forms = (
        [{**more, "full": full} for full in (True, False)] if "full" in operation.request.fields else [more]
    )
    assert len(needed) <= 1, f"{operation.name}: say here what to ask"
    return [
        {**form, **dict.fromkeys(needed, each)} for form in forms for each in (ids if needed else ids[:1])
    ]


def asked(desk: Desk, operation: Any, caller: Caller, **request: Any) -> Any:
    try:
        return desk(operation, caller, **request)
    except Refused as refused:
        return refused.code


@pytest.mark.fault("A27")
@pytest.mark.parametrize("says", ["Yes", "TRUE", "-1", "perhaps"])
def test_what_a_row_marks_as_private_stays_with_the_staff(desk: Desk, says: str) -> None:
    rows = []
    for at, (flag, columns) in enumerate(FLAGS.items()):
        secret = dict.fromkeys(columns, f"{CANARY} {at} 202 555 {1000 + at}")
        rows.append(
            ROW | {"ResourceAgencyNum": str(100 + at), "PublicName": f"Row {at}", flag: says} | secret
        )
    rows[0] |= {"Latitude": "38.123456", "Longitude": "-77.123456", "InternalNotes": f"{CANARY} note"}
    report = desk.import_file(an_export_with(rows))
    assert (report["added"], report["refused"]) == (len(FLAGS), 0)
    outside = seen_outside(desk, *(f"202 555 {1000 + at}" for at in range(len(FLAGS))))
    assert CANARY not in outside
    assert "38.123456" not in outside
    assert "Row 3" in outside
    for at, columns in enumerate(FLAGS.values()):
        (item,) = desk(directory.search_resources, q=str(100 + at))["items"]
        private = desk(directory.get_resource, resource_id=item["id"])["record"]["private"]
        assert {column for column, text in private.items() if CANARY in text} >= set(columns)


@pytest.mark.fault("A27")
def test_who_edits_a_resource_from_outside_sees_no_more_of_it(desk: Desk) -> None:
    row = ROW | {
        "ResourceAgencyNum": "100",
        "PublicName": "Row",
        "PhysicalAddress1": CANARY,
        "PhysicalAddressIsPrivate": "Yes",
    }
    desk.import_file(an_export_with([row]))
    (item,) = desk(directory.search_resources, q="100")["items"]
    system = a_caller("directory.import", id="8" * 32, organisation=HARBOR, realm="api")
    wanted = {"resource_id": item["id"], "version": item["version"], "description": "Open late."}
    answer = desk(directory.edit_resource, system, **wanted)
    assert (answer["description"], CANARY in json.dumps(answer)) == ("Open late.", False)
    assert CANARY in json.dumps(desk(directory.get_resource, resource_id=item["id"]))


@pytest.mark.parametrize("is_edited", [False, True])
def test_reading_back_what_was_exported_keeps_what_is_private(desk: Desk, is_edited: bool) -> None:
    secret = {"PhysicalAddress1": CANARY, "PhysicalAddressIsPrivate": "Yes"}
    row = ROW | {"ResourceAgencyNum": "100", "PublicName": "Row", "PhoneFax": "202 555 0100"}
    desk.import_file(an_export_with([row | secret]))
    (item,) = desk(directory.search_resources, q="100")["items"]
    if is_edited:
        wanted = {"resource_id": item["id"], "version": item["version"], "description": "Open late."}
        desk(directory.edit_resource, **wanted)

    report = desk.import_file(exported(desk).encode())

    assert (report["changed"], report["warnings"]) == (0, [])
    assert (
        desk(directory.get_resource, resource_id=item["id"])["record"]["private"]["PhysicalAddress1"]
        == CANARY
    )
    desk.import_file(an_export_with([row]))
    after = desk(directory.get_resource, resource_id=item["id"])["record"]
    assert "private" not in after or not after["private"]


@pytest.mark.fault("A27")
@pytest.mark.parametrize("says", ["No", "FALSE", "0", ""])
def test_what_a_row_does_not_mark_is_shown(desk: Desk, says: str) -> None:
    flags = dict.fromkeys((*FLAGS, "ExcludeFromWebsite", "ExcludeFromDirectory"), says)
    shown = {
        "PhysicalAddress1": "1 Quay Street",
        "Phone1Number": "202 555 0123",
        "PhysicalPostalCode": "20001",
    }
    desk.import_file(
        an_export_with([ROW | {"ResourceAgencyNum": "100", "PublicName": "Open House"} | flags | shown])
    )
    outside = seen_outside(desk)
    assert "1 Quay Street" in outside
    for typed in ("202 555 0123", "20001", "open house"):
        assert [each["name"] for each in desk(directory.search_resources, SYSTEM, q=typed)["items"]] == [
            "Open House"
        ]


@pytest.mark.fault("A27")
def test_rows_that_are_excluded_or_not_to_be_referred_to_stay_with_the_staff(desk: Desk) -> None:
    rows = [
        ROW | {"ResourceAgencyNum": str(100 + at), "PublicName": f"{CANARY} {at}"} | flags
        for at, flags in enumerate(HIDING)
    ]
    rows.append(
        ROW
        | HIDING[0]
        | {
            "ResourceAgencyNum": "200",
            "PublicName": f"{CANARY} agency",
            "TaxonomyLevelName": "Agency",
            "ParentAgencyNum": "0",
        }
    )
    # Below an agency that is hidden, everything is.
    for number, level in (("201", "Program"), ("202", "Site"), ("203", "ProgramAtSite")):
        below = {"TaxonomyLevelName": level, "ParentAgencyNum": "200", "ResourceAgencyNum": number}
        rows.append(ROW | below | {"PublicName": f"{CANARY} {level}"})
    site = {"TaxonomyLevelName": "Site", "ResourceAgencyNum": "300", "PublicName": f"{CANARY} site"}
    rows.append(ROW | HIDING[0] | site)
    at_site = {"TaxonomyLevelName": "ProgramAtSite", "ConnectsToSiteNum": "300", "ConnectsToProgramNum": "11"}
    rows.append(ROW | at_site | {"ResourceAgencyNum": "301", "PublicName": "Elsewhere"})
    assert desk.import_file(an_export_with(rows))["refused"] == 0
    assert CANARY not in seen_outside(desk, "100", "201")
    assert len(desk(directory.search_resources, q=CANARY, limit=50)["items"]) == len(HIDING) + 2
    program = desk.resource["Night Shelter"]
    version = desk(directory.get_resource, resource_id=program)["version"]
    desk(directory.set_resource_status, resource_id=program, version=version, status="active_do_not_refer")
    assert "Night Shelter" not in seen_outside(desk)
    desk(directory.set_resource_status, resource_id=program, version=version + 1, status="active")
    assert "Night Shelter" in seen_outside(desk)


SECRET = {
    "id": "a1",
    "address_1": f"{CANARY} Street",
    "city": "Saltmarsh",
    "state_province": "CA",
    "postal_code": "20001",
    "country": "US",
    "address_type": "physical",
}
PARTS_OF_HSDS: tuple[dict[str, Any], ...] = (
    {"addresses": [SECRET | {"is_private": True}]},
    {"addresses": [SECRET | {"confidential": "yes"}]},
    {
        "addresses": [
            SECRET
            | {"attributes": [{"id": "x", "label": "visibility", "value": "internal"}, {"label": "private"}]}
        ]
    },
    {"addresses": [SECRET], "address_is_private": "true"},
    {"addresses": [SECRET], "location_type": "confidential"},
    {"addresses": [SECRET], "attributes": [{"id": "x", "label": "confidential_address", "value": "true"}]},
    {"phones": [{"id": "p", "number": f"{CANARY} 202 555 0123", "private": 1}]},
    {"phones": [{"id": "p", "number": f"{CANARY} 202 555 0123"}], "phones_private": "Y"},
    {"contacts": [{"id": "c", "name": CANARY, "is_public": False}]},
    {"contacts": [{"id": "c", "name": "Kim", "phones": [{"id": "p", "number": CANARY, "hidden": True}]}]},
    {"email": f"{CANARY}@example.org", "email_is_confidential": True},
    {"internal_notes": CANARY},
)
HIDING_IN_HSDS = (
    {"is_private": True},
    {"visibility": "private"},
    {"is_public": "false"},
    {"exclude_from_website": "Yes"},
    {"hidden_from_directory": 1},
    {"do_not_publish": True},
    {"attributes": [{"id": "x", "taxonomy_term": {"id": "t", "name": "Confidential"}}]},
)


def as_services(bodies: tuple[dict[str, Any], ...]) -> bytes:
    organization = {"id": "o", "name": "Kitchen", "description": "Food."}
    return json.dumps(
        [
            {
                "id": f"s{at}",
                "name": f"Service {at}",
                "status": "active",
                "organization": organization,
                **body,
            }
            if "addresses" not in body
            else {
                "id": f"s{at}",
                "name": f"Service {at}",
                "status": "active",
                "organization": organization,
                "service_at_locations": [
                    {
                        "id": f"l{at}",
                        "location": {
                            "id": f"p{at}",
                            "name": "Place",
                            "location_type": "physical",
                            "latitude": 38.123456,
                            "longitude": -77.1,
                            **body,
                        },
                    }
                ],
            }
            for at, body in enumerate(bodies)
        ]
    ).encode()


@pytest.mark.fault("A27")
def test_what_an_hsds_file_marks_as_private_stays_with_the_staff(desk: Desk) -> None:
    report = desk.import_file(as_services(PARTS_OF_HSDS))
    assert (report["refused"], report["levels"]["program"]) == (0, len(PARTS_OF_HSDS))
    outside = seen_outside(desk, "202 555 0123", "20001")
    assert CANARY not in outside
    assert "38.123456" not in outside
    assert "Service 3" in outside
    kept = [
        desk(directory.get_resource, resource_id=each["id"])["record"].get("private")
        for each in desk(directory.list_resources, limit=200)["items"]
    ]
    assert sum(CANARY in json.dumps(each) for each in kept if each) == len(PARTS_OF_HSDS)


@pytest.mark.fault("A27")
def test_entities_that_an_hsds_file_marks_as_private_stay_with_the_staff(desk: Desk) -> None:
    bodies = tuple(body | {"description": f"{CANARY} {at}"} for at, body in enumerate(HIDING_IN_HSDS))
    assert desk.import_file(as_services(bodies))["levels"]["program"] == len(HIDING_IN_HSDS)
    assert CANARY not in seen_outside(desk)


@pytest.mark.fault("A27")
def test_attributes_of_addresses_in_tables_count(desk: Desk) -> None:
    tables = {
        "organizations.csv": "id,name,description\n1,Kitchen,Food.\n",
        "services.csv": "id,organization_id,name,status\n1,1,Pantry,active\n",
        "locations.csv": "id,name,location_type\n1,House,physical\n",
        "service_at_locations.csv": "id,service_id,location_id\n1,1,1\n",
        "addresses.csv": f"id,location_id,address_1,address_type\n9,1,{CANARY} Street,physical\n",
        "attributes.csv": "id,link_id,link_entity,label,value\n1,9,address,confidential,true\n",
    }
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as file:
        for name, text in tables.items():
            file.writestr(name, text)
    assert desk.import_file(package.getvalue())["refused"] == 0
    outside = seen_outside(desk)
    assert (CANARY in outside, "House" in outside) == (False, True)


def test_the_flags_above_are_all_that_the_export_has() -> None:
    flags = {name for name in EXPORT_COLUMNS if "Exclude" in name or "Available" in name or "Private" in name}
    tested = {name for flags in HIDING for name in flags} | set(FLAGS)
    # Nothing here is handed on for research.
    assert flags - tested == {"AvailableForResearch"}


STREET = {"PhysicalAddress1": f"5 {CANARY} Street", "PhysicalCity": "Gale", "PhysicalPostalCode": "99501"}
SHELTER_ROWS = {
    "agency": STREET
    | {
        "ResourceAgencyNum": "500",
        "PublicName": "Haven",
        "TaxonomyLevelName": "Agency",
        "AgencyStatus": "Active",
        "PhysicalAddressIsPrivate": "Yes",
        "Latitude": "61.21",
        "Longitude": "-149.88",
    },
    "site": STREET
    | {
        "ResourceAgencyNum": "501",
        "PublicName": "Haven House",
        "TaxonomyLevelName": "Site",
        "ParentAgencyNum": "500",
        "AgencyStatus": "Active",
        "PhysicalAddress1": f"5 {CANARY} St., Apt. 2",
        "PhysicalCountry": "US",
        "Latitude": "61.2101",
        "Longitude": "-149.8801",
        "BusServiceAccess": f"Line 5 to {CANARY}",
    },
    "program": STREET
    | {
        "ResourceAgencyNum": "502",
        "PublicName": "Haven Nights",
        "TaxonomyLevelName": "Program",
        "ParentAgencyNum": "500",
        "AgencyStatus": "Active",
        "MailingAddress1": f"5 {CANARY.upper()} STREET",
        "MailingCountry": "US",
    },
    "at site": {
        "ResourceAgencyNum": "503",
        "PublicName": "Haven Nights at Haven House",
        "TaxonomyLevelName": "ProgramAtSite",
        "ParentAgencyNum": "500",
        "AgencyStatus": "Active",
        "ConnectsToSiteNum": "501",
        "ConnectsToProgramNum": "502",
        "Latitude": "61.21",
        "Longitude": "-149.88",
    },
}


@pytest.mark.fault("A27")
@pytest.mark.parametrize("agency_comes_last", [False, True])
def test_what_an_agency_withholds_goes_out_by_none_of_its_sites_and_programs(
    desk: Desk, agency_comes_last: bool
) -> None:
    rows = dict(SHELTER_ROWS)
    if agency_comes_last:
        open_row = rows["agency"] | {"PhysicalAddressIsPrivate": ""}
        desk.import_file(an_export_with([open_row, *list(rows.values())[1:]]))
        assert CANARY in seen_outside(desk)
        desk.import_file(an_export_with([rows["agency"]]))
    else:
        desk.import_file(an_export_with(list(rows.values())))
    outside = seen_outside(desk, "gale", "99501")
    assert CANARY not in outside.lower()
    assert "61.21" not in outside
    assert "Haven House" in outside
    (site,) = desk(directory.search_resources, q="501", level="site")["items"]
    staffs = desk(directory.get_resource, resource_id=site["id"])
    assert staffs["physical_address"]["is_private"] is True
    assert (staffs["record"]["private"]["latitude"], CANARY in json.dumps(staffs["record"])) == (
        "61.2101",
        True,
    )
    # What is elsewhere stays, and so does the same street of another agency.
    other = STREET | {
        "ResourceAgencyNum": "600",
        "PublicName": "Café",
        "TaxonomyLevelName": "Agency",
        "AgencyStatus": "Active",
    }
    away = rows["site"] | {
        "ResourceAgencyNum": "504",
        "PhysicalAddress1": "77 Pier Road",
        "Latitude": "",
        "Longitude": "",
    }
    desk.import_file(an_export_with([other, away]))
    outside = seen_outside(desk)
    assert "77 Pier Road" in outside
    assert CANARY in outside


def test_when_the_mark_is_gone_the_sites_address_is_back(desk: Desk) -> None:
    rows = list(SHELTER_ROWS.values())
    desk.import_file(an_export_with(rows))
    assert desk.import_file(an_export_with(rows))["unchanged"] == len(rows)
    assert desk.import_file(exported(desk).encode())["changed"] == 0
    desk.import_file(an_export_with([rows[0] | {"PhysicalAddressIsPrivate": "No"}]))
    (site,) = desk(directory.search_resources, q="501", level="site")["items"]
    shown = desk(directory.get_resource, SYSTEM, resource_id=site["id"])
    assert (shown["physical_address"]["line1"], shown["record"]["latitude"]) == (
        f"5 {CANARY} St., Apt. 2",
        61.2101,
    )
    assert desk(directory.search_resources, q="99501", level="site")["items"] != []


def test_a_site_that_is_marked_by_hand_hides_its_street_in_the_whole_agency(desk: Desk) -> None:
    rows = [row | {"PhysicalAddressIsPrivate": ""} for row in SHELTER_ROWS.values()]
    desk.import_file(an_export_with(rows))
    (site,) = desk(directory.search_resources, q="501", level="site")["items"]
    address = {"line1": f"5 {CANARY} Street", "city": "Gale", "country": "US", "is_private": True}
    one = {"resource_id": site["id"], "version": site["version"]}
    desk(directory.edit_resource, **one, physical_address=address)
    assert CANARY not in seen_outside(desk, "gale").lower().replace(f"line 5 to {CANARY}", "")


@pytest.mark.fault("A27")
@pytest.mark.parametrize("how", ["import", "edit", "of its agency", "status", "excluded"])
def test_an_export_from_before_a_mark_of_privacy_cannot_be_fetched_any_more(desk: Desk, how: str) -> None:
    row = SHELTER_ROWS["agency"] | {"PhysicalAddressIsPrivate": "No"}
    desk.import_file(an_export_with([row, SHELTER_ROWS["site"]]))
    (agency,) = desk(directory.search_resources, q="500")["items"]
    one = {"resource_id": agency["id"], "version": agency["version"]}
    before = desk(directory_exports.export_directory)
    fetch = {"export_id": before["export_id"]}
    desk(directory.edit_resource, **one, hours="Always")  # hides nothing
    assert desk(directory_exports.download_directory_export, **fetch)["size"] > 0
    one["version"] = one["version"] + 1
    if how == "import":
        desk.import_file(an_export_with([row | {"PhysicalAddressIsPrivate": "Yes"}]))
    elif how == "excluded":
        desk.import_file(an_export_with([row | {"ExcludeFromWebsite": "Yes"}]))
    elif how == "edit":
        address = {"line1": "5 Other", "country": "US", "is_private": True}
        desk(directory.edit_resource, **one, physical_address=address)
    elif how == "status":
        desk(directory.set_resource_status, **one, status="active_do_not_refer")
    else:
        desk.import_file(
            an_export_with(
                [SHELTER_ROWS["site"] | {"ResourceAgencyNum": "509", "PhysicalAddressIsPrivate": "Yes"}]
            )
        )
    with pytest.raises(Refused) as refused:
        desk(directory_exports.download_directory_export, **fetch)
    assert (refused.value.code, "marked as private" in refused.value.detail) == ("not_found", True)
    told = desk(directory_exports.get_directory_export, **fetch)
    assert (told["state"], told["reason"]) == ("expired", "made_private")
    anew = desk(directory_exports.export_directory)
    assert desk(directory_exports.download_directory_export, export_id=anew["export_id"])["size"] > 0
