"""The database: every statement sees the rows of one organisation only; a write that loses a race is tried again."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import ForeignKey, String, bindparam, delete, exists, func, select, text, update
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    joinedload,
    mapped_column,
    relationship,
    selectinload,
)

from services.chassis import database as database_module
from services.chassis.database import (
    Database,
    Prepared,
    PreparedInsert,
    TransactionOpenAcrossNetworkError,
    assert_no_transaction,
    built_once,
    insert_unless_there,
)
from services.chassis.models import ServiceTables, TenantScoped, UtcDateTime, tables_of_service

HARBOR, BAYSIDE = "a" * 32, "b" * 32


class Base(ServiceTables, DeclarativeBase):
    metadata = tables_of_service()


class Shelf(TenantScoped, Base):
    __tablename__ = "shelves"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    label: Mapped[str] = mapped_column(String(40), default="")
    opened_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    books: Mapped[list[Book]] = relationship(back_populates="shelf", order_by="Book.id")


class Book(TenantScoped, Base):
    __tablename__ = "books"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    shelf_id: Mapped[str] = mapped_column(ForeignKey("shelves.id"))
    shelf: Mapped[Shelf] = relationship(back_populates="books")


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """Each organisation has a shelf. By mistake, Harbor's holds a book of Bayside."""
    database = Database(url)
    Base.metadata.create_all(database.engine)

    def fill(session: Session) -> None:
        session.add_all(
            [
                Shelf(id="harbor", organisation_id=HARBOR),
                Shelf(id="bayside", organisation_id=BAYSIDE),
            ]
        )
        session.flush()
        session.add_all(
            [
                Book(id="harbor-book", shelf_id="harbor", organisation_id=HARBOR),
                Book(id="bayside-book", shelf_id="harbor", organisation_id=BAYSIDE),
            ]
        )

    database.write(None, fill)
    yield database
    database.close()


def all_shelves(database: Database) -> dict[str, tuple[str, str]]:
    """Label and organisation of every shelf."""
    with database.reading(None) as session:
        return {row.id: (row.label, row.organisation_id) for row in session.scalars(select(Shelf))}


def test_the_services_own_work_sees_all_organisations(database: Database):
    assert set(all_shelves(database)) == {"harbor", "bayside"}


def test_a_select_finds_own_rows_only(database: Database):
    other = aliased(Shelf)
    with database.reading(HARBOR) as session:
        assert session.scalars(select(Shelf.id)).all() == ["harbor"]
        assert session.scalars(select(other.id)).all() == ["harbor"]
        assert session.scalars(select(Shelf).where(Shelf.id == "bayside")).all() == []
        assert session.scalar(select(func.count()).select_from(Shelf)) == 1
        assert session.scalar(select(func.count(Book.id))) == 1
        assert session.query(Shelf).count() == 1


def test_a_join_and_a_condition_on_another_table_see_own_rows_only(database: Database):
    with database.reading(HARBOR) as session:
        joined = session.execute(select(Shelf.id, Book.id).join(Book)).all()
        assert [tuple(row) for row in joined] == [("harbor", "harbor-book")]
        has_foreign_book = select(Shelf.id).where(exists().where(Book.id == "bayside-book"))
        assert session.scalars(has_foreign_book).all() == []


def test_a_get_finds_own_rows_only(database: Database):
    with database.reading(BAYSIDE) as session:
        assert session.get(Shelf, "bayside") is not None
        assert session.get(Shelf, "harbor") is None


@pytest.mark.parametrize("option", [None, joinedload(Shelf.books), selectinload(Shelf.books)])
def test_a_relationship_holds_own_rows_only(database: Database, option: object):
    with database.reading(HARBOR) as session:
        statement = select(Shelf) if option is None else select(Shelf).options(option)  # type: ignore[arg-type]
        shelf = session.scalars(statement).unique().one()
        assert [book.id for book in shelf.books] == ["harbor-book"]
        again = session.get(Shelf, "harbor", populate_existing=True)
        assert [book.id for book in again.books] == ["harbor-book"]  # type: ignore[union-attr]


