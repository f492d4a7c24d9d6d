"""What providers report, and mails that come back: who may say so, what it changes, and that it is said twice for nothing."""

from __future__ import annotations

import base64
import datetime
import hashlib
import io
import time
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

import pytest

from deploy import bounce
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.notifications import deliveries, reports
from services.notifications.deliveries.report_signatures import signature
from services.notifications.deliveries.sending import send_next
from services.notifications.reports.workflows import end_overdue
from tests.integration.notifications.conftest import FakeMailServer, Notifications
from tests.integration.notifications.subscriber import Subscriber
from tests.integration.notifications.test_deliveries_sent import FAX_DOCUMENT, ask_for_fax, request_signature

KEY = "k" * 32
CANARY = "patient-quill-is-ill"


@pytest.fixture
def reporting(notifications: Notifications, subscriber: Subscriber) -> Notifications:
    """Faxes go to a provider that reports, and mails can come back."""
    settings = notifications.runtime.settings
    settings.provider_reports_key = KEY
    settings.fax_provider_url = f"{subscriber.url}/faxes"
    settings.fax_provider_key = "provider-key"
    settings.mail_bounces_to = "bounces@portico.example"
    return notifications


def report(notifications: Notifications, status: str, **changed: Any) -> Any:
    at = int(time.time()) - changed.pop("late_s", 0)
    reference = changed.pop("reference", None) or notifications.row().id
    said = {"reference": reference, "status": status, "timestamp": at} | changed
    signed = f"{said['reference']}.{status}"
    said.setdefault("signature", signature(changed.pop("key", KEY), "report", at, signed))
    said.pop("key", None)
    return notifications.call(reports.report_delivery, None, **said)["is_noted"]


def return_mail(notifications: Notifications, mail: EmailMessage | bytes, key: str = KEY) -> bool:
    raw = mail if isinstance(mail, bytes) else mail.as_bytes()
    message, at = base64.b64encode(raw).decode(), int(time.time())
    signed = signature(key, "mail", at, hashlib.sha256(message.encode()).hexdigest())
    answer = notifications.call(reports.return_mail, None, message=message, timestamp=at, signature=signed)
    return bool(answer["is_noted"])


