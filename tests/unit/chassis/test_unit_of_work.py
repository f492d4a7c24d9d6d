"""One command, one transaction: change, audit, event and answer together, and once for each request id."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from marshmallow import Schema, fields
from sqlalchemy import func, select

from services.chassis import wire
from services.chassis.database import Database
from services.chassis.operations import Call, admit, load
from services.chassis.passports import Caller, Issuer
from services.chassis.unit_of_work import UnitOfWork, fingerprint, utc_now, without_secrets
from services.contracts.declare import PUBLIC, SIGNED_IN, STAFF, Access, Operation, only_services, permission
from services.contracts.errors import Refused
from services.contracts.fields import Secret, Text
from tests.support import toy
from tests.support.in_process import BAYSIDE, HARBOR, FakeRelay, FakeVerifier, a_caller, a_service

KEY = "intake-42"


class Toy:
    """The toy's commands without a broker."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.relay = FakeRelay()
        self.runtime = SimpleNamespace(
            service="toy",
            database=database,
            tables=toy.Base.chassis,
            relay=self.relay,
            issuer=Issuer("toy", Ed25519PrivateKey.generate()),
        )
        self.carried_out = 0

    def add(
        self,
        label: str = "Blanket",
        *,
        key: str = KEY,
        operation: Operation = toy.add_thing,
        caller: Caller | None = None,
        version: int | None = None,
        fails: bool = False,
    ) -> Any:
        """Add a thing; with `fails` the handler breaks after it has changed everything."""

        def handler(unit: UnitOfWork, *, label: str) -> Any:
            self.carried_out += 1
            thing = unit.add(toy.Thing(id=wire.new_id(), label=label))
            unit.audit("thing.added", "thing", thing.id)
            unit.publish(toy.thing_added, thing.id, {"thing_id": thing.id})
            unit.session.flush()
            if fails:
                raise Refused("conflict", "Not now.")
            return thing

        context = wire.CallContext(key, "corr-12345", expected_version=version)
        call = Call(self.runtime, operation, {"label": label}, caller or a_caller("toy.add"), context)
        return call.commit(handler)

    def ask_as_stranger(self, operation: Operation, **given: str) -> Any:
        """What somebody gets who has not signed in."""

        def handler(_unit: UnitOfWork, *, label: str) -> Any:
            self.carried_out += 1
            return {"id": wire.new_id(), "label": label}

        return Call(self.runtime, operation, given, None, wire.CallContext(KEY)).commit(handler)

    def count(self, table: Any) -> int:
        """Rows of a table."""
        with self.database.reading(None) as session:
            return int(session.scalar(select(func.count()).select_from(table)) or 0)

    def counts(self) -> tuple[int, int, int, int]:
        """Things, audit rows, events, remembered requests."""
        tables = toy.Base.chassis
        things, audit, outbox, requests = map(
            self.count, (toy.Thing, tables.Audit, tables.Outbox, tables.Request)
        )
        return things, audit, outbox, requests


@pytest.fixture
def service(database: Database) -> Toy:
    return Toy(database)


def test_a_command_leaves_change_audit_event_and_answer(service: Toy):
    answer = service.add()

    assert answer["label"] == "Blanket"
    assert service.counts() == (1, 1, 1, 1)
    assert service.relay.woken == 1


def test_a_command_that_is_refused_leaves_nothing(service: Toy):
    with pytest.raises(Refused, match="conflict"):
        service.add(fails=True)

    assert service.counts() == (0, 0, 0, 0)
    assert service.relay.woken == 0


def test_a_refused_request_may_be_sent_again_with_its_key(service: Toy):
    with pytest.raises(Refused, match="conflict"):
        service.add(fails=True)

    assert service.add()["label"] == "Blanket"


@pytest.mark.fault("F19")
def test_the_same_request_again_gives_the_same_answer_and_no_second_effect(service: Toy):
    first, second = service.add(), service.add()

    assert first == second
    assert service.carried_out == 1
    assert service.counts() == (1, 1, 1, 1)


@pytest.mark.fault("F19")
@pytest.mark.parametrize(
    "other",
    [
        {"label": "Tent"},
        {"version": 2},
        {"operation": dataclasses.replace(toy.add_thing, name="add_other")},
    ],
    ids=["body", "version", "operation"],
)
def test_the_same_key_for_another_request_is_refused(service: Toy, other: dict[str, Any]):
    service.add()

    with pytest.raises(Refused) as refusal:
        service.add(**other)

    assert (refusal.value.code, refusal.value.field) == ("idempotency_key_reused", "Idempotency-Key")
    assert service.counts() == (1, 1, 1, 1)


