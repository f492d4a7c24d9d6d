"""What the local stack is made of: the ports, addresses and environments of its processes. Nothing starts here.

All ports are on 127.0.0.1 at fixed offsets from one base; all files lie in one folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from deploy import broker_users
from deploy import databases as where
from deploy.broker import Broker
from deploy.demo import ORGANISATION
from deploy.keys import PAGES_KEY
from deploy.migrate import SERVICES
from deploy.postgres import Postgres
from deploy.settings import settings_of
from deploy.supervisor import Process
from deploy.topology import VHOST
from services.contracts.feed import VIRTUAL_HOST

CHECKOUT = Path(__file__).resolve().parent.parent
DEFAULT_PORT_BASE = 8400
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

Databases = Literal["sqlite", "postgresql"] | Postgres | Mapping[str, str]


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
    """With a private broker `--private-broker`, the folder and its port are appended."""
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


class Layout:
    """Addresses and processes of a stack: broker, five services, gateway, live process, watch and mail catcher.

    `databases`: "sqlite" (files under `folder`), "postgresql" (a private cluster under `folder`), a `Postgres` that runs (one
    database and one role per service), or a URL per service. `replicas`: the number of processes of a service (by default 1).
    `environ`: the source of the settings. `extra_env`: variables added to a process, by its name ("referrals-2") or its service's.
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
        self.broker: Broker | None = None
        if not self._environ.get("AMQP_URI"):
            self.broker = Broker(
                self.folder / "broker", self.ports.broker, secrets_folder=self.folder / "secrets"
            )

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
        """The AMQP URI with which a service, `gateway`, `live` or `watch` logs in: at the private broker as a user of its own."""
        if self.broker is None:
            return self._environ["AMQP_URI"]
        password = broker_users.password_of(process, self.folder / "secrets")
        return "py" + self.broker.uri_for(broker_users.user_of(process), password, VHOST)

    def feed_amqp_uri_of(self, process: str) -> str:
        """The AMQP URI with which a process logs in at the virtual host for other systems."""
        if self.broker is None:
            return self.feed_amqp_uri
        password = broker_users.password_of(process, self.folder / "secrets")
        return "py" + self.broker.uri_for(broker_users.user_of(process), password, VIRTUAL_HOST)

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

    def operator_env(self) -> dict[str, str]:
        """The environment of an operator: every database, both virtual hosts, the gateway."""
        urls = {f"{service.upper()}_DATABASE_URL": self.database_url(service) for service in SERVICES}
        return (
            self._common_env()
            | urls
            | {
                "AMQP_URI": self.amqp_uri,
                "FEED_AMQP_URI": self.feed_amqp_uri,
                # A backup leaves the files of a bucket to its store.
                "BLOB_S3_BUCKET": self._environ.get("BLOB_S3_BUCKET", ""),
                "GATEWAY_URL": self.gateway_url,
                "PORTICO_PORT_BASE": str(self.ports.base),
                "KEYS_DIR": str(self._keys),
                "MAIL_URL": self.mail_url,
                "DEMO_SECRETS_FILE": str(self.folder / "secrets" / "demo.json"),
                "DEMO_FRONT_DOOR_FILE": str(self._demo_front_door),
            }
        )

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
            "TEXT_MAIL_DOMAIN": "text.example.org",
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
        asked = [] if self.broker is None else ["--private-broker", str(self.folder), str(self.ports.broker)]
        own = {
            "AMQP_URI": self.amqp_uri_of("watch"),
            "FEED_AMQP_URI": self.feed_amqp_uri_of("watch"),
            "IDENTITY_DATABASE_URL": self.database_url("identity"),
            "HEALTH_PORT": str(self.ports.watch),
        }
        env = self._common_env() | own | self._given("watch")
        return Process(
            "watch",
            [*self.commands.watch, *asked],
            self._with_extra(env, "watch"),
            ready_url=f"http://127.0.0.1:{self.ports.watch}/readyz",
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
