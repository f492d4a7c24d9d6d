"""Names in tables of their own, in which every word of a name is found: one rule for people, accounts and contact records.

A typed word finds the names of which a word begins so (`services.contracts.spelling.words_of_name`). Several typed words
must each do so, in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Index,
    PrimaryKeyConstraint,
    Select,
    String,
    Table,
    and_,
    delete,
    event,
    exists,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column

from services.chassis.database import begins_with
from services.chassis.models import BytewiseText, TenantScoped
from services.contracts.spelling import FIRST, LAST, words_of_name

NAMES = ("first_name", "last_name")
# A typed word with the part of the name that it is of; None where it may be of either.
Wanted = tuple[str, str | None]
_MOST_COUNTED = 1_000


class NameWords(TenantScoped):
    """Mixin of a table with the words of names. The subclass adds `owner_id`, a part of the primary key.

    `words` is a word of the name with those that follow it, from the last on to the first. `part` says which of the two
    names the word is of, or both. The rows follow the names of their owners (`keep_names`).
    """

    organisation_id: Mapped[str] = mapped_column(String(32))
    words: Mapped[str] = mapped_column(BytewiseText, primary_key=True)
    part: Mapped[str] = mapped_column(String(10), primary_key=True)

    @declared_attr.directive
    def __table_args__(self) -> tuple[Any, ...]:
        return (
            PrimaryKeyConstraint("owner_id", "words", "part"),
            Index(None, "organisation_id", "words", "owner_id"),
        )


def name_rows(
    owner_id: str, organisation_id: str, first_name: str | None, last_name: str | None
) -> list[dict[str, str]]:
    """The rows of a name."""
    own = {"owner_id": owner_id, "organisation_id": organisation_id}
    found = words_of_name(first_name or "", last_name or "")
    return [own | {"words": words, "part": part} for words, part in sorted(found)]


def write_name(connection: Connection, table: Any, rows: Sequence[dict[str, str]], owner_id: str) -> None:
    """Put these rows in the place of those that the owner has in the table."""
    connection.execute(delete(table).where(table.c.owner_id == owner_id))
    if rows:
        connection.execute(insert(table), list(rows))


def keep_names(
    owners: type[Any], names: type[NameWords], is_searched: Callable[[Any], bool] | None = None
) -> None:
    """Let the rows of `names` follow the names of `owners`, or of those of them that are searched by name.

    A statement that inserts owners past the session's objects inserts `name_rows` as well.
    """
    table = _table(names)

    def write(_mapper: Any, connection: Connection, owner: Any) -> None:
        if is_searched is None or is_searched(owner):
            rows = name_rows(owner.id, owner.organisation_id, owner.first_name, owner.last_name)
            write_name(connection, table, rows, owner.id)

    def write_changed(mapper: Any, connection: Connection, owner: Any) -> None:
        attributes = inspect(owner).attrs
        if any(attributes[name].history.has_changes() for name in NAMES):
            write(mapper, connection, owner)

    event.listen(owners, "after_insert", write)
    event.listen(owners, "after_update", write_changed)


def named(session: Session, names: type[NameWords], wanted: Sequence[Wanted]) -> Select[Any]:
    """The ids of owners that have each of these words, which are at least one, in the order of their names.

    It begins with the rarest word. An id can be there more than once.
    """
    first, *others = (
        sorted(wanted, key=lambda each: _how_many(session, names, each)) if len(wanted) > 1 else wanted
    )
    owner_id = names.owner_id  # type: ignore[attr-defined]  # of the subclass
    statement = select(owner_id).where(
        _begins(names, first), *(has_word(names, owner_id, each) for each in others)
    )
    return statement.order_by(names.words, owner_id)


def _how_many(session: Session, names: type[NameWords], wanted: Wanted) -> int:
    """How many names have the word, counted as far as it matters."""
    owner_id = names.owner_id  # type: ignore[attr-defined]  # of the subclass
    found = select(owner_id).where(_begins(names, wanted)).limit(_MOST_COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def has_word(names: type[NameWords], owner_id: Any, wanted: Wanted) -> ColumnElement[bool]:
    """The condition that the owner with this id has the word. It costs one look-up by the primary key."""
    # The table without its class is not limited to the organisation, which would lead SQLite to the other index.
    own = _table(names).alias()
    return exists(select(1).select_from(own).where(own.c.owner_id == owner_id, _begins(own.c, wanted)))


def _begins(columns: Any, wanted: Wanted) -> ColumnElement[bool]:
    word, part = wanted
    other = {FIRST: LAST, LAST: FIRST}.get(part or "")
    begins = begins_with(columns.words, word)
    return begins if other is None else and_(begins, columns.part != other)


def _table(names: type[NameWords]) -> Table:
    table: Table = names.__table__  # type: ignore[attr-defined]  # of the subclass
    return table
