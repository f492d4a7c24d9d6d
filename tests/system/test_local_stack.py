"""The local stack with a real broker and a real PostgreSQL, and stand-ins for the services.

The stand-in answers 200 on its port and ends on SIGTERM, so that these tests are about the stack alone.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import amqp
import httpx
import psycopg2
import pytest

from deploy import partners, topology
from deploy.broker import Broker, BrokerError
from deploy.layout import CHECKOUT, Commands, own_commands
from deploy.migrate import SERVICES
from deploy.ports import free_block
from deploy.postgres import Postgres
from deploy.stack import PORTS_USED, Stack, StackError
from deploy.topology import VHOST
from services.chassis.topology import FEED_QUEUE
from services.contracts.feed import VIRTUAL_HOST
from tests.support.eventually import eventually
from tests.support.servers import temporary_folder

STAND_IN = """
import http.server, os, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args):
        pass
given = [os.environ[name] for name in ("HEALTH_PORT", "GATEWAY_PORT", "LIVE_PORT") if name in os.environ]
port = int(sys.argv[2] if sys.argv[1:2] == ["--port"] else given[0])
http.server.HTTPServer(("127.0.0.1", port), Page).serve_forever()
"""
# With it no broker is started; the stand-ins never use it.
ANOTHER_BROKER = {"AMQP_URI": "pyamqp://127.0.0.1/nowhere"}
RUN_ONE = """
import sys
from pathlib import Path
from deploy import stack
from tests.system.test_local_stack import a_fake_stack
settings = dict(setting.split("=", 1) for setting in sys.argv[3:])
sys.exit(stack.run(a_fake_stack(Path(sys.argv[1]), int(sys.argv[2]), environ=settings)))
"""


def saying(text: str) -> list[str]:
    return [sys.executable, "-c", f"print({text!r})"]


def fake_commands() -> Commands:
    stand_in = [sys.executable, "-c", STAND_IN]
    return Commands(
        keys=saying("keys made"),
        migrate=saying("migrated"),
        topology=saying("declared"),
        seed=saying("log in as ada"),
        service=stand_in,
        gateway=stand_in,
        live=stand_in,
        watch=stand_in,
        mail_catcher=own_commands().mail_catcher,
    )


def a_fake_stack(folder: Path, base: int, said: list[str] | None = None, **settings: object) -> Stack:
    options: dict[str, object] = {"commands": fake_commands(), "echo": print if said is None else said.append}
    return Stack(folder, base, **(options | settings))  # type: ignore[arg-type]


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder("portico-stack-") as made:
        yield made


def login(
    broker: Broker, vhost: str, user: str | None = None, password: str | None = None
) -> amqp.Connection:
    connection = amqp.Connection(
        host=f"127.0.0.1:{broker.port}",
        userid=user or broker.user,
        password=password or broker.password,
        virtual_host=vhost,
        connect_timeout=5,
        read_timeout=10,
        write_timeout=10,
    )
    connection.connect()
    return connection


def declare(broker: Broker, vhost: str, queue: str) -> None:
    with login(broker, vhost) as connection, connection.channel() as channel:
        channel.queue_declare(queue, durable=True, auto_delete=False)


def put_durably(broker: Broker, vhost: str, queue: str, body: str) -> None:
    with login(broker, vhost) as connection, connection.channel() as channel:
        channel.confirm_select()
        channel.basic_publish_confirm(amqp.Message(body, delivery_mode=2), routing_key=queue)


def take(broker: Broker, vhost: str, queue: str) -> str | None:
    """The next message of a queue, or None. A broker that was killed recovers its queues while it already answers."""
    with login(broker, vhost) as connection, connection.channel() as channel:
        try:
            message = channel.basic_get(queue, no_ack=True)
        except amqp.NotFound:
            return None
        return None if message is None else str(message.body)


def processes_of(folder: Path, epmd_port: int) -> list[str]:
    """The command lines of all processes that were started for `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            environ = (process / "environ").read_bytes().decode("utf-8", "replace")
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        if str(folder) in command + environ or f"-port {epmd_port}" in command:
            found.append(command)
    return found


# The broker


def test_a_broker_listens_on_loopback_only(broker: Broker) -> None:
    listeners = broker.ctl("eval", "[{L, element(4, L)} || L <- rabbit_networking:active_listeners()].")
    assert str(broker.port) in listeners
    # /proc/net/tcp and tcp6 hold local addresses in hex, each word of 32 bits turned round.
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path("/proc/net", table).read_text().splitlines()[1:]
    ]
    ours = {f"{port:04X}" for port in (broker.port, broker.distribution_port, broker.epmd_port)}
    listening = [row[1] for row in rows if row[3] == "0A" and row[1].rpartition(":")[2] in ours]
    assert len({address.rpartition(":")[2] for address in listening}) == 3
    loopback = ("0100007F", "00000000000000000000000001000000")
    assert [address for address in listening if not address.startswith(loopback)] == []


def test_nobody_gets_in_without_the_generated_password(broker: Broker) -> None:
    for user, password in ((broker.user, "wrong"), ("guest", "guest")):
        with pytest.raises(amqp.AccessRefused):
            login(broker, "/", user, password)


def test_a_limited_user_can_read_its_own_keys_only(broker: Broker, vhost: str) -> None:
    name = vhost.rpartition("/")[2]
    broker.add_user(
        "reader",
        "secret",
        name,
        "^reader\\.",
        "^reader\\.",
        "^(reader\\.|amq\\.topic$)",
        {"amq.topic": ("^$", "^harbor$")},
    )
    with login(broker, name, "reader", "secret") as connection:
        connection.channel().queue_declare("reader.inbox", auto_delete=False)
        connection.channel().queue_bind("reader.inbox", "amq.topic", "harbor")
        with pytest.raises(amqp.AccessRefused):
            connection.channel().queue_bind("reader.inbox", "amq.topic", "#")
        with pytest.raises(amqp.AccessRefused):
            connection.channel().queue_declare("other.inbox")
    broker.delete_user("reader")


def read_stream(broker: Broker, stream: str) -> list[str]:
    """What is in a stream now, once the broker knows it."""
    found: list[str] = []
    with login(broker, VIRTUAL_HOST) as connection, connection.channel() as channel:

        def read(message: amqp.Message) -> None:
            found.append(str(message.body))
            channel.basic_ack(message.delivery_tag)

        channel.basic_qos(0, 100, False)
        try:
            channel.basic_consume(stream, callback=read, arguments={"x-stream-offset": "first"})
            while True:
                connection.drain_events(timeout=1)
        except (amqp.NotFound, TimeoutError):
            return found


@pytest.mark.fault("F3")
def test_events_wait_until_the_broker_knows_the_stream(broker: Broker) -> None:
    """After a start its shovels may run before its table of queues has the streams."""
    broker.add_vhost(VHOST, VIRTUAL_HOST)
    topology.declare(broker.uri(VHOST), topology.internal(["harbor"]))
    topology.declare(broker.uri(VIRTUAL_HOST), topology.feed(["harbor"]))
    partners.connect(broker, ["harbor"])
    stream = f'{{resource, <<"{VIRTUAL_HOST}">>, queue, <<"feed.harbor">>}}'
    broker.evaluate("application:stop(rabbitmq_shovel)")
    broker.evaluate(f"mnesia:dirty_delete(rabbit_queue, {stream})")
    wanted = [f"letter {number}" for number in range(50)]
    with login(broker, VHOST) as connection, connection.channel() as channel:
        channel.confirm_select()
        for body in wanted:
            channel.basic_publish_confirm(
                amqp.Message(body, delivery_mode=2), "referrals.events", "contact_record_created.v1.harbor"
            )

    broker.evaluate("application:start(rabbitmq_shovel)")
    eventually(lambda: assert_empty(broker, VHOST, FEED_QUEUE))
    broker.evaluate(
        f"mnesia:dirty_write(rabbit_queue, hd(mnesia:dirty_read(rabbit_durable_queue, {stream})))"
    )

    def all_are_there_in_order() -> None:
        # A repeated message comes after its first copy.
        assert list(dict.fromkeys(read_stream(broker, "feed.harbor"))) == wanted

    eventually(all_are_there_in_order, timeout_s=30)
    broker.delete_vhost(VHOST)
    broker.delete_vhost(VIRTUAL_HOST)


def test_the_topology_is_declared_once_the_broker_knows_its_streams(vhost: str) -> None:
    class AtFirstUnknown(topology.Topology):
        tries = 0

        def declare(self, connection: amqp.Connection) -> None:
            self.tries += 1
            if self.tries < 3:
                raise amqp.NotFound("home node of durable queue 'feed.harbor' is down or inaccessible")
            super().declare(connection)

    plan = AtFirstUnknown(queues={"letters": {}})
    topology.declare(vhost, plan)
    topology.declare(vhost, topology.Topology(bindings=[("amq.topic", "letters", "harbor")]))
    assert plan.tries == 3


def assert_empty(broker: Broker, vhost: str, queue: str) -> None:
    """The shovels work once the queue that one of them empties is empty."""
    with login(broker, vhost) as connection, connection.channel() as channel:
        assert channel.queue_declare(queue, passive=True).message_count == 0


def test_a_failed_start_says_why_and_leaves_nothing(folder: Path) -> None:
    port = free_block(3)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(BrokerError, match=str(port)):
            Broker(folder, port).start()
    assert processes_of(folder, port + 2) == []


def test_a_second_owner_of_a_folder_is_refused_and_does_the_first_no_harm(broker: Broker) -> None:
    second = Broker(broker.folder, free_block(3))
    with pytest.raises(BrokerError, match="in use"):
        second.start()
    second.stop()
    assert (broker.folder / "pids").exists()
    assert broker.pid is not None


# PostgreSQL


def test_postgres_keeps_what_was_committed_before_a_crash(folder: Path) -> None:
    cluster = Postgres(folder, free_block(1))
    try:
        cluster.start()
        dsn = cluster.create_database("kept").replace("+psycopg2", "")
        with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE letters (body text); INSERT INTO letters VALUES ('one')")
        cluster.kill()
        cluster.start()
        with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT body FROM letters")
            assert cursor.fetchall() == [("one",)]
    finally:
        cluster.stop()
    assert processes_of(folder, 0) == []


def test_postgres_asks_for_a_password(postgres: Postgres) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(
            host="127.0.0.1", port=postgres.port, user="portico", password="x", dbname="postgres"
        )


def test_a_database_can_be_dropped_while_it_is_in_use(postgres: Postgres) -> None:
    connection = psycopg2.connect(postgres.create_database("in_use").replace("+psycopg2", ""))
    postgres.drop_database("in_use")
    postgres.drop_database("in_use")
    assert postgres.admin_sql("SELECT 1 FROM pg_database WHERE datname = %s", ("in_use",)) == []
    connection.close()


# The stack


@pytest.mark.timeout(400)
def test_a_stack_is_stopped_killed_and_interrupted_and_finds_its_data_each_time(
    folder: Path, broker: Broker
) -> None:
    """One after the other on the same folder, as each start of a broker takes seven seconds of a core."""
    base = free_block(PORTS_USED)
    said: list[str] = []
    stack = a_fake_stack(folder, base, said)
    stack.start()
    try:
        # The broker writes a new queue to its disk a moment after it has answered; Portico's are declared long before.
        declare(_broker_of(stack), VHOST, "more letters")
        _everything_has_started(stack, said)
        _two_brokers_run_side_by_side(_broker_of(stack), broker)
        for vhost in (VHOST, VIRTUAL_HOST):
            declare(_broker_of(stack), vhost, "letters")
            put_durably(_broker_of(stack), vhost, "letters", vhost)
        _durable_messages_survive_a_kill_of_the_broker(stack)
    finally:
        stack.stop()
    assert processes_of(folder, base + 22) == []
    assert files_others_can_read(folder, _broker_of(stack).password) == []

    with running_stack(folder, base) as running:
        lines_until_it_runs(running)
        assert take(_broker_of(stack), VHOST, "letters") == VHOST
        assert len(processes_of(folder, base + 22)) > len(SERVICES)
        running.kill()

    with running_stack(folder, base) as running:
        lines = lines_until_it_runs(running)
        assert any(f"http://localhost:{base}" in line for line in lines), "".join(lines)

        def the_letter_is_there() -> None:
            assert take(_broker_of(stack), VIRTUAL_HOST, "letters") == VIRTUAL_HOST

        eventually(the_letter_is_there, timeout_s=60)
        _ends_with(running, signal.SIGINT, folder, base)


def _broker_of(stack: Stack) -> Broker:
    assert stack.broker is not None
    return stack.broker


def _everything_has_started(stack: Stack, said: list[str]) -> None:
    assert httpx.get(f"{stack.gateway_url}/readyz").status_code == 200
    assert httpx.get(f"{stack.mail_url}/messages.json").json() == []
    steps = [line.strip() for line in said if line.startswith("  ")]
    assert steps == ["keys made", "migrated", "declared", "log in as ada"]
    with pytest.raises(StackError, match="another stack"):
        a_fake_stack(stack.folder, stack.ports.base + PORTS_USED).start()


def _two_brokers_run_side_by_side(first: Broker, second: Broker) -> None:
    first.add_vhost("only-in-the-first")
    assert second.node != first.node
    is_there = 'rabbit_vhost:exists(<<"only-in-the-first">>)'
    assert (first.evaluate(is_there), second.evaluate(is_there)) == ("true", "false")


def _durable_messages_survive_a_kill_of_the_broker(stack: Stack) -> None:
    """Those of a regular stop are there, too: the next stack takes them."""
    put_durably(_broker_of(stack), VHOST, "more letters", "one")
    _broker_of(stack).kill()
    assert _broker_of(stack).pid is None
    stack.revive_broker()
    assert take(_broker_of(stack), VHOST, "more letters") == "one"


def _ends_with(running: subprocess.Popen[str], sig: signal.Signals, folder: Path, base: int) -> None:
    assert len(processes_of(folder, base + 22)) > len(SERVICES)
    running.send_signal(sig)
    rest, _ = running.communicate(timeout=60)
    assert running.returncode == 0, rest
    assert processes_of(folder, base + 22) == []


def test_a_killed_replica_comes_back_while_the_rest_runs_on(folder: Path, postgres: Postgres) -> None:
    stack = a_fake_stack(
        folder,
        free_block(PORTS_USED),
        [],
        databases=postgres,
        replicas={"referrals": 2},
        environ=ANOTHER_BROKER,
    )
    stack.start()
    try:
        first = stack.supervisor.pid("referrals-2")
        stack.supervisor.kill("referrals-2")

        def it_is_back() -> None:
            assert stack.supervisor.pid("referrals-2") not in (None, first)

        eventually(it_is_back)
        stack.supervisor.wait_ready(10)
        assert stack.supervisor.deaths("referrals-1") == 0
        databases = {row[0] for row in postgres.admin_sql("SELECT datname FROM pg_database")}
        assert databases >= {f"portico_{service}" for service in SERVICES}
    finally:
        stack.stop()
        for service in SERVICES:
            postgres.drop_database(f"portico_{service}")


def test_a_signal_stops_all_but_a_broker_from_outside(folder: Path) -> None:
    base = free_block(PORTS_USED)
    with running_stack(folder, base, ANOTHER_BROKER) as running:
        lines = lines_until_it_runs(running)
        assert any(f"http://localhost:{base}" in line for line in lines), "".join(lines)
        _ends_with(running, signal.SIGTERM, folder, base)


def test_a_taken_port_is_named_with_the_way_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.stack.LEFTOVERS_END_WITHIN_S", 0.0)
    base = free_block(PORTS_USED)
    with socket.socket() as other:
        other.bind(("127.0.0.1", base + 2))
        other.listen()
        with pytest.raises(StackError, match=f"port {base + 2} .*PORTICO_PORT_BASE={base + PORTS_USED}"):
            a_fake_stack(folder, base).start()
    assert processes_of(folder, base + 22) == []


def test_a_failing_step_stops_what_was_started(folder: Path) -> None:
    base = free_block(PORTS_USED)
    failing = Commands(**(vars(fake_commands()) | {"seed": [sys.executable, "-c", "raise SystemExit(4)"]}))
    with pytest.raises(StackError, match=r"demo organisation.* 4"):
        a_fake_stack(folder, base, [], commands=failing, environ=ANOTHER_BROKER).start()
    assert processes_of(folder, base + 22) == []


def files_others_can_read(folder: Path, secret: str) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.stat().st_mode & 0o077 and secret in path.read_text("utf-8", "replace")
    ]


def running_stack(
    folder: Path, base: int, settings: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN_ONE, str(folder), str(base)]
        + [f"{name}={value}" for name, value in (settings or {}).items()],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def lines_until_it_runs(running: subprocess.Popen[str]) -> list[str]:
    """Its output until it is ready. Fails with the output if it does not become ready."""
    assert running.stdout is not None
    lines = []
    for line in iter(running.stdout.readline, ""):
        lines.append(line)
        if line == "Ctrl-C stops it.\n":
            return lines
    raise AssertionError("".join(lines))
