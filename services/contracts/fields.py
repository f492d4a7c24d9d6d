"""Field types of the published language.

The field types of events (`EVENT_FIELDS`) cannot hold free text, so no event can leak a name or a note.
"""

from __future__ import annotations

import datetime
import functools
import re
import zoneinfo
from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from services.contracts.ids import PATTERN, plain_id
from services.contracts.spelling import MOST_OF_ADDRESS, email_address, is_blank, telephone_number

_CODE = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_RECORD_NUMBER = re.compile(r"[A-Z]{2,4}-[0-9]{1,12}")
EARLIEST_BIRTH = datetime.date(1880, 1, 1)
FIRST_PLANNED, LAST_PLANNED = datetime.date(1970, 1, 1), datetime.date(2199, 12, 31)
LARGEST = (
    2**53 - 1
)  # JSON programs hold no greater number exactly (RFC 8259, section 6), and databases hold this one


class Id(fields.String):
    """A random identifier: 32 lower-case hex digits. The form with dashes is accepted as well (see `ids`)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata = {"pattern": PATTERN, **self.metadata}

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        plain = plain_id(super()._deserialize(value, attr, data, **kwargs))
        if plain is None:
            raise ValidationError("Not an identifier: 32 hexadecimal digits are expected.")
        return plain


class IdOrKey(fields.String):
    """The id of something, in either form, or the key of something that has no id. At most 64 characters."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(1, 64), **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        return plain_id(text) or text


class Code(fields.String):
    """A word of a closed vocabulary: lower case, digits, `_`, `.` and `-`, at most 64 characters."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not _CODE.fullmatch(text):
            raise ValidationError("Lower-case letters, digits, _ . - only, at most 64.")
        return text


class RecordNumber(fields.String):
    """A contact record number such as `CR-00000042`. It reveals nothing about the person."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not _RECORD_NUMBER.fullmatch(text):
            raise ValidationError("Not a contact record number: two to four capitals, a dash, digits.")
        return text


class Moment(fields.AwareDateTime):
    """A point in time, ISO 8601 with zone, always UTC on the wire."""

    def __init__(self, **kwargs: Any) -> None:
        expected = "A time with its zone, such as 2026-11-28T09:30:00+01:00, is expected."
        super().__init__(
            format="iso", default_timezone=datetime.UTC, error_messages={"invalid": expected}, **kwargs
        )

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> datetime.datetime:
        moment: datetime.datetime = super()._deserialize(value, attr, data, **kwargs)
        try:
            return moment.astimezone(datetime.UTC)
        except OverflowError as error:  # the first or the last possible day, in another zone
            raise ValidationError("A time from year 1 to 9999 in UTC is expected.") from error


class CalendarMoment(Moment):
    """A point in time for which something is planned: on days from FIRST_PLANNED to LAST_PLANNED in UTC.

    So it exists in every zone, and days can be added to it.
    """

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> datetime.datetime:
        moment: datetime.datetime = super()._deserialize(value, attr, data, **kwargs)
        if not FIRST_PLANNED <= moment.date() <= LAST_PLANNED:
            raise ValidationError(f"A time from {FIRST_PLANNED} to {LAST_PLANNED} is expected.")
        return moment


class Day(fields.Date):
    """A day of the calendar, ISO 8601."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(error_messages={"invalid": "A day such as 2026-11-28 is expected."}, **kwargs)


class CalendarDay(Day):
    """A day for which something is planned or looked up: from FIRST_PLANNED to LAST_PLANNED, so that days can be added to it."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> datetime.date:
        day: datetime.date = super()._deserialize(value, attr, data, **kwargs)
        if not FIRST_PLANNED <= day <= LAST_PLANNED:
            raise ValidationError(f"A day from {FIRST_PLANNED} to {LAST_PLANNED} is expected.")
        return day


class BirthDate(Day):
    """A date of birth from EARLIEST_BIRTH to today. Tomorrow is accepted too, as some time zones are a day ahead."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> datetime.date:
        day: datetime.date = super()._deserialize(value, attr, data, **kwargs)
        last = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)
        if not EARLIEST_BIRTH <= day <= last:
            raise ValidationError(f"A day from {EARLIEST_BIRTH} to today is expected.")
        return day


class Count(fields.Integer):
    """A count: a whole number, never negative. One that is received needs an end: `most`."""

    def __init__(self, *, most: int | None = None, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(min=0, max=most), **kwargs)


class Flag(fields.Boolean):
    """Yes or no."""


class Ids(fields.List[str]):
    """A list of identifiers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Id(), **kwargs)


