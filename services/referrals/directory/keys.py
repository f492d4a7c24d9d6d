"""Finding resources by what else than a name stands for them: number, phone number, postal code, terms of a taxonomy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select
from sqlalchemy.orm import Session

from services.chassis.database import begins_with
from services.contracts.spelling import search_key
from services.referrals.directory.models import Resource, ResourceKey, TaxonomyTerm
from services.referrals.directory.rules import TAXONOMY, typed_keys
from services.referrals.directory.terms import Term

_KEYS: Any = ResourceKey.__table__


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
    rows = session.scalars(select(TaxonomyTerm).where(TaxonomyTerm.id.in_(longest)))
    found = {row.id: row for row in rows}
    for own_id, term in longest.items():
        row = found.get(own_id)
        named = {"name": term.name, "search_key": search_key(f"{term.code} {term.name}")}
        if row is None:
            fixed = {"taxonomy": term.taxonomy, "code": term.code, "parent_id": term.parent_id}
            session.add(TaxonomyTerm(organisation_id=organisation_id, id=own_id, **fixed, **named))
        elif len(term.name) > len(row.name):
            row.name, row.search_key = named["name"], named["search_key"]


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
