"""Rules of contact records.

They cover the number, the sections, the limited view of eight fields (S0-25, S0-28 to S0-35), and what each stage shows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.contracts.errors import Refused
from services.contracts.spelling import phone_key, postal_code_key, search_key

# Exactly the eight fields that a provider without "Can Access Contact Record Details" sees, in the order of the
# documentation.
LIMITED_FIELDS = (
    "referralq_name",  # S0-28
    "assigned_resource",  # S0-29
    "contact_record_number",  # S0-30
    "status",  # S0-31
    "note",  # S0-32
    "contact_name",  # S0-33, if available
    "contact_date",  # S0-34, the day of submission, not of referral
    "postal_code",  # S0-35, if available
)
_IF_AVAILABLE = frozenset({"note", "contact_name", "postal_code"})

# The fields that a queue can withhold from providers until a later stage. The other limited fields are always needed.
STAGED_FIELDS = ("contact_name", "postal_code", "phone", "email", "sections")
# One section by its title; "sections" stands for all of them.
SECTION_PREFIX = "section:"

StageFields = Mapping[str, Collection[str]]

EARLIEST_SUBMISSION = 1900
CLOCKS_DIFFER = timedelta(minutes=5)

MAX_NOTE_LENGTH = 2_000
MAX_PART_OF_NAME = 100
MAX_POSTAL_CODE_LENGTH = 20
MAX_SECTIONS = 50
MAX_FIELDS = 200
MAX_TITLE_LENGTH = 120
MAX_VALUE_LENGTH = 10_000
MAX_RECORD_LENGTH = 200_000
_CONSENT_YEARS = (1900, 2200)
# The largest difference between two time zones: UTC-12 and UTC+14.
CLOCKS_APART = timedelta(hours=26)

_NUMBER = re.compile(r"(?:CR[\s-]*)?([0-9]{1,12})", re.IGNORECASE)

FieldValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a contact record: labels and their values in the order of the form."""

    title: str
    fields: tuple[tuple[str, FieldValue], ...]


def limited_view(full: Mapping[str, Any]) -> dict[str, str | date | None]:
    """The eight limited fields of a full view, and nothing else.

    Name, note and postal code are None where the record has none. Raises ValueError if another field is missing, or if a
    field is not a plain value: a nested object could disclose details.
    """
    view: dict[str, str | date | None] = {}
    for name in LIMITED_FIELDS:
        value = full.get(name)
        if value is None and name not in _IF_AVAILABLE:
            raise ValueError(f"the full view lacks {name}")
        if value is not None and not isinstance(value, (str, date)):
            raise ValueError(f"{name} must be a text or a date")
        view[name] = value
    return view


def visible_record(record: Mapping[str, Any], stage: str, stage_fields: StageFields | None) -> dict[str, Any]:
    """A whole record as a provider may see it at a stage. `withheld` has the names of the withheld fields.

    `record` is the contract's ContactRecord. `stage_fields` is the queue's setting, None where it withholds nothing; a
    stage that it does not name shows none of the STAGED_FIELDS. A withheld field is None. A withheld section is absent
    with its title, which may disclose as much as its content. Only staff see the person in identity.
    """
    seen = {**record, "person_id": None}
    withheld = [name for name in _withheld(stage, stage_fields) if name != "sections"]
    for name in withheld:
        for member in ("first_name", "last_name") if name == "contact_name" else (name,):
            seen[member] = None
    shown = _shown_sections(record["sections"], stage, stage_fields)
    if len(shown) < len(record["sections"]):
        withheld.append("sections")
    return {**seen, "sections": shown, "withheld": withheld}


def visible_limited(
    limited: Mapping[str, Any], stage: str, stage_fields: StageFields | None
) -> dict[str, Any]:
    """The eight limited fields as a provider may see them at a stage. A withheld field is present and None."""
    withheld = _withheld(stage, stage_fields)
    return {name: None if name in withheld else value for name, value in limited.items()}


def withheld_fields(stage: str, stage_fields: StageFields | None, *, details: bool) -> list[str]:
    """Names of the fields that a queue withholds at a stage; without `details` only those of the limited view."""
    return [name for name in _withheld(stage, stage_fields) if details or name in LIMITED_FIELDS]


def _withheld(stage: str, stage_fields: StageFields | None) -> list[str]:
    if stage_fields is None:
        return []
    return [name for name in STAGED_FIELDS if name not in stage_fields.get(stage, ())]


def _shown_sections(
    sections: Mapping[str, Any], stage: str, stage_fields: StageFields | None
) -> dict[str, Any]:
    if "sections" not in _withheld(stage, stage_fields):
        return dict(sections)
    named = (stage_fields or {}).get(stage, ())
    return {title: fields for title, fields in sections.items() if SECTION_PREFIX + title in named}


