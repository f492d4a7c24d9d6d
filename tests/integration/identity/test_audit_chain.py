"""The audit trail: one row for each action, sealed into a chain in which every tampering shows."""

from __future__ import annotations

import datetime
import json
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from services.chassis import audit, migrate, wire
from services.chassis.audit_sealing import CHECKPOINT_EVERY, CHECKPOINT_ROWS, Sealer
from services.chassis.database import Database
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.identity import accounts as api
from services.contracts.identity import audit as contract
from tests.integration.identity.conftest import Identity
from tests.support.in_process import HARBOR

EVERYDAY_CASES, FULL_CASES = 180, 1000
ROWS, EVERY = 30, 10


def the_sealer(identity: Identity, *, after: datetime.timedelta = datetime.timedelta(0)) -> Sealer:
    return Sealer(
        "identity",
        identity.database,
        identity.runtime.tables,
        identity.runtime.issuer,
        now=lambda: utc_now() + after,
    )


def write(identity: Identity, count: int, organisation: tuple[str, str] = HARBOR) -> None:
    """Audit rows of an organisation, each written as by a separate command."""
    for number in range(count):
        identity.database.write(
            organisation[0], lambda session, n=number: note(identity, session, organisation, n)
        )


def note(identity: Identity, session: Session, organisation: tuple[str, str], number: int) -> None:
    unit = UnitOfWork(
        session,
        identity.runtime.tables,
        "identity",
        caller=Caller("account", "c" * 32, *organisation),
        context=wire.CallContext(wire.new_id(), correlation_id=wire.new_id()),
        organisation_id=organisation[0],
        organisation_key=organisation[1],
    )
    unit.audit("thing.changed", "thing", f"{number:032d}", before=number, after=[number + 1, "x"], ratio=0.5)


def reports(identity: Identity, **more: Any) -> dict[str, audit.ChainReport]:
    found = audit.verify(identity.database, identity.runtime.tables, "identity", [identity._public], **more)
    return {report.chain: report for report in found}


def statements(identity: Identity) -> list[tuple[audit.Statement, str]]:
    """The checkpoints as a subscriber has kept them."""
    return [
        (
            audit.Statement(
                "identity",
                each["data"]["organisation_id"],
                each["data"]["seq"],
                each["data"]["row_hash"],
                datetime.datetime.fromisoformat(each["data"]["sealed_at"]),
            ),
            each["data"]["signature"],
        )
        for each in identity.events(contract.trail.checkpoint)
    ]


def test_rows_are_sealed_without_a_gap_and_each_organisation_has_a_chain_of_its_own(either: Identity) -> None:
    write(either, 25)
    write(either, 5, ("b" * 32, "bayside"))
    the_sealer(either).seal()

    found = reports(either)
    assert [found[chain].rows for chain in ("a" * 32, "b" * 32)] == [25, 5]
    assert {report.fault for report in found.values()} == {None}
    assert {report.unsealed for report in found.values()} == {0}
    with either.database.reading(None) as session:
        table = either.runtime.tables.Audit
        numbers = session.scalars(
            select(table.seq).where(table.organisation_id == "a" * 32).order_by(table.seq)
        )
        assert list(numbers) == list(range(1, 26))


def test_rows_that_were_there_before_the_chain_are_sealed_too(either: Identity) -> None:
    rows_of_set_up = len(either.audit())
    the_sealer(either).seal()

    chain = either.harbor.organisation_id
    assert reports(either)[chain].rows == rows_of_set_up > 0


def test_two_sealers_and_many_writers_at_once_leave_one_unbroken_chain(either: Identity) -> None:
    stop = threading.Event()

    def keep_sealing() -> None:
        while not stop.is_set():
            the_sealer(either).seal()

    sealers = [threading.Thread(target=keep_sealing) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(either, 25)) for _ in range(4)]
    for thread in sealers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in sealers:
        thread.join()
    the_sealer(either).seal()

    report = reports(either)["a" * 32]
    assert (report.rows, report.unsealed, report.fault) == (100, 0, None)


