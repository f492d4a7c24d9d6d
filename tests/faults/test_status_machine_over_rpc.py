"""F18 through the broker: the games of `test_status_machine` with two processes of referrals on PostgreSQL.

Calls use RPC, and events come from the broker. The waitlist moves when the service handles its own events.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.postgres import Postgres
from services.chassis import wire
from services.chassis.database import Database
from services.chassis.passports import Caller
from services.contracts.declare import Operation
from services.referrals.service import Service
from tests.faults.test_status_machine import Referrals, run, told_of_referrals
from tests.integration.referrals.builders import STAFF_MAY
from tests.support.databases import migrated
from tests.support.eventually import eventually
from tests.support.servers import new_database_url
from tests.support.toy_process import ServiceSystem, running

AGREES_WITHIN_S = 15.0


class FarDesk:
    """Operations over RPC, events from a queue of the test, and reads of the database."""

    def __init__(self, system: ServiceSystem) -> None:
        self.database = Database(system.database_url)
        self._system = system
        self._client = system.client(timeout_s=15)
        self._connection = system.connection()
        self._channel = self._connection.channel()
        self._queue = self._channel.queue_declare(exclusive=True).queue
        self._channel.queue_bind(self._queue, "referrals.events", "#")

    def call(
        self, operation: Operation, _caller: Caller, *, version: int | None = None, **request: Any
    ) -> Any:
        """Carry out an operation as staff. Raises Refused."""
        context = wire.CallContext(
            wire.new_id(), passport=self._system.passport(*STAFF_MAY), expected_version=version
        )
        return self._client.call(operation, request, context)

    def told(self) -> list[dict[str, Any]]:
        """The events that have come since the last time, in their order."""
        events = []
        while message := self._channel.basic_get(self._queue, no_ack=True):
            events.append(wire.decode(message.body, {"content_type": wire.CLOUDEVENTS_JSON}))
        return events

    def close(self) -> None:
        """Disconnect."""
        self._client.close()
        self._connection.close()
        self.database.close()


class FarReferrals(Referrals):
    """The effects of a step appear some time after its answer."""

    desk: FarDesk  # type: ignore[assignment]

    def begin(self) -> None:
        self.desk.told()

    def news(self) -> list[tuple[str, str]]:
        return [each for envelope in self.desk.told() for each in told_of_referrals(envelope)]

    def look(self) -> None:
        eventually(super().look, AGREES_WITHIN_S, every_s=0.005)


@pytest.fixture
def machine(postgres: Postgres, vhost: str, tmp_path: Path) -> Iterator[type[Referrals]]:
    """The model beside two processes."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(new_database_url(postgres))
        migrated("referrals", url)
        system = stack.enter_context(
            running(ServiceSystem(vhost, tmp_path, url, "referrals", Service), replicas=2)
        )
        desk = stack.enter_context(contextlib.closing(FarDesk(system)))
        yield type("OwnReferrals", (FarReferrals,), {"desk": desk})


@pytest.mark.fault("F18")
@pytest.mark.timeout(120)
def test_referrals_behave_as_their_model_over_rpc(machine: type[Referrals]) -> None:
    run(machine, examples=4, steps=20)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.fault("F18")
def test_referrals_behave_as_their_model_in_long_games_over_rpc(machine: type[Referrals]) -> None:
    run(machine, examples=100, steps=30)
    print("F18 over RPC, two processes: 100 games of 30 steps agree with the model")