def test_a_key_belongs_to_its_caller(service: Toy):
    first = service.add()
    second = service.add(caller=a_caller("toy.add", id="d" * 32))
    third = service.add(caller=a_caller("toy.add", id="e" * 32, organisation=BAYSIDE))

    assert len({first["id"], second["id"], third["id"]}) == 3


WITH_PASSWORD = dataclasses.replace(
    toy.add_thing, request=Schema.from_dict({"label": Text(), "password": Secret()})()
)


@pytest.mark.fault("A13")
@pytest.mark.parametrize(
    ("operation", "given"),
    [
        (WITH_PASSWORD, {"label": "Tent", "password": "kettle"}),
        (WITH_PASSWORD, {"label": "Blanket", "password": "violet"}),
        (dataclasses.replace(WITH_PASSWORD, name="other"), {"label": "Blanket", "password": "kettle"}),
    ],
    ids=["label", "secret", "operation"],
)
def test_a_strangers_key_counts_only_with_the_whole_request(
    service: Toy, operation: Operation, given: dict[str, str]
):
    """All strangers send keys, and some of them the same. Nobody gets another's answer, nobody is kept out."""
    mine = {"label": "Blanket", "password": "kettle"}
    first = service.ask_as_stranger(WITH_PASSWORD, **mine)

    assert service.ask_as_stranger(operation, **given)["id"] != first["id"]

    assert service.ask_as_stranger(WITH_PASSWORD, **mine)["id"] == first["id"]
    assert service.carried_out == 2
    with service.database.reading(None) as session:
        owners = session.scalars(select(toy.Base.chassis.Request.caller)).all()
    assert [owner for owner in owners if "kettle" in owner] == []


def test_a_mark_of_a_secret_is_of_no_use_without_the_key():
    one, two = (Issuer("toy", Ed25519PrivateKey.generate()) for _ in range(2))

    assert one.mark("a", b"kettle") == one.mark("a", b"kettle")
    assert len({one.mark("a", b"kettle"), two.mark("a", b"kettle"), one.mark("b", b"kettle")}) == 3


def test_an_answer_that_holds_a_secret_is_not_kept(service: Toy):
    operation = dataclasses.replace(toy.add_thing, keeps_answer=False)
    service.add(operation=operation)

    with pytest.raises(Refused, match="idempotency_key_reused"):
        service.add(operation=operation)

    with service.database.reading(None) as session:
        assert session.scalars(select(toy.Base.chassis.Request)).one().answer is None
    assert service.counts() == (1, 1, 1, 1)


def test_a_call_knows_whether_it_was_carried_out_before(service: Toy):
    context = wire.CallContext(KEY)
    call = Call(service.runtime, toy.add_thing, {"label": "Blanket"}, a_caller("toy.add"), context)
    assert not call.is_repeated()

    service.add()

    assert call.is_repeated()


def test_passwords_and_tokens_do_not_go_into_the_fingerprint():
    schema = Schema.from_dict({"login": Text(), "password": Secret(), "token": Secret(allow_none=True)})()

    assert without_secrets(schema, {"login": "sam", "password": "kettle", "token": None}) == {"login": "sam"}


def test_a_fingerprint_does_not_depend_on_the_order_of_members():
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})


def test_an_event_is_a_cloudevent_of_the_callers_organisation(service: Toy):
    answer = service.add()

    with service.database.reading(None) as session:
        row = session.scalars(select(toy.Base.chassis.Outbox)).one()
    envelope = orjson.loads(row.body)
    assert (row.exchange, row.routing_key) == ("toy.events", "thing_added.v1.harbor")
    assert envelope["specversion"] == "1.0"
    assert (envelope["id"], envelope["type"]) == (row.event_id, "portico.toy.thing_added.v1")
    assert (envelope["organisation"], envelope["organisationkey"]) == HARBOR
    assert envelope["correlationid"] == "corr-12345"
    assert set(envelope["data"]) == {"thing_id"}
    assert row.aggregate.startswith("harbor:")
    assert answer["label"] not in row.body.decode()


def a_unit(session: Any, service: str = "toy", **more: Any) -> UnitOfWork:
    """A unit of work of Harbor."""
    known = {"organisation_id": HARBOR[0], "organisation_key": HARBOR[1], "context": wire.CallContext("r")}
    return UnitOfWork(session, toy.Base.chassis, service, **{"caller": None, **known, **more})


