"""The resource directory for systems that speak the Human Services Data Specification, HSDS 3.1."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, permission
from services.contracts.fields import Count, Flag, Id, Moment, Text
from services.contracts.referrals import contract
from services.contracts.referrals.paging import PAGE


class HsdsService(Reply):
    """A service of HSDS 3.1, with the members that this directory fills."""

    id = fields.UUID(required=True)
    organization_id = fields.UUID()
    name = fields.String(required=True)
    alternate_name = fields.String()
    description = fields.String()
    url = fields.String()
    email = fields.String()
    status = fields.String(required=True)
    interpretation_services = fields.String()
    application_process = fields.String()
    fees_description = fields.String()
    accreditations = fields.String()
    eligibility_description = fields.String()
    minimum_age = fields.Float()
    maximum_age = fields.Float()
    assured_date = fields.String()
    assurer_email = fields.String()
    alert = fields.String()
    last_modified = fields.String()
    organization = fields.Dict()
    program = fields.Dict()
    additional_urls = fields.List(fields.Dict())
    phones = fields.List(fields.Dict())
    schedules = fields.List(fields.Dict())
    service_areas = fields.List(fields.Dict())
    service_at_locations = fields.List(fields.Dict())
    languages = fields.List(fields.Dict())
    funding = fields.List(fields.Dict())
    cost_options = fields.List(fields.Dict())
    required_documents = fields.List(fields.Dict())
    contacts = fields.List(fields.Dict())
    capacities = fields.List(fields.Dict())
    attributes = fields.List(fields.Dict())


class HsdsOrganization(Reply):
    """An organization of HSDS 3.1, with the members that this directory fills."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    alternate_name = fields.String()
    description = fields.String(required=True)
    email = fields.String()
    website = fields.String()
    legal_status = fields.String()
    year_incorporated = fields.Float()
    additional_websites = fields.List(fields.Dict())
    phones = fields.List(fields.Dict())
    locations = fields.List(fields.Dict())
    programs = fields.List(fields.Dict())
    contacts = fields.List(fields.Dict())
    funding = fields.List(fields.Dict())
    organization_identifiers = fields.List(fields.Dict())
    attributes = fields.List(fields.Dict())


class HsdsServiceAtLocation(Reply):
    """A service at a location of HSDS 3.1, with the members that this directory fills."""

    id = fields.UUID(required=True)
    description = fields.String()
    service = fields.Dict(required=True)
    location = fields.Dict(required=True)
    phones = fields.List(fields.Dict())
    schedules = fields.List(fields.Dict())
    service_areas = fields.List(fields.Dict())
    contacts = fields.List(fields.Dict())
    attributes = fields.List(fields.Dict())


