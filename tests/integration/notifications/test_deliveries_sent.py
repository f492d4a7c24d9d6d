"""The state of a delivery after the mail server, identity or the sender has failed."""

from __future__ import annotations

import datetime
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.ports import free_block
from services.chassis.settings import SettingsError, load_settings
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity import accounts, credentials
from services.contracts.notifications import deliveries as contract
from services.contracts.signing import documents as signing
from services.contracts.signing import follow_up
from services.notifications.channels import configured
from services.notifications.deliveries import rules, sending
from services.notifications.deliveries.breakers import FAILURES
from services.notifications.deliveries.sending import SenderLoop, send_next
from services.notifications.deliveries.traffic import traffic_of
from services.notifications.settings import Settings
from tests.integration.notifications.conftest import MARIA, OLGA, FakeMailServer, Notifications, body
from tests.support.eventually import eventually
from tests.support.in_process import HARBOR

BOTH = pytest.mark.parametrize("notifications", ["sqlite", "postgresql"], indirect=True)
ENVIRONMENT = {
    "AMQP_URI": "pyamqp://u:p@127.0.0.1:5672/v",
    "BLOB_DIR": "/nowhere",
    "PASSPORT_KEYS_FILE": "/nowhere",
    "PASSPORT_PRIVATE_KEY_FILE": "/nowhere",
    "NOTIFICATIONS_DATABASE_URL": "sqlite:///x.db",
    "SMTP_HOST": "127.0.0.1",
    "MAIL_FROM": "Portico <no-reply@portico.example>",
    "PUBLIC_URL": "http://localhost:8400",
}


def request_signature(notifications: Notifications) -> None:
    data = {"document_id": "ab" * 16, "recipient_account_id": MARIA, "sender_account_id": OLGA}
    notifications.deliver(signing.signature_requested, data)


def test_pauses_double_from_five_seconds_to_five_minutes_and_end_after_48_tries() -> None:
    pauses = [rules.pause_after(tries) for tries in range(1, 49)]
    assert [pause.total_seconds() for pause in pauses[:8] if pause] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert pauses[46] == datetime.timedelta(minutes=5)
    assert pauses[47] is None


