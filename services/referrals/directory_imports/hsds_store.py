"""Collects the entities of an HSDS file on disk. They may be nested or in tables, repeated, and in any order."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

from services.referrals.directory.hsds_tables import (
    AT_LOCATION,
    ENTITIES,
    LOCATION,
    ORGANIZATION,
    OURS,
    OWNERS,
    PARTS,
    SERVICE,
    TERM,
    table_of,
)
from services.referrals.directory_imports.report import Place

MAX_ID = 44
# Parts that have attributes of their own, by the member that they are in.
_TABLE_OF = {member: table for table, member in PARTS.items() if table != "attribute"}
_ATTRIBUTED = frozenset({*ENTITIES, *_TABLE_OF.values()})

_TABLES = """
CREATE TABLE entities (
    seq INTEGER PRIMARY KEY, kind TEXT, id TEXT, number TEXT UNIQUE, is_nested INT, file TEXT, line INT, body TEXT,
    organization_id TEXT, service_id TEXT, location_id TEXT, UNIQUE (kind, id)
);
CREATE TABLE parts (kind TEXT, id TEXT, member TEXT, body TEXT);
CREATE TABLE terms (id TEXT PRIMARY KEY, body TEXT);
"""
_INDEXES = """
CREATE INDEX ix_parts ON parts (kind, id);
CREATE INDEX ix_at_service ON entities (service_id);
CREATE INDEX ix_at_location ON entities (location_id);
"""
Body = dict[str, Any]


class Stored(NamedTuple):
    """One entity with its parts. The ids of other entities are as the file writes them."""

    kind: str
    id: str
    number: str
    place: Place
    body: Body
    organization_id: str | None
    service_id: str | None
    location_id: str | None


class Store:
    """A scratch database that SQLite keeps in its own temporary file."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-16000"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.executescript(_TABLES)
        self._database.execute("BEGIN")

    def put(self, kind: str, body: Body, place: Place, *, is_nested: bool = False) -> str | None:
        """Keep an entity and those nested in it; returns the code of a problem, or None.

        An entity that was nested in another one before is completed. A second entry that is not nested is a
        `duplicate_number`.
        """
        identifier = id_of(body.get("id"))
        if identifier is None:
            return "id_missing"
        body = dict(body)
        links = self._take_nested(kind, identifier, body, place)
        known = self._database.execute(
            "SELECT body, is_nested FROM entities WHERE kind = ? AND id = ?", (kind, identifier)
        ).fetchone()
        if known is None:
            self._insert(kind, identifier, body, place, links, is_nested=is_nested)
        elif not is_nested and not known[1]:
            return "duplicate_number"
        else:
            self._complete(kind, identifier, body, known, links, place, is_nested=is_nested)
        return None

    def put_part(self, table: str, row: Body) -> bool:
        """Keep a row that belongs to an entity; False where it names no entity."""
        if table == TERM:
            identifier = id_of(row.get("id"))
            if identifier:
                self._database.execute("INSERT OR IGNORE INTO terms VALUES (?, ?)", (identifier, _json(row)))
            return identifier is not None
        owner = _owner_of(table, row)
        if owner is None:
            return False
        self._database.execute("INSERT INTO parts VALUES (?, ?, ?, ?)", (*owner, PARTS[table], _json(row)))
        return True

    def _take_nested(self, kind: str, identifier: str, body: Body, place: Place) -> dict[str, str | None]:
        """Take nested entities out of `body`; returns the ids of the entities to which this one belongs."""
        links = {each: id_of(body.pop(f"{each}_id", None)) for each in (ORGANIZATION, SERVICE, LOCATION)}
        for each in (ORGANIZATION, SERVICE, LOCATION):
            nested = body.get(each)
            if each != kind and isinstance(nested, dict):
                body.pop(each)
                self.put(each, nested, place, is_nested=True)
                links[each] = id_of(nested.get("id")) or links[each]
        for member, child in (
            ("locations", LOCATION),
            ("services", SERVICE),
            ("service_at_locations", AT_LOCATION),
        ):
            nested = body.pop(member, None)
            for each in nested if isinstance(nested, list) else ():
                if isinstance(each, dict) and not _is_derived(each):
                    self.put(child, each | {f"{kind}_id": identifier}, place, is_nested=True)
        return links

    def _insert(
        self,
        kind: str,
        identifier: str,
        body: Body,
        place: Place,
        links: dict[str, str | None],
        *,
        is_nested: bool,
    ) -> None:
        statement = "INSERT OR IGNORE INTO entities VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        for number in (own_number(body) or number_of(kind, identifier), f"{kind}-{identifier}"[:64]):
            values = (
                kind,
                identifier,
                number,
                is_nested,
                place.file,
                place.line,
                _json(body),
                *links.values(),
            )
            if self._database.execute(statement, values).rowcount:
                return

    def _complete(
        self,
        kind: str,
        identifier: str,
        body: Body,
        known: tuple[str, int],
        links: dict[str, str | None],
        place: Place,
        *,
        is_nested: bool,
    ) -> None:
        text, was_nested = known
        before = json.loads(text)
        merged = before | {name: value for name, value in body.items() if not before.get(name)}
        where = place if was_nested and not is_nested else None
        self._database.execute(
            "UPDATE entities SET body = ?, is_nested = ?, organization_id = coalesce(organization_id, ?), "
            "service_id = coalesce(service_id, ?), location_id = coalesce(location_id, ?), "
            "line = coalesce(?, line), file = coalesce(?, file) WHERE kind = ? AND id = ?",
            (
                *(_json(merged) if merged != before else text, was_nested and is_nested),
                *links.values(),
                *((where.line, where.file) if where else (None, None)),
                *(kind, identifier),
            ),
        )

    def entities(self) -> Iterator[Stored]:
        """All entities, organizations first, each kind in the order of the file."""
        self._database.executescript(_INDEXES)
        for kind in ENTITIES:
            rows = self._database.execute(
                "SELECT id, number, line, file, body, organization_id, service_id, location_id FROM entities "
                "WHERE kind = ? ORDER BY seq",
                (kind,),
            )
            for identifier, number, line, file, text, *links in rows:
                body = json.loads(text)
                for member, part in self._parts(kind, identifier):
                    body.setdefault(member, []).append(part)
                yield Stored(kind, identifier, number, Place(line, file), body, *links)

    def _parts(self, kind: str, identifier: str) -> Iterator[tuple[str, Body]]:
        rows = self._database.execute(
            "SELECT member, body FROM parts WHERE kind = ? AND id = ? ORDER BY rowid", (kind, identifier)
        )
        for member, text in rows:
            part = json.loads(text)
            term = id_of(part.get("taxonomy_term_id")) if member == "attributes" else None
            if term:
                found = self._database.execute("SELECT body FROM terms WHERE id = ?", (term,)).fetchone()
                if found:
                    part["taxonomy_term"] = json.loads(found[0])
            own = id_of(part.get("id")) if member in _TABLE_OF else None
            for its_member, its_part in self._parts(_TABLE_OF[member], own) if own else ():
                part.setdefault(its_member, []).append(its_part)
            yield member, part

    def number(self, kind: str, identifier: str) -> str:
        """The number of an entity in the directory, whether or not the file has the entity."""
        found = self._database.execute(
            "SELECT number FROM entities WHERE kind = ? AND id = ?", (kind, identifier)
        ).fetchone()
        return str(found[0]) if found else number_of(kind, identifier)

    def name(self, kind: str, identifier: str) -> str:
        """An entity's name, empty where the file does not have the entity."""
        body = self._body(kind, identifier)
        return str(body.get("name") or "") if body else ""

    def status(self, identifier: str) -> str | None:
        """A service's status, None where the file does not have the service."""
        body = self._body(SERVICE, identifier)
        return str(body.get("status")) if body else None

    def organization_of_service(self, identifier: str) -> str | None:
        """The id of the organization that provides a service."""
        return self._one("SELECT organization_id FROM entities WHERE kind = 'service' AND id = ?", identifier)

    def organization_at_location(self, identifier: str) -> str | None:
        """The id of the first organization with a service at a location."""
        return self._one(
            "SELECT service.organization_id FROM entities here JOIN entities service "
            "ON service.kind = 'service' AND service.id = here.service_id "
            "WHERE here.kind = 'service_at_location' AND here.location_id = ? ORDER BY here.seq LIMIT 1",
            identifier,
        )

    def _body(self, kind: str, identifier: str) -> Body | None:
        text = self._one(f"SELECT body FROM entities WHERE kind = '{kind}' AND id = ?", identifier)  # noqa: S608
        return json.loads(text) if text else None

    def _one(self, statement: str, identifier: str) -> str | None:
        found = self._database.execute(statement, (identifier,)).fetchone()
        return found[0] if found else None

    def close(self) -> None:
        """Delete the scratch database."""
        self._database.close()