def test_a_checkpoint_is_kept_and_published_after_so_many_rows_and_after_so_long(identity: Identity) -> None:
    write(identity, CHECKPOINT_ROWS)
    the_sealer(identity).seal()
    write(identity, 1)
    the_sealer(identity).seal()
    assert [each[0].seq for each in statements(identity)] == [CHECKPOINT_ROWS]

    the_sealer(identity, after=CHECKPOINT_EVERY).seal()

    known = [each for each in statements(identity) if each[0].chain == "a" * 32]
    assert [each[0].seq for each in known] == [CHECKPOINT_ROWS, CHECKPOINT_ROWS + 1]
    report = reports(identity, statements=known)["a" * 32]
    assert (report.checkpoints, report.fault) == (2, None)
    assert set(identity.events(contract.trail.checkpoint)[0]["data"]) == {
        "organisation_id",
        "seq",
        "row_hash",
        "sealed_at",
        "signature",
    }


def test_the_database_refuses_to_change_or_delete_what_is_written(either: Identity) -> None:
    write(either, 3)
    the_sealer(either).seal()
    write(either, 1)
    table = either.runtime.tables.Audit
    checkpoint = either.runtime.tables.AuditCheckpoint
    the_sealer(either, after=CHECKPOINT_EVERY).seal()
    write(either, 1)
    for statement in (
        update(table).values(action="nothing.happened"),
        update(table).where(table.seq.is_(None)).values(actor_id="somebody else"),
        update(table).where(table.seq == 1).values(seq=9),
        delete(table),
        delete(table).where(table.seq.is_(None)),
        update(checkpoint).values(row_hash="0" * 64),
        delete(checkpoint),
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            either.database.write(None, lambda session, each=statement: session.execute(each))


# Tampering ----------------------------------------------------------------------------------------------------------


class Forger:
    """An attacker who owns the database, has dropped its triggers and knows the code, but lacks the service's key."""

    def __init__(self, session: Session, tables: Any, chance: random.Random) -> None:
        self.session, self.audit, self.heads = session, tables.Audit, tables.AuditHead
        self.checkpoints = tables.AuditCheckpoint
        self.chance = chance

    def rows(self) -> list[Any]:
        columns = self.audit.__table__.columns
        mine = self.audit.organisation_id == "a" * 32
        return list(self.session.execute(select(*columns).where(mine).order_by(self.audit.seq)))

    def set(self, row_id: str, **values: Any) -> None:
        self.session.execute(update(self.audit).where(self.audit.id == row_id).values(**values))

    def break_hash(self) -> None:
        column = self.chance.choice(("row_hash", "previous_hash"))
        self.set(self.chance.choice(self.rows()).id, **{column: "1" * 64})

    def change(self) -> None:
        row = self.chance.choice(self.rows())
        column, value = self.chance.choice(
            [
                ("action", "thing.read"),
                ("actor_id", "d" * 32),
                ("actor_kind", "service"),
                ("object_id", "e" * 32),
                ("object_type", "account"),
                ("person_id", "f" * 32),
                ("facts", {**row.facts, "before": row.facts["before"] + 1}),
                ("reason", "none"),
                ("correlation_id", "other"),
                ("organisation_key", "bayside"),
                ("at", row.at + datetime.timedelta(microseconds=1)),
            ]
        )
        self.set(row.id, **{column: value})

    def remove(self) -> None:
        row = self.chance.choice(self.rows())
        self.session.execute(delete(self.audit).where(self.audit.id == row.id))

    def hide(self) -> None:
        """Make a sealed row look unsealed."""
        self.set(self.chance.choice(self.rows()).id, seq=None, previous_hash=None, row_hash=None)

    def move_away(self) -> None:
        self.set(self.chance.choice(self.rows()).id, organisation_id="b" * 32)

    def swap(self) -> None:
        first, second = self.chance.sample(self.rows(), 2)
        self.set(first.id, seq=-1)
        self.set(second.id, seq=first.seq)
        self.set(first.id, seq=second.seq)

    def insert(self) -> None:
        row = self.chance.choice(self.rows())
        later = [each for each in self.rows() if each.seq >= row.seq]
        for sign in (-1, 1):
            places = [{"id": each.id, "seq": sign * (each.seq + 1)} for each in later]
            self.session.execute(update(self.audit), places)
        self.session.execute(insert(self.audit).values({**row._mapping, "id": wire.new_id()}))

    def append(self) -> None:
        last = self.rows()[-1]
        added = {**last._mapping, "id": wire.new_id(), "seq": last.seq + 1, "previous_hash": last.row_hash}
        self.session.execute(insert(self.audit).values(added))

    def truncate(self) -> None:
        """Cut the end off and set the head to an older, signed checkpoint, which is the hardest cut to detect."""
        rows = self.rows()
        kept = self.chance.randrange(len(rows))
        self.session.execute(delete(self.audit).where(self.audit.id.in_([row.id for row in rows[kept:]])))
        signed = self.session.scalars(
            select(self.checkpoints).where(self.checkpoints.seq <= kept).order_by(self.checkpoints.seq.desc())
        ).first()
        if signed is not None and self.chance.random() < 0.5:
            self._head(signed.seq, signed.row_hash, at=signed.at, signature=signed.signature)
        if self.chance.random() < 0.5:
            self.session.execute(delete(self.checkpoints).where(self.checkpoints.seq > kept))

    def recompute(self) -> None:
        """Number and hash everything anew, so that the chain is whole again."""
        last = audit.GENESIS
        rows = [row for row in self.rows() if row.seq is not None]
        places = []
        for number, row in enumerate(rows, 1):
            current = audit.row_hash(row, number, last)
            places.append({"id": row.id, "seq": number, "previous_hash": last, "row_hash": current})
            last = current
        # Numbers are unique, so move the rows out of the way first.
        self.session.execute(update(self.audit), [{"id": each["id"], "seq": -each["seq"]} for each in places])
        self.session.execute(update(self.audit), places)
        self._head(len(rows), last)

    def _head(self, seq: int, row_hash: str, **more: Any) -> None:
        self.session.execute(
            update(self.heads).where(self.heads.chain == "a" * 32).values(seq=seq, row_hash=row_hash, **more)
        )


class RolledBack(Exception):
    """Rolls a case back."""


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Identity]:
    """A chain of 30 rows with three checkpoints, in a database without triggers."""
    folder = tmp_path_factory.mktemp("audit")
    identity = Identity(f"sqlite:///{folder}/identity.db", folder)
    the_sealer(identity).seal()
    for number in range(ROWS // EVERY):
        write(identity, EVERY)
        the_sealer(identity, after=number * CHECKPOINT_EVERY).seal()
        the_sealer(identity, after=(number + 1) * CHECKPOINT_EVERY).seal()

    def unlock(session: Session) -> None:
        for name in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            session.execute(text(f"DROP TRIGGER {name}"))

    identity.database.write(None, unlock)
    yield identity
    identity.close()


def fault_after(identity: Identity, tamper: Callable[[Session], None], **more: Any) -> str | None:
    """The first fault after tampering, which is then undone."""
    found: list[str | None] = []

    def work(session: Session) -> None:
        tamper(session)
        session.flush()
        found.extend(
            report.fault
            for report in audit.verify_in(
                session, identity.runtime.tables, "identity", [identity._public], **more
            )
        )
        raise RolledBack

    with pytest.raises(RolledBack):
        identity.database.write(None, work)
    return next((fault for fault in found if fault), None)


def tampering_is_seen(sealed: Identity, cases: int) -> None:
    """Tamper `cases` times, and undo each change before the next."""
    kept = statements(sealed)
    assert len([each for each in kept if each[0].chain == "a" * 32]) == ROWS // EVERY
    assert fault_after(sealed, lambda session: None, statements=kept) is None
    chance = random.Random(16)
    kinds = ("change", "break_hash", "remove", "hide", "move_away", "swap", "insert", "append", "truncate")
    seen: dict[str, int] = dict.fromkeys(kinds, 0)
    for number in range(cases):
        kind, is_thorough = kinds[number % len(kinds)], number // len(kinds) % 5 == 0

        def tamper(session: Session, kind: str = kind, is_thorough: bool = is_thorough) -> None:
            forger = Forger(session, sealed.runtime.tables, chance)
            getattr(forger, kind)()
            if is_thorough and kind != "break_hash":  # that would only mend it again
                forger.recompute()

        fault = fault_after(sealed, tamper, statements=kept)
        assert fault is not None, f"case {number}: {kind} was not seen"
        seen[kind] += 1
    print(f"attempted {cases} detected {sum(seen.values())} missed 0 {seen}")


@pytest.mark.fault("A16")
def test_whatever_is_tampered_with_is_seen(sealed: Identity) -> None:
    tampering_is_seen(sealed, EVERYDAY_CASES)


@pytest.mark.full
@pytest.mark.fault("A16")
@pytest.mark.timeout(900)
def test_of_a_thousand_tamperings_all_are_seen(sealed: Identity) -> None:
    tampering_is_seen(sealed, FULL_CASES)


def test_a_cut_below_a_kept_checkpoint_is_seen_though_the_database_agrees_with_itself(
    sealed: Identity,
) -> None:
    def cut(session: Session) -> None:
        tables = sealed.runtime.tables
        first = session.scalars(
            select(tables.AuditCheckpoint).where(tables.AuditCheckpoint.seq == EVERY)
        ).one()
        mine = tables.Audit.organisation_id == "a" * 32
        session.execute(delete(tables.Audit).where(mine, tables.Audit.seq > EVERY))
        session.execute(delete(tables.AuditCheckpoint).where(tables.AuditCheckpoint.seq > EVERY))
        values = {"seq": first.seq, "row_hash": first.row_hash, "at": first.at, "signature": first.signature}
        session.execute(update(tables.AuditHead).where(tables.AuditHead.chain == "a" * 32).values(**values))

    assert fault_after(sealed, cut) is None
    assert fault_after(sealed, cut, statements=statements(sealed)) == (
        f"rows {EVERY + 1} to {ROWS} are gone, a checkpoint knows them"
    )


def test_a_sealer_that_stands_still_is_seen(identity: Identity) -> None:
    the_sealer(identity).seal()

    def old(session: Session) -> None:
        row = {
            "id": "1" * 32,
            "organisation_id": "a" * 32,
            "at": utc_now() - 2 * audit.SEALED_WITHIN,
            "actor_kind": "service",
            "actor_id": "x",
            "action": "a.b",
            "object_type": "t",
            "object_id": "o",
            "facts": {},
        }
        session.execute(insert(identity.runtime.tables.Audit).values(row))

    identity.database.write(None, old)
    assert "not sealed" in str(reports(identity)["a" * 32].fault)


def test_a_row_that_cannot_be_sealed_stops_only_its_own_chain(either: Identity) -> None:
    def write_with(session: Session) -> None:
        unit = UnitOfWork(
            session,
            either.runtime.tables,
            "identity",
            caller=None,
            context=wire.CallContext(wire.new_id(), correlation_id="test"),
            organisation_id="a" * 32,
            organisation_key="harbor",
        )
        unit.audit("thing.changed", "thing", wire.new_id(), number=2**70)  # more than canonical JSON takes

    either.database.write("a" * 32, write_with)
    write(either, 2, ("b" * 32, "bayside"))

    assert the_sealer(either).seal() is False
    found = reports(either)
    assert (found["b" * 32].rows, found["b" * 32].unsealed) == (2, 0)
    assert (found["a" * 32].rows, found["a" * 32].unsealed) == (0, 1)


def test_organisations_that_are_there_get_the_new_permissions_with_the_migration(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    migrate.upgrade("identity", url, "0003")
    database = Database(url)
    columns = "id, organisation_id, code, realm, version, second_factor_required"

    def add_roles(session: Session) -> None:
        for code in ("trainee", "standard", "admin"):
            values = f"'{code}', '{'a' * 32}', '{code}', 'staff', 1, false"
            session.execute(text(f"INSERT INTO roles ({columns}) VALUES ({values})"))

    database.write(None, add_roles)
    migrate.upgrade("identity", url)
    with database.reading(None) as session:
        rows = session.execute(text("SELECT role_id, permission FROM role_permissions")).all()
    database.close()
    assert {tuple(row) for row in rows if row.permission.startswith("access.")} == {
        ("admin", "access.explain"),
        ("admin", "access.break_glass"),
        ("standard", "access.break_glass"),
    }


def test_the_command_prints_each_organisation_and_fails_on_a_fault(
    identity: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(identity, 3)
    the_sealer(identity, after=CHECKPOINT_EVERY).seal()
    the_sealer(identity, after=2 * CHECKPOINT_EVERY).seal()
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [_jwk(identity)]}))
    monkeypatch.setenv("IDENTITY_DATABASE_URL", str(identity.database.engine.url))
    monkeypatch.setenv("PASSPORT_KEYS_FILE", str(keys))
    feed = tmp_path / "feed.jsonl"
    events = identity.events(contract.trail.checkpoint)
    feed.write_text("".join(json.dumps(each) + "\n" for each in events))

    assert audit.main(["verify", "identity", "--statements", str(feed)]) == 0
    assert f"{'a' * 32}: 3 rows, 0 not sealed yet, 1 checkpoints, holds" in capsys.readouterr().out

    forged = {**events[0], "data": {**events[0]["data"], "seq": 7}}
    feed.write_text(json.dumps(forged) + "\n")
    assert audit.main(["verify", "identity", "--statements", str(feed)]) == 1
    assert "was not signed by identity" in capsys.readouterr().out


