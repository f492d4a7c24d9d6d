"""Servers as fixtures. Each starts with the first test that needs it and ends after the last."""

from __future__ import annotations

from collections.abc import Iterator

# With its first import it asks for its warnings before our filters of them, until the end of pytest's current step.
import authlib.deprecate  # noqa: F401
import pytest
from hypothesis import HealthCheck, settings

from deploy.broker import Broker
from deploy.postgres import Postgres
from tests.fault_table import TABLE, FaultResults
from tests.seeds import RESULTS, SeedResults
from tests.support import memory, servers, stalls
from tests.support.audited import AuditResults
from tests.support.browser import Browser, running_browser
from tests.support.refusals import RefusalResults
from tests.support.sharing import SharedServers
from tests.support.stack import RunningStack, SharedSystem
from tests.support.taking_turns import TakingTurns

# An example's time says more about what else the machine does than about the code.
settings.register_profile("portico", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("portico")


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugins: requirements, faults, refusals, audit actions, turns on the machine, stalls, shared servers and system."""
    memory.use_for_files()
    record = None if hasattr(config, "workerinput") else RESULTS
    config.pluginmanager.register(memory.CollectedRarely(), "collected-rarely")
    config.pluginmanager.register(SeedResults(record), "seed-results")
    config.pluginmanager.register(FaultResults(record and TABLE), "fault-results")
    config.pluginmanager.register(RefusalResults(), "refusal-results")
    config.pluginmanager.register(AuditResults(), "audit-results")
    config.pluginmanager.register(TakingTurns(config), "taking-turns")
    config.pluginmanager.register(stalls.plugin(), "stall-watch")
    config.pluginmanager.register(SharedServers(config), "shared-servers")
    config.pluginmanager.register(SharedSystem(), "shared-system")


def _shared(request: pytest.FixtureRequest) -> SharedServers:
    found: SharedServers = request.config.pluginmanager.get_plugin("shared-servers")
    return found


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Broker:
    """One private RabbitMQ node for all tests. A test that breaks it takes `servers.private_broker()` instead."""
    return _shared(request).broker


@pytest.fixture
def vhost(broker: Broker) -> Iterator[str]:
    """AMQP URI of a virtual host for this test only."""
    with servers.fresh_vhost(broker) as uri:
        yield uri


@pytest.fixture(scope="module")
def module_vhost(broker: Broker) -> Iterator[str]:
    """AMQP URI of a virtual host that the tests of one module share."""
    with servers.fresh_vhost(broker) as uri:
        yield uri


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Postgres:
    """One private PostgreSQL cluster for all tests. It does not wait for the disk: a test that crashes it starts its own."""
    return _shared(request).postgres


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a worker. Each test opens its own page in it."""
    with running_browser() as browser:
        yield browser


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[str]:
    """URL of an empty database for this test only."""
    with servers.fresh_database(postgres) as url:
        yield url


@pytest.fixture
def new_postgres_url(postgres: Postgres) -> Iterator[str]:
    """URL of a database that does not exist yet: `migrated` makes it for this test only."""
    with servers.new_database_url(postgres) as url:
        yield url


@pytest.fixture(scope="module")
def portico(request: pytest.FixtureRequest) -> RunningStack:
    """A running system with the sample directory. Tests share it: each makes its own queues, records and accounts.

    A test that kills a part waits until it is back.
    """
    shared: SharedSystem = request.config.pluginmanager.get_plugin("shared-system")
    return shared.running