def test_an_update_changes_own_rows_only(database: Database):
    database.write(HARBOR, lambda session: session.execute(update(Shelf).values(label="ours")))

    assert all_shelves(database) == {"harbor": ("ours", HARBOR), "bayside": ("", BAYSIDE)}


def test_a_delete_removes_own_rows_only(database: Database):
    database.write(HARBOR, lambda session: session.execute(delete(Book)))

    with database.reading(None) as session:
        assert session.scalars(select(Book.id)).all() == ["bayside-book"]


def test_a_new_row_gets_the_organisation(database: Database):
    database.write(HARBOR, lambda session: session.add(Shelf(id="new")))

    assert all_shelves(database)["new"] == ("", HARBOR)


def test_a_new_row_of_another_organisation_is_a_fault(database: Database):
    with pytest.raises(AssertionError, match="another organisation"):
        database.write(HARBOR, lambda session: session.add(Shelf(id="new", organisation_id=BAYSIDE)))

    assert "new" not in all_shelves(database)


def test_a_row_cannot_be_given_to_another_organisation(database: Database):
    def give_away(session: Session) -> None:
        session.get(Shelf, "harbor").organisation_id = BAYSIDE  # type: ignore[union-attr]

    with pytest.raises(AssertionError, match="another organisation"):
        database.write(HARBOR, give_away)

    assert all_shelves(database)["harbor"] == ("", HARBOR)


def test_a_row_without_an_organisation_cannot_be_written(database: Database):
    with pytest.raises(IntegrityError):
        database.write(None, lambda session: session.add(Shelf(id="new")))


def test_a_write_that_fails_leaves_nothing(database: Database):
    def half(session: Session) -> None:
        session.execute(update(Shelf).values(label="half"))
        raise KeyError

    with pytest.raises(KeyError):
        database.write(HARBOR, half)

    assert all_shelves(database)["harbor"] == ("", HARBOR)


def test_reading_does_not_change_anything(database: Database):
    with database.reading(HARBOR) as session:
        session.execute(update(Shelf).values(label="not kept"))

    assert all_shelves(database)["harbor"] == ("", HARBOR)


def test_nothing_crosses_the_network_inside_a_transaction(database: Database):
    assert_no_transaction()
    with database.reading(HARBOR), pytest.raises(TransactionOpenAcrossNetworkError):
        assert_no_transaction()
    with pytest.raises(TransactionOpenAcrossNetworkError):
        database.write(HARBOR, lambda _session: assert_no_transaction())
    assert_no_transaction()


def test_foreign_keys_hold_in_sqlite(database: Database):
    with pytest.raises(IntegrityError):
        database.write(HARBOR, lambda session: session.add(Book(id="b", shelf_id="nowhere")))


def test_an_error_of_the_database_does_not_tell_the_values(database: Database):
    with pytest.raises(IntegrityError) as error:
        database.write(HARBOR, lambda session: session.add(Shelf(id="harbor", label="Rosalind Quimby")))

    assert "Rosalind" not in str(error.value)


def test_times_come_back_in_utc(database: Database):
    here = datetime.timezone(datetime.timedelta(hours=-5))
    moment = datetime.datetime(2026, 3, 1, 7, 30, tzinfo=here)
    database.write(HARBOR, lambda session: session.execute(update(Shelf).values(opened_at=moment)))

    with database.reading(HARBOR) as session:
        read = session.scalars(select(Shelf.opened_at)).one()
    assert read == moment
    assert read.tzinfo is datetime.UTC


def test_a_time_without_a_zone_is_refused(database: Database):
    with pytest.raises(Exception, match="a time without zone"):
        database.write(
            HARBOR,
            lambda session: session.add(Shelf(id="new", opened_at=datetime.datetime(2026, 3, 1))),
        )


def test_it_knows_whether_it_is_ready(database: Database, tmp_path: Path):
    assert database.is_ready()
    with database.reading(None) as session:
        assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    assert not Database(f"sqlite:///{tmp_path}/nowhere/toy.db").is_ready()