def test_an_event_goes_on_with_the_trace_of_its_request_or_begins_one(database: Database):
    given = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    for context in (wire.CallContext("r", traceparent=given), wire.CallContext("r")):

        def work(session: Any, context: wire.CallContext = context) -> None:
            a_unit(session, context=context).publish(toy.thing_added, "x", {"thing_id": "c" * 32})

        database.write(None, work)
    outbox = toy.Base.chassis.Outbox
    with database.reading(None) as session:
        bodies = session.scalars(select(outbox.body).order_by(outbox.seq)).all()
    traces = [orjson.loads(body)["traceparent"] for body in bodies]
    assert traces[0] == given
    assert wire.is_traceparent(traces[1])


def test_an_event_that_does_not_match_its_schema_is_a_fault_and_its_values_are_not_told(database: Database):
    with database.reading(None) as session, pytest.raises(AssertionError) as fault:
        a_unit(session).publish(toy.thing_added, "x", {"thing_id": "Rosalind Quimby"})

    assert "thing_id" in str(fault.value)
    assert "Rosalind" not in str(fault.value)


@pytest.mark.parametrize("more", [{"service": "identity"}, {"organisation_key": None}])
def test_an_event_of_another_service_or_of_no_organisation_is_a_fault(database: Database, more: Any):
    with database.reading(None) as session, pytest.raises(AssertionError, match="may not publish"):
        a_unit(session, **more).publish(toy.thing_added, "x", {"thing_id": "c" * 32})


def test_a_change_names_the_version_it_has_read(database: Database):
    context = wire.CallContext("r", expected_version=2)
    with database.reading(None) as session, pytest.raises(Refused) as refusal:
        a_unit(session, context=context).require_version(SimpleNamespace(version=3))

    assert (refusal.value.code, refusal.value.field) == ("version_conflict", "If-Match")


def test_a_handler_that_requires_a_version_is_of_an_operation_that_expects_one(database: Database):
    with database.reading(None) as session, pytest.raises(AssertionError, match="expects_version"):
        a_unit(session, context=wire.CallContext("r")).require_version(SimpleNamespace(version=3))


@pytest.mark.parametrize(("expected", "code"), [(3, None), (2, "version_conflict"), (4, "version_conflict")])
def test_only_the_current_version_is_accepted(database: Database, expected: int, code: str | None):
    refused: str | None = None
    with database.reading(None) as session:
        unit = a_unit(session, context=wire.CallContext("r", expected_version=expected))
        try:
            unit.require_version(SimpleNamespace(version=3))
        except Refused as refusal:
            refused = refusal.code
    assert refused == code


@pytest.mark.parametrize(("expected", "is_refused"), [(None, False), (3, False), (2, True), (4, True)])
def test_a_version_that_is_honoured_decides_only_where_it_is_named(
    database: Database, expected: int | None, is_refused: bool
):
    context = wire.CallContext("r", expected_version=expected)
    with database.reading(None) as session:
        unit = a_unit(session, context=context)
        if not is_refused:
            unit.honour_version(SimpleNamespace(version=3))
            return
        with pytest.raises(Refused) as refusal:
            unit.honour_version(SimpleNamespace(version=3))
    assert (refusal.value.code, refusal.value.more) == ("version_conflict", {"current_version": 3})


ACCOUNT, OTHER_SERVICE = a_caller("toy.add"), a_service("identity")


@pytest.mark.parametrize(
    ("access", "caller", "lets_in"),
    [
        (SIGNED_IN, ACCOUNT, True),
        (SIGNED_IN, OTHER_SERVICE, False),
        (permission("toy.add"), ACCOUNT, True),
        (permission("toy.remove"), ACCOUNT, False),
        (permission("toy.add"), OTHER_SERVICE, False),
        (permission("toy.add", realms=STAFF), ACCOUNT, True),
        (permission("toy.add", realms=STAFF), a_caller("toy.add", realm="api"), True),
        (permission("toy.add", realms=STAFF), a_caller("toy.add", realm="provider"), False),
        (permission("toy.add", realms=("staff",)), a_caller("toy.add", realm="api"), False),
        (permission("toy.remove", realms=STAFF), ACCOUNT, False),
        (only_services("identity"), OTHER_SERVICE, True),
        (only_services("referrals"), OTHER_SERVICE, False),
        (only_services("identity"), a_caller("toy.add", id="identity"), False),
    ],
)
def test_a_declaration_lets_in_whom_it_names(access: Access, caller: Caller, lets_in: bool):
    verifier = FakeVerifier()
    verifier.caller = caller
    operation = dataclasses.replace(toy.add_thing, access=access)

    if lets_in:
        assert admit(operation, verifier, "passport") is caller
    else:
        with pytest.raises(Refused, match="forbidden"):
            admit(operation, verifier, "passport")


