"""Reads one row of an iCarol resource export into a resource record, and collects the problems in it."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from datetime import date, datetime

from services.referrals.directory.rules import (
    Address,
    Level,
    Phone,
    ResourceRecord,
    ResourceStatus,
    TemporaryMessage,
)
from services.referrals.directory.withheld import squeeze
from services.referrals.directory_imports.hsds_privacy import marked_as_private
from services.referrals.directory_imports.report import Problem
from services.referrals.directory_imports.rules import says_no

NUMBER, NAME, LEVEL, PARENT, STATUS = (
    "ResourceAgencyNum",
    "PublicName",
    "TaxonomyLevelName",
    "ParentAgencyNum",
    "AgencyStatus",
)
REQUIRED_COLUMNS = (NUMBER, NAME, LEVEL, PARENT, STATUS)

# The columns of the export, in its order. Those for which ResourceRecord has no field go to `extra` without a warning.
_HEADER = """
ResourceAgencyNum PublicName AlternateName OfficialName TaxonomyLevelName ParentAgency ParentAgencyNum
MailingAddress1 MailingAddress2 MailingCity MailingStateProvince MailingPostalCode MailingCountry
PhysicalAddress1 PhysicalAddress2 PhysicalCity PhysicalCounty PhysicalStateProvince PhysicalPostalCode
PhysicalCountry OtherAddress1 OtherAddress2 OtherCity OtherCounty OtherStateProvince OtherPostalCode
OtherCountry Latitude Longitude HoursOfOperation Phone1Number Phone1Name Phone2Number Phone2Name
Phone3Number Phone3Name Phone4Number Phone4Name Phone5Number Phone5Description PhoneFax PhoneTTY
PhoneTollFree PhoneNumberHotline PhoneNumberBusinessLine PhoneNumberOutOfArea PhoneNumberAfterHours
EmailAddressMain WebsiteAddress AgencyStatus AgencyClassification AgencyDescription SearchHints
CoverageArea CoverageAreaText Eligibility LicenseAccreditation IRSStatus FEIN YearIncorporated
AnnualBudgetTotal LegalStatus SourceOfFunds ExcludeFromWebsite ExcludeFromDirectory DisabilitiesAccess
PhysicalLocationDescription BusServiceAccess PublicAccessTransportation FeeStructureSource
ApplicationProcess ResourceInfo DocumentsRequired LanguagesOffered ServiceNotAlwaysAvailability
CapacityType ServiceCapacity TemporaryMessage TemporaryMessageAppears TemporaryMessageExpires EnteredOn
UpdatedOn MadeInactiveOn HighlightedResource AvailableForDirectory AvailableForReferral
AvailableForResearch PreferredProvider ConnectsToSiteNum ConnectsToProgramNum Categories TaxonomyTerm
TaxonomyTerms TaxonomyTermsNotDeactivated TaxonomyCodes Coverage Hours
"""
EXPORT_COLUMNS = tuple(_HEADER.split())

_TEXT_FIELDS = {
    "parent_name": "ParentAgency",
    "alternate_name": "AlternateName",
    "official_name": "OfficialName",
    "description": "AgencyDescription",
    "email": "EmailAddressMain",
    "website": "WebsiteAddress",
    "hours": "HoursOfOperation",
    "eligibility": "Eligibility",
    "coverage_area": "CoverageArea",
    "application_process": "ApplicationProcess",
    "documents_required": "DocumentsRequired",
    "fees": "FeeStructureSource",
    "accessibility": "DisabilitiesAccess",
    "capacity_type": "CapacityType",
    "service_capacity": "ServiceCapacity",
}

_PHONE_COLUMNS = (
    ("Phone1Number", "Phone1Name", "voice"),
    ("Phone2Number", "Phone2Name", "voice"),
    ("Phone3Number", "Phone3Name", "voice"),
    ("Phone4Number", "Phone4Name", "voice"),
    ("Phone5Number", "Phone5Description", "voice"),
    ("PhoneFax", "", "fax"),
    ("PhoneTTY", "", "tty"),
    ("PhoneTollFree", "", "toll_free"),
    ("PhoneNumberHotline", "", "hotline"),
    ("PhoneNumberBusinessLine", "", "business"),
    ("PhoneNumberOutOfArea", "", "out_of_area"),
    ("PhoneNumberAfterHours", "", "after_hours"),
)

_MAX_TEXT = 10_000
_MAX_LENGTH = {
    NAME: 255,
    "OfficialName": 255,
    "ParentAgency": 255,
    "EmailAddressMain": 254,
    "WebsiteAddress": 2_000,
}

_LEVELS = {level.value.replace("_", ""): level for level in Level}
_STATUSES = {
    "active": ResourceStatus.ACTIVE,
    "activebutdonotrefer": ResourceStatus.DO_NOT_REFER,
    "inactive": ResourceStatus.INACTIVE,
}

_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_US_DATE = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?:\s+(\d{1,2}):(\d{2})(?::\d{2})?\s*([AaPp][Mm])?)?", re.ASCII
)
# Columns such as PhysicalAddressIsPrivate and Phone2IsPrivate mark all columns that begin as they do. So do others with a
# word for it, such as PrivateAddress, where the rest of the name is that of an address, phone number, e-mail or website.
_IS_PRIVATE = "isprivate"
_PART = re.compile(r"(physical|mailing|other)?address(es)?[0-9]*|physical|mailing|(phone|email|website)\w*")
_ADDRESS = re.compile(r"address(es)?[0-9]*$")
_ADDRESSES = ("physical", "mailing", "other")
_INTERNAL = "internal"
_PHYSICAL = "physical"
_WAYS_TO_A_PLACE = ("latitude", "longitude", "busserviceaccess", "publicaccesstransportation", "map")
# The date into which spreadsheets and OLE turn an empty one.
_ZERO_DATE = date(1899, 12, 30)


_EXPORT_SPELLING = {squeeze(column): column for column in EXPORT_COLUMNS}


def spelling_of(header_cell: str) -> str | None:
    """A column's name in the export's spelling, whatever its case, spaces and underscores; None if unknown."""
    return _EXPORT_SPELLING.get(squeeze(header_cell))


@functools.lru_cache(maxsize=4096)
def _squeezed(column: str) -> str:
    """`squeeze` of a column's name: each row has the same few."""
    return squeeze(column)