def test_a_mail_server_that_is_busy_is_tried_again_after_a_pause(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    request_signature(notifications)
    mails.answers = ["451 try later"]
    assert send_next(notifications.runtime)
    row = notifications.row()
    assert (row.state, row.reason, row.tries) == ("temporary_failure", "message_deferred", 1)
    assert row.next_try_at is not None
    assert 0 < (row.next_try_at - utc_now()).total_seconds() <= 5
    assert not send_next(notifications.runtime)  # not before its time
    notifications.let_time_pass()
    send_next(notifications.runtime)
    row = notifications.row()
    assert (row.state, row.reason, row.tries, row.next_try_at) == ("sent", None, 2, None)
    assert len(mails.taken) == 1


def test_the_message_id_stays_when_the_senders_address_is_changed_between_two_tries(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    request_signature(notifications)
    mails.answers = ["451 try later"]
    send_next(notifications.runtime)
    notifications.runtime.settings.mail_from = "no-reply@elsewhere.example"
    notifications.let_time_pass()
    send_next(notifications.runtime)
    assert mails.taken[0]["Message-ID"] == f"<{notifications.row().message_id}>"
    assert notifications.row().message_id.endswith("@portico.example")


def test_while_the_database_is_busy_an_accepted_mail_is_noted_later_and_not_sent_again(
    notifications: Notifications, mails: FakeMailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_signature(notifications)
    pauses: list[float] = []
    # A pause of no length lets others run.
    monkeypatch.setattr(sending.time, "sleep", lambda seconds: pauses.append(seconds) if seconds else None)
    write, calls = notifications.database.write, []

    def busy_twice(organisation_id: str | None, work: Any) -> Any:
        calls.append(organisation_id)
        if len(calls) in (2, 3):  # the first is the claim
            raise Refused("service_unavailable", "")
        return write(organisation_id, work)

    monkeypatch.setattr(notifications.database, "write", busy_twice)
    send_next(notifications.runtime)
    assert (notifications.row().state, len(mails.taken), len(pauses)) == ("sent", 1, 2)


def test_a_mail_server_that_refuses_ends_the_delivery_and_that_is_told(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    request_signature(notifications)
    mails.answers = ["550 no such user"]
    send_next(notifications.runtime)
    row = notifications.row()
    assert (row.state, row.next_try_at) == ("permanent_failure", None)
    (event,) = notifications.events(contract.delivery_failed)
    assert event["data"]["reason"] == row.reason == "message_refused"


def test_after_48_tries_the_delivery_is_given_up_and_that_is_told(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    request_signature(notifications)
    mails.answers = ["451 try later"] * rules.MAX_TRIES
    for _ in range(rules.MAX_TRIES):
        assert notifications.events() == []
        assert send_next(notifications.runtime)
        notifications.let_time_pass()
    row = notifications.row()
    assert (row.state, row.tries) == ("technical_failure", rules.MAX_TRIES)
    (event,) = notifications.events(contract.delivery_failed)
    assert event["data"]["reason"] == "message_deferred"
    assert not send_next(notifications.runtime)


def test_a_delivery_that_kills_its_sender_every_time_is_given_up_too(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    request_signature(notifications)
    for _ in range(rules.MAX_TRIES):
        assert sending._claim(notifications.runtime) is not None  # and then the process dies
        notifications.let_time_pass()
    send_next(notifications.runtime)
    assert (notifications.row().state, notifications.row().reason) == ("technical_failure", "tries_exhausted")
    assert mails.taken == []


@pytest.mark.parametrize("code", ["service_unavailable", "timeout", "internal_error"])
def test_while_identity_cannot_be_asked_the_delivery_waits(
    notifications: Notifications, mails: FakeMailServer, code: str
) -> None:
    request_signature(notifications)
    notifications.identity.refusal = code
    send_next(notifications.runtime)
    assert (notifications.row().state, notifications.row().reason) == ("temporary_failure", code)
    notifications.identity.refusal = None
    notifications.let_time_pass()
    send_next(notifications.runtime)
    assert len(mails.taken) == 1


def test_a_disabled_account_gets_no_mail(notifications: Notifications, mails: FakeMailServer) -> None:
    request_signature(notifications)
    notifications.identity.states[MARIA] = "disabled"
    send_next(notifications.runtime)
    assert (notifications.row().state, notifications.row().reason) == ("suppressed", "account_disabled")
    assert mails.taken == []


@pytest.mark.parametrize(
    ("code", "reason"), [("not_found", "account_not_found"), ("account_disabled", "account_disabled")]
)
def test_an_invitation_that_identity_makes_no_link_for_is_not_mailed(
    notifications: Notifications, mails: FakeMailServer, code: str, reason: str
) -> None:
    notifications.deliver(
        credentials.account_invited, {"invitation_id": "7" * 32, "account_id": MARIA, "purpose": "invitation"}
    )
    notifications.identity.refusal = code
    send_next(notifications.runtime)
    assert (notifications.row().state, notifications.row().reason) == ("suppressed", reason)
    assert mails.taken == []


def test_a_fault_of_ours_delays_one_delivery_and_stops_no_other(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    request_signature(notifications)
    broken: Any = {}
    notifications.answers[accounts.describe_account.address] = lambda _: broken["nothing"]
    send_next(notifications.runtime)
    assert (notifications.row().state, notifications.row().reason) == ("temporary_failure", "internal_error")


@BOTH
def test_after_a_crash_between_acceptance_and_commit_the_mail_goes_out_again_with_the_same_message_id(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    request_signature(notifications)
    claimed = sending._claim(notifications.runtime)
    assert claimed is not None
    assert sending._try(notifications.runtime, claimed) == sending.SENT  # accepted; then the process dies
    assert not send_next(notifications.runtime)  # its lease still runs
    notifications.let_time_pass()
    assert send_next(notifications.runtime)
    first, second = mails.taken
    assert first["Message-ID"] == second["Message-ID"] == f"<{claimed.message_id}>"
    assert notifications.row().state == "sent"


@BOTH
def test_a_sender_claims_its_next_message_where_it_records_the_last_one(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    for _ in range(3):
        request_signature(notifications)
    first = sending._claim(notifications.runtime)
    assert first is not None
    second = sending._send(notifications.runtime, first, ("fax", "email"))
    assert second is not None
    states = sorted(row.state for row in notifications.rows())
    assert states == ["created", "sending", "sent"]
    assert sending._send(notifications.runtime, second, ("fax",)) is None  # of its own channels only
    third = sending._claim(notifications.runtime)
    assert third is not None
    assert sending._send(notifications.runtime, third, ("email",)) is None
    assert len(mails.taken) == len({mail["Message-ID"] for mail in mails.taken}) == 3


def test_a_sender_claims_no_message_of_a_channel_that_rests(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    for _ in range(2):
        request_signature(notifications)
    first = sending._claim(notifications.runtime)
    assert first is not None
    for _ in range(FAILURES):
        traffic_of(notifications.runtime).end("email", first.organisation_id, None, is_outage=True)
    notifications.runtime.settings.smtp_port = free_block(1)
    assert sending._send(notifications.runtime, first, ("email",)) is None


@BOTH
def test_a_sender_that_lost_its_lease_cannot_undo_what_its_successor_noted(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    request_signature(notifications)
    slow = sending._claim(notifications.runtime)
    assert slow is not None
    notifications.let_time_pass()
    successor = sending._claim(notifications.runtime)
    assert successor is not None
    failed = sending.Outcome("permanent_failure", "message_refused")
    sending._settle(notifications.runtime, slow, failed, ())
    assert notifications.row().state == "sending"
    sending._settle(notifications.runtime, successor, sending.SENT, ())
    for late in (failed, sending.SENT):
        sending._settle(notifications.runtime, slow, late, ())
    assert notifications.row().state == "sent"
    assert len(notifications.events()) == 1


@BOTH
def test_of_a_sender_that_lost_its_lease_success_counts(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    request_signature(notifications)
    slow = sending._claim(notifications.runtime)
    assert slow is not None
    notifications.let_time_pass()
    successor = sending._claim(notifications.runtime)
    assert successor is not None
    sending._settle(notifications.runtime, slow, sending.SENT, ())
    row = notifications.row()
    assert (row.state, row.tries, row.sent_at is None) == ("sent", 2, False)
    sending._settle(notifications.runtime, successor, sending.Outcome("permanent_failure", "timeout"), ())
    assert (notifications.row().state, len(notifications.events())) == ("sent", 1)


@BOTH
def test_senders_at_once_send_every_mail_exactly_once(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    for _ in range(20):
        request_signature(notifications)

    def send_all() -> None:
        while send_next(notifications.runtime):
            continue

    senders = [threading.Thread(target=send_all) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(60)
    assert len(mails.taken) == len({mail["Message-ID"] for mail in mails.taken}) == 20
    assert {row.state for row in notifications.rows()} == {"sent"}


def test_a_sender_that_runs_by_itself_sends_what_an_event_asks_for(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    loop = SenderLoop(notifications.runtime)
    notifications.runtime.loops.append(loop)
    loop.start()
    try:
        request_signature(notifications)

        def sent() -> None:
            assert notifications.row().state == "sent", notifications.row().reason

        eventually(sent)
        assert len(mails.taken) == 1
    finally:
        loop.stop()


@pytest.mark.parametrize(
    "wrong",
    [{"MAIL_FROM": "nobody"}, {"MAIL_FROM": "A <a@b.example>\nBcc: x@y.example"}, {"PUBLIC_URL": "portal"}],
)
def test_a_wrong_setting_stops_the_start(wrong: dict[str, str]) -> None:
    load_settings(Settings, ENVIRONMENT)
    with pytest.raises(SettingsError):
        load_settings(Settings, ENVIRONMENT | wrong)


@pytest.mark.parametrize(
    ("host", "chosen", "security"),
    [
        ("127.0.0.1", None, "none"),
        ("mail.example", None, "starttls"),
        ("mail.example", "tls", "tls"),
        ("localhost", "starttls", "starttls"),
    ],
)
def test_mail_leaves_this_machine_encrypted_unless_told_otherwise(
    host: str, chosen: str | None, security: str
) -> None:
    settings = SimpleNamespace(
        smtp_host=host,
        smtp_port=25,
        smtp_security=chosen,
        smtp_username=None,
        smtp_password=None,
        mail_domain="portico.example",
    )
    assert configured.smtp_servers(settings)[0].security == security


FAX_DOCUMENT = "ab" * 16


def ask_for_fax(notifications: Notifications, client: Any = (None, None), **answer: Any) -> None:
    """A document that signing describes, with its files in the store."""
    blobs = notifications.runtime.blobs
    organisation_id = HARBOR[0]
    cover, _ = blobs.put_passing(organisation_id, [b"%PDF cover"], 100)
    document, _ = blobs.put(organisation_id, [b"%PDF document"], 100)
    described = {
        "fax_number": "+1 415-555-0177",
        "cover_sheet_sha256": cover,
        "document_sha256": document,
        "file_name": "Plan.pdf",
    }
    notifications.answers["signing.describe_fax"] = lambda _: described | answer
    data = {"document_id": FAX_DOCUMENT, "sender_account_id": OLGA}
    notifications.deliver(signing.fax_requested, data, client=client)


@BOTH
@pytest.mark.seed("S4-2")
def test_a_fax_is_a_mail_to_the_fax_service_with_the_cover_sheet_and_the_document(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.runtime.settings.fax_mail_domain = "fax.example.org"
    ask_for_fax(notifications)
    assert send_next(notifications.runtime)

    assert mails.recipients == ["14155550177@fax.example.org"]
    attached = [(part.get_filename(), part.get_content()) for part in mails.taken[0].iter_attachments()]
    assert attached == [("cover.pdf", b"%PDF cover"), ("document.pdf", b"%PDF document")]
    assert mails.taken[0]["Message-ID"] == f"<{notifications.row().message_id}>"
    row = notifications.row()
    assert (row.channel, row.state) == ("fax", "sent")
    (told,) = notifications.events(contract.fax_sent)
    assert told["data"] == {"document_id": FAX_DOCUMENT, "delivery_id": row.id}
    assert notifications.events(contract.delivery_sent) == []  # there is no account


@pytest.mark.seed("S4-2")
def test_without_a_fax_service_the_fax_fails_and_that_is_told(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.runtime.settings.fax_mail_domain = None
    ask_for_fax(notifications)
    send_next(notifications.runtime)
    row = notifications.row()
    assert (row.state, row.reason, mails.taken) == ("permanent_failure", "no_fax_service", [])
    (told,) = notifications.events(contract.fax_failed)
    assert told["data"] == {"document_id": FAX_DOCUMENT, "delivery_id": row.id, "reason": "no_fax_service"}


def test_a_document_that_was_decided_meanwhile_is_not_faxed(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.runtime.settings.fax_mail_domain = "fax.example.org"
    ask_for_fax(notifications)

    def decided(_: Any) -> Any:
        raise Refused("already_decided", "It is signed.")

    notifications.answers["signing.describe_fax"] = decided
    send_next(notifications.runtime)
    assert (notifications.row().state, notifications.row().reason, mails.taken) == (
        "suppressed",
        "already_decided",
        [],
    )
    assert notifications.events(contract.fax_failed) == []


def test_a_fax_that_the_mail_server_puts_off_is_tried_again_and_told_once(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.runtime.settings.fax_mail_domain = "fax.example.org"
    ask_for_fax(notifications)
    mails.answers = ["451 try later"]
    send_next(notifications.runtime)
    assert notifications.events(contract.fax_sent) == []
    notifications.let_time_pass()
    send_next(notifications.runtime)
    assert (len(mails.taken), len(notifications.events(contract.fax_sent))) == (1, 1)


@pytest.mark.seed("S4-22")
def test_a_reminder_leads_to_the_document_and_says_nothing_about_it(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    data = {"document_id": FAX_DOCUMENT, "recipient_account_id": MARIA, "sender_account_id": OLGA}
    notifications.identity.unverified = {MARIA}  # a signer may not have signed in yet
    notifications.deliver(follow_up.signature_reminded, data)
    send_next(notifications.runtime)
    text = body(mails.taken[0])
    assert "still waits for you" in mails.taken[0]["Subject"]
    assert f"/signing/{FAX_DOCUMENT}" in text
    assert "Maria" not in text
