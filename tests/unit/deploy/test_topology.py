"""What lies on every node of a broker's cluster."""

from __future__ import annotations

import pytest

from deploy.migrate import SERVICES
from deploy.topology import internal
from services.chassis.topology import QUORUM


@pytest.mark.parametrize("in_cluster", [False, True])
def test_in_a_cluster_the_queues_of_calls_outlive_a_node_as_all_others_do(in_cluster: bool) -> None:
    queues = internal(["harbor"], in_cluster=in_cluster).queues
    of_calls = {f"rpc-{service}" for service in SERVICES}
    assert of_calls <= queues.keys()
    survive = {name for name, arguments in queues.items() if arguments.items() >= QUORUM.items()}
    assert survive == (set(queues) if in_cluster else set(queues) - of_calls)