class Digest(fields.String):
    """A hash or signature: exactly `digits` lower-case hex digits (64 is SHA-256, 128 is Ed25519)."""

    def __init__(self, *, digits: int = 64, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.digits = digits
        self.metadata = {"pattern": f"^[0-9a-f]{{{digits}}}$", **self.metadata}

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if not re.fullmatch(f"[0-9a-f]{{{self.digits}}}", text):
            raise ValidationError(f"Not a digest: {self.digits} hexadecimal digits are expected.")
        return text


class AuthorName(fields.String):
    """The name of the account behind an id: first name and initial of the last name; null where no name is known."""

    def __init__(self, **kwargs: Any) -> None:
        description = {"description": 'first name and initial ("Sam F."); null where no name is known'}
        super().__init__(allow_none=True, metadata=description, **kwargs)


class Text(fields.String):
    """Free text of `least` to `most` characters after trimming. Of control characters it allows tabs and line breaks.

    A text of which nobody can see anything is empty.
    """

    def __init__(self, *, most: int = 255, least: int = 1, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(min=least, max=most), **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs).strip()
        if any(ord(char) < 32 and char not in "\n\r\t" for char in text):
            raise ValidationError("Control characters are not allowed.")
        return "" if is_blank(text) else text


class EmailAddress(fields.String):
    """An e-mail address that mail can reach, in the form in which it is stored (`spelling.email_address`)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata = {"format": "email", "maxLength": MOST_OF_ADDRESS, **self.metadata}

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        try:
            return email_address(super()._deserialize(value, attr, data, **kwargs))
        except ValueError as error:
            raise ValidationError(str(error)) from error


class Telephone(fields.String):
    """A telephone number that can be dialled, in the form in which it is shown (`spelling.telephone_number`)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata = {"maxLength": 40, **self.metadata}

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        try:
            return telephone_number(super()._deserialize(value, attr, data, **kwargs)[:100])
        except ValueError as error:
            raise ValidationError(str(error)) from error


class TimeZone(fields.String):
    """The name of an IANA time zone."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        name = str(super()._deserialize(value, attr, data, **kwargs))
        if name not in _time_zones():
            raise ValidationError("The name of an IANA time zone is expected, such as Europe/Berlin.")
        return name


class Secret(fields.String):
    """A password or token. Never logged, never stored in clear."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata = {"format": "password", **self.metadata}


# Texts that the audit trail allows: a code, an identifier or digest, a record number, a point in time, a time zone.
_HEX = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}(Z|[+-][0-9]{2}:[0-9]{2})")
_PLAIN = (_CODE, _HEX, _RECORD_NUMBER, _MOMENT)
# Files beside the zones that are none: what this machine's own zone is, and what a machine without one has.
_NO_ZONES = {"localtime", "posixrules", "Factory"}


@functools.cache
def _time_zones() -> set[str]:
    return zoneinfo.available_timezones() - _NO_ZONES


def holds_no_text(value: Any) -> bool:
    """Whether a value, or each in a list, is of a kind that EVENT_FIELDS allow, so that it is no text of a person.

    It checks values without a schema, as EVENT_FIELDS restrict those of an event.
    """
    if isinstance(value, str):
        return any(pattern.fullmatch(value) for pattern in _PLAIN) or value in _time_zones()
    if isinstance(value, list | tuple):
        return all(map(holds_no_text, value))
    return value is None or isinstance(value, bool | int | float)


EVENT_FIELDS = (Id, Code, RecordNumber, Moment, Count, Flag, Ids, Digest, TimeZone)


def can_be_stored(text: str) -> bool:
    """Whether a database can hold a text: PostgreSQL holds no NUL, and none holds half of a surrogate pair."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def unstorable(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Where a value of JSON holds what no database holds or no call carries: pairs of path and sentence."""
    if isinstance(value, str):
        if not can_be_stored(value):
            yield path, "This text holds characters that cannot be stored. Write it anew."
    elif isinstance(value, int | float):
        if not abs(value) <= LARGEST:
            yield path, "This number is too large."
    elif isinstance(value, list):
        for place, within in enumerate(value):
            yield from unstorable(within, f"{path}.{place}")
    elif isinstance(value, Mapping):
        for name, within in value.items():
            if can_be_stored(name):
                yield from unstorable(within, f"{path}.{name}")
            else:
                yield path, "The name of a member holds characters that cannot be stored. Write it anew."


def one_of(words: tuple[str, ...], **options: Any) -> fields.String:
    """A field that takes one of these words."""
    return fields.String(validate=validate.OneOf(words), **options)


def place_from(least: int, **options: Any) -> fields.Integer:
    """A field that takes the whole number at which a page ended, by default none."""
    options = {"load_default": None, "allow_none": True, **options}
    return fields.Integer(validate=validate.Range(least, LARGEST), **options)


def number_of(most: int, **options: Any) -> fields.Integer:
    """A field that takes a whole number from 1 to `most`."""
    return fields.Integer(strict=True, validate=validate.Range(1, most), **options)
