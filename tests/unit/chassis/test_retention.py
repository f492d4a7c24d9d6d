"""A service forgets rows at the age that its settings say, and measures itself."""

from __future__ import annotations

import datetime
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select

from services.chassis.database import SWEPT_AT_ONCE, Database
from services.chassis.retention import Retention, standard
from services.chassis.unit_of_work import utc_now
from tests.support import toy

TABLES = toy.Base.chassis
SETTINGS = SimpleNamespace(requests_kept_hours=48, handled_events_kept_days=30, published_events_kept_days=14)
AN_HOUR = datetime.timedelta(hours=1)


def request(at: datetime.datetime, number: int = 0) -> object:
    names = {"caller": "c", "request_id": f"{at.timestamp()}-{number}", "operation": "o", "fingerprint": "f"}
    return TABLES.Request(**names, created_at=at)


def handled(at: datetime.datetime) -> object:
    return TABLES.Inbox(event_id=str(at.timestamp()), handler="h", handled_at=at)


def published(at: datetime.datetime) -> object:
    names = {"event_id": str(at.timestamp()), "aggregate": "a", "exchange": "e", "routing_key": "k"}
    return TABLES.Published(**names, body=b"{}", created_at=at)


def forgotten(what: str) -> float:
    labels = {"service": "toy", "what": what}
    return REGISTRY.get_sample_value("portico_rows_forgotten_total", labels) or 0.0


@pytest.mark.fault("F19")
@pytest.mark.parametrize(
    ("make", "column", "what", "age"),
    [
        (request, TABLES.Request.created_at, "requests", datetime.timedelta(hours=48)),
        (handled, TABLES.Inbox.handled_at, "inbox", datetime.timedelta(days=30)),
        (published, TABLES.Published.created_at, "published_events", datetime.timedelta(days=14)),
    ],
)
def test_rows_go_at_their_age_and_are_counted(database, make, column, what, age) -> None:
    now, before = utc_now(), forgotten(what)
    old, young = now - age - AN_HOUR, now - age + AN_HOUR
    database.write(None, lambda session: session.add_all([make(old), make(young)]))

    assert Retention("toy", database, *standard(TABLES, SETTINGS)).forget()

    with database.reading(None) as session:
        assert session.scalars(select(column)).all() == [young]
    assert forgotten(what) - before == 1
    size = REGISTRY.get_sample_value("portico_database_bytes", {"service": "toy"})
    assert size
    assert size > 4096


def test_more_rows_than_go_at_once_all_go(database: Database) -> None:
    old, before = utc_now() - datetime.timedelta(days=3), forgotten("requests")
    many = [request(old, number) for number in range(SWEPT_AT_ONCE + 1)]
    database.write(None, lambda session: session.add_all(many))
    Retention("toy", database, *standard(TABLES, SETTINGS)).forget()
    assert forgotten("requests") - before == SWEPT_AT_ONCE + 1