def keys_of(
    first_name: str | None, last_name: str | None, postal_code: str | None, phone: str | None
) -> dict[str, str | None]:
    """The columns of a record by which it is found and compared.

    `sameness` is equal for two records with the same name, postal code and phone, in any spelling: the SHA-256 in
    hexadecimal of their keys. It is None without a name, and without both postal code and phone.
    """
    first, last = search_key(first_name or ""), search_key(last_name or "")
    code, digits = postal_code_key(postal_code), phone_key(phone)
    name = " ".join(filter(None, (first, last)))
    alike = (
        hashlib.sha256(f"{name}|{code}|{digits}".encode()).hexdigest() if name and (code or digits) else None
    )
    return {
        "first_name_key": first,
        "last_name_key": last,
        "postal_code_key": code,
        "phone_key": digits,
        "sameness": alike,
    }


def contact_name(first_name: str | None, last_name: str | None) -> str | None:
    """The first and last name as far as they are known, with single spaces; None if neither is known (S0-33)."""
    return " ".join(f"{first_name or ''} {last_name or ''}".split()) or None


def check_submitted(at: datetime, now: datetime) -> datetime:
    """The time of submission in UTC (S0-34). Raises Refused `invalid_contact_record` if it is in the future or too old."""
    if at.year < EARLIEST_SUBMISSION:
        raise _invalid(f"A year from {EARLIEST_SUBMISSION} on is expected.", "submitted_at")
    if at > now + CLOCKS_DIFFER:
        raise _invalid("This time is still to come; leave it out for a record of now.", "submitted_at")
    return at.astimezone(UTC)


def check_consent_dates(given_on: date | None, until: date | None, today: date) -> None:
    """Raise Refused `invalid_contact_record` for impossible days of a consent to share.

    A consent with an end has a beginning. It ends at the earliest on the day on which it is given, and is not given in
    the future.
    """
    for field, day in (("consent_given_on", given_on), ("consent_until", until)):
        if day is not None and not _CONSENT_YEARS[0] <= day.year <= _CONSENT_YEARS[1]:
            raise _invalid("A year from {} to {} is expected.".format(*_CONSENT_YEARS), field)
    if given_on is not None and given_on > today:
        raise _invalid("This day is still to come; enter the consent when it is given.", "consent_given_on")
    if until is not None and given_on is None:
        raise _invalid("Say when the consent was given that ends on this day.", "consent_given_on")
    if until is not None and given_on is not None and until < given_on:
        raise _invalid("Give a day that is not before consent_given_on.", "consent_until")


def end_of_consent(until: date | None, zone: str) -> datetime | None:
    """The instant in UTC at which a consent is over: the end of its last day in that time zone. None for no end."""
    if until is None:
        return None
    return datetime.combine(until + timedelta(days=1), time(), ZoneInfo(zone)).astimezone(UTC)


def is_past_by_any_clock(ends_at: datetime | None, now: datetime) -> bool | None:
    """Whether a day that ends at `ends_at` in some time zone is over in every other one; None where it depends.

    Without an end it is never over.
    """
    if ends_at is None or ends_at > now + CLOCKS_APART:
        return False
    return True if ends_at <= now - CLOCKS_APART else None


def check_consent(given_on: date | None, until: date | None, today: date) -> None:
    """Raise Refused `consent_required` unless a consent to share was given and still holds."""
    if given_on is None:
        detail = (
            "This ReferralQ needs the help-seeker's consent to share: enter it in the contact record first."
        )
        raise Refused("consent_required", detail, "consent_given_on")
    if until is not None and until < today:
        detail = "The help-seeker's consent to share is over: enter a new one in the contact record first."
        raise Refused("consent_required", detail, "consent_until")


def contact_record_number(counter: int) -> str:
    """The number of an organisation's n-th contact record: "CR-00000001". It has more digits after 99,999,999.

    Raises ValueError for a counter below 1 or above twelve digits.
    """
    if not 1 <= counter < 10**12:
        raise ValueError("the counter must be between 1 and 999,999,999,999")
    return f"CR-{counter:08d}"


def find_contact_record_number(text: str) -> str | None:
    """The normal form of a number as somebody typed it ("cr 42", "00000042", "CR-00000042"); None if it is no number."""
    match = _NUMBER.fullmatch(text.strip())
    counter = int(match[1]) if match else 0
    return contact_record_number(counter) if counter else None


def check_contact_record_number(text: str) -> str:
    """The normal form of a number. Raises Refused `invalid_contact_record` if the text is no number."""
    number = find_contact_record_number(text)
    if number is None:
        raise _invalid("A contact record number looks like CR-00000042.", "contact_record_number")
    return number


