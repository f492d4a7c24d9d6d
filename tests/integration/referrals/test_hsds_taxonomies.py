"""Services at their locations, taxonomies and terms as HSDS 3.1 lists them, and one count for the API and the export."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from services.contracts.referrals import directory, directory_exports, hsds
from services.referrals.directory.terms import Term, terms_of
from services.referrals.hsds.objects import own_at_location
from tests.integration.referrals.builders import OTHER_STAFF, STAFF, Desk, an_export_with, refusal
from tests.integration.referrals.test_hsds import exported
from tests.support.hsds_schema import violations

SHELTER = "Emergency Shelter"
AT = {"PhysicalAddress1": "1 Quay Street", "PhysicalCity": "Harbor", "PhysicalStateProvince": "CA"}


def a_row(number: int, name: str, level: str, agency: int = 0, **more: str) -> dict[str, str]:
    fixed = {"ResourceAgencyNum": str(number), "PublicName": name, "TaxonomyLevelName": level}
    return {**fixed, "ParentAgencyNum": str(agency), "AgencyStatus": "Active", **more}


def at_site(
    number: int, name: str, program: int, site: int, agency: int = 100, **more: str
) -> dict[str, str]:
    links = {"ConnectsToProgramNum": str(program), "ConnectsToSiteNum": str(site)}
    return a_row(number, name, "ProgramAtSite", agency, **links, **more)


def terms(*pairs: tuple[str, str]) -> dict[str, str]:
    return {
        "TaxonomyTerms": "; ".join(name for name, _ in pairs),
        "TaxonomyCodes": "; ".join(code for _, code in pairs),
    }


ROWS = [
    a_row(100, "Quay Agency", "Agency"),
    a_row(
        101, "Quay Beds", "Program", 100, **terms((SHELTER, "BH-1800"), ("Youth Shelters", "BH-1800.1500"))
    ),
    a_row(
        102,
        "Quay Meals",
        "Program",
        100,
        PhysicalPostalCode="94110",
        **AT,
        **terms(("Meals of ours", "QUAY-1")),
    ),
    a_row(103, "Old Mill", "Site", 100, PhysicalPostalCode="94111", **AT),
    a_row(104, "Secret House", "Site", 100, ExcludeFromWebsite="Yes", **AT),
    at_site(105, "Beds at the mill", 101, 103, HoursOfOperation="Nights"),
    at_site(106, "Beds of nobody", 199, 103, PhysicalPostalCode="94112", **AT),
    at_site(107, "Beds nowhere", 101, 199),
    at_site(108, "Beds in secret", 101, 104),
    a_row(
        109,
        "Quay Secret",
        "Program",
        100,
        ExcludeFromWebsite="Yes",
        **AT,
        **terms(("Secret Term", "TJ-3000")),
    ),
    at_site(110, "Secret beds", 109, 103),
    a_row(111, "Quay Words", "Program", 100, **terms(("Shelter Hou", "BH"), ("Emergency Sh", "BH-1800"))),
]
SERVICES = {"Quay Beds", "Quay Meals", "Quay Words", "Beds of nobody", "Beds nowhere"}


@pytest.fixture
def quay(desk_on_both: Desk) -> Desk:
    report = desk_on_both.import_file(an_export_with(ROWS))
    assert (report["added"], report["refused"]) == (len(ROWS), 0)
    return desk_on_both


def names(page: Any) -> list[str]:
    return [each["service"]["name"] if "service" in each else each["name"] for each in page["contents"]]


def of_quay(desk: Desk) -> str:
    (item,) = desk(directory.search_resources, q="Quay Agency")["items"]
    return str(item["id"])


def term_id(code: str) -> str:
    return Term("", code).id


def ids_by_number(desk: Desk) -> dict[str, str]:
    found = {}
    for level in ("program", "program_at_site", "site"):
        for item in desk(directory.list_resources, level=level, limit=200)["items"]:
            found[item["number"]] = item["id"]
    return found


def test_the_api_and_the_export_count_the_same_services(quay: Desk) -> None:
    export = quay(directory_exports.export_directory)
    file = json.loads(exported(quay))
    services = quay(hsds.list_hsds_services, per_page=200)
    organizations = quay(hsds.list_hsds_organizations, per_page=200)

    assert [each["id"] for each in services["contents"]] == [each["id"] for each in file["services"]]
    assert services["total_items"] == len(file["services"])
    assert organizations["total_items"] == len(file["organizations"])
    assert export["total"] == services["total_items"] + organizations["total_items"]
    own = quay(hsds.list_hsds_services, organization_id=of_quay(quay))
    assert set(names(own)) == SERVICES
    for each in own["contents"]:
        read = quay(hsds.get_hsds_service, service_id=UUID(each["id"]).hex)
        assert (read["name"], violations("service", read)) == (each["name"], [])
    ids = ids_by_number(quay)
    for number in ("105", "108", "109", "110"):  # at its place, or hidden with a part of it
        refused = refusal(lambda own_id=ids[number]: quay(hsds.get_hsds_service, service_id=own_id))
        assert (number, refused) == (number, "not_found")


def test_services_are_listed_at_their_locations(quay: Desk) -> None:
    wanted = {"organization_id": of_quay(quay)}
    short = quay(hsds.list_hsds_service_at_locations, **wanted)
    full = quay(hsds.list_hsds_service_at_locations, **wanted, full=True)
    ids = ids_by_number(quay)

    assert names(short) == names(full) == ["Quay Meals", "Quay Beds", "Beds of nobody"]
    for page in (short, full):
        assert (violations("page", page), page["total_items"]) == ([], 3)
        assert [violations("service_at_location", each) for each in page["contents"]] == [[], [], []]
    own_ids = [own_at_location(ids["102"]), ids["105"], own_at_location(ids["106"])]
    assert [UUID(each["id"]).hex for each in full["contents"]] == own_ids
    meals, beds, _ = full["contents"]
    assert beds["location"]["name"] == "Old Mill"
    assert (beds["location"]["addresses"][0]["address_1"], beds["schedules"][0]["description"]) == (
        "1 Quay Street",
        "Nights",
    )
    assert meals["location"]["addresses"][0]["postal_code"] == "94110"
    assert meals["service"]["organization"]["name"] == "Quay Agency"
    assert ("addresses" in short["contents"][1]["location"], "schedules" in short["contents"][1]) == (
        False,
        False,
    )
    services = quay(hsds.list_hsds_services, **wanted, full=True)["contents"]
    nested = [each["id"] for one in services for each in one.get("service_at_locations", ())]
    assert set(nested) == {each["id"] for each in full["contents"]}
    for each in full["contents"]:
        own_id = UUID(each["id"]).hex
        read = quay(hsds.get_hsds_service_at_location, service_at_location_id=own_id)
        assert read == each
        other = {"service_at_location_id": own_id}
        assert (
            refusal(lambda ask=other: quay(hsds.get_hsds_service_at_location, OTHER_STAFF, **ask))
            == "not_found"
        )
    for own_id in (ids["101"], ids["102"], ids["107"], ids["108"], ids["110"], own_at_location(ids["109"])):
        hidden = {"service_at_location_id": own_id}
        assert refusal(lambda ask=hidden: quay(hsds.get_hsds_service_at_location, **ask)) == "not_found"


def test_services_at_locations_are_narrowed(quay: Desk) -> None:
    agency_id = of_quay(quay)

    def found(**wanted: Any) -> list[str]:
        return names(quay(hsds.list_hsds_service_at_locations, organization_id=agency_id, **wanted))

    assert found(search="beds") == ["Quay Beds", "Beds of nobody"]
    assert found(postcode="94110") == ["Quay Meals"]
    assert found(postcode=" 941 11") == ["Quay Beds"]  # of its site
    assert found(postcode="94199") == []
    assert found(taxonomy_term_id=term_id("BH-1800.1500")) == ["Quay Beds"]  # of its program
    assert found(taxonomy_term_id=term_id("QUAY-1")) == ["Quay Meals"]
    assert found(taxonomy_term_id=term_id("TJ-3000")) == []
    (of_211, of_source) = [UUID(each["id"]).hex for each in quay(hsds.list_hsds_taxonomies)["contents"]]
    assert (found(taxonomy_id=of_211), found(taxonomy_id=of_source)) == (["Quay Beds"], ["Quay Meals"])
    assert found(taxonomy_id=agency_id) == []
    assert found(modified_after="2100-01-01T00:00:00Z") == []
    moment = quay(hsds.list_hsds_services, search="quay beds")["contents"][0]["last_modified"]
    assert len(found(modified_after=moment)) == 3  # on or after
    pages = [
        quay(hsds.list_hsds_service_at_locations, organization_id=agency_id, per_page=2, page=at)
        for at in (1, 2, 3)
    ]
    assert [len(page["contents"]) for page in pages] == [2, 1, 0]
    assert [page["last_page"] for page in pages] == [False, True, True]
    assert quay(hsds.list_hsds_service_at_locations, OTHER_STAFF)["contents"] == []


def test_services_and_organizations_are_narrowed_by_term_and_taxonomy(quay: Desk) -> None:
    of_211, of_source = [UUID(each["id"]).hex for each in quay(hsds.list_hsds_taxonomies)["contents"]]
    by_term = {"taxonomy_term_id": term_id("BH-1800")}
    assert names(quay(hsds.list_hsds_services, **by_term)) == ["Quay Beds", "Quay Words"]
    assert names(quay(hsds.list_hsds_organizations, **by_term)) == ["Quay Agency"]
    assert names(quay(hsds.list_hsds_services, taxonomy_id=of_source)) == ["Quay Meals"]
    both = {"taxonomy_id": of_source, "taxonomy_term_id": term_id("BH-1800")}
    assert names(quay(hsds.list_hsds_services, **both)) == []
    hidden = {"taxonomy_term_id": term_id("TJ-3000")}  # only of a service that nobody sees
    for operation in (hsds.list_hsds_services, hsds.list_hsds_organizations):
        assert names(quay(operation, **hidden)) == []
        assert names(quay(operation, OTHER_STAFF, taxonomy_id=of_211)) == []


def test_the_taxonomies_are_those_whose_terms_are_carried(desk_on_both: Desk) -> None:
    desk = desk_on_both
    assert desk(hsds.list_hsds_taxonomies)["contents"] == []
    desk.import_file(an_export_with(ROWS[:2]))
    page = desk(hsds.list_hsds_taxonomies)
    (of_211,) = page["contents"]
    assert (violations("page", page), violations("taxonomy", of_211), page["total_items"]) == ([], [], 1)
    desk.import_file(an_export_with(ROWS))
    both = desk(hsds.list_hsds_taxonomies)["contents"]
    assert both[0] == of_211
    assert [violations("taxonomy", each) for each in both] == [[], []]
    for search, found in (
        ("human services", both[:1]),
        ("without a code", both[1:]),
        ("nothing of this", []),
    ):
        assert desk(hsds.list_hsds_taxonomies, search=search)["contents"] == found
    second = desk(hsds.list_hsds_taxonomies, page=2, per_page=1)
    assert (second["contents"], second["total_pages"], second["last_page"]) == (both[1:], 2, True)
    for each in both:
        wanted = {"taxonomy_id": UUID(each["id"]).hex}
        assert desk(hsds.get_hsds_taxonomy, **wanted) == each
        assert refusal(lambda ask=wanted: desk(hsds.get_hsds_taxonomy, OTHER_STAFF, **ask)) == "not_found"
    assert refusal(lambda: desk(hsds.get_hsds_taxonomy, taxonomy_id="0" * 32)) == "not_found"


def test_terms_have_their_longest_name_and_the_term_above_them(quay: Desk) -> None:
    def listed(caller: Any = STAFF, **wanted: Any) -> list[str]:
        page = quay(hsds.list_hsds_taxonomy_terms, caller, **wanted)
        assert violations("page", page) == []
        assert [violations("taxonomy_term", each) for each in page["contents"]] == [[]] * page["size"]
        return [each["code"] for each in page["contents"]]

    every = ["BH", "BH-1800", "BH-1800.1500", "QUAY-1"]
    assert listed() == every
    terms = {each["code"]: each for each in quay(hsds.list_hsds_taxonomy_terms)["contents"]}
    assert [terms[code]["name"] for code in every] == [
        "Shelter Hou",
        SHELTER,
        "Youth Shelters",
        "Meals of ours",
    ]
    assert [terms[code].get("parent_id") for code in every] == [
        None,
        terms["BH"]["id"],
        terms["BH-1800"]["id"],
        None,
    ]
    of_211, of_source = [UUID(each["id"]).hex for each in quay(hsds.list_hsds_taxonomies)["contents"]]
    assert (listed(taxonomy_id=of_211), listed(taxonomy_id=of_source)) == (every[:3], every[3:])
    assert listed(taxonomy_id="0" * 32) == []
    assert listed(top_only=True) == ["BH", "QUAY-1"]
    assert listed(parent_id=term_id("BH-1800")) == ["BH-1800.1500"]
    assert listed(parent_id=term_id("QUAY-1")) == []
    assert listed(search="shelter") == ["BH", "BH-1800", "BH-1800.1500"]
    assert listed(search="bh 1800") == ["BH-1800", "BH-1800.1500"]
    assert (listed(per_page=3, page=2), listed(OTHER_STAFF)) == (every[3:], [])
    for code in every:
        wanted = {"taxonomy_term_id": term_id(code)}
        assert quay(hsds.get_hsds_taxonomy_term, **wanted) == terms[code]
        assert (
            refusal(lambda ask=wanted: quay(hsds.get_hsds_taxonomy_term, OTHER_STAFF, **ask)) == "not_found"
        )
    hidden = {"taxonomy_term_id": term_id("TJ-3000")}
    assert refusal(lambda: quay(hsds.get_hsds_taxonomy_term, **hidden)) == "not_found"
    # The services carry the same ids, also those that were edited by hand since.
    (item,) = quay(directory.search_resources, q="Quay Beds")["items"]
    quay(directory.edit_resource, resource_id=item["id"], version=item["version"], description="Warm.")
    service = quay(hsds.get_hsds_service, service_id=item["id"])
    carried = [each["taxonomy_term"]["id"] for each in service["attributes"] if "taxonomy_term" in each]
    assert carried == [terms[code]["id"] for code in ("BH-1800", "BH-1800.1500")]
    # A term that nothing carries any more is gone.
    quay.import_file(an_export_with([ROWS[0], a_row(102, "Quay Meals", "Program", 100, **AT)]))
    assert listed() == every[:3]


def test_codes_and_names_that_do_not_pair_stand_alone() -> None:
    pairs = {"taxonomy_terms": ["One", "Two"], "taxonomy_codes": ["B", "BH"]}
    assert terms_of(pairs) == [Term("One", "B"), Term("Two", "BH")]
    assert terms_of({"taxonomy_terms": ["One"], "taxonomy_codes": ["B", "BH"]}) == [
        Term("One"),
        Term("B", "B"),
        Term("BH", "BH"),
    ]
    assert terms_of({"taxonomy_codes": ["BH"]}) == [Term("BH", "BH")]
    assert terms_of({"taxonomy_terms": ["One"]}) == [Term("One")]
    assert terms_of({}) == []
    assert Term("Any", "BH").id == Term("Other", "BH").id != Term("BH").id


@pytest.mark.parametrize(
    ("code", "above"),
    [
        ("B", None),
        ("BH", "B"),
        ("BH-1800", "BH"),
        ("BH-1800.1500", "BH-1800"),
        ("BH-1800.1500-100", "BH-1800.1500"),
        ("BH-1800.1500-100.05", "BH-1800.1500-100"),
        ("BH-180", None),
        ("B-1800", None),
        ("BH-1800 * YJ-2050", None),
        ("QUAY-1", None),
        ("", None),
    ],
)
def test_the_term_above_another_follows_from_its_code(code: str, above: str | None) -> None:
    assert Term("Any", code).parent_id == (Term("", above).id if above else None)
