"""Finding resources by what stands for them: number, phone number, postal code, terms of a taxonomy, words, towns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from services.chassis.database import begins_with
from services.contracts.spelling import search_key
from services.referrals.directory.models import Resource, ResourceKey, TaxonomyTerm
from services.referrals.directory.rules import MOST_OF_KEY, TAXONOMY, WORD, typed_keys
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

    A term begins with the text. After these come resources that have a word that begins so for each typed word, in a name, a
    term or a town. Both are by name, at most `limit` each. The conditions are on Resource.
    """
    exact = [and_(ResourceKey.kind == kind, ResourceKey.key == key) for kind, key in typed_keys(typed)]
    by_key = _numbers(session, [or_(*exact)], limit, conditions) if exact else []
    term = search_key(typed)
    if not term:
        return by_key, []
    by_term = _numbers(session, [_begins(TAXONOMY, term)], limit, conditions)
    if len(by_term) < limit:
        words = [_begins(WORD, word[:MOST_OF_KEY]) for word in dict.fromkeys(term.split())]
        by_term += _numbers(session, words, limit, conditions)
    return by_key, by_term


def _begins(kind: str, beginning: str) -> ColumnElement[bool]:
    return and_(ResourceKey.kind == kind, begins_with(ResourceKey.key, beginning))


def _numbers(
    session: Session,
    wanted: Iterable[ColumnElement[bool]],
    limit: int,
    conditions: Iterable[ColumnElement[bool]],
) -> list[str]:
    """Numbers of resources with a key for each of the wanted conditions."""
    found = [Resource.id.in_(select(ResourceKey.resource_id).where(each)) for each in wanted]
    statement = select(Resource.number).where(*found, *conditions)
    return list(session.scalars(statement.order_by(Resource.search_key, Resource.id).limit(limit)))