def returned(to: str, action: str = "failed", status: str = "5.1.1") -> EmailMessage:
    """A delivery status notification, as RFC 3464 lays it out."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "MAILER-DAEMON@mx.example", to, "Undelivered Mail"
    mail.set_content(f"I could not deliver your message. {CANARY}")
    mail.make_mixed()
    part = EmailMessage()
    part.set_type("message/delivery-status")
    part.set_payload(
        [
            _block("Reporting-MTA: dns; mx.example"),
            _block(
                f"Final-Recipient: rfc822; maria@harbor.example\nAction: {action}\nStatus: {status}\n"
                "Diagnostic-Code: smtp; 550 no such user"
            ),
        ]
    )
    mail.attach(part)
    mail.set_param("report-type", "delivery-status")
    mail.replace_header("Content-Type", mail["Content-Type"].replace("multipart/mixed", "multipart/report"))
    return mail


def _block(text: str) -> EmailMessage:
    block = EmailMessage()
    for line in text.split("\n"):
        name, _, value = line.partition(": ")
        block[name] = value
    return block


def test_a_fax_goes_to_the_provider_and_its_report_tells_that_it_arrived(
    reporting: Notifications, subscriber: Subscriber
) -> None:
    ask_for_fax(reporting)
    send_next(reporting.runtime)
    (post,) = subscriber.posts
    row = reporting.row()
    assert (post.path, post.headers["Authorization"]) == ("/faxes", "Bearer provider-key")
    assert post.headers["Idempotency-Key"] == row.id
    for part in (b"+14155550177", row.id.encode(), b"%PDF cover", b"%PDF document"):
        assert part in post.body
    assert (row.state, row.settled_at) == ("sent", None)
    assert len(reporting.events(deliveries.fax_sent)) == 1

    assert report(reporting, "delivered")
    assert (reporting.row().state, reporting.row().report_due_at) == ("delivered", None)
    assert reporting.row().settled_at is not None
    assert not report(reporting, "delivered")  # again, or played by somebody
    assert not report(reporting, "failed")
    assert reporting.row().state == "delivered"


def test_a_fax_that_did_not_arrive_has_failed_and_that_is_told(
    reporting: Notifications, subscriber: Subscriber
) -> None:
    ask_for_fax(reporting)
    send_next(reporting.runtime)
    assert report(reporting, "failed")
    row = reporting.row()
    assert (row.state, row.reason) == ("permanent_failure", "reported_failed")
    (told,) = reporting.events(deliveries.fax_failed)
    assert told["data"] == {"document_id": FAX_DOCUMENT, "delivery_id": row.id, "reason": "reported_failed"}


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        (422, "permanent_failure", "provider_refused"),
        (503, "temporary_failure", "provider_busy"),
        (401, "temporary_failure", "login_refused"),
        (302, "temporary_failure", "redirected"),
    ],
)
def test_what_the_fax_provider_answers_decides(
    reporting: Notifications, subscriber: Subscriber, status: int, state: str, reason: str
) -> None:
    subscriber.statuses = [status]
    ask_for_fax(reporting)
    send_next(reporting.runtime)
    row = reporting.row()
    assert (row.state, row.reason, row.report_due_at) == (state, reason, None)
    assert [post.path for post in subscriber.posts] == ["/faxes"]


@pytest.mark.parametrize(
    "changed",
    [
        {"key": "x" * 32},
        {"signature": "0" * 64},
        {"late_s": 400},
        {"late_s": -400},
    ],
)
def test_a_report_with_a_wrong_signature_or_an_old_one_is_refused(
    reporting: Notifications, changed: dict[str, Any]
) -> None:
    ask_for_fax(reporting)
    send_next(reporting.runtime)
    with pytest.raises(Refused) as refused:
        report(reporting, "delivered", **changed)
    assert (refused.value.code, reporting.row().state) == ("report_refused", "sent")


def test_without_a_key_no_report_is_taken_or_waited_for(reporting: Notifications) -> None:
    reporting.runtime.settings.provider_reports_key = None
    ask_for_fax(reporting)
    send_next(reporting.runtime)
    assert reporting.row().report_due_at is None
    with pytest.raises(Refused, match="report_refused"):
        report(reporting, "delivered", key="")


def test_a_report_about_a_mail_changes_nothing(reporting: Notifications) -> None:
    request_signature(reporting)
    send_next(reporting.runtime)
    assert not report(reporting, "failed")
    assert reporting.row().state == "sent"


def test_what_nobody_reports_about_for_three_days_is_a_temporary_failure(reporting: Notifications) -> None:
    ask_for_fax(reporting)
    send_next(reporting.runtime)
    row = reporting.row()
    assert abs(row.report_due_at - utc_now() - datetime.timedelta(days=3)) < datetime.timedelta(minutes=1)
    end_overdue(reporting.runtime)
    assert reporting.row().state == "sent"

    def make_due(session: Any) -> None:
        session.merge(row).report_due_at = utc_now()

    reporting.database.write(None, make_due)
    end_overdue(reporting.runtime)
    assert (reporting.row().state, reporting.row().reason) == ("temporary_failure", "not_reported")
    assert reporting.row().next_try_at is None
    (told,) = reporting.events(deliveries.fax_failed)
    assert told["data"]["reason"] == "not_reported"


def test_a_mail_that_comes_back_ends_its_delivery_and_that_is_told(
    reporting: Notifications, mails: FakeMailServer
) -> None:
    request_signature(reporting)
    send_next(reporting.runtime)
    row = reporting.row()
    (sender,) = mails.senders
    assert sender.startswith(f"bounces+{row.id}=")
    assert sender.endswith("@portico.example")
    assert return_mail(reporting, returned(sender))
    assert (reporting.row().state, reporting.row().reason) == ("permanent_failure", "bounced")
    (told,) = reporting.events(deliveries.delivery_failed)
    assert told["data"]["reason"] == "bounced"
    assert not return_mail(reporting, returned(sender))
    assert CANARY not in str(reporting.events()) + str(reporting.audit("delivery.permanent_failure"))


@pytest.mark.parametrize(("action", "is_ended"), [("failed", True), ("delayed", False), ("relayed", False)])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_report_about_an_address_beyond_ascii_is_read(
    reporting: Notifications, mails: FakeMailServer, action: str, is_ended: bool, line_end: str
) -> None:
    """RFC 6533, 3: `message/global-delivery-status`, in UTF-8."""
    request_signature(reporting)
    send_next(reporting.runtime)
    lines = (
        f"To: {mails.senders[0]}\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=cut\n\n--cut\n"
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nmaría\n\n--cut\n"
        "Content-Type: message/global-delivery-status\nContent-Transfer-Encoding: 8bit\n\n"
        "Reporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: utf-8; maría@harbor.example\nAction: {action}\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; 550 no such user\n\n--cut--\n"
    )
    assert return_mail(reporting, lines.replace("\n", line_end).encode()) is is_ended
    assert reporting.row().state == ("permanent_failure" if is_ended else "sent")


def test_a_mail_that_is_only_late_ends_nothing(reporting: Notifications, mails: FakeMailServer) -> None:
    request_signature(reporting)
    send_next(reporting.runtime)
    assert not return_mail(reporting, returned(mails.senders[0], "delayed", "4.4.1"))
    assert reporting.row().state == "sent"


@pytest.mark.parametrize(
    "forged", ["bounces+{id}=0123456789abcdef@portico.example", "bounces+{id}@x.example"]
)
def test_a_mail_to_an_address_that_we_have_not_made_ends_nothing(
    reporting: Notifications, forged: str
) -> None:
    request_signature(reporting)
    send_next(reporting.runtime)
    assert not return_mail(reporting, returned(forged.format(id=reporting.row().id)))
    assert reporting.row().state == "sent"


def test_only_the_mailbox_hands_mails_over(reporting: Notifications, mails: FakeMailServer) -> None:
    request_signature(reporting)
    send_next(reporting.runtime)
    with pytest.raises(Refused, match="report_refused"):
        return_mail(reporting, returned(mails.senders[0]), key="x" * 32)
    assert reporting.row().state == "sent"


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"\xff\x00" * 1000,
        b"Content-Type: multipart/mixed; boundary=x\n\n"
        + b"--x\nContent-Type: multipart/mixed; boundary=x\n\n" * 3000,
        b"To: " + b"(" * 100_000,
    ],
)
def test_a_hostile_mail_ends_the_child_or_nothing(reporting: Notifications, hostile: bytes) -> None:
    assert not return_mail(reporting, hostile or b"\n")


def test_the_command_hands_a_mail_over(
    reporting: Notifications, mails: FakeMailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_signature(reporting)
    send_next(reporting.runtime)

    def post(url: str, json: dict[str, Any], timeout: float) -> Any:
        assert url == "https://portico.example/v1/deliveries/returned-mails"
        answer = reporting.call(reports.return_mail, None, **json)
        return SimpleNamespace(raise_for_status=lambda: None, json=lambda: answer)

    monkeypatch.setattr(bounce.requests, "post", post)
    monkeypatch.setattr(
        bounce.sys, "stdin", SimpleNamespace(buffer=io.BytesIO(returned(mails.senders[0]).as_bytes()))
    )
    environment = {"PUBLIC_URL": "https://portico.example/", "PROVIDER_REPORTS_KEY": KEY}
    assert bounce.main(environment) == 0
    assert reporting.row().reason == "bounced"
