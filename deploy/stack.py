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
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from deploy import broker_users, partners, ports
from deploy import databases as where
from deploy.broker import Broker, PortTaken
from deploy.demo import ORGANISATION
from deploy.folder_lock import FolderInUse, FolderLock
from deploy.keys import PAGES_KEY
from deploy.postgres import Postgres, PostgresError
from deploy.settings import settings_of
from deploy.supervisor import Process, Supervisor
from deploy.topology import VHOST
from services.chassis.settings import SettingsError, load_settings
from services.contracts.feed import VIRTUAL_HOST

CHECKOUT = Path(__file__).resolve().parent.parent
SERVICES = ("identity", "referrals", "portals", "notifications", "signing")
DEFAULT_PORT_BASE = 8400
PORTS_USED = 100
LEFTOVERS_END_WITHIN_S = 5.0
LOG_MOST_BYTES = 50_000_000
# Settings that the stack decides itself, and what to do instead of setting them.
DECIDED = {
    "GATEWAY_PORT": "ports follow from PORTICO_PORT_BASE",
    "LIVE_PORT": "ports follow from PORTICO_PORT_BASE",
    "METRICS_PORT": "ports follow from PORTICO_PORT_BASE",
    "HEALTH_PORT": "ports follow from PORTICO_PORT_BASE",
    "PAGES_KEY_FILE": "the keys are in var/keys",
    "DEMO_FRONT_DOOR_FILE": "the demo writes it",
    "PASSPORT_KEYS_FILE": "the keys are in var/keys",
    "PASSPORT_PRIVATE_KEY_FILE": "the keys are in var/keys",
}
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Databases = Literal["sqlite", "postgresql"] | Postgres | Mapping[str, str]


class StackError(RuntimeError):
    """The stack cannot start. The message says what to do."""


@dataclass(frozen=True)
class Ports:
    """The ports of all processes, as offsets from `base`."""

    base: int

    @property
    def gateway(self) -> int:
        """The only port that people and frontends need."""
        return self.base

    @property
    def metrics(self) -> int:
        """The metrics of the gateway."""
        return self.base + 10

    @property
    def live(self) -> int:
        """Tells open pages of changes."""
        return self.base + 3

    @property
    def live_metrics(self) -> int:
        """The metrics of the live process."""
        return self.base + 16

    @property
    def watch(self) -> int:
        """The metrics of the watch."""
        return self.base + 17

    @property
    def mail_web(self) -> int:
        """The web page of the mail catcher."""
        return self.base + 1

    @property
    def smtp(self) -> int:
        """The SMTP port of the mail catcher."""
        return self.base + 2

    @property
    def broker(self) -> int:
        """AMQP; the next two are Erlang's distribution and epmd."""
        return self.base + 20

    @property
    def postgres(self) -> int:
        """The private PostgreSQL cluster."""
        return self.base + 23

    def health(self, service: str, replica: int = 1) -> int:
        """The health port of one replica (counted from 1, at most 10)."""
        place = SERVICES.index(service)
        return self.base + 11 + place if replica == 1 else self.base + 30 + 10 * place + replica - 1


@dataclass(frozen=True)
class Commands:
    """The commands that the stack runs. Tests replace them."""

    keys: list[str]
    migrate: list[str]
    topology: list[str]
    seed: list[str]
    service: list[str]
    """The service's name is appended."""
    gateway: list[str]
    live: list[str]
    watch: list[str]
    """`--port`, `--folder` and, with a private broker, `--broker-port` are appended."""
    mail_catcher: list[str]
    """`--smtp-port`, `--http-port` and `--folder` are appended."""


def own_commands() -> Commands:
    """The checkout's programs, run by the current Python. The stack appends the keys' folder to `keys`."""
    module = [sys.executable, "-m"]
    return Commands(
        keys=[*module, "deploy.keys"],
        migrate=[*module, "deploy.migrate"],
        topology=[*module, "deploy.topology", "--organisation", ORGANISATION],
        seed=[*module, "deploy.demo", "seed"],
        service=[*module, "services.chassis.run"],
        gateway=[*module, "gateway"],
        live=[*module, "gateway.live"],
        watch=[*module, "deploy.watch"],
        mail_catcher=[*module, "deploy.mailcatcher"],
    )


@dataclass(frozen=True)
class Step:
    """One program that runs to its end before the services start (the seed: after)."""

    title: str
    command: list[str]
    env: Mapping[str, str]