def check_note(text: str) -> str:
    """The note without outer blanks.

    Raises Refused `invalid_contact_record` if it is empty or has more than 2,000 characters.
    """
    note = text.strip()
    if not 1 <= len(note) <= MAX_NOTE_LENGTH:
        raise _invalid(f"A note has 1 to {MAX_NOTE_LENGTH:,} characters.", "note")
    return note


def check_part_of_name(text: str | None, field: str) -> str | None:
    """A first or last name with single spaces, None if there is none; at most 100 characters."""
    return _short_text(text, field, MAX_PART_OF_NAME)


def check_postal_code(text: str | None) -> str | None:
    """A zip or postal code of any country with single spaces, None if there is none; at most 20 characters."""
    return _short_text(text, "postal_code", MAX_POSTAL_CODE_LENGTH)


def _short_text(text: str | None, field: str, limit: int) -> str | None:
    cleaned = " ".join((text or "").split())
    if len(cleaned) > limit:
        raise _invalid(f"At most {limit} characters.", field)
    return cleaned or None


def check_sections(sections: Sequence[Mapping[str, Any]]) -> tuple[Section, ...]:
    """The sections of a contact record, checked.

    Each is `{"title": str, "fields": [{"label": str, "value": str | number | bool | null}, …]}`. Titles are unique in a
    record, and labels in a section. There are at most 50 sections, 200 fields in each, 10,000 characters in a value and
    200,000 in all. Raises Refused `invalid_contact_record` with the dotted path of the first offending part.
    """
    if len(sections) > MAX_SECTIONS:
        raise _invalid(f"A contact record has at most {MAX_SECTIONS} sections.", "sections")
    checked: list[Section] = []
    for position, section in enumerate(sections):
        where = f"sections.{position}"
        if not isinstance(section, Mapping) or set(section) != {"title", "fields"}:
            raise _invalid("A section has a title and fields, nothing else.", where)
        title = _title(section["title"], f"{where}.title", [known.title for known in checked])
        checked.append(Section(title, _fields(section["fields"], f"{where}.fields")))
    length = sum(len(str(value)) for section in checked for _, value in section.fields)
    if length > MAX_RECORD_LENGTH:
        raise _invalid(f"A contact record has at most {MAX_RECORD_LENGTH:,} characters.", "sections")
    return tuple(checked)


def check_form_sections(expected: Sequence[str], given: Collection[str]) -> None:
    """Raise Refused `invalid_contact_record` if the record lacks a section of its contact form. It may have more."""
    titles = {title.casefold() for title in given}
    missing = [title for title in expected if title.casefold() not in titles]
    if missing:
        raise _invalid(f"This contact form has the sections {', '.join(missing)}; add them.", "sections")


def _fields(fields: Any, where: str) -> tuple[tuple[str, FieldValue], ...]:
    if not isinstance(fields, list) or len(fields) > MAX_FIELDS:
        raise _invalid(f"Fields are a list of at most {MAX_FIELDS}.", where)
    checked: dict[str, FieldValue] = {}
    for position, field in enumerate(fields):
        path = f"{where}.{position}"
        if not isinstance(field, Mapping) or set(field) != {"label", "value"}:
            raise _invalid("A field has a label and a value, nothing else.", path)
        label = _title(field["label"], f"{path}.label", checked)
        checked[label] = _value(field["value"], f"{path}.value")
    return tuple(checked.items())


def _value(value: Any, where: str) -> FieldValue:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) > MAX_VALUE_LENGTH:
            raise _invalid(f"A value has at most {MAX_VALUE_LENGTH:,} characters.", where)
        return _without_control_characters(value, where)
    # Beyond 2**53 a number loses digits as JSON in a browser. The comparison is also false for "not a number".
    if isinstance(value, (int, float)) and -(2**53) <= value <= 2**53:
        return value
    raise _invalid("A value is a text, a number up to 2 to the power of 53, true, false or null.", where)


def _title(text: Any, where: str, taken: Any) -> str:
    cleaned = " ".join(text.split()) if isinstance(text, str) else ""
    if not 1 <= len(cleaned) <= MAX_TITLE_LENGTH:
        raise _invalid(f"A text of 1 to {MAX_TITLE_LENGTH} characters is needed.", where)
    if cleaned in taken:
        raise _invalid("The same text stands there twice.", where)
    return _without_control_characters(cleaned, where)


def _without_control_characters(text: str, where: str) -> str:
    # PostgreSQL cannot store NUL, and people do not type the others into a form.
    if any(ord(letter) < 32 and letter not in "\n\r\t" for letter in text):
        raise _invalid("Control characters are not allowed.", where)
    return text


def _invalid(detail: str, field: str) -> Refused:
    return Refused("invalid_contact_record", detail, field)
