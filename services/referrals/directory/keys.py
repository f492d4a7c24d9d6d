"""Finding resources by what else than a name stands for them: number, phone number, postal code, terms of a taxonomy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from services.chassis.database import begins_with
from services.contracts.spelling import search_key
from services.referrals.directory.models import Resource, ResourceKey, TaxonomyTerm
from services.referrals.directory.rules import TAXONOMY, typed_keys
from services.referrals.directory.terms import Term

_KEYS: Any = ResourceKey.__table__
_TERMS: Any = TaxonomyTerm.__table__


def set_keys(session: Session, organisation_id: str, keys: Mapping[str, Iterable[Sequence[str]]]) -> None:
    """Write the kinds and keys of each resource, by its id, instead of those that it had."""
    connection = session.connection()
    connection.execute(delete(_KEYS).where(_KEYS.c.resource_id.in_(keys)))
    rows = [
        {"organisation_id": organisation_id, "resource_id": resource_id, "kind": kind, "key": key}
        for resource_id, pairs in keys.items()
        for kind, key in pairs
    ]
    if rows:
        connection.execute(insert(_KEYS), rows)


def set_terms(session: Session, organisation_id: str, terms: Iterable[Term]) -> None:
    """Note these terms. A longer name than the one that is known replaces it. The caller has locked the directory."""
    longest: dict[str, Term] = {}
    for term in terms:
        known = longest.setdefault(term.id, term)
        if len(term.name) > len(known.name):
            longest[term.id] = term
    connection = session.connection()
    statement = select(_TERMS.c.id, _TERMS.c.name).where(
        _TERMS.c.organisation_id == organisation_id, _TERMS.c.id.in_(longest)
    )
    found: dict[str, str] = dict(connection.execute(statement).all())
    rows = {
        own_id: {"name": term.name, "search_key": search_key(f"{term.code} {term.name}")}
        for own_id, term in longest.items()
        if len(term.name) > len(found.get(own_id, ""))
    }
    fresh = [
        {
            **row,
            "organisation_id": organisation_id,
            "id": own_id,
            "taxonomy": longest[own_id].taxonomy,
            "code": longest[own_id].code,
            "parent_id": longest[own_id].parent_id,
        }
        for own_id, row in rows.items()
        if own_id not in found
    ]
    if fresh:
        connection.execute(insert(_TERMS), fresh)
    for own_id in rows.keys() & found.keys():
        is_it = (_TERMS.c.organisation_id == organisation_id, _TERMS.c.id == own_id)
        connection.execute(update(_TERMS).where(*is_it).values(rows[own_id]))


def numbers_by_key(
    session: Session, typed: str, limit: int, *conditions: ColumnElement[bool]
) -> tuple[list[str], list[str]]:
    """Numbers of the resources for whose number, phone or postal code the text stands, and of those with such a term.

    Both are by name, at most `limit` each. The conditions are on Resource.
    """
    exact = [and_(ResourceKey.kind == kind, ResourceKey.key == key) for kind, key in typed_keys(typed)]
    term = search_key(typed)
    return (
        _numbers(session, or_(*exact), limit, conditions) if exact else [],
        _numbers(
            session, and_(ResourceKey.kind == TAXONOMY, begins_with(ResourceKey.key, term)), limit, conditions
        )
        if term
        else [],
    )


def _numbers(
    session: Session, wanted: ColumnElement[bool], limit: int, conditions: Iterable[ColumnElement[bool]]
) -> list[str]:
    found = select(ResourceKey.resource_id).where(wanted)
    statement = select(Resource.number).where(Resource.id.in_(found), *conditions)
    return list(session.scalars(statement.order_by(Resource.search_key, Resource.id).limit(limit)))