class Stack:
    """Broker, five services, gateway, live process and mail catcher, with all their data under `folder`.

    `databases`: "sqlite" (files under `folder`), "postgresql" (a private cluster under `folder`), a `Postgres` that runs (one
    database and one role per service), or a URL per service. `replicas`: the number of processes of a service (by default 1).
    `environ`: the source of the settings named in the module's docstring. `extra_env`: variables added to a process, by
    process name ("referrals-2") or by service name. `echo` gets each step.
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
        self.folder = folder.resolve()
        self.ports = Ports(port_base)
        self.commands = commands or own_commands()
        self._urls = databases if isinstance(databases, Mapping) else {}
        self.postgres = (
            where.own_cluster(self.folder, self.ports.postgres) if databases == "postgresql" else None
        )
        cluster = databases if isinstance(databases, Postgres) else self.postgres
        self._own_databases = where.ServiceDatabases(cluster, self.folder / "secrets") if cluster else None
        self._replicas = dict(replicas or {})
        self._environ = dict(environ or {})
        self._extra_env = dict(extra_env or {})
        self._seed_demo = seed_demo
        self._echo = echo
        self._lock = FolderLock(self.folder)
        self.broker: Broker | None = None
        if not self._environ.get("AMQP_URI"):
            self.broker = Broker(
                self.folder / "broker", self.ports.broker, secrets_folder=self.folder / "secrets"
            )
        self.supervisor = Supervisor([], self.folder / "log")

    # Addresses and processes

    @property
    def gateway_url(self) -> str:
        """The address of the gateway."""
        return f"http://127.0.0.1:{self.ports.gateway}"

    @property
    def public_url(self) -> str:
        """The base address of links for people. Browsers accept `__Host-` cookies over plain http on localhost only."""
        return self._environ.get("PUBLIC_URL") or f"http://localhost:{self.ports.gateway}"

    @property
    def mail_url(self) -> str:
        """The address of the mail catcher; `/messages.json` is for programs."""
        return f"http://127.0.0.1:{self.ports.mail_web}"

    @property
    def amqp_uri(self) -> str:
        """The AMQP URI of the services' virtual host."""
        if self.broker is not None:
            return self.broker.uri(VHOST)
        return self._environ["AMQP_URI"]

    def amqp_uri_of(self, process: str) -> str:
        """The AMQP URI with which a service, `gateway` or `live` logs in: at the private broker as a user of its own."""
        if self.broker is None:
            return self._environ["AMQP_URI"]
        password = broker_users.password_of(process, self.folder / "secrets")
        return "py" + self.broker.uri_for(broker_users.user_of(process), password, VHOST)

    @property
    def feed_amqp_uri(self) -> str:
        """The AMQP URI of the virtual host for other systems."""
        if self.broker is not None:
            return self.broker.uri(VIRTUAL_HOST)
        beside = urlunsplit(urlsplit(self.amqp_uri)._replace(path=f"/{VIRTUAL_HOST}"))
        return self._environ.get("FEED_AMQP_URI") or beside

    def database_url(self, service: str) -> str:
        """The URL of the service's own database."""
        name = f"{service.upper()}_DATABASE_URL"
        if self._environ.get(name):
            return self._environ[name]
        if self._own_databases is not None:
            return self._own_databases.url(service)
        return self._urls.get(service) or f"sqlite:///{self.folder / 'data' / service}.db"

    def process_names(self, service: str) -> list[str]:
        """`["identity"]`, or `["referrals-1", "referrals-2"]` where there are replicas."""
        count = self._replicas.get(service, 1)
        return [service] if count == 1 else [f"{service}-{number}" for number in range(1, count + 1)]

    def processes(self) -> list[Process]:
        """The processes under the supervisor, in the order of their start."""
        services = [
            self.service_process(service, name, number)
            for service in SERVICES
            for number, name in enumerate(self.process_names(service), start=1)
        ]
        return [
            self._mail_process(),
            *services,
            self._watch_process(),
            self._live_process(),
            self._gateway_process(),
        ]

    def service_process(self, service: str, name: str, replica: int) -> Process:
        """One replica (counted from 1) of a service. It gets only its own database and private key."""
        health = self.ports.health(service, replica)
        own = {
            "AMQP_URI": self.amqp_uri_of(service),
            "HEALTH_PORT": str(health),
            "PASSPORT_PRIVATE_KEY_FILE": str(self._keys / f"{service}.pem"),
            f"{service.upper()}_DATABASE_URL": self.database_url(service),
        }
        if service == "identity":
            # Allows a sign-in provider on this machine. By default providers must be on the public internet.
            own["OUTSIDE_PROVIDER_NETWORKS"] = "127.0.0.0/8,::1/128"
            own["PARTNERS_AMQP_ADDRESS"] = f"amqp://127.0.0.1:{self.ports.broker}/{VIRTUAL_HOST}"
        env = self._common_env() | own | self._given(service)
        return Process(
            name,
            [*self.commands.service, service],
            self._with_extra(env, service, name),
            ready_url=f"http://127.0.0.1:{health}/readyz",
            cwd=CHECKOUT,
        )

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

    def operator_env(self) -> dict[str, str]:
        """The environment of an operator: every database, both virtual hosts, the gateway."""
        urls = {f"{service.upper()}_DATABASE_URL": self.database_url(service) for service in SERVICES}
        return (
            self._common_env()
            | urls
            | {
                "AMQP_URI": self.amqp_uri,
                "FEED_AMQP_URI": self.feed_amqp_uri,
                "GATEWAY_URL": self.gateway_url,
                "PORTICO_PORT_BASE": str(self.ports.base),
                "KEYS_DIR": str(self._keys),
                "MAIL_URL": self.mail_url,
                "DEMO_SECRETS_FILE": str(self.folder / "secrets" / "demo.json"),
                "DEMO_FRONT_DOOR_FILE": str(self._demo_front_door),
            }
        )

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

    @property
    def _demo_front_door(self) -> Path:
        return self.folder / "secrets" / "demo_front_door.json"

    @property
    def _keys(self) -> Path:
        return self.folder / "keys"

    def _common_env(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PASSPORT_KEYS_FILE": str(self._keys / "public.json"),
            "BLOB_DIR": str(self.folder / "blobs"),
            "PUBLIC_URL": self.public_url,
            "SMTP_HOST": "127.0.0.1",
            "FAX_MAIL_DOMAIN": "fax.example.org",
            "WEBHOOK_NETWORKS": "127.0.0.0/8,::1/128",
            "SMTP_PORT": str(self.ports.smtp),
            "MAIL_FROM": "Portico <no-reply@portico.example>",
            "SIGNING_KEYS_DIR": str(self._keys / "signing"),
            "LOG_LEVEL": "INFO",
        }

    def _given(self, process: str) -> dict[str, str]:
        """The settings of the gateway or of a service that the environment gives."""
        names = settings_of(process)().fields.keys() - DECIDED.keys()
        return {name: self._environ[name] for name in names if self._environ.get(name)}

    def _require_settings(self) -> None:
        """Refuse settings that the stack decides, and wrong values, before anything starts."""
        problems = [f"{name}: {instead}" for name, instead in DECIDED.items() if self._environ.get(name)]
        for process in self.processes():
            kind = process.name.partition("-")[0]
            if kind in ("gateway", "live", *SERVICES):
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

    def _with_extra(self, env: dict[str, str], *names: str) -> dict[str, str]:
        for name in names:
            env |= self._extra_env.get(name, {})
        return env

    def _gateway_process(self) -> Process:
        own = {
            "AMQP_URI": self.amqp_uri_of("gateway"),
            "GATEWAY_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.ports.gateway),
            "METRICS_PORT": str(self.ports.metrics),
            "PAGES_KEY_FILE": str(self._keys / PAGES_KEY),
            "DEMO_FRONT_DOOR_FILE": str(self._demo_front_door),
            "LIVE_URL": f"http://localhost:{self.ports.live}",
        }
        env = self._common_env() | own | self._given("gateway")
        return Process(
            "gateway",
            self.commands.gateway,
            self._with_extra(env, "gateway"),
            ready_url=f"{self.gateway_url}/readyz",
            cwd=CHECKOUT,
        )

    def _watch_process(self) -> Process:
        asked = ["--port", str(self.ports.watch), "--folder", str(self.folder)]
        if self.broker is not None:
            asked += ["--broker-port", str(self.ports.broker)]
        return Process(
            "watch",
            [*self.commands.watch, *asked],
            self._with_extra(self.operator_env(), "watch"),
            ready_url=f"http://127.0.0.1:{self.ports.watch}/metrics",
            cwd=CHECKOUT,
        )

    def _live_process(self) -> Process:
        own = {
            "AMQP_URI": self.amqp_uri_of("live"),
            "LIVE_PORT": str(self.ports.live),
            "METRICS_PORT": str(self.ports.live_metrics),
            "PAGES_KEY_FILE": str(self._keys / PAGES_KEY),
        }
        env = self._common_env() | own | self._given("live")
        return Process(
            "live",
            self.commands.live,
            self._with_extra(env, "live"),
            ready_url=f"http://127.0.0.1:{self.ports.live}/readyz",
            cwd=CHECKOUT,
        )

    def _mail_process(self) -> Process:
        listening = ["--smtp-port", str(self.ports.smtp), "--http-port", str(self.ports.mail_web)]
        return Process(
            "mailcatcher",
            [*self.commands.mail_catcher, *listening, "--folder", str(self.folder / "mail")],
            self._common_env(),
            ready_url=f"{self.mail_url}/healthz",
            cwd=CHECKOUT,
        )

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
