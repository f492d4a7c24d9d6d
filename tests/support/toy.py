"""A service with empty operations. It shows what the chassis itself costs and what it survives."""

from __future__ import annotations

import time
from typing import Any

import eventlet
from marshmallow import fields
from sqlalchemy import Integer, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.chassis.events import IncomingEvent, listens
from services.chassis.models import ServiceTables, TenantScoped, tables_of_service
from services.chassis.operations import Call, serves
from services.chassis.settings import ServiceSettings
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.declare import PUBLIC, Contract, permission
from services.contracts.fields import Code, Count, Id, Text

blocking_sleep = eventlet.patcher.original("time").sleep
contract = Contract("toy", "A service for tests of the chassis.")
do_nothing = contract.query("do_nothing", "Do nothing.", request={}, reply={}, access=PUBLIC)
greet = contract.query(
    "greet",
    "Answer with what was sent.",
    request={
        "name": Text(required=True, most=40),
        "count": Count(required=True),
        "tags": fields.List(Code()),
    },
    reply={"name": Text(), "count": Count(), "tags": fields.List(Code())},
    access=permission("toy.greet"),
)
dawdle = contract.query(
    "dawdle", "Take a while.", request={"seconds": fields.Float(required=True)}, reply={}, access=PUBLIC
)
hold_the_loop = contract.query(
    "hold_the_loop",
    "Compute, or block in a system call, without yielding.",
    request={"seconds": fields.Float(required=True), "computes": fields.Boolean(required=True)},
    reply={},
    access=PUBLIC,
)
tell_much = contract.query(
    "tell_much",
    "Answer with a long text.",
    request={"characters": Count(required=True, most=10**9)},
    reply={"text": fields.String()},
    access=PUBLIC,
)
fail = contract.query(
    "fail",
    "Raise an error with a secret in it.",
    request={"secret": Text(required=True)},
    reply={},
    access=PUBLIC,
)
add_thing = contract.command(
    "add_thing",
    "Add a thing.",
    request={"label": Text(required=True, most=40)},
    reply={"id": Id(), "label": Text()},
    access=permission("toy.add"),
)
list_things = contract.query(
    "list_things",
    "List the things.",
    request={},
    reply={"labels": fields.List(Text())},
    access=permission("toy.greet"),
)
thing_added = contract.event("thing_added", "A thing was added.", data={"thing_id": Id(required=True)})


class Base(ServiceTables, DeclarativeBase):
    metadata = tables_of_service()


class Thing(TenantScoped, Base):
    __tablename__ = "things"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    label: Mapped[str] = mapped_column(String(40))
    echoes: Mapped[int] = mapped_column(Integer, default=0)


class Settings(ServiceSettings):
    TOY_DATABASE_URL = fields.String(required=True)


def add(unit: UnitOfWork, *, label: str) -> Thing:
    thing = unit.add(Thing(id=unit.context.request_id, label=label))
    unit.audit("thing.added", "thing", thing.id)
    unit.publish(thing_added, thing.id, {"thing_id": thing.id})
    return thing


def echo(unit: UnitOfWork, data: Any) -> None:
    thing = unit.session.get(Thing, data["thing_id"])
    if thing.label.startswith("poison"):
        raise RuntimeError(thing.label)
    thing.echoes += 1


class Service:
    """Entrypoints of the toy service."""

    name = "toy"

    @serves(do_nothing)
    def do_nothing(self, call: Call) -> Any:
        return {}

    @serves(greet)
    def greet(self, call: Call) -> Any:
        return call.operation.reply.dump(call.request)

    @serves(dawdle)
    def dawdle(self, call: Call) -> Any:
        time.sleep(call.request["seconds"])
        return {}

    @serves(hold_the_loop)
    def hold_the_loop(self, call: Call) -> Any:
        seconds = call.request["seconds"]
        if call.request["computes"]:
            end = time.thread_time() + seconds
            while time.thread_time() < end:
                pass
        else:
            blocking_sleep(seconds)
        return {}

    @serves(tell_much)
    def tell_much(self, call: Call) -> Any:
        return {"text": "x" * call.request["characters"]}

    @serves(fail)
    def fail(self, call: Call) -> Any:
        raise RuntimeError(call.request["secret"])

    @serves(add_thing)
    def add_thing(self, call: Call) -> Any:
        return call.commit(add)

    @serves(list_things)
    def list_things(self, call: Call) -> Any:
        return call.read(
            lambda session, caller: {
                "labels": [row.label for row in session.query(Thing).order_by(Thing.label)]
            }
        )

    @listens(thing_added)
    def on_thing_added(self, incoming: IncomingEvent) -> None:
        incoming.apply(echo)