def _marked_part(column: str, value: str) -> str | None:
    """The beginning of the columns that this one marks as private, None if it marks none.

    A mark that cannot be read counts: a secret address must not get out by a spelling.
    """
    name = _squeezed(column)
    if name.endswith(_IS_PRIVATE):
        return None if says_no(value) else name.removesuffix(_IS_PRIVATE)
    part = marked_as_private(name, value)
    return part if part and _PART.fullmatch(part) else None


class Row:
    """One row: takes its values one by one, collects every problem, and keeps the rest as extra values."""

    def __init__(self, line: int, columns: Sequence[str], cells: Sequence[str]) -> None:
        self.line = line
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.values: dict[str, str] = {}
        self.private: dict[str, str] = {}
        self.number = ""
        self.is_whole = self._has_right_shape(columns, cells)
        if self.is_whole:
            pairs = ((column, cell.strip()) for column, cell in zip(columns, cells, strict=False))
            self.values = {column: cell for column, cell in pairs if cell}
            self._clean()
            self._set_private_apart()
            self.number = self._read_number()

    def refuse(self, column: str | None, code: str, message: str) -> None:
        """Note a problem: the row is not imported."""
        self.problems.append(Problem(self.line, column, code, message))

    def warn(self, column: str | None, code: str, message: str) -> None:
        """Note a reading that had to guess: the row is imported all the same."""
        self.warnings.append(Problem(self.line, column, code, message))

    def _has_right_shape(self, columns: Sequence[str], cells: Sequence[str]) -> bool:
        found, wanted = len(cells), len(columns)
        if found < wanted:
            self.refuse(None, "too_few_cells", f"The row has {found} cells, the header has {wanted}.")
        elif any(cell.strip() for cell in cells[wanted:]):
            self.refuse(None, "too_many_cells", f"The row has {found} cells, the header has {wanted}.")
        return not self.problems

    def _clean(self) -> None:
        for column, value in self.values.items():
            if "\r" in value:
                self.values[column] = value.replace("\r\n", "\n").replace("\r", "\n")
            limit = _MAX_LENGTH.get(column, _MAX_TEXT)
            if len(value) > limit:
                self.refuse(column[:80], "value_too_long", f"The value has more than {limit:,} characters.")
            if "\0" in value:
                self.refuse(column[:80], "nul_character", "The value holds a NUL character.")
            elif not value.isprintable() and _CONTROL.search(value):
                self.values[column] = _CONTROL.sub("", self.values[column])
                self.warn(column[:80], "control_character", "Control characters were removed from the value.")

    def _set_private_apart(self) -> None:
        """Take the columns that the row marks as private, and notes for the exporting agency's own staff."""
        marks = {column: _marked_part(column, value) for column, value in self.values.items()}
        beginnings = [_INTERNAL]
        for part in (part for part in marks.values() if part is not None):
            beginnings += _ADDRESSES if _ADDRESS.fullmatch(part) else [_ADDRESS.sub("", part)]
        if _PHYSICAL in beginnings:
            beginnings += _WAYS_TO_A_PLACE
        places = tuple(beginnings)
        for column in list(self.values):
            if marks[column] is not None or _squeezed(column).startswith(places):
                self.private[column] = self.values.pop(column)

    def _read_number(self) -> str:
        text = self.values.pop(NUMBER, "")
        if not text:
            self.refuse(NUMBER, "number_missing", "Every record needs its own number.")
        elif not _DIGITS.fullmatch(text) or not int(text):
            self.refuse(NUMBER, "number_not_numeric", "The number must be 1 to 18 digits and not zero.")
        else:
            return str(int(text))
        return ""

    def record(self) -> ResourceRecord | None:
        """The record of this row, or None if the row has a problem."""
        level, status = self._level(), self._status()
        parent = self._parent(level)
        texts = {name: self.values.pop(column, "") for name, column in _TEXT_FIELDS.items()}
        name = self._name(texts["parent_name"])
        if level is None or status is None or not name or self.problems:
            return None
        latitude, longitude = self._position()
        return ResourceRecord(
            number=self.number,
            level=level,
            name=name,
            status=status,
            parent_number=parent,
            phones=self._phones(),
            physical_address=self._address("Physical"),
            mailing_address=self._address("Mailing"),
            other_address=self._address("Other"),
            latitude=latitude,
            longitude=longitude,
            languages=self._list("LanguagesOffered", "[,;]"),
            temporary_message=self._temporary_message(),
            categories=self._list("Categories"),
            taxonomy_terms=self._list("TaxonomyTerms") or self._list("TaxonomyTerm"),
            taxonomy_codes=self._list("TaxonomyCodes"),
            site_number=self._connection("ConnectsToSiteNum"),
            program_number=self._connection("ConnectsToProgramNum"),
            is_hidden_from_website=self._says_yes("ExcludeFromWebsite"),
            is_hidden_from_directory=self._says_yes("ExcludeFromDirectory")
            or self._says_no("AvailableForDirectory"),
            entered_at=self._time("EnteredOn"),
            updated_at=self._time("UpdatedOn"),
            extra=self.values,
            private=self.private,
            **texts,
        )

    def _level(self) -> Level | None:
        text = self.values.pop(LEVEL, "")
        level = _LEVELS.get(squeeze(text))
        if level is None:
            self.refuse(LEVEL, "unknown_level", "The level must be Agency, Program, Site or ProgramAtSite.")
        return level

    def _status(self) -> ResourceStatus | None:
        text = self.values.pop(STATUS, "")
        if not text:
            return self._status_from_other_columns()
        status = _STATUSES.get(squeeze(text))
        if status is None:
            rule = 'The status must be Active, "Active, but do not refer" or Inactive.'
            self.refuse(STATUS, "unknown_status", rule)
        if status is ResourceStatus.ACTIVE and self._says_no("AvailableForReferral"):
            return ResourceStatus.DO_NOT_REFER
        return status

    def _status_from_other_columns(self) -> ResourceStatus:
        status = ResourceStatus.ACTIVE
        if "MadeInactiveOn" in self.values:
            status = ResourceStatus.INACTIVE
        elif self._says_no("AvailableForReferral"):
            status = ResourceStatus.DO_NOT_REFER
        self.warn(STATUS, "status_missing", f"The status is empty; it was read as {status.value}.")
        return status

    def _parent(self, level: Level | None) -> str | None:
        text = self.values.pop(PARENT, "")
        if not _DIGITS.fullmatch(text or "0"):
            self.refuse(
                PARENT, "number_not_numeric", "The parent's number must be digits (0 or empty: none)."
            )
            return None
        parent = str(int(text or "0"))
        if parent != "0" and parent == self.number:
            self.refuse(PARENT, "self_parent", "The record names itself as its parent.")
        elif level is Level.AGENCY:
            if parent != "0":
                self.warn(PARENT, "agency_with_parent", "An agency has no parent; the number was left out.")
            return None
        elif level is not None and parent == "0":
            self.refuse(PARENT, "parent_missing", "A program or site needs the number of its agency.")
        return parent

    def _name(self, parent_name: str) -> str:
        name = " ".join(self.values.pop(NAME, "").split())
        if name:
            return name
        if parent_name:
            self.warn(NAME, "name_missing", "The name is empty; the name of the parent agency was taken.")
            return parent_name
        self.refuse(NAME, "name_missing", "The record has no name, and no name of a parent agency to take.")
        return ""

    def _address(self, prefix: str) -> Address:
        columns = ("Address1", "Address2", "City", "County", "StateProvince", "PostalCode", "Country")
        parts = [self.values.pop(prefix + column, "") for column in columns]
        # The export writes "-1" for a list without a choice.
        return Address(*("" if part == "-1" else part for part in parts))

    def _phones(self) -> tuple[Phone, ...]:
        phones = []
        for column, label_column, kind in _PHONE_COLUMNS:
            number, label = self.values.pop(column, ""), self.values.pop(label_column, "")
            if sum(letter.isdigit() for letter in number) >= 3:
                phones.append(Phone(number, kind, label))
            elif number:
                self.values[column] = number
                self.warn(
                    column, "unreadable_phone", "The value is no telephone number; kept as an extra value."
                )
        return tuple(phones)

    def _position(self) -> tuple[float | None, float | None]:
        latitude, longitude = self._degrees("Latitude", 90), self._degrees("Longitude", 180)
        if latitude is not None and longitude is not None:
            del self.values["Latitude"], self.values["Longitude"]
            return latitude, longitude
        for column, degrees in (("Latitude", latitude), ("Longitude", longitude)):
            if degrees is not None:
                message = (
                    "The other coordinate is missing or unreadable; the value is kept as an extra value."
                )
                self.warn(column, "half_position", message)
        return None, None

    def _degrees(self, column: str, limit: int) -> float | None:
        text = self.values.get(column)
        if text is None:
            return None
        try:
            degrees = float(text)
        except ValueError:
            degrees = float("nan")
        if not -limit <= degrees <= limit:
            self.warn(
                column, "unreadable_position", f"The value must be degrees between -{limit} and {limit}."
            )
            return None
        return degrees

    def _list(self, column: str, separator: str = ";") -> tuple[str, ...]:
        parts = (part.strip() for part in re.split(separator, self.values.pop(column, "")))
        return tuple(dict.fromkeys(part for part in parts if part))

    def _says_yes(self, column: str) -> bool:
        text = self.values.pop(column, "")
        return bool(text) and not says_no(text)

    def _says_no(self, column: str) -> bool:
        return column in self.values and says_no(self.values[column])

    def _connection(self, column: str) -> str | None:
        text = self.values.get(column, "0")
        if not _DIGITS.fullmatch(text):
            self.warn(column, "number_not_numeric", "The connected record's number must be digits.")
            return None
        self.values.pop(column, None)
        return str(int(text)) if int(text) else None

    def _temporary_message(self) -> TemporaryMessage | None:
        text = self.values.pop("TemporaryMessage", "")
        appears = self._time("TemporaryMessageAppears")
        begins = appears.date() if appears else None
        expires = self._time("TemporaryMessageExpires", not_before=begins)
        ends = expires.date() if expires else None
        if not text:
            return None
        if begins and ends and ends < begins:
            self.warn(
                "TemporaryMessageExpires", "message_never_shows", "The message expires before it appears."
            )
        return TemporaryMessage(text, begins, ends)

    def _time(self, column: str, not_before: date | None = None) -> datetime | None:
        text = self.values.get(column)
        if text is None:
            return None
        moment = read_time(text, not_before)
        if moment is None:
            self.warn(column, "unreadable_date", "The value is no date (month/day/year or ISO 8601).")
            return None
        del self.values[column]
        return None if moment.date() == _ZERO_DATE else moment


def read_time(text: str, not_before: date | None = None) -> datetime | None:
    """A date and time as the export writes them ("9/28/10 0:00" or ISO 8601), no zone; None if unreadable.

    Two-digit years mean 1969 to 2068. For "never expires" exports write 1/1/90 or 9/9/99, which this rule would read as
    the past. A date with a two-digit year that falls before `not_before` is therefore read one century later.
    """
    match = _US_DATE.fullmatch(text)
    try:
        if match is None:
            return datetime.fromisoformat(text).replace(tzinfo=None)
        month, day, year, hour, minute, half = match.groups()
        full_year = int(year) if len(year) == 4 else int(year) + (2000 if int(year) < 69 else 1900)
        clock = int(hour or 0)
        if half:
            clock = clock % 12 + (12 if half.lower() == "pm" else 0)
        # The export names no zone, so none is assumed.
        moment = datetime(full_year, int(month), int(day), clock, int(minute or 0))  # noqa: DTZ001
        if len(year) == 2 and not_before is not None and moment.date() < not_before:
            moment = moment.replace(year=full_year + 100)
    except ValueError:
        return None
    return moment
