"""Taxonomies and their terms, as the directory's resources carry them. What no shown resource carries is not shown."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, exists, func, literal, select, tuple_
from sqlalchemy.orm import Session, aliased

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.spelling import search_key
from services.referrals.directory.models import Resource, ResourceKey, TaxonomyTerm
from services.referrals.directory.queries import is_shown
from services.referrals.directory.rules import TERM
from services.referrals.directory.terms import OF_211, OF_SOURCE, TAXONOMIES, Term
from services.referrals.hsds.objects import Object, taxonomy_id_of, term_of, uuid_of
from services.referrals.hsds.queries import page_of

_TAXONOMIES, _TERMS = "hsds_taxonomies", "hsds_terms"
_ABOUT: dict[str, dict[str, str]] = {
    OF_211: {
        "name": "2-1-1 Taxonomy of Human Services",
        "description": "Terms with a code of the 2-1-1 taxonomy, as resources of this directory carry them.",
        "uri": "https://211taxonomy.org",
    },
    OF_SOURCE: {
        "name": "Terms of the sources",
        "description": "Terms without a code of the 2-1-1 taxonomy, as the imported files name them.",
    },
}


def _is_carried(term: Any) -> ColumnElement[bool]:
    return exists().where(
        ResourceKey.kind == TERM,
        ResourceKey.key == term.id,
        Resource.id == ResourceKey.resource_id,
        is_shown(),
    )


_Parent = aliased(TaxonomyTerm)
# The id of the term above, if that is carried.
_ABOVE = (
    select(_Parent.id)
    .where(_Parent.id == TaxonomyTerm.parent_id, _is_carried(_Parent))
    .correlate(TaxonomyTerm)
    .scalar_subquery()
)


def list_hsds_taxonomies(
    session: Session,
    _caller: Caller | None,
    *,
    page: int,
    per_page: int,
    after: str | None,
    search: str | None,
) -> dict[str, Any]:
    """A page of the taxonomies from which terms are carried."""
    last = read_cursor(after, _TAXONOMIES, str)[0] if after is not None else ""
    words = search_key(search or "").split()
    found = [
        taxonomy
        for taxonomy in _taxonomies(session)
        if taxonomy["id"] > last
        and all(word in search_key(f"{taxonomy['name']} {taxonomy['description']}") for word in words)
    ]
    start = (page - 1) * per_page
    contents = found[start : start + per_page]
    following = cursor_of(_TAXONOMIES, contents[-1]["id"]) if contents else None
    return page_of(contents, len(found), number=page, size=per_page, following=following)


def get_hsds_taxonomy(session: Session, _caller: Caller | None, *, taxonomy_id: str) -> Object:
    """One taxonomy. Raises Refused `not_found`."""
    for taxonomy in _taxonomies(session):
        if taxonomy["id"] == uuid_of(taxonomy_id):
            return taxonomy
    raise Refused("not_found", "There is no taxonomy with this id.", "taxonomy_id")


def list_hsds_taxonomy_terms(
    session: Session,
    _caller: Caller | None,
    *,
    page: int,
    per_page: int,
    after: str | None,
    search: str | None,
    taxonomy_id: str | None,
    parent_id: str | None,
    top_only: bool,
) -> dict[str, Any]:
    """A page of terms, in the order of their codes. `top_only`: those without a term above them in the directory."""
    conditions = [_is_carried(TaxonomyTerm)]
    conditions += [
        TaxonomyTerm.search_key.contains(word, autoescape=True) for word in search_key(search or "").split()
    ]
    if taxonomy_id is not None:
        names = [each for each in TAXONOMIES if taxonomy_id_of(each) == taxonomy_id]
        conditions.append(TaxonomyTerm.taxonomy.in_(names))
    if parent_id is not None:
        conditions.append(_ABOVE.in_([parent_id]))
    if top_only:
        conditions.append(_ABOVE.is_(None))
    order = (TaxonomyTerm.code, TaxonomyTerm.search_key, TaxonomyTerm.id)
    if after is not None:
        place = (literal(value) for value in read_cursor(after, _TERMS, str, str, str))
        conditions.append(tuple_(*order) > tuple_(*place))
    total = session.scalar(select(func.count()).select_from(TaxonomyTerm).where(*conditions)) or 0
    statement = select(TaxonomyTerm, _ABOVE).where(*conditions).order_by(*order)
    rows = session.execute(statement.limit(per_page).offset((page - 1) * per_page)).all()
    last = rows[-1][0] if rows else None
    following = cursor_of(_TERMS, last.code, last.search_key, last.id) if last else None
    return page_of([_term(*row) for row in rows], total, number=page, size=per_page, following=following)


def get_hsds_taxonomy_term(session: Session, _caller: Caller | None, *, taxonomy_term_id: str) -> Object:
    """One term. Raises Refused `not_found`."""
    is_it = (TaxonomyTerm.id == taxonomy_term_id, _is_carried(TaxonomyTerm))
    row = session.execute(select(TaxonomyTerm, _ABOVE).where(*is_it)).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no term with this id.", "taxonomy_term_id")
    return _term(*row)


def _taxonomies(session: Session) -> list[Object]:
    """The taxonomies of which a term is carried, in the order of their ids."""
    carried = select(TaxonomyTerm.id).where(_is_carried(TaxonomyTerm)).limit(1)
    found: list[Object] = [
        {"id": uuid_of(taxonomy_id_of(taxonomy)), **_ABOUT[taxonomy]}
        for taxonomy in TAXONOMIES
        if session.scalar(carried.where(TaxonomyTerm.taxonomy == taxonomy)) is not None
    ]
    return sorted(found, key=itemgetter("id"))


def _term(row: TaxonomyTerm, parent_id: str | None) -> Object:
    return term_of(Term(row.name, row.code)) | ({"parent_id": uuid_of(parent_id)} if parent_id else {})
