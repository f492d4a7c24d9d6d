"""The migration to keys finds what was there before it in any spelling, and sets apart what is private in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from services.chassis import migrate
from services.contracts.referrals import directory, hsds, records
from tests.integration.referrals.builders import STAFF
from tests.support.in_process import HARBOR, InProcess, a_caller

SYSTEM = a_caller("directory.read", id="8" * 32, realm="api")
SHELTER, CLINIC, RECORD, OTHER, HOUSE = "1" * 32, "2" * 32, "3" * 32, "4" * 32, "5" * 32
SHELTER_RECORD = {
    "number": "11",
    "level": "agency",
    "name": "Østby Shelter",
    "status": "active",
    "physical_address": {"line1": "12 Secret Street", "postal_code": "20009"},
    "mailing_address": {"line1": "Box 4", "postal_code": "20001-4711"},
    "latitude": 38.1234,
    "longitude": -77.1,
    "phones": [
        {"number": "202 555 0101", "kind": "voice"},
        {"number": "202 555 0102", "kind": "fax"},
        {"number": "202 555 0103", "kind": "hotline"},
    ],
    "taxonomy_terms": ["Emergency Shelter"],
    "extra": {
        "PhysicalAddressIsPrivate": "Yes",
        "PhysicalLocationDescription": "Behind the mill",
        "Phone1IsPrivate": "TRUE",
        "PhoneFaxIsPrivate": "FALSE",
        "PhoneNumberHotlineIsPrivate": "Yes",
        "InternalNotes": "Ask for Kim",
        "FEIN": "12",
    },
}
CLINIC_RECORD = {
    "number": "12",
    "level": "agency",
    "name": "Clinic",
    "status": "active",
    "is_hidden_from_website": True,
    "latitude": 38.5,
}
# Its agency marks the street as private, the house itself does not.
HOUSE_RECORD = {
    "number": "13",
    "level": "site",
    "name": "House",
    "status": "active",
    "parent_number": "11",
    "physical_address": {"line1": "12 Secret St", "postal_code": "20009", "country": "US"},
}


@pytest.mark.fault("A27")
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_was_there_is_found_and_what_is_private_in_it_is_set_apart(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = (
        f"sqlite:///{tmp_path / 'referrals.db'}"
        if database == "sqlite"
        else request.getfixturevalue("postgres_database")
    )
    migrate.upgrade("referrals", url, "0013")
    with create_engine(url).begin() as connection:
        made = ((SHELTER, SHELTER_RECORD), (CLINIC, CLINIC_RECORD), (HOUSE, HOUSE_RECORD))
        for own_id, record in made:
            connection.execute(
                text(
                    "INSERT INTO resources (id, number, level, name, search_key, status, fingerprint, temporary_message,"
                    " record, version, revision, created_at, updated_at, organisation_id, agency_id) VALUES (:id, :number,"
                    " :level, :name, 'old key', 'active', :id, 'null', :record, 1, 1, '2026-01-01 00:00:00',"
                    " '2026-01-01 00:00:00', :organisation, :agency_id)"
                ),
                {
                    "id": own_id,
                    "level": record["level"],
                    "agency_id": SHELTER if "parent_number" in record else None,
                    "record": json.dumps(record),
                    "organisation": HARBOR[0],
                    "number": record["number"],
                    "name": record["name"],
                },
            )
        for own_id, last_name, phone in ((RECORD, "Østby", "(202) 555-0177"), (OTHER, "Vega", None)):
            connection.execute(
                text(
                    "INSERT INTO contact_records (id, number, first_name, last_name, phone, postal_code, sections,"
                    " submitted_at, version, created_at, organisation_id) VALUES (:id, :number, 'Åse', :last_name, :phone,"
                    " '94110-1234', '[]', '2026-01-01 00:00:00', 1, '2026-01-01 00:00:00', :organisation)"
                ),
                {
                    "id": own_id,
                    "number": f"CR-0000000{own_id[0]}",
                    "last_name": last_name,
                    "phone": phone,
                    "organisation": HARBOR[0],
                },
            )

    service = InProcess("referrals", url, tmp_path)
    assert migrate.differences("referrals", url) == []

    def found(operation: Any, caller: Any = STAFF, **wanted: str) -> list[str]:
        return [each["id"] for each in service.call(operation, caller, **wanted)["items"]]

    for wanted in (
        {"name": "ase ostby"},
        {"phone": "202 555 0177"},
        {"name": "Ostby", "postal_code": "94110"},
    ):
        assert found(records.search_contact_records, **wanted) == [RECORD]
    for typed in ("11", "20001", "202-555-0102", "emergency sh"):
        assert (typed, found(directory.search_resources, q=typed)) == (typed, [SHELTER])
    for typed in ("20009", "2025550101", "2025550103"):
        assert (typed, found(directory.search_resources, q=typed)) == (typed, [])
    assert (found(directory.search_resources, q="12"), found(directory.search_resources, SYSTEM, q="12")) == (
        [CLINIC],
        [],
    )

    (term,) = service.call(hsds.list_hsds_taxonomy_terms, STAFF)["contents"]
    assert term["name"] == "Emergency Shelter"
    with create_engine(url).connect() as connection:
        places = connection.execute(text("SELECT id FROM resources WHERE has_place")).scalars().all()
    assert places == [CLINIC]  # the shelter's position is private

    outside = service.call(directory.get_resource, SYSTEM, resource_id=SHELTER)
    assert (outside["record"]["extra"], [phone["number"] for phone in outside["phones"]]) == (
        {"PhoneFaxIsPrivate": "FALSE", "FEIN": "12"},
        ["202 555 0102"],
    )
    inside = service.call(directory.get_resource, STAFF, resource_id=SHELTER)["record"]["private"]
    for secret in ("Secret Street", "38.1234", "555 0101", "555 0103", "Behind the mill", "Kim"):
        assert secret not in json.dumps(outside)
        assert secret in json.dumps(inside)
    house = service.call(directory.get_resource, SYSTEM, resource_id=HOUSE)
    assert (house["physical_address"], "Secret" in json.dumps(house)) == (None, False)
    assert "Secret" in json.dumps(service.call(directory.get_resource, STAFF, resource_id=HOUSE))
    assert found(directory.search_resources, q="20009", level="site") == []
    service.close()
