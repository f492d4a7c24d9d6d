"""JSON Schemas of HSDS 3.1 objects, written from the facts of the specification: members, types, formats, enums.

Source: Human Services Data Specification 3.1, folder `schema` (one file an object): which members are required, that every
`id` is a UUID, which texts are e-mail addresses, URIs, dates or times, and which words `status`, `location_type`,
`address_type`, `freq` and `wkst` may be. Members that the standard does not define are refused, to find
misspelt ones.
"""

from __future__ import annotations

import re
from typing import Any

import jsonschema

TEXT, NUMBER = {"type": "string"}, {"type": "number"}
UUID, EMAIL, URI = ({"type": "string", "format": form} for form in ("uuid", "email", "uri"))
MOMENT, DATE = {"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}


def _many(name: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}}


def _texts(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, TEXT)


def _object(required: str, members: dict[str, Any], owners: str = "") -> dict[str, Any]:
    links = {f"{owner}_id": UUID for owner in owners.split()}
    own = {"id": UUID, "attributes": _many("attribute"), "metadata": {"type": "array"}}
    return {
        "type": "object",
        "properties": own | links | members,
        "required": required.split(),
        "additionalProperties": False,
    }


_OWNERS = "service location organization contact service_at_location"
DEFINITIONS: dict[str, Any] = {
    "organization": _object(
        "id name description",
        {
            **_texts("name", "alternate_name", "description", "tax_status", "tax_id", "legal_status", "logo"),
            "email": EMAIL,
            "website": URI,
            "uri": URI,
            "year_incorporated": NUMBER,
            "parent_organization_id": UUID,
            "additional_websites": _many("url"),
            "funding": _many("funding"),
            "contacts": _many("contact"),
            "phones": _many("phone"),
            "locations": _many("location"),
            "programs": _many("program"),
            "organization_identifiers": _many("organization_identifier"),
        },
    ),
    "service": _object(
        "id name status",
        {
            **_texts(
                "name", "alternate_name", "description", "interpretation_services", "application_process"
            ),
            **_texts("fees_description", "wait_time", "fees", "accreditations", "eligibility_description"),
            **_texts("licenses", "alert"),
            "url": URI,
            "email": EMAIL,
            "assurer_email": EMAIL,
            "assured_date": DATE,
            "last_modified": MOMENT,
            "minimum_age": NUMBER,
            "maximum_age": NUMBER,
            "status": {"enum": ["active", "inactive", "defunct", "temporarily closed"]},
            "organization": {"$ref": "#/$defs/organization"},
            "program": {"$ref": "#/$defs/program"},
            "additional_urls": _many("url"),
            "phones": _many("phone"),
            "schedules": _many("schedule"),
            "service_areas": _many("service_area"),
            "service_at_locations": _many("service_at_location"),
            "languages": _many("language"),
            "funding": _many("funding"),
            "cost_options": _many("cost_option"),
            "required_documents": _many("required_document"),
            "contacts": _many("contact"),
            "capacities": _many("service_capacity"),
        },
        "organization program",
    ),
    "service_at_location": _object(
        "id",
        {
            "description": TEXT,
            "service": {"$ref": "#/$defs/service"},
            "location": {"$ref": "#/$defs/location"},
            "phones": _many("phone"),
            "schedules": _many("schedule"),
            "service_areas": _many("service_area"),
            "contacts": _many("contact"),
        },
        "service location",
    ),
    "location": _object(
        "id location_type",
        {
            **_texts("name", "alternate_name", "description", "transportation"),
            **_texts("external_identifier", "external_identifier_type"),
            "location_type": {"enum": ["physical", "postal", "virtual"]},
            "url": URI,
            "latitude": NUMBER,
            "longitude": NUMBER,
            "languages": _many("language"),
            "addresses": _many("address"),
            "contacts": _many("contact"),
            "accessibility": _many("accessibility"),
            "phones": _many("phone"),
            "schedules": _many("schedule"),
        },
        "organization",
    ),
    "address": _object(
        "id address_1 city state_province postal_code country address_type",
        {
            **_texts("attention", "address_2", "city", "region", "state_province"),
            **_texts("postal_code"),
            "address_1": {"type": "string", "minLength": 1},
            "country": {"type": "string", "pattern": "^[A-Z]{2}$"},
            "address_type": {"enum": ["physical", "postal", "virtual"]},
        },
        "location",
    ),
    "phone": _object(
        "id number",
        {**_texts("number", "type", "description"), "extension": NUMBER, "languages": _many("language")},
        _OWNERS,
    ),
    "schedule": _object(
        "id",
        {
            **_texts("byday", "byweekno", "bymonthday", "byyearday", "description", "opens_at", "closes_at"),
            **_texts("attending_type", "notes"),
            **dict.fromkeys(("valid_from", "valid_to", "dtstart", "until"), DATE),
            **dict.fromkeys(("timezone", "count", "interval"), NUMBER),
            "wkst": {"enum": ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]},
            "freq": {"enum": ["WEEKLY", "MONTHLY"]},
            "schedule_link": URI,
        },
        "service location service_at_location",
    ),
    "service_area": _object(
        "id", _texts("name", "description", "extent", "extent_type", "uri"), "service service_at_location"
    ),
    "language": _object("id", _texts("name", "code", "note"), "service location phone"),
    "required_document": _object("id", {"document": TEXT, "uri": URI}, "service"),
    "accessibility": _object("id", {**_texts("description", "details"), "url": URI}, "location"),
    "attribute": _object(
        "id",
        {
            **_texts("link_type", "link_entity", "value", "label"),
            "link_id": UUID,
            "taxonomy_term_id": UUID,
            "taxonomy_term": {"$ref": "#/$defs/taxonomy_term"},
        },
    ),
    "taxonomy_term": _object(
        "id name description",
        {
            **_texts("code", "name", "description", "taxonomy", "language"),
            "parent_id": UUID,
            "taxonomy_id": UUID,
            "taxonomy_detail": {"type": "object"},
            "term_uri": URI,
        },
    ),
    "taxonomy": _object("id name description", {**_texts("name", "description", "version"), "uri": URI}),
    "program": _object(
        "id name description", _texts("name", "alternate_name", "description"), "organization"
    ),
    "contact": _object(
        "id", {**_texts("name", "title", "department"), "email": EMAIL, "phones": _many("phone")}, _OWNERS
    ),
    "cost_option": _object(
        "id",
        {
            **_texts("option", "currency", "amount_description"),
            "valid_from": DATE,
            "valid_to": DATE,
            "amount": NUMBER,
        },
        "service",
    ),
    "funding": _object("id", {"source": TEXT}, "organization service"),
    "organization_identifier": _object(
        "id identifier_type identifier",
        _texts("identifier_scheme", "identifier_type", "identifier"),
        "organization",
    ),
    "url": _object("id url", {"label": TEXT, "url": URI}, "organization service"),
    "service_capacity": _object(
        "id unit available updated",
        {
            "unit": {"$ref": "#/$defs/unit"},
            "available": NUMBER,
            "maximum": NUMBER,
            "description": TEXT,
            "updated": MOMENT,
        },
        "service unit",
    ),
    "unit": _object("id name", {**_texts("name", "scheme", "identifier"), "uri": URI}),
}
PAGE = {
    "type": "object",
    "properties": {
        **{key: {"type": "integer", "minimum": 0} for key in ("total_items", "total_pages", "page_number", "size")},
        **{key: {"type": "boolean"} for key in ("first_page", "last_page", "empty")},
        "contents": {"type": "array"},
        "next": {"type": ["string", "null"]},  # ours: a page of HSDS may have further members
    },
    "required": [
        "total_items", "total_pages", "page_number", "size", "first_page", "last_page", "empty", "contents",
    ],
    "additionalProperties": False,
}  # fmt: skip


_FORMATS = jsonschema.FormatChecker(["uuid", "email", "date", "date-time"])
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9._~%:\[\]@-]+([/?#][A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*)?"
)


@_FORMATS.checks("uri")
def _is_uri(value: Any) -> bool:
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


def violations(name: str, value: Any) -> list[str]:
    """The places at which `value` violates the schema of this HSDS 3.1 object, with reasons."""
    schema = {"$defs": DEFINITIONS, "$ref": f"#/$defs/{name}"} if name != "page" else PAGE
    validator = jsonschema.Draft202012Validator(schema, format_checker=_FORMATS)
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]
