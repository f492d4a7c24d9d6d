"""The whole system for a test: five services, gateway, broker and mail catcher, with two organisations and their staff."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deploy import partners, topology
from deploy.broker import Broker
from deploy.client import Portico
from deploy.demo import SAMPLE
from deploy.journey import Journey
from deploy.layout import Commands, Databases
from deploy.ports import free_block
from deploy.stack import Stack
from services.chassis.database import Database
from services.chassis.passports import PROOF_HOLDS_S
from services.contracts import feed
from services.identity.organisations import operator
from services.identity.partners import operator as partners_of_identity
from tests.support import refusals, stalls
from tests.support.eventually import eventually
from tests.support.servers import temporary_folder
from tests.support.taking_turns import shares_the_running_system

FEATURES = "referralq,provider_portal,electronic_signature,patient_registration"
HARBOR, BAYSIDE = "harbor", "bayside"
ADMIN = f"admin@{HARBOR}.example.org"


@dataclass
class RunningStack:
    """A stack that is up. `admin` and `staff` are logged in to Harbor, `stranger` administers Bayside."""

    stack: Stack
    in_cluster: bool = False
    passwords: dict[str, str] = field(default_factory=dict)
    staff: Portico = None  # type: ignore[assignment]
    stranger: Portico = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for key in (HARBOR, BAYSIDE):
            self.create_organisation(key)
        assert self.stack.broker is not None
        topology.declare(
            self.stack.amqp_uri, topology.internal([HARBOR, BAYSIDE], in_cluster=self.in_cluster)
        )
        topology.declare(self.stack.feed_amqp_uri, topology.feed([HARBOR, BAYSIDE]))
        partners.connect(self.stack.broker, [HARBOR, BAYSIDE])
        self._admin = self.log_in(HARBOR, ADMIN)
        self._proven_at = time.monotonic()
        self.stranger = self.log_in(BAYSIDE, f"admin@{BAYSIDE}.example.org")
        self.staff = self.create_staff("staff@harbor.example.org")

    @property
    def admin(self) -> Portico:
        """Harbor's administrator, whose proof of identity is fresh however long the stack has run."""
        if time.monotonic() - self._proven_at > PROOF_HOLDS_S / 3:
            self._admin.post("/v1/sessions/current/proof", expect=200, password=self.password_of(ADMIN))
            self._proven_at = time.monotonic()
        return self._admin

    @property
    def url(self) -> str:
        """The gateway."""
        return self.stack.gateway_url

    def create_organisation(self, key: str) -> None:
        """An organisation with all features and an administrator who can log in."""
        email = f"admin@{key}.example.org"
        with self._identity() as database:
            operator.create_organisation(
                database,
                key=key,
                name=f"{key.capitalize()} County",
                admin_email=email,
                admin_password=self.password_of(email),
                features=FEATURES.split(","),
            )

    def create_staff(self, email: str, level: str = "standard") -> Portico:
        """A staff account of Harbor at a security level, logged in."""
        account = self.admin.post("/v1/accounts", email=email, first_name="Sam", last_name="Field")
        if level != "standard":
            self.admin.put(
                f"/v1/accounts/{account['id']}/security-level",
                version=account["version"],
                security_level=level,
            )
        self.set_password(HARBOR, email)
        return self.log_in(HARBOR, email)

    def create_provider(
        self, email: str, resources: list[str], **switches: bool
    ) -> tuple[dict[str, Any], Portico]:
        """A provider account of Harbor for these resource ids, logged in: (account, client)."""
        account = self.admin.post("/v1/accounts", email=email, first_name="Pat", last_name="Keeper")
        path = f"/v1/accounts/{account['id']}"
        self.admin.put(
            f"{path}/security-level", version=account["version"], security_level="provider_portal_user"
        )
        for resource_id in resources:
            self.admin.post(f"{path}/resources", expect=200, resource_id=resource_id)
        wanted = {
            "can_edit_capacity": True,
            "can_change_status": True,
            "can_access_details": False,
        } | switches
        self.admin.put(f"{path}/provider-switches", **wanted)
        self.set_password(HARBOR, email)
        return self.admin.get(path), self.log_in(HARBOR, email)

    def set_password(self, key: str, email: str) -> None:
        """Set a password as the operator does, vouching for the address."""
        with self._identity() as database:
            operator.set_password(
                database,
                organisation_key=key,
                login=email,
                password=self.password_of(email),
                email_is_verified=True,
            )

    @contextlib.contextmanager
    def _identity(self) -> Iterator[Database]:
        """What identity's command line works on. To start that takes a second, and tests set a hundred passwords."""
        database = Database(self.stack.database_url("identity"))
        try:
            yield database
        finally:
            database.close()

    def password_of(self, email: str) -> str:
        """The password this test gives the account."""
        return self.passwords.setdefault(email, f"kettle-violet-{secrets.token_hex(6)}")

    def log_in(self, key: str, email: str) -> Portico:
        """A client with a new session."""
        return Portico(self.url).log_in(key, email, self.password_of(email))

    def journey(self) -> Journey:
        """The steps of the journey as Harbor."""
        return Journey(self.url, self.stack.mail_url, HARBOR, self.admin, self.staff)

    def import_sample(self) -> dict[str, Any]:
        """Import the sample directory into Harbor, and wait until it is there: another replica may do it after the answer."""
        begun = self.journey().import_directory(SAMPLE.read_bytes())

        def done() -> dict[str, Any]:
            found: dict[str, Any] = self.admin.get(f"/v1/directory/imports/{begun['import_id']}")
            assert found["state"] == "done"
            return found

        return eventually(done, timeout_s=60)

    def subscribe(self, name: str, organisation: str) -> str:
        """The broker address of an outside system."""
        assert self.stack.broker is not None
        with self._identity() as database:
            password = partners_of_identity.create_partner(database, organisation, name, [])
            partners.carry_out(self.stack.broker, database)
        user = feed.user_of(organisation, name)
        return self.stack.broker.uri_for(user, password, feed.VIRTUAL_HOST)

    def logs(self) -> str:
        """The output of all processes."""
        return "\n".join(
            path.read_text(errors="replace")
            for path in sorted((self.stack.folder / "log").iterdir())
            if path.is_file()
        )

    @property
    def process_names(self) -> list[str]:
        """All processes but the broker."""
        return list(self.stack.supervisor.names)

    def rss_mb(self, name: str) -> float:
        """Resident memory of a process."""
        return float(self.stack.supervisor.rss_mb(name))


