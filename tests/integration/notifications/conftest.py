"""A mail server that remembers its messages, and notifications that sends to it."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import update

from deploy.keys import make_secrets_key
from deploy.ports import free_block
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity import accounts, credentials, organisations
from services.contracts.referrals import queues
from services.notifications.deliveries.models import Delivery
from tests.integration.notifications.subscriber import Subscriber
from tests.support.in_process import InProcess

MARIA, OLGA, BEN = "1" * 32, "2" * 32, "3" * 32
LINK = "https://portico.example/credentials#token=s3cr3t-of-the-link"
ADDRESSES = {MARIA: "maria@harbor.example", OLGA: "olga@harbor.example", BEN: "ben@harbor.example"}


class FakeMailServer:
    """Accepts mail over SMTP and remembers it. `answers` replace 250, one for each message, in order."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.senders: list[str] = []
        self.answers: list[str] = []
        self.hangs_up = False  # after it has taken a mail, without an answer
        self._lock = threading.Lock()

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        with self._lock:
            if self.answers:
                return self.answers.pop(0)
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.taken.append(message)
            self.recipients += envelope.rcpt_tos
            self.senders.append(envelope.mail_from)
        if self.hangs_up:
            server.transport.abort()
        return "250 OK"


def body(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


class FakeIdentity:
    """Identity's answers to notifications."""

    def __init__(self) -> None:
        self.recipients: list[dict[str, Any]] = []
        self.states: dict[str, str] = {}
        self.unverified: set[str] = set()
        self.languages: dict[str, str] = {}
        self.refusal: str | None = None
        self.minted = 0
        self.username = ""
        self.telephone: str | None = None
        self.whose: dict[str, str | None] = {"first_name": None, "masked_username": None}

    def list_resource_recipients(self, _request: Any) -> Any:
        return {"organisation_name": "Harbor", "recipients": self.recipients}

    def describe_account(self, request: Any) -> Any:
        self._maybe_refuse()
        account_id = request["account_id"]
        return {
            "account_id": account_id,
            "first_name": "Maria",
            "last_name": "Quill",
            "email": ADDRESSES[account_id],
            "email_is_verified": account_id not in self.unverified,
            "realm": "staff",
            "language": self.languages.get(account_id),
            "person_id": None,
            "state": self.states.get(account_id, "active"),
            "organisation_name": "Harbor",
            "features": [],
        }

    def mint_credential_link(self, _request: Any) -> Any:
        self._maybe_refuse()
        self.minted += 1
        return {
            "link": LINK,
            "username": self.username,
            "email": ADDRESSES[MARIA],
            **self.whose,
            "lifetime_minutes": 90,
            "purpose": "invitation",
            "realm": "patient",
            "organisation_name": "Harbor",
        }

    def get_public_organisation(self, request: Any) -> Any:
        return {
            "key": request["organisation"],
            "short_name": request["organisation"],
            "name": "Harbor",
            "telephone": self.telephone,
            "time_zone": "America/Los_Angeles",
            "realms": [],
            "takes_registrations": False,
        }

    def _maybe_refuse(self) -> None:
        if self.refusal:
            raise Refused(self.refusal, "")


class Notifications(InProcess):
    """The service with the test's mail server and identity."""

    def __init__(self, url: str, folder: Path, smtp_port: int) -> None:
        super().__init__(
            "notifications",
            url,
            folder,
            smtp_host="127.0.0.1",
            smtp_port=smtp_port,
            smtp_security=None,
            smtp_username=None,
            smtp_password=None,
            dkim_key_file=None,
            dkim_selector=None,
            mail_from="Portico <no-reply@portico.example>",
            mail_domain="portico.example",
            public_url="https://portico.example",
            lease_s=120,
            senders=4,
            client_messages_a_day=1000,
            deliveries_kept_days=365,
            mail_bounces_to=None,
            fax_mail_domain=None,
            fax_provider_url=None,
            fax_provider_key=None,
            text_mail_domain=None,
            text_provider_url=None,
            text_provider_key=None,
            provider_reports_key=None,
            webhook_networks=(ipaddress.ip_network("127.0.0.0/8"),),
            notifications_secrets_key_file=str(make_secrets_key(folder, "notifications-secrets.key")),
        )
        self.folder = folder
        self.identity = FakeIdentity()
        for operation in (
            accounts.list_resource_recipients,
            accounts.describe_account,
            credentials.mint_credential_link,
            organisations.get_public_organisation,
        ):
            self.answers[operation.address] = getattr(self.identity, operation.name)
        self.assignment_text: str | None = None
        self.answers[queues.describe_queue.address] = lambda request: {
            "queue_id": request["queue_id"],
            "assignment_email_text": self.assignment_text,
        }

    def rows(self) -> list[Delivery]:
        with self.database.reading(None) as session:
            return list(session.query(Delivery).order_by(Delivery.created_at, Delivery.id))

    def row(self) -> Delivery:
        (row,) = self.rows()
        return row

    def let_time_pass(self) -> None:
        """End every pause and every lease."""
        self.database.write(
            None,
            lambda session: session.execute(
                update(Delivery).where(Delivery.next_try_at.is_not(None)).values(next_try_at=utc_now())
            ),
        )


@pytest.fixture
def mail_server() -> Iterator[tuple[FakeMailServer, int]]:
    server = FakeMailServer()
    controller = Controller(server, hostname="127.0.0.1", port=free_block(1))
    controller.start()
    yield server, controller.port
    controller.stop()


@pytest.fixture
def mails(mail_server: tuple[FakeMailServer, int]) -> FakeMailServer:
    return mail_server[0]


@pytest.fixture(params=["sqlite"])
def notifications(
    request: pytest.FixtureRequest, tmp_path: Path, mail_server: tuple[FakeMailServer, int]
) -> Iterator[Notifications]:
    """The service on SQLite, or on PostgreSQL by an `indirect` parameter."""
    is_sqlite = request.param == "sqlite"
    url = (
        f"sqlite:///{tmp_path}/notifications.db" if is_sqlite else request.getfixturevalue("new_postgres_url")
    )
    process = Notifications(url, tmp_path, mail_server[1])
    yield process
    process.close()


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    found = Subscriber()
    yield found
    found.close()
