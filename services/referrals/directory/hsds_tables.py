"""The tables of HSDS 3.x as this directory reads them: their names, and how the rows of one belong to those of another.

Facts from the Human Services Data Specification 3.0 and 3.1 (openreferral/specification, folder `schema`).
"""

from __future__ import annotations

from services.referrals.directory.rules import ResourceStatus

ORGANIZATION, LOCATION, SERVICE, AT_LOCATION = "organization", "location", "service", "service_at_location"
ENTITIES = (ORGANIZATION, LOCATION, SERVICE, AT_LOCATION)
TERM = "taxonomy_term"

# link_type of the attributes in which our own export keeps what HSDS has no place for.
OURS = "portico"

# A service that is closed for a while is still in the directory, but nobody is sent there.
STATUSES = {
    "active": ResourceStatus.ACTIVE,
    "inactive": ResourceStatus.INACTIVE,
    "defunct": ResourceStatus.INACTIVE,
    "temporarily closed": ResourceStatus.DO_NOT_REFER,
}
MAX_NAME = 255

# A row of these tables belongs to the most specific entity it names, under this member of the nested form.
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

# Capacity is kept by the providers here, provenance by our own audit trail, and a taxonomy's name says what a term needs.
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

# Members of the nested form that are lists or objects and have no field of ours: kept as JSON and handed on as they are.
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


def table_of(name: str) -> str | None:
    """The table that a file, a resource of a package or a member of an object is called after; None if unknown."""
    word = name.strip().lower().rsplit("/", 1)[-1].removesuffix(".csv")
    for candidate in (word, _SPELLINGS.get(word, ""), word.removesuffix("s")):
        if candidate in _TABLES:
            return candidate
    return None