def _jwk(identity: Identity) -> dict[str, str]:
    import base64

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    raw = identity._public["identity"].public_bytes(Encoding.Raw, PublicFormat.Raw)
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return {"kid": "identity", "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x}


def audited_actions(identity: Identity, count: int) -> None:
    """Carry out so many audited actions, some of them twice under one key, and count the rows that each leaves."""
    admin = identity.admin()
    account = identity.an_account(password=None)
    chance = random.Random(3)
    before = len(identity.audit())
    wanted = True  # as it is for a new account
    for number in range(count):
        key = wire.new_id()
        if chance.random() < 0.5:
            identity.call(api.get_account, admin, account_id=account["id"])
        else:
            wanted = not wanted
            for _ in range(chance.choice((1, 1, 2))):  # repeated under the same key it takes effect once
                identity.call(api.set_my_notifications, admin, key=key, resource_assigned_emails=wanted)
        if number % 50 == 49:
            the_sealer(identity).seal()
    assert len(identity.audit()) - before == count
    the_sealer(identity).seal()
    report = reports(identity)[identity.harbor.organisation_id]
    assert (report.rows, report.unsealed, report.fault) == (before + count, 0, None)
    print(f"attempted {count} acknowledged {count} found {count} lost 0 duplicated 0")


@pytest.mark.fault("A16")
def test_every_action_leaves_exactly_one_row(identity: Identity) -> None:
    audited_actions(identity, 200)


@pytest.mark.full
@pytest.mark.fault("A16")
def test_two_thousand_actions_leave_two_thousand_rows(either: Identity) -> None:
    audited_actions(either, 2000)


@pytest.mark.parametrize("service", ["referrals", "portals", "notifications", "signing"])
def test_the_chain_of_every_service_comes_and_goes_with_its_migration(
    service: str, tmp_path: Path, postgres_database: str
) -> None:
    for url in (f"sqlite:///{tmp_path}/{service}.db", postgres_database):
        migrate.upgrade(service, url)
        assert migrate.differences(service, url) == []
        migrate.downgrade(service, url, "0001")
        migrate.upgrade(service, url)
        assert migrate.differences(service, url) == []
        Database(url).close()