def id_of(value: Any) -> str | None:
    """An identifier in its compared form: a UUID in lower case with dashes, any other as written. None for an invalid one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    if not text or len(text) > MAX_ID or not text.isprintable():
        return None
    try:
        return str(uuid.UUID(text)) if len(text) in (32, 36) else text
    except ValueError:
        return text


def number_of(kind: str, identifier: str) -> str:
    """The number in the directory for an identifier. A UUID is unique across tables; others get their table's name in front."""
    is_uuid = len(identifier) == 36 and identifier.count("-") == 4
    return identifier if is_uuid else f"{kind}-{identifier}"


def own_number(body: Body) -> str | None:
    """The number that Portico's export keeps in an attribute."""
    return our_attributes(body).get("number")


def our_attributes(body: Body) -> dict[str, str]:
    """Values by label of the attributes that Portico's export has added."""
    attributes = body.get("attributes")
    return {
        str(each.get("label")): each["value"]
        for each in (attributes if isinstance(attributes, list) else ())
        if isinstance(each, dict) and each.get("link_type") == OURS and isinstance(each.get("value"), str)
    }


def _is_derived(body: Body) -> bool:
    """Whether Portico's export created this location only to show an address where HSDS expects one."""
    return "derived" in our_attributes(body)


def _owner_of(table: str, row: Body) -> tuple[str, str] | None:
    if table == "attribute":
        kind, identifier = table_of(str(row.get("link_entity") or "")), id_of(row.get("link_id"))
        return (kind, identifier) if kind in _ATTRIBUTED and identifier else None
    for owner in OWNERS:
        identifier = id_of(row.get(f"{owner}_id"))
        if identifier:
            return owner, identifier
    return None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
