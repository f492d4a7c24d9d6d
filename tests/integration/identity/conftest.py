"""Identity in this process, with one organisation and builders of its accounts."""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.keys import make_secrets_key
from services.chassis import wire
from services.chassis.passports import Caller, Issuer, Verifier, key_id
from services.contracts.declare import Operation
from services.contracts.errors import Refused
from services.contracts.identity import accounts, credentials, organisations, passports
from services.contracts.identity import login as login_contract
from services.contracts.referrals import assignments, records
from services.contracts.signing import documents
from services.identity.organisations.operator import Created, create_organisation, set_password
from services.identity.secrets import passwords
from services.identity.sessions.seen import seen_sessions
from services.identity.settings import PerRealm
from tests.support.in_process import InProcess, a_service

PASSWORD = "tidal lantern violet meadow"
ADMIN = "ada@example.org"
FEATURES = ("referralq", "provider_portal", "electronic_signature", "patient_registration")
_NUMBERS = itertools.count(1)
_QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_QUICK_DUMMY = _QUICK.hash("no account has this password")


class Identity(InProcess):
    """The service, with shortcuts for the first steps of most tests."""

    def __init__(self, url: str, folder: Path, harbor: Created | None = None) -> None:
        """Open a database that has `harbor` already, or create the organisation."""
        super().__init__(
            "identity",
            url,
            folder,
            public_url="https://portal.example.org/",
            session_idle_minutes=PerRealm(15),
            session_absolute_hours=PerRealm(12),
            link_lifetime_minutes=PerRealm(90),
            identity_secrets_key_file=str(make_secrets_key(folder / "keys")),
            tries_per_address=30,
            partners_amqp_address="amqps://broker.example.org/portico-feeds",
            emergency_access_minutes=60,
            requests_kept_hours=48,
            emergency_accesses_per_day=5,
            outside_provider_networks=(ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")),
            outside_provider_ca_file=None,
        )
        key = Ed25519PrivateKey.generate()
        self.runtime.issuer = Issuer("identity", key)
        self._public = {"identity": key.public_key()}
        self.answers["referrals.describe_resource"] = lambda request: {
            "id": request["resource_id"],
            "name": "Harbor House",
            "level": "program",
        }
        # The objects of other services exist, unless a test says otherwise.
        for operation in (
            records.describe_contact_record,
            assignments.describe_referral,
            documents.describe_document,
        ):
            self.answers[operation.address] = dict
        self.harbor = harbor or self.an_organisation("harbor")

    def an_organisation(self, key: str, *, features: tuple[str, ...] = FEATURES) -> Created:
        """An organisation whose administrator ADMIN can log in."""
        return create_organisation(
            self.database,
            key=key,
            name=f"{key.title()} County",
            admin_email=ADMIN,
            admin_password=PASSWORD,
            features=features,
        )

    def log_in(
        self, login: str = ADMIN, password: str = PASSWORD, organisation: str = "harbor", **more: Any
    ) -> Any:
        """Log in. Returns the answer."""
        return self.call(
            login_contract.log_in, organisation=organisation, login=login, password=password, **more
        )

    def caller(self, token: str, audience: str = "identity") -> Caller:
        """The caller of a session token now, as `audience` reads the passport. Raises Refused(unauthenticated)."""
        passport = self._issued(token, audience)["passport"]
        if passport is None:
            raise Refused("unauthenticated", "The session has ended.")
        public = self._public["identity"]
        return Verifier(audience, {key_id("identity", public): public}).verify(passport)

    def holds(self, token: str, client_address: str | None = None) -> bool:
        """Whether the session of this token holds when it is used from this address."""
        return self._issued(token, "identity", client_address)["passport"] is not None

    def _issued(self, token: str, audience: str, client_address: str | None = None) -> Any:
        asked = [{"token": token, "audience": audience, "client_address": client_address}]
        return self.call(passports.issue_passports, asked=asked)["passports"][0]

    def admin(self, organisation: str = "harbor") -> Caller:
        """The administrator of an organisation, logged in."""
        return self.caller(self.log_in(organisation=organisation)["token"])

    def flush_seen(self) -> None:
        """Store the last use of sessions."""
        assert seen_sessions(self.runtime).write()

    def an_account(
        self, level: str = "standard", *, password: str | None = PASSWORD, admin: Caller | None = None
    ) -> dict[str, Any]:
        """A new account at this level, able to log in unless `password` is None."""
        admin = admin or self.admin()
        email = f"person{next(_NUMBERS)}@example.org"
        account = self.call(accounts.create_account, admin, email=email, first_name="Pat", last_name="Quill")
        if level != "standard":
            account = self.call(
                accounts.set_security_level,
                admin,
                version=account["version"],
                account_id=account["id"],
                security_level=level,
            )
        if password is not None:
            set_password(
                self.database,
                organisation_key=admin.organisation_key or "",
                login=email,
                password=password,
                email_is_verified=True,
            )
            account = self.call(accounts.get_account, admin, account_id=account["id"])
        return dict(account)

    def a_provider(self, *resource_ids: str, **switches: bool) -> dict[str, Any]:
        """A provider account that can log in, with these resources and switches."""
        account = self.an_account("provider_portal_user")
        for resource_id in resource_ids:
            account = self.call(
                accounts.assign_resource, self.admin(), account_id=account["id"], resource_id=resource_id
            )
        if switches:
            values = {
                "can_edit_capacity": False,
                "can_change_status": False,
                "can_access_details": False,
            } | switches
            account = self.call(
                accounts.set_provider_switches, self.admin(), account_id=account["id"], **values
            )
        return dict(account)

    def set_level(self, account_id: str, level: str) -> dict[str, object]:
        """Give an account a security level, as an administrator."""
        admin = self.admin()
        version = self.call(accounts.get_account, admin, account_id=account_id)["version"]
        given = {"account_id": account_id, "security_level": level}
        return dict(self.call(accounts.set_security_level, admin, version=version, **given))

    def set_features(self, *features: str) -> None:
        """Switch on these features of Harbor, and all others off."""
        admin = self.admin()
        version = self.call(organisations.get_organisation, admin)["version"]
        self.call(organisations.set_features, admin, version=version, features=list(features))

    def a_link(self, account_id: str, admin: Caller | None = None) -> str:
        """The token of a fresh invitation link."""
        invitation = self.call(accounts.invite_account, admin or self.admin(), account_id=account_id)
        return self.mint(invitation["invitation_id"])

    def mint(self, invitation_id: str) -> str:
        """The token of a link that notifications has made for this invitation."""
        organisation = (self.harbor.organisation_id, "harbor")
        answer = self.call(
            credentials.mint_credential_link,
            a_service("notifications", organisation),
            invitation_id=invitation_id,
        )
        return str(answer["link"]).partition("#token=")[2]

    def refused(self, operation: Operation, caller: Caller | None = None, **request: Any) -> Refused:
        """The refusal of a call. Fails if the call is carried out."""
        with pytest.raises(Refused) as refusal:
            self.call(operation, caller, **request)
        return refusal.value


@contextlib.contextmanager
def _quick_hashes() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", lambda: _QUICK)
        patch.setattr(passwords, "_dummy_hash", lambda: _QUICK_DUMMY)
        yield patch


@pytest.fixture(autouse=True)
def quick_hashes() -> Iterator[pytest.MonkeyPatch]:
    """Make hashing cheap in this process. A test that measures its cost uses `real_hashes`."""
    with _quick_hashes() as patch:
        yield patch


@pytest.fixture
def real_hashes(quick_hashes: pytest.MonkeyPatch) -> None:
    """Hash passwords from now on as a service does."""
    quick_hashes.undo()


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """The database of identity with one organisation, closed: tests copy it."""
    folder = tmp_path_factory.mktemp("identity")
    with _quick_hashes():
        running = Identity(f"sqlite:///{folder}/identity.db", folder)
    running.close()  # the last connection writes everything into the one file
    return running


@pytest.fixture
def identity(tmp_path: Path, furnished: Identity) -> Iterator[Identity]:
    """Identity on SQLite."""
    running = _copy_of(furnished, tmp_path)
    yield running
    running.close()


def _copy_of(furnished: Identity, folder: Path) -> Identity:
    database = folder / "identity.db"
    shutil.copy(str(furnished.database.engine.url.database), database)
    return Identity(f"sqlite:///{database}", folder, furnished.harbor)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path, furnished: Identity) -> Iterator[Identity]:
    """Identity on SQLite and on PostgreSQL, for tests that depend on locking."""
    if request.param == "sqlite":
        running = _copy_of(furnished, tmp_path)
    else:
        running = Identity(request.getfixturevalue("new_postgres_url"), tmp_path)
    yield running
    running.close()


@pytest.fixture
def resource_id() -> str:
    """The id of a program in the directory."""
    return wire.new_id()
