"""Resources as objects of HSDS 3.1. Values without an exact place in HSDS go into attributes of ours, so nothing is lost.

A value that would break the standard's formats (such as an e-mail address without @) is only in such an attribute.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from services.referrals.directory.hsds_storable import storable
from services.referrals.directory.hsds_tables import (
    AT_LOCATION,
    KEPT_WHOLE,
    LOCATION,
    MAX_NAME,
    ORGANIZATION,
    OURS,
    SERVICE,
    STATUSES,
)
from services.referrals.directory.queries import shown_message
from services.referrals.directory.rules import ResourceStatus, has_place, whole_addresses
from services.referrals.directory.terms import Term, shared_id, terms_of

Object = dict[str, Any]
_EMAIL = re.compile(r"[^@\s<>()\[\],;:\"\\]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)
_URI = re.compile(r"https?://[!-~]+", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(/[!-~]*)?", re.ASCII)
_UNSAFE_IN_URI = set('"<>\\^`{|}')
# Members of HSDS with the field of our record that holds the same text.
_SAME: Mapping[str, Mapping[str, str]] = {
    ORGANIZATION: {"alternate_name": "alternate_name"},
    LOCATION: {"alternate_name": "alternate_name", "description": "description"},
    SERVICE: {
        "alternate_name": "alternate_name",
        "description": "description",
        "application_process": "application_process",
        "eligibility_description": "eligibility",
        "fees_description": "fees",
    },
    AT_LOCATION: {"description": "description"},
}
# Lists whose entries hold one text each: the member, the entry's member, our record's field.
_LISTS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    ORGANIZATION: (),
    LOCATION: (
        ("schedules", "description", "hours"),
        ("languages", "name", "languages"),
        ("accessibility", "description", "accessibility"),
    ),
    SERVICE: (
        ("schedules", "description", "hours"),
        ("languages", "name", "languages"),
        ("service_areas", "name", "coverage_area"),
        ("required_documents", "document", "documents_required"),
    ),
    AT_LOCATION: (("schedules", "description", "hours"),),
}
# Members for which our record has no field; an import keeps them under their HSDS names.
_KEPT_TEXTS: Mapping[str, tuple[str, ...]] = {
    ORGANIZATION: ("legal_status",),
    LOCATION: ("transportation", "external_identifier", "external_identifier_type"),
    SERVICE: ("interpretation_services", "accreditations", "assured_date"),
    AT_LOCATION: (),
}
_KEPT_NUMBERS = ("minimum_age", "maximum_age", "year_incorporated")
# Fields that the object expresses by its type, its position and its links.
_UNDERSTOOD = frozenset(
    {"number", "level", "name", "parent_number", "parent_name", "status", "extra", "private"}
)


class Row(NamedTuple):
    """A resource with the columns that an export needs."""

    id: str
    number: str
    level: str
    name: str
    status: str
    agency_id: str | None
    record: Mapping[str, Any]
    temporary_message: Any
    updated_at: datetime.datetime


class _Maker:
    """Makes one object from a row, and remembers which fields of the record the object expresses exactly."""

    def __init__(self, row: Row, kind: str) -> None:
        self.row = row
        self._own = bytes.fromhex(row.id)
        self.kind = kind
        self.record = row.record
        self.extra: dict[str, Any] = dict(row.record.get("extra", {}))
        self.told = set(_UNDERSTOOD)
        self.ours: dict[str, str] = {"number": row.number}
        self.made: Object = {"id": uuid_of(row.id)}
        if kind != AT_LOCATION:
            self.made["name"] = row.name
        else:
            self.ours["name"] = _json(row.name)

    def texts(self) -> None:
        for member, field in _SAME[self.kind].items():
            if self.record.get(field):
                self.made[member] = self.record[field]
            self.told.add(field)

    def checked(self, member: str, field: str, form: re.Pattern[str]) -> None:
        """Set a member whose format the standard prescribes, if the field's text has that format."""
        text = self.record.get(field)
        if not text:
            return
        if form is _URI:
            if _HOST.fullmatch(text) and not _UNSAFE_IN_URI & set(text):
                self.made[member] = f"http://{text}"
                return
            is_good = form.fullmatch(text) is not None and not _UNSAFE_IN_URI & set(text)
        else:
            is_good = form.fullmatch(text) is not None
        if is_good:
            self.made[member] = text
            self.told.add(field)

    def phones(self) -> None:
        phones = self.record.get("phones", [])
        self.made["phones"] = [
            {
                "id": self.part("phone", at),
                "number": phone["number"],
                "type": phone.get("kind", "voice"),
                **({"description": phone["label"]} if phone.get("label") else {}),
            }
            for at, phone in enumerate(phones)
        ]
        is_exact = all(
            sum(letter.isdigit() for letter in phone["number"]) >= 3
            and len(phone["number"]) <= 100
            and len(phone.get("label", "")) <= MAX_NAME
            for phone in phones
        )
        if is_exact:
            self.told.add("phones")

    def lists(self) -> None:
        for member, part, field in _LISTS[self.kind]:
            value = self.record.get(field)
            if member not in self.extra and value:
                values = value if isinstance(value, list) else [value]
                self.made[member] = [
                    {"id": self.part(member, at), part: each} for at, each in enumerate(values)
                ]
            self.told.add(field)

    def kept(self) -> None:
        """Restore the members that an import kept under their HSDS names."""
        for member in _KEPT_TEXTS[self.kind]:
            if member in self.extra:
                self.made[member] = self.extra.pop(member)
        for member in _KEPT_NUMBERS:
            number = _number(self.extra.get(member))
            if number is not None:
                self.made[member] = number
                del self.extra[member]
        for member in KEPT_WHOLE:
            value = _loaded(self.extra.get(member))
            if isinstance(value, dict) and member == "program":
                self.made[member] = self.identified(value, member, 0)
            elif (
                isinstance(value, list)
                and member != "program"
                and all(isinstance(each, dict) for each in value)
            ):
                self.made[member] = [self.identified(each, member, at) for at, each in enumerate(value)]
            else:
                continue
            del self.extra[member]

    def identified(self, entry: Object, member: str, at: int) -> Object:
        """An entry whose id is a UUID, as HSDS 3.1 requires."""
        try:
            return entry | {"id": str(uuid.UUID(str(entry.get("id"))))}
        except ValueError:
            return entry | {"id": self.part(member, at)}

    def terms(self) -> None:
        names, codes = self.record.get("taxonomy_terms", []), self.record.get("taxonomy_codes", [])
        # Codes without names stay in an attribute of ours: HSDS has no term without a name.
        for at, term in enumerate(terms_of(self.record)[: len(names)]):
            self.attribute({"link_type": "taxonomy", "taxonomy_term": term_of(term)}, f"term/{at}")
        if len(codes) in (0, len(names)):
            self.told |= {"taxonomy_terms", "taxonomy_codes"}

    def status(self, agency_name: str | None) -> None:
        """Set the status. Attributes keep the record's status and agency name where the object cannot express them."""
        if self.kind == SERVICE:
            kept = self.extra.get("hsds_status")
            if kept in STATUSES and STATUSES[kept].value == self.row.status:
                self.made["status"] = self.extra.pop("hsds_status")
            else:
                self.made["status"] = (
                    "inactive" if self.row.status == ResourceStatus.INACTIVE.value else "active"
                )
                if self.row.status == ResourceStatus.DO_NOT_REFER.value:
                    self.ours["status"] = _json(self.row.status)
        elif self.row.status != ResourceStatus.ACTIVE.value or self.kind == AT_LOCATION:
            self.ours["status"] = _json(self.row.status)
        parent_name = self.record.get("parent_name", "")
        if parent_name != (agency_name or "")[:MAX_NAME]:
            self.ours["parent_name"] = _json(parent_name)

    def attribute(self, members: Object, part: str) -> None:
        own = {"id": self.part("attribute", part), "link_id": self.made["id"], "link_entity": self.kind}
        self.made.setdefault("attributes", []).append(own | members)

    def forget_fields(self) -> None:
        """Drop all fields that the object does not express, except the resource's number."""
        self.told |= self.record.keys()
        self.extra = {}
        self.ours = {"number": self.row.number}

    def finish(self) -> Object:
        """The object, with attributes for all fields that it does not express."""
        for field in sorted(self.record.keys() - self.told):
            self.ours[field] = _json(self.record[field])
        if self.extra:
            self.ours["extra"] = _json(self.extra)
        for label, value in self.ours.items():
            self.attribute({"link_type": OURS, "label": label, "value": value}, f"{OURS}/{label}")
        return {member: value for member, value in self.made.items() if value not in (None, [])}

    def part(self, kind: str, at: Any) -> str:
        """An id for a part of this object, the same in every export."""
        return _uuid5(self._own, f"{self.kind}/{kind}/{at}")

    def addresses(self) -> None:
        """Set the coordinates and the addresses that have what HSDS requires. An attribute keeps the others."""
        found = []
        for field, address, country in whole_addresses(self.record):
            found.append(
                _address(address, country, self.part("address", field), is_postal=field == "mailing_address")
            )
            is_exact = country == address.get("country")
            if is_exact and all(len(part) <= MAX_NAME for part in address.values()):
                self.told.add(field)
        self.made["addresses"] = found
        for member in ("latitude", "longitude"):
            if self.record.get(member) is not None:
                self.made[member] = self.record[member]
            self.told.add(member)