class HsdsTaxonomy(Reply):
    """A taxonomy of HSDS 3.1."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    uri = fields.String()


class HsdsTaxonomyTerm(Reply):
    """A term of a taxonomy of HSDS 3.1. `parent_id` is given where the directory has the term above it."""

    id = fields.UUID(required=True)
    code = fields.String()
    name = fields.String(required=True)
    description = fields.String(required=True)
    parent_id = fields.UUID()
    taxonomy_id = fields.UUID(required=True)


# Of a minimal list, a page may have more.
MOST_OF_PAGE = 200
_MOST_OF_MINIMAL = 10_000
PAGE_OF_HSDS = {
    "page": fields.Integer(load_default=1, validate=validate.Range(1, 1_000_000)),
    "per_page": fields.Integer(load_default=50, validate=validate.Range(1, MOST_OF_PAGE)),
    "search": Text(load_default=None, allow_none=True, most=100),
    "after": PAGE["after"],
}
BY_TAXONOMY = {"taxonomy_id": Id(load_default=None, allow_none=True)}
OF_RESOURCES = {
    **PAGE_OF_HSDS,
    **BY_TAXONOMY,
    "taxonomy_term_id": Id(load_default=None, allow_none=True),
    "modified_after": Moment(load_default=None, allow_none=True),
    "full": Flag(load_default=False),
}
HSDS_PAGE = {
    "total_items": Count(required=True),
    "total_pages": Count(required=True),
    "page_number": Count(required=True),
    "size": Count(required=True),
    "first_page": Flag(required=True),
    "last_page": Flag(required=True),
    "empty": Flag(required=True),
    "contents": fields.List(fields.Dict(), required=True),
    "next": fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "send it as `after` for the page after this one, which misses nothing that changes meanwhile"
        },
    ),
}

list_hsds_services = contract.query(
    "list_hsds_services",
    "Services (programs) as HSDS 3.1 objects, page by page; with `full` each has its related objects, with `minimal` only its "
    "`id` and `modified_date`. A program at a site that the directory does not have is a service, too.",
    request={
        **OF_RESOURCES,
        "organization_id": Id(load_default=None, allow_none=True),
        "minimal": Flag(load_default=False),
        "per_page": fields.Integer(
            load_default=50,
            validate=validate.Range(1, _MOST_OF_MINIMAL),
            metadata={"description": f"more than {MOST_OF_PAGE} only with `minimal`"},
        ),
    },
    reply=HSDS_PAGE,
    access=permission("directory.read"),
)
get_hsds_service = contract.query(
    "get_hsds_service",
    "One service as an HSDS 3.1 object with its related objects.",
    request={"service_id": Id(required=True)},
    reply=HsdsService,
    access=permission("directory.read"),
    errors=("not_found",),
)
list_hsds_organizations = contract.query(
    "list_hsds_organizations",
    "Organizations (agencies) as HSDS 3.1 objects, page by page; with `full` each has its locations.",
    request=OF_RESOURCES,
    reply=HSDS_PAGE,
    access=permission("directory.read"),
)
get_hsds_organization = contract.query(
    "get_hsds_organization",
    "One organization as an HSDS 3.1 object with its locations.",
    request={"organization_id": Id(required=True)},
    reply=HsdsOrganization,
    access=permission("directory.read"),
    errors=("not_found",),
)
list_hsds_service_at_locations = contract.query(
    "list_hsds_service_at_locations",
    "Services at their locations as HSDS 3.1 objects, page by page: programs at sites, and services at an address of their "
    "own. `postcode` is that of the location; with `full` each has its related objects. There is no `proximity`, because "
    "postal codes have no coordinates here.",
    request={
        **OF_RESOURCES,
        "organization_id": Id(load_default=None, allow_none=True),
        "postcode": Text(load_default=None, allow_none=True, most=20),
    },
    reply=HSDS_PAGE,
    access=permission("directory.read"),
)
get_hsds_service_at_location = contract.query(
    "get_hsds_service_at_location",
    "One service at a location as an HSDS 3.1 object with its related objects.",
    request={"service_at_location_id": Id(required=True)},
    reply=HsdsServiceAtLocation,
    access=permission("directory.read"),
    errors=("not_found",),
)
list_hsds_taxonomies = contract.query(
    "list_hsds_taxonomies",
    "The taxonomies from which resources carry terms, as HSDS 3.1 objects.",
    request=PAGE_OF_HSDS,
    reply=HSDS_PAGE,
    access=permission("directory.read"),
)
get_hsds_taxonomy = contract.query(
    "get_hsds_taxonomy",
    "One taxonomy as an HSDS 3.1 object.",
    request={"taxonomy_id": Id(required=True)},
    reply=HsdsTaxonomy,
    access=permission("directory.read"),
    errors=("not_found",),
)
list_hsds_taxonomy_terms = contract.query(
    "list_hsds_taxonomy_terms",
    "The terms that resources carry as HSDS 3.1 objects, page by page in the order of their codes. `top_only` leaves out "
    "those below another term.",
    request={
        **PAGE_OF_HSDS,
        **BY_TAXONOMY,
        "parent_id": Id(load_default=None, allow_none=True),
        "top_only": Flag(load_default=False),
    },
    reply=HSDS_PAGE,
    access=permission("directory.read"),
)
get_hsds_taxonomy_term = contract.query(
    "get_hsds_taxonomy_term",
    "One term of a taxonomy as an HSDS 3.1 object.",
    request={"taxonomy_term_id": Id(required=True)},
    reply=HsdsTaxonomyTerm,
    access=permission("directory.read"),
    errors=("not_found",),
)
