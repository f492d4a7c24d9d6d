"""One node of a RabbitMQ cluster of three is killed while people work: the services go on, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import kombu
import orjson
import pytest

from deploy.layout import own_commands
from services.chassis import wire
from services.contracts.referrals import records
from tests.support.cluster import NODES, Cluster
from tests.support.eventually import eventually
from tests.support.load import Load, Write
from tests.support.servers import temporary_folder
from tests.support.stack import RunningStack, running_stack

pytestmark = [pytest.mark.full, pytest.mark.timeout(900), pytest.mark.fault("F3")]

# FAULT_WRITES sets another number.
WRITES, RATE = int(os.environ.get("FAULT_WRITES", "1200")), 30
FIRST_SUCCESS_WITHIN_S = 10.0
HEARD = "test.heard"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with temporary_folder("portico-cluster-") as folder:
        yield Cluster(folder)


@pytest.fixture(scope="module")
def clustered(cluster: Cluster) -> Iterator[RunningStack]:
    """A stack whose broker is the cluster. The watch only measures: it administers no cluster."""
    own = own_commands()
    measuring = "import sys; from deploy.watch import main; sys.exit(main([]))"
    commands = replace(own, topology=[*own.topology, "--cluster"], watch=[sys.executable, "-c", measuring])
    with running_stack(commands=commands, broker=cluster, start_within_s=180) as running:
        yield running


def _listen(running: RunningStack) -> None:
    """A queue, on all nodes, of a test that hears of every new contact record."""
    event = records.contact_record_created
    with kombu.Connection(running.stack.amqp_uri) as connection:
        channel = connection.channel()
        channel.queue_declare(HEARD, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(HEARD, event.exchange, event.binding_key)


def _heard(running: RunningStack, wanted: set[str]) -> set[str]:
    """The subjects of the events that have come, read until all wanted ones are there, for a minute at most."""
    found: set[str] = set()
    ends_at = time.monotonic() + 60
    with kombu.Connection(running.stack.amqp_uri) as connection:
        channel = connection.channel()

        def take(message: kombu.Message) -> None:
            found.add(orjson.loads(message.body)["subject"])
            channel.basic_ack(message.delivery_tag)

        channel.basic_consume(HEARD, callback=take)
        while not wanted <= found and time.monotonic() < ends_at:
            with contextlib.suppress(TimeoutError):
                connection.drain_events(timeout=1)
    return found


def _kill_during(cluster: Cluster, load: Load, place: int) -> float:
    """Run the load and kill a node after a third of it; seconds from then to the first success of a write that had met an error."""
    working = threading.Thread(target=load.run)
    working.start()
    threading.Event().wait(load.count / load.rate / 3)
    cluster.nodes[place].kill()
    killed_at = time.monotonic()
    working.join(300)
    assert len(load.outcomes) == load.count
    return load.first_success_after(killed_at)


@pytest.mark.parametrize("place", range(NODES))
def test_a_killed_node_loses_nothing_and_the_services_go_on(
    clustered: RunningStack, cluster: Cluster, place: int
) -> None:
    _listen(clustered)

    def request(number: int) -> Write:
        return Write("/v1/contact-records", json={"first_name": "Load", "last_name": f"Test {number}"})

    load = Load(clustered.url, str(clustered.staff.token), request, RATE, WRITES)
    try:
        recovered_s = _kill_during(cluster, load, place)
        wanted = {str(outcome.answer["id"]) for outcome in load.outcomes}
        heard = _heard(clustered, wanted)
    finally:
        # The next test kills another node, and one of three alone serves nobody.
        cluster.nodes[place].start(120)
        for node in cluster.nodes:
            eventually(lambda node=node: _sees_all(cluster, node), timeout_s=60)

    lost, duplicated = len(wanted - heard), WRITES - len(wanted)
    print(
        f"F3 cluster, node {place + 1}: attempted {WRITES} acknowledged {len(wanted)} found {len(heard)} lost {lost} "
        f"duplicated {duplicated} recovered {recovered_s:.1f} s unexpected {len(heard - wanted)}"
    )
    assert (lost, duplicated) == (0, 0)
    assert recovered_s <= FIRST_SUCCESS_WITHIN_S


def _sees_all(cluster: Cluster, node: object) -> None:
    assert cluster.members_of(node) == NODES  # type: ignore[arg-type]


def test_the_queues_of_calls_lie_on_all_nodes(clustered: RunningStack, cluster: Cluster) -> None:
    listed = cluster.ctl("list_queues", "-p", "portico", "name", "type")
    kinds = dict(line.split("\t") for line in listed.splitlines()[1:])
    calls = [
        wire.rpc_queue(service)
        for service in ("identity", "referrals", "portals", "notifications", "signing")
    ]
    assert {kinds[name] for name in calls} == {"quorum"}
