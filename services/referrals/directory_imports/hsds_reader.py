"""Reads an HSDS 3.x file, JSON or package, into resource records.

An organization becomes an agency, a service a program, a location a site, a service at a location a program at a site.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from services.referrals.directory.hsds_storable import MESSAGES, NUL, storable, storable_text
from services.referrals.directory.hsds_tables import (
    AT_LOCATION,
    ENTITIES,
    LOCATION,
    NOT_READ,
    ORGANIZATION,
    PARTS,
    SERVICE,
    TERM,
    is_left_out,
    table_of,
)
from services.referrals.directory.rules import Level, ResourceRecord
from services.referrals.directory_imports import hsds_json, hsds_package
from services.referrals.directory_imports.hsds_privacy import is_mark
from services.referrals.directory_imports.hsds_record import HsdsRow
from services.referrals.directory_imports.hsds_store import Store, Stored
from services.referrals.directory_imports.report import FileRefused, Place, Problem, Report
from services.referrals.directory_imports.rules import HSDS_PACKAGE

MAX_ENTITIES = 500_000
_LEVELS = {
    ORGANIZATION: Level.AGENCY,
    LOCATION: Level.SITE,
    SERVICE: Level.PROGRAM,
    AT_LOCATION: Level.PROGRAM_AT_SITE,
}
_PAGES = frozenset({"contents", "data", "items"})  # names of the list in a page of an API
_MESSAGES = {
    "id_missing": "Every entry needs an `id` of 1 to 44 printable characters.",
    "duplicate_number": "An entry with this id stands in the file already.",
}


class HsdsReader:
    """Reads one file: first all of it into a scratch store, because entities that belong together may stand anywhere."""

    def __init__(self, report: Report, source: str) -> None:
        self._report = report
        self._source = source
        self._store = Store()
        self._agencies: set[str] = set()
        self._unread: Counter[tuple[str | None, str]] = Counter()
        self._unread_columns: Counter[tuple[str | None, str, str]] = Counter()
        self._entities = 0

    def records(self, file: BinaryIO) -> Iterator[tuple[Place, ResourceRecord]]:
        """Place and record of each valid entity. Agencies are checked by `parent_problem` once all are read.

        Raises FileRefused as hsds_json.elements and hsds_package.rows, or with `no_table` or `too_many_rows`.
        """
        self._load(file)
        if not self._entities:
            raise FileRefused("no_table", "The file holds no organization, service or location of HSDS.")
        for (name, what), count in self._unread.items():
            message = f"{count:,} entries of `{what}` have no place in the directory and were left out."
            self._report.warn([Problem(1, what[:80], "table_not_imported", message, name)])
        for (name, table, column), count in self._unread_columns.items():
            what = (column or "cells beyond the header")[:80]
            message = (
                f"{count:,} values of `{what}` of `{table}` have no place in the directory and were left out."
            )
            self._report.warn([Problem(1, what, "column_not_imported", message, name)])
        for stored in self._store.entities():
            row = HsdsRow(stored.place, stored.body)
            record = row.record(_LEVELS[stored.kind], stored.number, self._relations(stored))
            self._report.warn(row.warnings)
            if record is None:
                self._report.refuse(row.problems)
                continue
            if record.level is Level.AGENCY:
                self._agencies.add(record.number)
            yield stored.place, record
        self._store.close()

    def parent_problem(self, place: Place, parent: str) -> Problem | None:
        """The problem with the agency that the entry at `place` names; None where this file has it.

        An `orphan` may still have its agency in the directory.
        """
        if parent in self._agencies:
            return None
        message = f"The organization {parent} is neither in the file nor in the directory, or was refused."
        return Problem(place.line, "organization_id", "orphan", message, place.file)

    def _load(self, file: BinaryIO) -> None:
        if self._source == HSDS_PACKAGE:
            for table, name, line, row in hsds_package.rows(file):
                if table is None:
                    message = "This file is no table that is imported: it was left out."
                    self._report.warn([Problem(1, name[-80:], "table_not_imported", message, name)])
                else:
                    self._take(table, row, Place(line, name))
            return
        for written, line, value in hsds_json.elements(file):
            member = written and storable_text(written, set())
            if not isinstance(value, dict):
                self._refuse(Place(line), member, "not_an_object", "An object is expected here.")
                continue
            table = _kind_of(value) if member is None or member in _PAGES else table_of(member) or member
            self._take(table, value, Place(line))

    def _take(self, table: str, entry: dict[str, Any], place: Place) -> None:
        """Keep an entry as it can be stored, and say what cannot; one with a NUL character is refused."""
        if table in ENTITIES:
            self._entities += 1
            if self._entities > MAX_ENTITIES:
                raise FileRefused(
                    "too_many_rows", f"The file has more than {MAX_ENTITIES:,} entries.", place.line
                )
        try:
            body, found = storable(entry)
        except RecursionError:
            raise FileRefused("not_json", "The values are nested too deeply.", place.line) from None
        problems = [
            Problem(place.line, member[:80], code, MESSAGES[code], place.file) for member, code in found
        ]
        if any(code == NUL for _, code in found):
            self._report.refuse(problems)
            return
        self._report.warn(problems)
        self._put(table, body, place)

    def _put(self, table: str, body: dict[str, Any], place: Place) -> None:
        body = dict(body)
        for column in [
            each
            for each in body
            if each == hsds_package.BEYOND or (is_left_out(table, each) and not is_mark(each))
        ]:
            self._unread_columns[place.file, table, column] += 1
            if column == hsds_package.BEYOND:
                del body[column]
        if table in ENTITIES:
            code = self._store.put(table, body, place)
            if code is not None:
                self._refuse(place, "id", code, _MESSAGES[code])
        elif table in NOT_READ or not (
            (table in PARTS or table == TERM) and self._store.put_part(table, body)
        ):
            self._unread[place.file, table] += 1

    def _refuse(self, place: Place, column: str | None, code: str, message: str) -> None:
        self._report.refuse([Problem(place.line, column and column[:80], code, message, place.file)])

    def _relations(self, stored: Stored) -> dict[str, str | None]:
        """The fields of the record that name its agency, program and site."""
        store, organization = self._store, stored.organization_id
        if stored.kind == AT_LOCATION:
            service, location = stored.service_id, stored.location_id
            organization = service and store.organization_of_service(service)
            return {
                **self._agency(organization),
                "program_number": service and store.number(SERVICE, service),
                "site_number": location and store.number(LOCATION, location),
                "service_name": service and store.name(SERVICE, service),
                "location_name": location and store.name(LOCATION, location),
                "service_status": service and store.status(service),
            }
        if stored.kind == LOCATION and organization is None:
            organization = store.organization_at_location(stored.id)
        return {} if stored.kind == ORGANIZATION else self._agency(organization)

    def _agency(self, organization: str | None) -> dict[str, str | None]:
        if organization is None:
            return {"parent_number": None, "parent_name": ""}
        return {
            "parent_number": self._store.number(ORGANIZATION, organization),
            "parent_name": self._store.name(ORGANIZATION, organization),
        }


def _kind_of(body: dict[str, Any]) -> str:
    """The table of an entity outside a named table, told by members that only such an entity has."""
    if "location_type" in body:
        return LOCATION
    if "service_id" in body or "location_id" in body:
        return AT_LOCATION
    if {"status", "organization", "organization_id", "service_at_locations"} & body.keys():
        return SERVICE
    return ORGANIZATION
