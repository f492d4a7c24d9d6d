"""The archive: what was dismissed, found by filters and by words of names, types and texts (S3-14 to S3-16)."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    any_,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, aliased

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.spelling import search_key
from services.portals.portal_queue import queries
from services.portals.portal_queue.models import QueueItem, QueueText

_MOST_WORDS = 8
_NEWEST, _NEXT = 2_000, 8_000  # items of which each is looked at for a word
_APART = datetime.timedelta(minutes=5)  # of requests that came at once, at most


def search_archive(
    session: Session,
    _caller: Caller,
    *,
    words: str | None,
    person_id: str | None,
    outcome: str | None,
    from_on: datetime.date | None,
    until_on: datetime.date | None,
    department: str | None,
    type: str | None,  # noqa: A002 - the contract's word
    kind: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """A page of the archive, newest request first, then by the person's name. Days are those of UTC."""
    given = {
        "person_id": person_id,
        "state": outcome,
        "department": department,
        "type": type,
        "kind": kind,
    }
    wanted: list[Any] = [~QueueItem.is_open]
    wanted += [getattr(QueueItem, name) == value for name, value in given.items() if value is not None]
    if from_on is not None:
        wanted.append(QueueItem.requested_at >= _midnight(from_on))
    if until_on is not None:
        wanted.append(QueueItem.requested_at < _midnight(until_on + datetime.timedelta(days=1)))
    last = None if after is None else _last_item(session, after)
    typed = search_key(words or "").split()[:_MOST_WORDS]
    if typed and session.connection().dialect.name == "sqlite":
        statement = _as_the_index_reads(typed, last).where(*_numbered(from_on, until_on))
        rows = session.scalars(statement.where(*wanted).limit(limit + 1)).all()
    else:
        if last is not None:
            wanted.append(_behind(last))
        items = select(QueueItem).where(*wanted).order_by(*_in_order(QueueItem))
        rows = (
            _with_words(session, items, typed, limit + 1)
            if typed
            else session.scalars(items.limit(limit + 1)).all()
        )
    page, now = rows[:limit], utc_now()
    return {
        "items": [queries.view(each, now) for each in page],
        # An item's id and not what it sorts by, which is a name.
        "next": page[-1].id if len(rows) > limit else None,
    }


def _in_order(item: Any) -> tuple[Any, ...]:
    return item.requested_at.desc(), item.person_name_key, item.id


def _with_words(session: Session, items: Select[Any], typed: list[str], most: int) -> Sequence[QueueItem]:
    """PostgreSQL's first of these items that have the words.

    It is told which way to go, as it takes every beginning of a word for frequent. The texts of the newest items are looked
    through as they are. What is found there says how often the words come: if the next newest should be enough for the page,
    they are looked through, too; otherwise the index of words gathers all that there are, which are few.
    """
    rows = _among(session, items.limit(_NEWEST), typed, most)
    if len(rows) == most or session.scalars(items.offset(_NEWEST - 1).limit(1)).first() is None:
        return rows
    if len(rows) * (_NEWEST + _NEXT) >= most * _NEWEST:
        rows += _among(session, items.offset(_NEWEST).limit(_NEXT), typed, most - len(rows))
        if len(rows) == most:
            return rows
    gathered = select(QueueText.item_id).where(_has_words(typed)).scalar_subquery()
    # As an array: a plain subquery could be asked for each item instead.
    of_words = QueueItem.id == any_(func.array(gathered, type_=ARRAY(String)))
    return session.scalars(items.where(of_words).limit(most)).all()


def _among(session: Session, items: Select[Any], typed: list[str], most: int) -> list[QueueItem]:
    """The first of these items that have the words, by looking at the text of each."""
    looked_at = aliased(QueueItem, items.subquery())
    words = select(" " + QueueText.words).where(QueueText.item_id == looked_at.id).scalar_subquery()
    having = select(looked_at).where(*(words.like(f"% {each}%") for each in typed))
    return list(session.scalars(having.order_by(*_in_order(looked_at)).limit(most)))


def _has_words(typed: list[str]) -> ColumnElement[bool]:
    """PostgreSQL's condition that each typed word begins one of a text's. They are letters and digits only (`search_key`)."""
    simple: ColumnElement[Any] = literal_column("'simple'::regconfig")
    asked = func.to_tsquery(simple, " & ".join(f"{each}:*" for each in typed))
    return func.to_tsvector(simple, QueueText.words).op("@@")(asked)


def _as_the_index_reads(typed: list[str], last: QueueItem | None) -> Select[Any]:
    """SQLite's items of which each typed word begins a word, behind a page's last one.

    A frequent word has very many, so they are not gathered and sorted: FTS5 hands out the newest row first, and rows are numbered as
    the requests came. Where some came at the same moment, the last one is first whatever the name.
    """
    index = table("fts_queue_texts", column("rowid", Integer))
    quoted = " ".join(f'"{each}"*' for each in typed)
    statement = (
        select(QueueItem)
        .select_from(index)
        .join(QueueText, QueueText.number == index.c.rowid)
        .join(QueueItem, QueueItem.id == QueueText.item_id)
        .where(text("fts_queue_texts MATCH :typed").bindparams(typed=quoted))
        .order_by(index.c.rowid.desc())
    )
    if last is None:
        return statement
    number = select(QueueText.number).where(QueueText.item_id == last.id).scalar_subquery()
    return statement.where(index.c.rowid < number)


def _numbered(from_on: datetime.date | None, until_on: datetime.date | None) -> list[ColumnElement[bool]]:
    """Between which numbers the index has to be read for these days: numbers follow the times of the requests, to a moment."""
    at, number = QueueItem.requested_at, literal_column("fts_queue_texts.rowid", Integer)
    numbers = (
        select(QueueText.number).join(QueueItem, QueueItem.id == QueueText.item_id).where(~QueueItem.is_open)
    )
    found: list[ColumnElement[bool]] = []
    if from_on is not None:
        first = numbers.where(at >= _midnight(from_on) - _APART).order_by(at).limit(1)
        found.append(number >= first.scalar_subquery())
    if until_on is not None:
        end = _midnight(until_on + datetime.timedelta(days=1)) + _APART
        found.append(number <= numbers.where(at < end).order_by(at.desc()).limit(1).scalar_subquery())
    return found


def _last_item(session: Session, item_id: str) -> QueueItem:
    """The item with which a page ended. Raises Refused `invalid_request`."""
    last = session.scalars(select(QueueItem).where(QueueItem.id == item_id)).one_or_none()
    if last is None:
        raise Refused("invalid_request", "Send the `next` of the page before as `after`.", "after")
    return last


def _behind(last: QueueItem) -> ColumnElement[bool]:
    """The condition that an item comes after this one, with which a page ended."""
    name = QueueItem.person_name_key
    return or_(
        QueueItem.requested_at < last.requested_at,
        and_(QueueItem.requested_at == last.requested_at, name > last.person_name_key),
        and_(
            QueueItem.requested_at == last.requested_at, name == last.person_name_key, QueueItem.id > last.id
        ),
    )


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)