@contextlib.contextmanager
def running_stack(
    databases: Databases = "sqlite",
    replicas: Mapping[str, int] | None = None,
    extra_env: Mapping[str, Mapping[str, str]] | None = None,
    commands: Commands | None = None,
    broker: Broker | None = None,
    start_within_s: float = 90,
    seen_as: Callable[[Broker], Broker] = lambda own: own,
    elsewhere: Mapping[str, Path] | None = None,
) -> Iterator[RunningStack]:
    """A stack in a new folder, on free ports; removed afterwards.

    `broker`: a cluster instead of its own node. `seen_as`: its own node as the processes reach it, such as behind a proxy.
    `elsewhere`: what lies on a disk of its own, such as "log" or "data", and where.
    """
    with temporary_folder("portico-stack-") as folder:
        folder.chmod(0o711)  # so that PostgreSQL, as another account, reaches its own folder
        for name, place in (elsewhere or {}).items():
            (folder / "var").mkdir(exist_ok=True)
            (folder / "var" / name).symlink_to(place, target_is_directory=True)
        stack = Stack(
            folder / "var",
            free_block(100),
            databases=databases,
            replicas=replicas,
            extra_env=extra_env,
            commands=commands,
            seed_demo=False,
            environ={"LOG_LEVEL": "INFO"},
        )
        if broker is not None:
            stack.broker = broker
        elif stack.broker is not None:
            stack.broker = seen_as(stack.broker)
        try:
            with stalls.watched(stack.folder / "log"):
                stack.start(start_within_s)
                running = RunningStack(stack, in_cluster=broker is not None)
                yield running
        finally:
            stack.stop()
        refusals.note_logs(running.logs().splitlines())


class SharedSystem:
    """pytest plugin: the running system that tests share. It ends after the last of them: idle, it takes a tenth of a core."""

    def __init__(self) -> None:
        self._running: RunningStack | None = None
        self._ending = contextlib.ExitStack()

    @property
    def running(self) -> RunningStack:
        """The system on SQLite, with the sample directory. It starts with the first test that asks."""
        if self._running is None:
            # As behind a proxy on this machine, so that a test can set the address of a request.
            proxied = {"gateway": {"TRUSTED_PROXIES": "127.0.0.1"}}
            self._running = self._ending.enter_context(running_stack(extra_env=proxied))
            self._running.import_sample()
        return self._running

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, nextitem: pytest.Item | None) -> Iterator[None]:
        """End the system, within the stall watch, when the next test is not one of those that share it."""
        yield
        if nextitem is None or not shares_the_running_system(nextitem.nodeid):
            self._end()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """End it if the run was broken off."""
        self._end()

    def _end(self) -> None:
        self._running = None
        self._ending.close()
