"""Three RabbitMQ nodes on loopback that form a cluster, as `deploy/rabbitmq/rabbitmq.conf` does, and one address for all of them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from deploy import children, secret_files
from deploy.broker import Broker, BrokerError
from deploy.layout import CHECKOUT
from deploy.ports import free_block
from tests.support.eventually import eventually

NODES = 3
_PORTS_OF_A_NODE = 2
# What the cluster of a site is told, too; the names of nodes, files and limits are a site's own.
_OF_SITES = ("cluster_partition_handling", "queue_master_locator", "cluster_formation.peer_discovery_backend")


class Node(Broker):
    """One node of a cluster. Its peers share its secrets, its cookie and one epmd, which outlives each of them."""

    def __init__(self, folder: Path, port: int, name: str, peers: list[str], cluster: Cluster) -> None:
        super().__init__(folder, port, name, secrets_folder=cluster.folder / "secrets")
        self.epmd_port = cluster.epmd_port
        self._peers = peers
        self._cluster = cluster

    def _epmd_command(self) -> list[str]:
        return ["sleep", "infinity"]  # the cluster has started it

    def _require_ports(self) -> None:
        """They are free: the cluster has looked for them."""

    def _end_leftovers(self) -> None:
        """There are none in a new folder."""

    def _write_configuration(self) -> None:
        (self.folder / "home").mkdir(parents=True, exist_ok=True)
        cookie = self.folder / "home" / ".erlang.cookie"
        if not cookie.exists():
            secret_files.write_private(cookie, self._cluster.cookie)
            cookie.chmod(0o400)
        super()._write_configuration()

    def _configuration(self) -> str:
        site = (CHECKOUT / "deploy/rabbitmq/rabbitmq.conf").read_text("utf-8").splitlines()
        kept = [line for line in site if line.partition(" = ")[0] in _OF_SITES]
        nodes = [
            f"cluster_formation.classic_config.nodes.{number} = {peer}@localhost"
            for number, peer in enumerate(self._peers, start=1)
        ]
        return super()._configuration() + "\n".join([*kept, *nodes, ""])


class Cluster(Broker):
    """Three nodes that look like one broker: `port` leads to a node that runs."""

    def __init__(self, folder: Path) -> None:
        first = free_block(NODES * _PORTS_OF_A_NODE + 2)
        super().__init__(folder, first, secrets_folder=folder / "secrets")
        self.epmd_port = first + 1
        self.cookie = "loopback-cluster"
        names = [f"portico-{first}-{number}" for number in range(1, NODES + 1)]
        self.nodes = [
            Node(folder / name, first + 2 + _PORTS_OF_A_NODE * place, name, names, self)
            for place, name in enumerate(names)
        ]
        self._ending = contextlib.ExitStack()

    @property
    def running(self) -> list[Node]:
        """The nodes that run."""
        return [node for node in self.nodes if node.pid is not None]

    @property
    def pid(self) -> int | None:
        """The process of a node that runs."""
        return self.running[0].pid if self.running else None

    def start(self, timeout_s: float = 120) -> None:
        """Start all nodes and wait until they have found each other."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "epmd.log").open("ab") as output:
            epmd = children.spawn(self._epmd_command(), env=self.nodes[0]._env(), output=output)
        self._ending.callback(children.end, epmd, timeout_s=2)
        # One after the other: nodes that start at once may each found a cluster of its own.
        for node in self.nodes:
            node.start(timeout_s)
        for node in self.nodes:
            eventually(lambda node=node: self._sees_all(node), timeout_s=60)
        self._ending.enter_context(_forwarding(self.port, lambda: [node.port for node in self.running]))

    def stop(self, timeout_s: float = 30) -> None:
        """Stop all nodes."""
        for node in self.running:
            node.kill()
        self._ending.close()

    def ctl(self, *args: str, timeout_s: float = 60) -> str:
        """The output of `rabbitmqctl` at a node that runs."""
        return self._any().ctl(*args, timeout_s=timeout_s)

    def evaluate(self, expression: str, timeout_s: float = 60) -> str:
        """The value of an expression at a node that runs."""
        return self._any().evaluate(expression, timeout_s)

    def members_of(self, node: Node) -> int:
        """How many nodes of the cluster run, as a node sees it."""
        return int(node.evaluate("length(rabbit_nodes:all_running())"))

    def _any(self) -> Node:
        if not self.running:
            raise BrokerError("no node runs")
        return self.running[0]

    def _sees_all(self, node: Node) -> None:
        assert self.members_of(node) == NODES


@contextlib.contextmanager
def _forwarding(port: int, targets: object) -> Iterator[None]:
    """Forward connections to the first of these ports that accepts one, as a load balancer does."""
    listener = socket.create_server(("127.0.0.1", port))
    open_sockets: set[socket.socket] = set()

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def serve(client: socket.socket) -> None:
        for target in targets():  # type: ignore[operator]
            with contextlib.suppress(OSError):
                server = socket.create_connection(("127.0.0.1", target), 2)
                server.settimeout(None)
                open_sockets.update((client, server))
                threading.Thread(target=pump, args=(client, server), daemon=True).start()
                pump(server, client)
                return
        client.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for each in open_sockets:
            each.close()
