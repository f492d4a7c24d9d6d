"""The tables of HSDS 3.x: their names, and which entity a row belongs to.

Facts from the Human Services Data Specification 3.0 and 3.1 (openreferral/specification, folder `schema`).
"""

from __future__ import annotations

from services.referrals.directory.rules import ResourceStatus

ORGANIZATION, LOCATION, SERVICE, AT_LOCATION = "organization", "location", "service", "service_at_location"
ENTITIES = (ORGANIZATION, LOCATION, SERVICE, AT_LOCATION)
TERM = "taxonomy_term"

# link_type of the attributes in which Portico's export keeps values that HSDS has no field for.
OURS = "portico"

# A service that is closed for a while stays in the directory, but takes no referrals.
STATUSES = {
    "active": ResourceStatus.ACTIVE,
    "inactive": ResourceStatus.INACTIVE,
    "defunct": ResourceStatus.INACTIVE,
    "temporarily closed": ResourceStatus.DO_NOT_REFER,
}
MAX_NAME = 255

# A row of these tables belongs to the most specific entity that it names. In the nested form it is in this member.
PARTS = {
    "phone": "phones",
    "schedule": "schedules",
    "service_area": "service_areas",
    "language": "languages",
    "required_document": "required_documents",
    "accessibility": "accessibility",
    "address": "addresses",
    "contact": "contacts",
    "cost_option": "cost_options",
    "funding": "funding",
    "organization_identifier": "organization_identifiers",
    "program": "programs",
    "url": "additional_urls",
    "attribute": "attributes",
}
OWNERS = (AT_LOCATION, SERVICE, LOCATION, ORGANIZATION)

# Not imported: providers keep capacity in Portico, the audit trail keeps provenance, terms suffice without their taxonomy.
NOT_READ = ("metadata", "meta_table_description", "service_capacity", "unit", "taxonomy")

_SPELLINGS = {
    "addresses": "address",
    "addresss": "address",
    "accessibilitys": "accessibility",
    "accessibilities": "accessibility",
    "services_at_location": AT_LOCATION,
    "services_at_locations": AT_LOCATION,
    "taxonomies": "taxonomy",
    "taxonomys": "taxonomy",
    "service_capacities": "service_capacity",
    "capacities": "service_capacity",
    "meta_table_descriptions": "meta_table_description",
}
_TABLES = frozenset({*ENTITIES, TERM, *PARTS, *NOT_READ})

# Lists and objects of the nested form for which ResourceRecord has no field: kept as JSON and exported unchanged.
KEPT_WHOLE = (
    "additional_urls",
    "additional_websites",
    "attributes",
    "contacts",
    "cost_options",
    "funding",
    "organization_identifiers",
    "program",
    "programs",
    "schedules",
    "service_areas",
    "languages",
    "required_documents",
    "accessibility",
)


# The columns of a part that the directory has a place for. Parts without an entry are kept whole.
_ADDRESS = (
    "address_1",
    "address_2",
    "attention",
    "city",
    "region",
    "state_province",
    "postal_code",
    "country",
)
_PHONE = ("number", "extension", "type", "description")
_READ_OF = {
    "address": frozenset({"id", "location_id", "address_type", *_ADDRESS}),
    "phone": frozenset({"id", *_PHONE, *(f"{owner}_id" for owner in OWNERS)}),
    TERM: frozenset({"id", "code", "name"}),
}


def is_left_out(table: str, column: str) -> bool:
    """Whether a column of a table has no place in the directory."""
    read = _READ_OF.get(table)
    return read is not None and column not in read and column != "attributes"


def table_of(name: str) -> str | None:
    """The table that the name of a file, of a package's resource or of a member means; None if unknown."""
    word = name.strip().lower().replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".csv").strip()
    word = word.replace(" ", "_").replace("-", "_")
    for candidate in (word, _SPELLINGS.get(word, ""), word.removesuffix("s")):
        if candidate in _TABLES:
            return candidate
    return None
