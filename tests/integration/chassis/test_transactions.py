"""Transactions of the service itself: one at a time, in its own name, with events published at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.portals import configuration as contract
from tests.support.in_process import HARBOR, InProcess


@pytest.fixture
def service(tmp_path: Path) -> Iterator[InProcess]:
    service = InProcess("portals", f"sqlite:///{tmp_path}/portals.db", tmp_path)
    yield service
    service.close()


def note(unit: UnitOfWork) -> str:
    unit.audit("portal.looked_after", "portal", "provider")
    return "noted"


def tell(unit: UnitOfWork) -> None:
    unit.publish(contract.portal_configured, "provider", {"portal": "provider", "version": 1})


def test_a_step_is_taken_in_the_name_of_the_service_and_of_the_job_it_belongs_to(service: InProcess) -> None:
    runtime = service.runtime
    assert transact_as(runtime, itself(runtime, *HARBOR), note, correlation_id="job") == "noted"
    [row] = service.audit("portal.looked_after")
    assert (row.actor_kind, row.actor_id) == ("service", "portals")
    assert (row.organisation_id, row.organisation_key, row.correlation_id) == (*HARBOR, "job")


def test_a_step_may_learn_its_organisation_on_the_way(service: InProcess) -> None:
    def learn(unit: UnitOfWork) -> None:
        unit.act_for(*HARBOR)
        note(unit)

    transact_as(service.runtime, itself(service.runtime), learn)
    [row] = service.audit("portal.looked_after")
    assert (row.organisation_id, row.organisation_key) == HARBOR


def test_the_relay_is_woken_where_there_is_something_to_send_and_only_there(service: InProcess) -> None:
    runtime = service.runtime
    transact_as(runtime, itself(runtime, *HARBOR), note)
    assert runtime.relay.woken == 0
    transact_as(runtime, itself(runtime, *HARBOR), tell)
    assert runtime.relay.woken == 1
    [event] = service.events()
    assert event["organisationkey"] == "harbor"


def test_a_step_that_fails_leaves_nothing(service: InProcess) -> None:
    def fail(unit: UnitOfWork) -> None:
        note(unit)
        tell(unit)
        raise Refused("conflict", "Somebody was quicker.")

    with pytest.raises(Refused):
        transact_as(service.runtime, itself(service.runtime, *HARBOR), fail)
    assert (service.audit("portal.looked_after"), service.events()) == ([], [])
    assert service.runtime.relay.woken == 0