# It leaves version and variant of a UUID as they are.
_OWN_AT_LOCATION = 0xB7E15162_8AED_02A6_0BF7_158809CF4F3C


def organization_of(row: Row, locations: Sequence[Object] | None = None) -> Object:
    """An agency. With `locations` (those of its sites) it is full and has a location for its own address; else it is short."""
    made = _Maker(row, ORGANIZATION)
    made.texts()
    # HSDS requires a description; it may be empty.
    made.made["description"] = row.record.get("description", "")
    made.told.add("description")
    made.checked("email", "email", _EMAIL)
    made.checked("website", "website", _URI)
    made.phones()
    made.kept()
    made.terms()
    made.status(None)
    if locations is not None:
        own = [_own_location(row)] if has_place(row.record) else []
        made.made["locations"] = [*own, *locations]
    else:
        made.forget_fields()
    # `finish` keeps only members with a value, but the description is required.
    return made.finish() | {"description": row.record.get("description", "")}


def location_of(row: Row, agency_name: str | None) -> Object:
    """A site."""
    made = _Maker(row, LOCATION)
    made.made["location_type"] = "physical"
    made.texts()
    made.checked("url", "website", _URI)
    made.phones()
    made.lists()
    made.addresses()
    made.kept()
    made.terms()
    made.status(agency_name)
    return made.finish()


