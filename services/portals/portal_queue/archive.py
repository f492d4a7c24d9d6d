"""The archive: what was dismissed, found by filters and by words of names, types and texts (S3-14 to S3-16)."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select, text
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.spelling import search_key
from services.portals.portal_queue import queries
from services.portals.portal_queue.models import QueueItem, QueueText

_MOST_WORDS = 8


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
    typed = search_key(words or "").split()[:_MOST_WORDS]
    if typed:
        wanted.append(QueueItem.id.in_(select(QueueText.item_id).where(_has_words(session, typed))))
    if after is not None:
        wanted.append(_behind(session, after))
    sorting = (QueueItem.requested_at.desc(), QueueItem.person_name_key, QueueItem.id)
    rows = session.scalars(select(QueueItem).where(*wanted).order_by(*sorting).limit(limit + 1)).all()
    page, now = rows[:limit], utc_now()
    return {
        "items": [queries.view(each, now) for each in page],
        # An item's id and not what it sorts by, which is a name.
        "next": page[-1].id if len(rows) > limit else None,
    }


def _has_words(session: Session, typed: list[str]) -> ColumnElement[bool]:
    """The condition that each typed word begins one of a text's. They are letters and digits only (`search_key`)."""
    if session.connection().dialect.name == "postgresql":
        vector = func.to_tsvector(literal_column("'simple'::regconfig"), QueueText.words)
        asked = func.to_tsquery(
            literal_column("'simple'::regconfig"), " & ".join(f"{each}:*" for each in typed)
        )
        return vector.op("@@")(asked)
    matching = text("SELECT rowid FROM fts_queue_texts WHERE fts_queue_texts MATCH :typed")
    quoted = " ".join(f'"{each}"*' for each in typed)
    return QueueText.number.in_(matching.bindparams(typed=quoted))


def _behind(session: Session, item_id: str) -> ColumnElement[bool]:
    """The condition that an item comes after this one, with which a page ended. Raises Refused `invalid_request`."""
    last = session.scalars(select(QueueItem).where(QueueItem.id == item_id)).one_or_none()
    if last is None:
        raise Refused("invalid_request", "Send the `next` of the page before as `after`.", "after")
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
