"""Rules of the resource directory: records, statuses, search keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from services.contracts.errors import Refused
from services.contracts.spelling import phone_key, phone_keys, postal_code_key, search_key, words_of_text
from services.referrals.directory.countries import country_code
from services.referrals.directory.terms import terms_of
from services.referrals.directory.withheld import ADDRESSES, OF_ANOTHER, withheld_places


class Level(StrEnum):
    """Level of a resource record (iCarol's TaxonomyLevelName)."""

    AGENCY = "agency"
    PROGRAM = "program"
    SITE = "site"
    PROGRAM_AT_SITE = "program_at_site"


class ResourceStatus(StrEnum):
    """Status of a resource record (iCarol's AgencyStatus)."""

    ACTIVE = "active"
    DO_NOT_REFER = "active_do_not_refer"
    INACTIVE = "inactive"


# States of imports and exports.
WAITING, READING, APPLYING, DONE, REFUSED = "waiting", "reading", "applying", "done", "refused"
WRITING, READY, FAILED, EXPIRED = "writing", "ready", "failed", "expired"

# Row S0-20: a search offers agencies and programs. A site is only a place: referrals go to programs.
SEARCHABLE_LEVELS = frozenset({Level.AGENCY, Level.PROGRAM})

# Resources that can take referrals themselves where their agency has no program.
ALONE_LEVELS = frozenset({Level.AGENCY, Level.SITE})

MOST_OF_KEY = 255
PARENTS_FIRST = (Level.AGENCY, Level.SITE, Level.PROGRAM, Level.PROGRAM_AT_SITE)


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address. A part that the export leaves out is an empty string."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    county: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Phone:
    """A telephone number as written; `kind` is "voice", "fax", "tty", "toll_free", "hotline" and the like."""

    number: str
    kind: str = "voice"
    label: str = ""


@dataclass(frozen=True, slots=True)
class TemporaryMessage:
    """A dated notice on a resource, shown from `appears_on` to the day before `expires_on`. None leaves that end open."""

    text: str
    appears_on: date | None = None
    expires_on: date | None = None

    def is_shown_on(self, day: date) -> bool:
        """Whether the message is shown on this (local) day."""
        has_begun = self.appears_on is None or self.appears_on <= day
        return has_begun and (self.expires_on is None or day < self.expires_on)


@dataclass(frozen=True, slots=True)
class ResourceRecord:
    """One agency, program, site or program at a site.

    `number` identifies the record in its organisation's directory. `parent_number` is the number of its agency, None for
    an agency. `entered_at` and `updated_at` are times of the exporting system, without a zone. Latitude and longitude are
    WGS 84 degrees. `extra` keeps every other non-empty column by its name. `private` has the columns or members that the
    source marks as private, as they stand there: only staff see them.
    """

    number: str
    level: Level
    name: str
    status: ResourceStatus
    parent_number: str | None = None
    parent_name: str = ""
    alternate_name: str = ""
    official_name: str = ""
    description: str = ""
    phones: tuple[Phone, ...] = ()
    email: str = ""
    website: str = ""
    physical_address: Address = Address()
    mailing_address: Address = Address()
    other_address: Address = Address()
    latitude: float | None = None
    longitude: float | None = None
    hours: str = ""
    eligibility: str = ""
    languages: tuple[str, ...] = ()
    coverage_area: str = ""
    application_process: str = ""
    documents_required: str = ""
    fees: str = ""
    accessibility: str = ""
    capacity_type: str = ""
    service_capacity: str = ""
    temporary_message: TemporaryMessage | None = None
    categories: tuple[str, ...] = ()
    taxonomy_terms: tuple[str, ...] = ()
    taxonomy_codes: tuple[str, ...] = ()
    site_number: str | None = None
    program_number: str | None = None
    is_hidden_from_website: bool = False
    is_hidden_from_directory: bool = False
    entered_at: datetime | None = None
    updated_at: datetime | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    private: Mapping[str, str] = field(default_factory=dict)


def may_be_referred_to(status: ResourceStatus) -> bool:
    """Whether referrals may go to a record: only to an active one, not to one that is "active, but do not refer"."""
    return status is ResourceStatus.ACTIVE


def check_may_be_referred_to(status: ResourceStatus, agency_status: ResourceStatus | None) -> None:
    """Raise Refused (`resource_inactive`, `resource_not_referable`) unless referrals may go here.

    `agency_status` is the status of the resource's agency, None for an agency.
    """
    if status is ResourceStatus.INACTIVE:
        raise Refused("resource_inactive", "The resource is inactive; choose another one.", "program_id")
    if agency_status is ResourceStatus.INACTIVE:
        raise Refused(
            "resource_inactive", "Its agency is inactive; choose a program of another one.", "program_id"
        )
    if not may_be_referred_to(status):
        raise Refused(
            "resource_not_referable",
            "The resource is active but marked as not to be referred to; choose another one.",
            "program_id",
        )


def check_message_dates(appears_on: date | None, expires_on: date | None) -> None:
    """Raise Refused (`invalid_request`) if a notice with these dates would never be shown."""
    if appears_on is not None and expires_on is not None and expires_on <= appears_on:
        raise Refused(
            "invalid_request", "expires_on: It must be later than appears_on, or be left out.", "expires_on"
        )


def record_as_json(record: ResourceRecord) -> dict[str, Any]:
    """The record as plain JSON. Empty members are left out, so that a new optional field changes no fingerprint."""
    result: dict[str, Any] = _plain(record)
    return result


def record_from_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a record by name, read from its JSON. Raises ValueError, TypeError or KeyError for another shape."""
    made = {name: _READ.get(name, _as_is)(value) for name, value in values.items() if name in _FIELD_TYPES}
    for name, value in made.items():
        if not isinstance(value, _FIELD_TYPES[name]):
            raise TypeError(name)
    return made


def _as_is(value: Any) -> Any:
    return value


def _strings(values: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _message_from_json(value: Mapping[str, Any]) -> TemporaryMessage:
    appears, expires = value.get("appears_on"), value.get("expires_on")
    return TemporaryMessage(
        str(value["text"]),
        date.fromisoformat(appears) if appears else None,
        date.fromisoformat(expires) if expires else None,
    )


_READ: Mapping[str, Any] = {
    "level": Level,
    "status": ResourceStatus,
    "phones": lambda values: tuple(Phone(**value) for value in values),
    "physical_address": lambda value: Address(**value),
    "mailing_address": lambda value: Address(**value),
    "other_address": lambda value: Address(**value),
    "temporary_message": _message_from_json,
    "entered_at": datetime.fromisoformat,
    "updated_at": datetime.fromisoformat,
    **dict.fromkeys(("languages", "categories", "taxonomy_terms", "taxonomy_codes"), _strings),
}
_TEXTS = (
    "number", "name", "parent_name", "alternate_name", "official_name", "description", "email", "website", "hours",
    "eligibility", "coverage_area", "application_process", "documents_required", "fees", "accessibility",
    "capacity_type", "service_capacity", "site_number", "program_number",
)  # fmt: skip
_FIELD_TYPES: Mapping[str, Any] = {
    **dict.fromkeys(_TEXTS, str),
    **dict.fromkeys(("phones", "languages", "categories", "taxonomy_terms", "taxonomy_codes"), tuple),
    **dict.fromkeys(("physical_address", "mailing_address", "other_address"), Address),
    **dict.fromkeys(("latitude", "longitude"), int | float),
    **dict.fromkeys(("entered_at", "updated_at"), datetime),
    **dict.fromkeys(("is_hidden_from_website", "is_hidden_from_directory"), bool),
    "level": Level,
    "status": ResourceStatus,
    "temporary_message": TemporaryMessage,
    "extra": dict,
}


_NO_ADDRESS = Address()
_PART_NAMES = {
    kind: tuple(part.name for part in fields(kind))
    for kind in (ResourceRecord, Address, Phone, TemporaryMessage)
}


def _plain(value: Any) -> Any:
    names = _PART_NAMES.get(type(value))
    if names is not None:
        pairs = ((name, getattr(value, name)) for name in names)
        return {name: _plain(part) for name, part in pairs if not is_empty(part)}
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Mapping):
        return dict(value)
    return value.value if isinstance(value, StrEnum) else value


def is_empty(value: Any) -> bool:
    """Whether a member of a record with this value is left out of its JSON."""
    # 0.0 is a valid latitude, so it is not empty. False is the default of every flag, so it is.
    return value is None or value is False or value in ("", (), {}) or value == _NO_ADDRESS


def fingerprint(record: ResourceRecord) -> str:
    """SHA-256 (64 hex digits) over the record's canonical JSON: sorted keys, no spaces, UTF-8."""
    return fingerprint_of(record_as_json(record))


def fingerprint_of(record: Mapping[str, Any]) -> str:
    """The fingerprint of a record that is plain JSON already."""
    canonical = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


# Kinds of keys by which a resource is found beside its name.
NUMBER, PHONE, POSTAL_CODE, TAXONOMY, TERM = "number", "phone", "postal_code", "taxonomy", "term"
# Words of its names, of the terms that it carries, and of the towns that it is in.
WORD = "word"
# A place that it marks as private, and that it withholds one because of another resource: nobody searches by these.
WITHHELD, SHELTERED = "withheld", "sheltered"
MOST_KEYS = MOST_WORDS = 200
_NAMES = ("name", "alternate_name", "official_name")


def keys_of(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Kind and key of everything by which a record (plain JSON) is found; at most 200, as many words, and its terms.

    Values that are marked private are apart in `private`, so nobody finds a resource by them.
    """
    terms = (
        *record.get("taxonomy_codes", ()),
        *record.get("taxonomy_terms", ()),
        *record.get("categories", ()),
    )
    keys = (
        (NUMBER, search_key(str(record["number"]))),
        *((PHONE, phone_key(phone.get("number"))) for phone in record.get("phones", ())),
        *((POSTAL_CODE, postal_code_key(record.get(each, {}).get("postal_code"))) for each in ADDRESSES),
        *((TAXONOMY, search_key(str(term))[:MOST_OF_KEY]) for term in terms),
    )
    found = [pair for pair in dict.fromkeys(keys) if pair[1]][:MOST_KEYS]
    towns = (record.get(each, {}).get("city", "") for each in ADDRESSES)
    texts = (*(record.get(name, "") for name in _NAMES), *towns, *terms)
    words = dict.fromkeys(word[:MOST_OF_KEY] for text in texts for word in words_of_text(str(text)))
    private = record.get("private", {})
    return [
        *found,
        *((WORD, word) for word in list(words)[:MOST_WORDS]),
        *dict.fromkeys((TERM, term.id) for term in terms_of(record)),
        *((WITHHELD, place.key) for place in withheld_places(private)),
        *([(SHELTERED, "")] if OF_ANOTHER in private else []),
    ]


def typed_keys(typed: str) -> list[tuple[str, str]]:
    """Kind and key for which a typed text may stand: a number, a phone number, a postal code."""
    has_digit = any(letter.isdigit() for letter in typed)
    phones = () if any(letter.isalpha() for letter in typed) else sorted(phone_keys(typed))
    keys = (
        (NUMBER, search_key(typed)),
        *((PHONE, each) for each in phones),
        (POSTAL_CODE, postal_code_key(typed)),
    )
    return [pair for pair in keys if has_digit and pair[1]]


def is_public(record: Mapping[str, Any], status: str) -> bool:
    """Whether a record (plain JSON) may be shown outside the staff.

    It may not where its source excludes it from a website or a directory, or says that nobody is to be referred to it. A
    service of HSDS that is closed for a while stays public.
    """
    is_hidden = record.get("is_hidden_from_website") or record.get("is_hidden_from_directory")
    is_closed = "hsds_status" in record.get("extra", {})
    return not is_hidden and (status != ResourceStatus.DO_NOT_REFER.value or is_closed)


def whole_addresses(record: Mapping[str, Any]) -> list[tuple[str, Mapping[str, str], str]]:
    """The addresses of a record (plain JSON) with a first line and a known country: member, address, the country's code.

    `other_address` counts only beside a physical address.
    """
    found = []
    for member in ADDRESSES:
        address = record.get(member)
        if not address or (member == "other_address" and not record.get("physical_address")):
            continue
        country = country_code(address)
        if address.get("line1") and country is not None:
            found.append((member, address, country))
    return found


def has_place(record: Mapping[str, Any]) -> bool:
    """Whether a record (plain JSON) says where it is: by a whole address, or by its position."""
    return bool(whole_addresses(record)) or record.get("latitude") is not None


def errors_forgiven(typed: str) -> int:
    """How many letters of a typed word may be wrong, missing, added or swapped. None in a word with digits."""
    if any(letter.isdigit() for letter in typed):
        return 0
    return 0 if len(typed) < 4 else 1 if len(typed) < 8 else 2