def at_location_of(row: Row, location: Object, agency_name: str | None) -> Object:
    """A program at a site: the link between its service and its location."""
    made = _Maker(row, AT_LOCATION)
    made.told |= {"program_number", "site_number"}
    made.texts()
    made.phones()
    made.lists()
    made.kept()
    made.terms()
    made.status(agency_name)
    made.made["location"] = location
    return made.finish()


def service_of(
    row: Row,
    organization: Object | None,
    at_locations: Sequence[Object],
    capacities: Sequence[Object],
    today: datetime.date,
    *,
    is_full: bool = True,
) -> Object:
    """A program. Without `is_full` it has the short form of HSDS's lists: no list members except the attributes."""
    made = _Maker(row, SERVICE)
    made.texts()
    made.checked("email", "email", _EMAIL)
    made.checked("url", "website", _URI)
    made.phones()
    made.lists()
    made.kept()
    made.terms()
    made.status(organization["name"] if organization else None)
    if row.level != "program":
        made.ours["level"] = _json(row.level)
    made.made["alert"] = shown_message(row.temporary_message, today)
    if row.temporary_message and set(row.temporary_message) == {"text"}:
        made.told.add("temporary_message")
    made.made["last_modified"] = row.updated_at.isoformat(timespec="milliseconds")
    made.made["organization"] = organization
    own = [own_at_location_of(row)] if has_place(row.record) else []
    made.made["service_at_locations"] = [*own, *at_locations]
    made.made["capacities"] = [_capacity(each) for each in capacities]
    service = made.finish()
    return service if is_full else short(service)