def test_a_public_operation_does_not_look_at_a_passport():
    assert admit(dataclasses.replace(toy.add_thing, access=PUBLIC), FakeVerifier(), "passport") is None


def test_a_request_is_refused_with_every_field_and_rule():
    line = Schema.from_dict({"n": fields.Integer(required=True)})
    operation = dataclasses.replace(
        toy.add_thing,
        request=Schema.from_dict({"label": Text(most=3), "lines": fields.List(fields.Nested(line))})(),
    )

    with pytest.raises(Refused) as refusal:
        load(operation.request, {"label": "Rosalind Quimby", "lines": [{"n": 1}, {}], "is_admin": True})

    found = {problem["field"] for problem in refusal.value.more["errors"]}
    assert found == {"label", "lines.1.n", "is_admin"}
    assert "Rosalind" not in orjson.dumps([refusal.value.detail, refusal.value.more]).decode()


def audited(database: Database, object_id: str = "a" * 32, **facts: Any) -> dict[str, Any]:
    """The facts of an audit row as they were written."""
    tables = toy.Base.chassis

    def work(session: Any) -> None:
        unit = UnitOfWork(
            session,
            tables,
            "toy",
            caller=None,
            context=wire.CallContext(KEY, "corr-12345"),
            organisation_id=HARBOR[0],
            organisation_key=HARBOR[1],
        )
        unit.audit("thing.added", "thing", object_id, **facts)

    database.write(HARBOR[0], work)
    with database.reading(HARBOR[0]) as session:
        written: dict[str, Any] = session.scalars(select(tables.Audit.facts)).one()
    return written


@pytest.mark.parametrize(
    "value",
    [
        "Rosalind Quimby",
        "Rosalind",
        "needs a bed near her school",
        "rosalind@example.org",
        "+41 79 123 45 67",
        "Referral letter.pdf",
        "letter\n",
        "",
        "r" * 65,
        ["given_name", "Rosalind Quimby"],
        {"note": "code"},
        b"code",
    ],
    ids=repr,
)
def test_an_audit_row_refuses_what_a_person_may_have_written(database: Database, value: Any):
    with pytest.raises(AssertionError, match=r"audit thing: \['note'\] could hold personal data") as refused:
        audited(database, note=value)

    assert "Quimby" not in str(refused.value)


def test_an_audit_row_refuses_an_object_that_is_named_by_free_text(database: Database):
    with pytest.raises(AssertionError, match="object_id"):
        audited(database, object_id="Rosalind Quimby")


def test_an_audit_row_takes_what_events_are_made_of(database: Database):
    facts = {
        "queue_id": "0123456789abcdef" * 2,
        "sha256": "0123456789abcdef" * 4,
        "state": "on_hold",
        "members": ["email", "person.read"],
        "number": "CR-00000042",
        "ends_at": utc_now().isoformat(),
        "time_zone": "America/Argentina/Buenos_Aires",
        "count": 3,
        "share": 0.5,
        "is_own": True,
        "reason_code": None,
    }

    assert audited(database, **facts) == facts


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(a_caller("toy.add", id="d" * 32), id="another account"),
        pytest.param(a_service("c" * 32), id="a service of that name"),
    ],
)
def test_two_callers_have_request_ids_of_their_own(service: Toy, other: Caller):
    """The first caller is the account c…c. Nobody gets the answer of somebody else's request."""
    mine = service.add()
    context = wire.CallContext(KEY, "corr-12345")
    theirs = Call(service.runtime, toy.add_thing, {"label": "Blanket"}, other, context)
    assert not theirs.is_repeated()
    answer = service.add(caller=other)
    assert answer["id"] != mine["id"]
    assert theirs.is_repeated()
    assert (service.add(), service.add(caller=other)) == (mine, answer), "each gets their own again"
    assert service.carried_out == 2
    assert service.counts() == (2, 2, 2, 2)