def test_a_prepared_select_finds_own_rows_only_and_what_was_just_changed(database: Database):
    by_id = Prepared(select(Shelf.id, Shelf.label).where(Shelf.id == bindparam("wanted_id")))

    def rename(session: Session) -> tuple[str, str]:
        session.get_one(Shelf, "harbor").label = "renamed"
        row = by_id.execute(session, wanted_id="harbor").one()
        return row.id, row.label

    with database.reading(HARBOR) as session:
        assert by_id.execute(session, wanted_id="bayside").all() == []
        assert [row.id for row in by_id.execute(session, wanted_id="harbor")] == ["harbor"]
    with database.reading(None) as session:
        assert [row.id for row in by_id.execute(session, wanted_id="bayside")] == ["bayside"]
    assert database.write(HARBOR, rename) == ("harbor", "renamed")


def test_a_select_built_once_finds_own_rows_only_and_fails_without_an_organisation(database: Database):
    shelves = built_once(select(Shelf).options(joinedload(Shelf.books)))

    for organisation_id, shelf_id in ((HARBOR, "harbor"), (BAYSIDE, "bayside"), (HARBOR, "harbor")):
        with database.reading(organisation_id) as session:
            shelf = session.scalars(shelves).unique().one()
            assert shelf.id == shelf_id
            assert [book.organisation_id for book in shelf.books] == [HARBOR] * (organisation_id == HARBOR)
    with database.reading(None) as session, pytest.raises(StatementError, match="organisation_of_session"):
        session.scalars(shelves)


def test_a_prepared_insert_gives_the_organisation_and_refuses_another(database: Database):
    shelf = PreparedInsert(Shelf)

    database.write(HARBOR, lambda session: shelf.execute(session, {"id": "one"}, {"id": "two"}))

    assert all_shelves(database).keys() == {"harbor", "bayside", "one", "two"}
    assert all_shelves(database)["one"] == ("", HARBOR)
    with pytest.raises(AssertionError, match="another organisation"):
        database.write(
            HARBOR, lambda session: shelf.execute(session, {"id": "x", "organisation_id": BAYSIDE})
        )


def test_of_two_inserts_of_one_key_the_second_says_that_it_is_there(database: Database):
    row = {"id": "one", "label": "first", "organisation_id": HARBOR}

    assert database.write(None, lambda session: insert_unless_there(session, Shelf.__table__, row))
    assert not database.write(
        None, lambda session: insert_unless_there(session, Shelf.__table__, {**row, "label": "second"})
    )
    assert all_shelves(database)["one"] == ("first", HARBOR)


def test_others_run_before_each_transaction_of_a_loop(database: Database, monkeypatch: pytest.MonkeyPatch):
    log: list[object] = []
    monkeypatch.setattr(database_module.time, "sleep", log.append)
    for number in range(3):
        database.write(HARBOR, lambda _session, number=number: log.append(f"transaction {number}"))
    assert log == [0, "transaction 0", 0, "transaction 1", 0, "transaction 2"]


@pytest.mark.parametrize(("count", "transactions"), [(0, 0), (1, 1), (2, 2), (5, 3)])
def test_old_rows_are_swept_a_few_in_a_transaction_and_others_stay(
    database: Database, monkeypatch: pytest.MonkeyPatch, count: int, transactions: int
):
    old = [
        Shelf(id=f"old-{number}", organisation_id=(HARBOR, BAYSIDE)[number % 2], label="old")
        for number in range(count)
    ]
    database.write(None, lambda session: session.add_all(old))
    turns: list[object] = []
    monkeypatch.setattr(database_module, "SWEPT_AT_ONCE", 2)
    monkeypatch.setattr(database_module.time, "sleep", turns.append)
    database.sweep(Shelf, Shelf.label == "old")
    assert len(turns) == transactions
    assert set(all_shelves(database)) == {"harbor", "bayside"}
