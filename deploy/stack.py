"""The whole system on one machine: `python -m deploy.stack`, which is `make run`.

With arguments (`python -m deploy.stack python -m deploy.parked list`) it starts nothing. It runs this command with the
addresses and secrets of the stack, as `make demo` and `make parked` do.

All its files lie under one folder (`var/` of the checkout). All its ports are on 127.0.0.1 at fixed offsets from
`PORTICO_PORT_BASE`. All its processes end with it. The next start finds all data.

Settings (environment): `PORTICO_PORT_BASE` (8400), and every setting that `make settings` prints, except those of DECIDED.
`DATABASE=postgresql` makes a private PostgreSQL cluster, with a database and a role for each service, and `SCALE="identity=2
referrals=2"` starts so many processes of a service. With `AMQP_URI` and `FEED_AMQP_URI` the stack uses that broker instead of a
private one, with `<SERVICE>_DATABASE_URL` that database.

Gotchas
- Keep the port base with the data: after a change, links in earlier mails still have the old port.
- An SQLite file has one process. Replicas need PostgreSQL.
- The kind of databases belongs to the data: a later start without `DATABASE` takes the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from deploy import broker_users, partners, ports
from deploy import databases as where
from deploy.broker import PortTaken
from deploy.demo import ORGANISATION
from deploy.folder_lock import FolderInUse, FolderLock
from deploy.layout import CHECKOUT, DECIDED, DEFAULT_PORT_BASE, Commands, Databases, Layout
from deploy.migrate import SERVICES
from deploy.postgres import PostgresError
from deploy.settings import settings_of
from deploy.supervisor import Supervisor
from deploy.topology import VHOST
from services.chassis.settings import SettingsError, load_settings
from services.contracts.feed import VIRTUAL_HOST

PORTS_USED = 100
LEFTOVERS_END_WITHIN_S = 5.0
LOG_MOST_BYTES = 50_000_000
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StackError(RuntimeError):
    """The stack cannot start. The message says what to do."""


@dataclass(frozen=True)
class Step:
    """One program that runs to its end before the services start (the seed: after)."""

    title: str
    command: list[str]
    env: Mapping[str, str]


class Stack(Layout):
    """The processes of a layout, started and stopped together.

    `seed_demo`: whether a start makes the demo organisation. `echo` gets each step; the other arguments are those of `Layout`.
    """

    def __init__(
        self,
        folder: Path,
        port_base: int = DEFAULT_PORT_BASE,
        *,
        databases: Databases = "sqlite",
        replicas: Mapping[str, int] | None = None,
        environ: Mapping[str, str] | None = None,
        extra_env: Mapping[str, Mapping[str, str]] | None = None,
        commands: Commands | None = None,
        seed_demo: bool = True,
        echo: Callable[[str], None] = lambda _line: None,
    ) -> None:
        super().__init__(
            folder,
            port_base,
            databases=databases,
            replicas=replicas,
            environ=environ,
            extra_env=extra_env,
            commands=commands,
        )
        self._seed_demo = seed_demo
        self._echo = echo
        self._lock = FolderLock(self.folder)
        self.supervisor = Supervisor([], self.folder / "log")

    def preparation(self) -> list[Step]:
        """The steps before the services start, in order."""
        operator = self.operator_env()
        return [
            Step("keys", [*self.commands.keys, str(self._keys)], operator),
            Step("database migrations", self.commands.migrate, operator),
            Step(
                "exchanges, queues, bindings and broker users",
                [*self.commands.topology, "--users", str(self.folder / "secrets")],
                operator,
            ),
        ]

    # Start and stop

    def start(self, timeout_s: float = 90) -> None:
        """Start everything and wait until it is ready. If it raises StackError, nothing stays running."""
        self._take_folder()
        try:
            self._require_settings()
            self._require_ports()
            self._start_broker()
            self._make_databases()
            for step in self.preparation():
                self._run(step)
            self._admit_processes()
            if self.broker is not None:
                partners.connect(self.broker, [ORGANISATION])
            self._echo("Starting the services and the gateway")
            self.supervisor = Supervisor(self.processes(), self.folder / "log", self._echo)
            self.supervisor.start_all()
            self.supervisor.wait_ready(timeout_s)
            if self._seed_demo:
                self._run(Step("demo organisation", self.commands.seed, self.operator_env()))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything: the gateway first, so that no request is interrupted, and the broker last."""
        if "gateway" in self.supervisor.names:
            self.supervisor.stop("gateway")
        self.supervisor.stop_all()
        if self.broker is not None:
            self.broker.stop()
        if self.postgres is not None:
            self.postgres.stop()
        self._lock.give_back()

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """Hold the folder, so that no service can start, with the private databases up. Raises StackError."""
        self._take_folder()
        try:
            self._make_databases()
            yield
        finally:
            self.stop()

    def revive_database(self) -> None:
        """Start the private PostgreSQL cluster again if it died."""
        if self.postgres is not None and self.postgres.pid is None:
            self._echo("PostgreSQL ended; starting it again")
            self.postgres.start()

    def revive_broker(self) -> None:
        """Start the private broker again if it died."""
        if self.broker is not None and self.broker.pid is None:
            self._echo("The broker ended; starting it again")
            self.broker.stop()
            self.broker.start()

    # Inside

    def _require_settings(self) -> None:
        """Refuse settings that the stack decides, and wrong values, before anything starts."""
        problems = [f"{name}: {instead}" for name, instead in DECIDED.items() if self._environ.get(name)]
        for process in self.processes():
            kind = process.name.partition("-")[0]
            if kind in ("gateway", "live", "watch", *SERVICES):
                try:
                    load_settings(settings_of(kind), process.env)
                except SettingsError as error:
                    problems += [line.strip() for line in str(error).splitlines()[1:]]
        for service in SERVICES:
            name = f"{service.upper()}_DATABASE_URL"
            try:
                make_url(self.database_url(service)).get_dialect()
            except (SQLAlchemyError, ImportError):
                problems.append(
                    f"{name}: an address like postgresql+psycopg2://user:password@host/name is expected"
                )
        problems += where.too_many(
            self._replicas, {service: self.database_url(service) for service in SERVICES}
        )
        if problems:
            raise StackError("wrong settings. " + "; ".join(dict.fromkeys(problems)))

    def _take_folder(self) -> None:
        """Make the folder, and refuse a second stack in it for as long as this one runs."""
        try:
            self._lock.take()
        except FolderInUse as error:
            raise StackError(f"another stack is running on {self.folder}; stop it first") from error
        for name in ("data", "blobs", "log", "mail", "secrets", "keys"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for private in ("data", "blobs", "mail", "secrets", "keys"):
            (self.folder / private).chmod(0o700)

    def _require_ports(self) -> None:
        wanted = {
            self.ports.gateway: "gateway",
            self.ports.metrics: "metrics of the gateway",
            self.ports.live: "live",
            self.ports.live_metrics: "metrics of the live process",
            self.ports.watch: "metrics of the watch",
            self.ports.mail_web: "caught mail",
            self.ports.smtp: "mail catcher",
        }
        for service in SERVICES:
            for number, name in enumerate(self.process_names(service), start=1):
                wanted[self.ports.health(service, number)] = f"health of {name}"
        # Processes of a stack that was killed a moment ago may still be ending.
        deadline = time.monotonic() + LEFTOVERS_END_WITHIN_S
        for port, use in wanted.items():
            while not ports.is_free(port):
                if time.monotonic() > deadline:
                    raise StackError(
                        f"port {port} ({use}) is taken by another program. {self._other_ports()}"
                    )
                time.sleep(0.1)

    def _other_ports(self) -> str:
        return f"Choose other ports: PORTICO_PORT_BASE={self.ports.base + PORTS_USED} make run"

    def _start_broker(self) -> None:
        if self.broker is None:
            self._echo("Using the broker that AMQP_URI names")
            return
        self._echo(f"Starting a private RabbitMQ node on 127.0.0.1:{self.ports.broker}")
        try:
            self.broker.start()
        except PortTaken as error:
            raise StackError(f"{error}. {self._other_ports()}") from error
        self.broker.add_vhost(VHOST, VIRTUAL_HOST)

    def _admit_processes(self) -> None:
        """Make the broker users that the topology's step has written down."""
        written = self.folder / "secrets" / broker_users.DEFINITIONS
        if self.broker is not None and written.exists():
            self.broker.definitions(json.loads(written.read_text("utf-8")))

    def _make_databases(self) -> None:
        if self.postgres is not None:
            self._echo(f"Starting a private PostgreSQL cluster on 127.0.0.1:{self.ports.postgres}")
            self.postgres.start()
        if self._own_databases is not None:
            self._own_databases.make(SERVICES)

    def _run(self, step: Step) -> None:
        self._echo(f"Preparing: {step.title}")
        done = subprocess.run(
            step.command,
            env=dict(step.env),
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        for line in done.stdout.splitlines():
            self._echo(f"  {line}")
        if done.returncode != 0:
            raise StackError(f"'{step.title}' failed with exit code {done.returncode}; its output is above")


def run(stack: Stack) -> int:
    """Start `stack`, print its addresses, wait for Ctrl-C or SIGTERM, stop. Returns the exit code."""
    # SIGINT as well, because a shell that starts us in the background makes us ignore it.
    for sig in _ENDING_SIGNALS:
        signal.signal(sig, signal.default_int_handler)
    try:
        stack.start()
        _print_addresses(stack)
        while True:
            time.sleep(1)
            stack.revive_database()
            stack.revive_broker()
            stack.supervisor.rotate_logs(LOG_MOST_BYTES)
    except KeyboardInterrupt:
        return 0
    except (RuntimeError, OSError) as error:
        print(f"\nmake run: {error}", file=sys.stderr, flush=True)
        return 1
    finally:
        # A second Ctrl-C must not interrupt the stop.
        for sig in _ENDING_SIGNALS:
            signal.signal(sig, signal.SIG_IGN)
        print("\nStopping", flush=True)
        stack.stop()
        print("Stopped. The data is kept; `make run` continues with it.", flush=True)


def operate(stack: Stack, command: list[str]) -> int:
    """Run `command` as an operator of this stack; returns its exit code. Raises StackError before the first `make run`."""
    if not (stack.folder / "secrets").exists():
        raise StackError("there is no data yet; `make run` makes it")
    return subprocess.run(command, env=stack.operator_env(), cwd=CHECKOUT, check=False).returncode


def operate_alone(stack: Stack, command: list[str]) -> int:
    """Run `command` as an operator while none of the stack's services runs; returns its exit code. Raises StackError."""
    with stack.standing():
        return operate(stack, command)


def main(command: list[str]) -> int:
    """Run the stack or, with arguments, a command with the environment of the stack; after `--alone` while it stands still."""
    folder = CHECKOUT / "var"
    try:
        stack = Stack(
            folder,
            port_base(),
            databases="postgresql"
            if where.kind_of(folder, os.environ.get("DATABASE")) == "postgresql"
            else "sqlite",
            replicas=where.replicas_of(os.environ.get("SCALE"), SERVICES),
            environ=os.environ,
            echo=lambda line: print(line, flush=True),
        )
        if command[:1] == ["--alone"]:
            return operate_alone(stack, command[1:])
        return operate(stack, command) if command else run(stack)
    except (StackError, PostgresError, where.WrongChoice) as error:
        print(f"make: {error}", file=sys.stderr)
        return 1


def port_base() -> int:
    """The port base that the environment gives. Raises StackError."""
    text = os.environ.get("PORTICO_PORT_BASE") or str(DEFAULT_PORT_BASE)
    if not text.isdecimal() or not 1024 <= int(text) <= 65536 - PORTS_USED:
        raise StackError(f"PORTICO_PORT_BASE: a number from 1024 to {65536 - PORTS_USED} is expected")
    return int(text)


def _print_addresses(stack: Stack) -> None:
    print(
        f"\nPortico runs.\n"
        f"  Open           {stack.public_url}\n"
        f"  Its e-mails    {stack.mail_url}\n"
        f"  Logs and data  {stack.folder}\n"
        f"Ctrl-C stops it.",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