def short(made: Object) -> Object:
    """An object without its lists, except the attributes."""
    return {
        name: value for name, value in made.items() if not isinstance(value, list) or name == "attributes"
    }


def term_of(term: Term) -> Object:
    """A term of a taxonomy. HSDS requires a description; the name has to do."""
    made = {"id": uuid_of(term.id), "name": term.name, "description": term.name}
    return (
        made
        | ({"code": term.code} if term.code else {})
        | {"taxonomy_id": uuid_of(taxonomy_id_of(term.taxonomy))}
    )


def taxonomy_id_of(taxonomy: str) -> str:
    """The id of a taxonomy, the same in every directory."""
    return shared_id(f"taxonomy/{taxonomy}")


def own_at_location(resource_id: str) -> str:
    """The id of the link between a service and its own address, made of the service's; and the service's id of the link's."""
    return f"{int(resource_id, 16) ^ _OWN_AT_LOCATION:032x}"


def uuid_of(resource_id: str) -> str:
    """A resource's id, written as a UUID."""
    return (
        f"{resource_id[:8]}-{resource_id[8:12]}-{resource_id[12:16]}-{resource_id[16:20]}-{resource_id[20:]}"
    )


def _uuid5(namespace: bytes, name: str) -> str:
    """The version 5 UUID of a name (RFC 9562). The standard library's `uuid5` takes four times as long, and we need many."""
    mark = hashlib.sha1(namespace + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(mark[16], 16) & 3]
    return f"{mark[:8]}-{mark[8:12]}-5{mark[13:16]}-{variant}{mark[17:20]}-{mark[20:32]}"


def _own_location(row: Row) -> Object:
    """A location for the address of an agency or program: in HSDS only locations have addresses."""
    made = _Maker(row, LOCATION)
    made.addresses()
    location = made.made | {"id": made.part("own", "location"), "location_type": "physical"}
    if not location["addresses"]:
        del location["addresses"]
    return location | {"attributes": [_derived_mark(made, LOCATION, location["id"])]}


def own_at_location_of(row: Row) -> Object:
    """The link between a service and the location for its own address."""
    made = _Maker(row, AT_LOCATION)
    own_id = uuid_of(own_at_location(row.id))
    return {
        "id": own_id,
        "location": _own_location(row),
        "attributes": [_derived_mark(made, AT_LOCATION, own_id)],
    }


def _derived_mark(made: _Maker, kind: str, own_id: str) -> Object:
    """An attribute that marks a location derived from its owner's address, so that our import creates no site from it."""
    mark = {"link_type": OURS, "label": "derived", "value": "true"}
    return {"id": made.part("derived", kind), "link_id": own_id, "link_entity": kind, **mark}


def _address(address: Mapping[str, str], country: str, own_id: str, *, is_postal: bool) -> Object:
    members = {
        "address_1": address["line1"],
        "city": address.get("city", ""),
        "state_province": address.get("region", ""),
        "postal_code": address.get("postal_code", ""),
        "country": country,
    }
    more = {"address_2": address.get("line2"), "region": address.get("county")}
    return {
        "id": own_id,
        **members,
        **{member: text for member, text in more.items() if text},
        "address_type": "postal" if is_postal else "physical",
    }


def _capacity(capacity: Mapping[str, Any]) -> Object:
    unit = capacity["unit"]
    return {
        **{name: value for name, value in capacity.items() if value is not None},
        "id": uuid_of(capacity["id"]),
        "service_id": uuid_of(capacity["service_id"]),
        "unit": {**unit, "id": uuid_of(shared_id(f"unit/{unit['name']}"))},
    }


def _number(text: Any) -> float | int | None:
    value = _loaded(text)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _loaded(text: Any) -> Any:
    """The value of a JSON text; None for any other text, and for a value that could not be sent on."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
        return None if storable({"": value})[1] else value
    except (ValueError, RecursionError):
        return None


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
