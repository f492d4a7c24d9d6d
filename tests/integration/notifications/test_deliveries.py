"""From an event to an e-mail, in process, with a real mail server and a real database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.chassis import migrate, wire
from services.contracts.errors import Refused
from services.contracts.identity import accounts, credentials
from services.contracts.notifications import deliveries as contract
from services.contracts.referrals import assignments, capacity
from services.contracts.signing import documents as signing
from services.notifications.deliveries.sending import send_next
from tests.integration.notifications.conftest import (
    ADDRESSES,
    BEN,
    LINK,
    MARIA,
    OLGA,
    FakeMailServer,
    Notifications,
    body,
)
from tests.support.in_process import BAYSIDE, a_caller

PROGRAM, AGENCY = "8" * 32, "9" * 32
ADMIN = a_caller("delivery.read")


def assigned(number: str = "CR-00000042") -> dict[str, Any]:
    return {
        "referral_id": "4" * 32,
        "contact_record_id": "5" * 32,
        "contact_record_number": number,
        "queue_id": "6" * 32,
        "program_id": PROGRAM,
        "agency_id": AGENCY,
        "status": "referred",
    }


def a_document() -> dict[str, Any]:
    return {"document_id": "ab" * 16, "recipient_account_id": MARIA, "sender_account_id": OLGA}


def an_invitation(purpose: str = "invitation") -> dict[str, Any]:
    return {"invitation_id": "7" * 32, "account_id": MARIA, "purpose": purpose}


def wanted_by(*account_ids: str, verified: bool = True) -> list[dict[str, Any]]:
    return [{"account_id": each, "email_is_verified": verified} for each in account_ids]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_migrations_make_the_tables_that_the_code_uses(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/x.db" if kind == "sqlite" else request.getfixturevalue("postgres_database")
    migrate.upgrade("notifications", url)
    assert migrate.differences("notifications", url) == []
    migrate.downgrade("notifications", url)


@pytest.mark.seed("S0-41")
@pytest.mark.seed("S0-39")
def test_an_assignment_is_mailed_to_everyone_identity_names_for_the_program_and_its_agency(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.identity.recipients = wanted_by(MARIA, OLGA)
    notifications.deliver(assignments.referral_assigned, assigned())
    while send_next(notifications.runtime):
        continue
    assert notifications.asked[0] == (
        accounts.list_resource_recipients.address,
        {"resource_ids": [PROGRAM, AGENCY]},
    )
    assert sorted(mails.recipients) == [ADDRESSES[MARIA], ADDRESSES[OLGA]]
    assert {row.state for row in notifications.rows()} == {"sent"}


def test_those_who_may_edit_a_capacity_are_asked_to_confirm_it_and_the_mail_says_not_whose(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.identity.recipients = wanted_by(MARIA)
    ends = {"valid_until": "2026-03-09T12:00:00+00:00"}
    stale = {"program_id": PROGRAM, "agency_id": AGENCY, "line_id": PROGRAM, **ends}
    notifications.deliver(capacity.capacity_stale, stale)
    send_next(notifications.runtime)
    assert notifications.asked[0] == (
        accounts.list_resource_recipients.address,
        {"resource_ids": [PROGRAM, AGENCY], "about": "capacity"},
    )
    (mail,) = mails.taken
    assert mail["Subject"] == "Please confirm your capacity for Harbor"
    assert "confirm it with one click" in body(mail)
    assert not {PROGRAM, AGENCY, "Maria"} & set(body(mail).split())
    assert notifications.row().state == "sent"


@pytest.mark.seed("S0-39")
def test_an_assignment_nobody_wants_mail_about_makes_no_delivery(notifications: Notifications) -> None:
    notifications.deliver(assignments.referral_assigned, assigned())
    assert notifications.rows() == []


@pytest.mark.seed("S0-44")
@pytest.mark.seed("S0-45")
def test_the_assignment_mail_holds_the_record_number_and_the_portals_address_and_no_name(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.identity.recipients = wanted_by(MARIA)
    notifications.deliver(assignments.referral_assigned, assigned("CR-00000777"))
    send_next(notifications.runtime)
    (mail,) = mails.taken
    for text in (body(mail), body(mail, "html")):
        assert "CR-00000777" in text
        assert "https://portico.example" in text
        assert "Maria" not in text
        assert "Quill" not in text
    assert mail["From"] == "Portico <no-reply@portico.example>"


@pytest.mark.seed("S0-44")
@pytest.mark.seed("S0-54")
def test_the_assignment_mail_holds_the_text_of_its_referralq_as_plain_words(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.identity.recipients = wanted_by(MARIA)
    notifications.assignment_text = "Please call within <b>two</b> days. {{ record_number }}"
    notifications.deliver(assignments.referral_assigned, assigned("CR-00000777"))
    send_next(notifications.runtime)
    (mail,) = mails.taken
    assert "Please call within <b>two</b> days. {{ record_number }}" in body(mail)
    assert "&lt;b&gt;two&lt;/b&gt;" in body(mail, "html")
    assert "CR-00000777" in body(mail)


def resource_with_two_to_tell(notifications: Notifications) -> None:
    """A program with two recipients, one of them with a verified address."""
    notifications.identity.recipients = [*wanted_by(MARIA), *wanted_by(BEN, verified=False)]
    notifications.assignment_text = "Please call within two days."


def the_one_mail(notifications: Notifications, mails: FakeMailServer) -> Any:
    """The mail to the recipient with a verified address. Identity was asked about the program and its agency."""
    while send_next(notifications.runtime):
        continue
    assert notifications.asked[0] == (
        accounts.list_resource_recipients.address,
        {"resource_ids": [PROGRAM, AGENCY]},
    )
    assert sorted(row.state for row in notifications.rows()) == ["sent", "suppressed"]
    assert mails.recipients == [ADDRESSES[MARIA]]
    (mail,) = mails.taken
    return mail


def test_who_was_told_of_an_assignment_is_told_when_one_that_waited_has_a_place(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    resource_with_two_to_tell(notifications)
    promoted = {name: value for name, value in assigned("CR-00000777").items() if name != "status"}
    for _ in range(2):
        notifications.deliver(assignments.referral_promoted, promoted, event_id="e" * 32)
    mail = the_one_mail(notifications, mails)
    assert mail["Subject"] == "A place is free: record CR-00000777"
    assert "Please call within two days." in body(mail)
    for word in ("Maria", "Quill", PROGRAM):
        assert word not in body(mail)


def test_who_was_asked_is_told_that_a_referral_is_no_longer_needed_and_not_why(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    resource_with_two_to_tell(notifications)
    told = {name: value for name, value in assigned("CR-00000777").items() if name != "status"}
    withdrawn = {**told, "reason_code": "accepted_elsewhere"}
    notifications.deliver(assignments.referral_withdrawn, withdrawn)
    mail = the_one_mail(notifications, mails)
    assert mail["Subject"] == "No longer needed: record CR-00000777"
    for word in ("accepted", "elsewhere", "two days", "Maria", PROGRAM):
        assert word not in body(mail)


def test_an_unverified_address_gets_no_mail_and_the_administrator_sees_why(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.identity.recipients = [*wanted_by(MARIA), *wanted_by(BEN, verified=False)]
    notifications.deliver(assignments.referral_assigned, assigned())
    while send_next(notifications.runtime):
        continue
    assert mails.recipients == [ADDRESSES[MARIA]]
    (item,) = notifications.call(contract.list_deliveries, ADMIN, state="suppressed")["items"]
    assert (item["account_id"], item["reason"]) == (BEN, "address_unverified")


def test_the_same_event_again_makes_no_second_delivery(notifications: Notifications) -> None:
    notifications.identity.recipients = wanted_by(MARIA)
    event_id = wire.new_id()
    for _ in range(3):
        notifications.deliver(assignments.referral_assigned, assigned(), event_id=event_id)
    assert len(notifications.rows()) == 1


@pytest.mark.seed("S4-6")
@pytest.mark.seed("S4-8")
@pytest.mark.seed("S4-9")
def test_a_new_provider_gets_one_mail_to_set_the_password_and_one_about_the_document(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.identity.states[MARIA] = "invited"
    notifications.deliver(credentials.account_invited, an_invitation())
    notifications.deliver(signing.signature_requested, a_document())
    while send_next(notifications.runtime):
        continue
    assert mails.recipients == [ADDRESSES[MARIA]] * 2
    invitation, document = mails.taken
    assert LINK in body(invitation)
    assert "90 minutes" in body(invitation)
    assert "ready to be signed" in document["Subject"]
    assert "token" not in body(document)


def test_a_forgotten_password_gets_its_own_words(notifications: Notifications, mails: FakeMailServer) -> None:
    notifications.deliver(credentials.account_invited, an_invitation("reset"))
    send_next(notifications.runtime)
    assert notifications.row().kind == "password_reset"
    assert LINK in body(mails.taken[0])


@pytest.mark.parametrize(
    ("event", "word"), [(signing.document_signed, "signed"), (signing.document_declined, "declined")]
)
def test_a_decision_on_a_document_is_mailed_to_its_sender(
    notifications: Notifications, mails: FakeMailServer, event: Any, word: str
) -> None:
    notifications.deliver(event, a_document())
    send_next(notifications.runtime)
    assert mails.recipients == [ADDRESSES[OLGA]]
    assert mails.taken[0]["Subject"] == f"Document ABABABAB was {word}"


def test_the_link_is_made_when_the_mail_is_sent_and_not_before(notifications: Notifications) -> None:
    notifications.deliver(credentials.account_invited, an_invitation())
    assert notifications.identity.minted == 0
    send_next(notifications.runtime)
    assert notifications.identity.minted == 1


def test_no_address_no_link_and_no_text_is_ever_stored(notifications: Notifications, tmp_path: Path) -> None:
    notifications.deliver(credentials.account_invited, an_invitation())
    notifications.deliver(signing.signature_requested, a_document())
    while send_next(notifications.runtime):
        continue
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("notifications.db*"))
    assert notifications.rows()[0].message_id.encode() in stored  # the places that could hold it
    for secret in ("maria@", "s3cr3t", "credentials#", "Maria", "Quill", "choose a password"):
        assert secret.encode() not in stored


def test_a_sent_mail_is_told_and_audited_with_ids_only(notifications: Notifications) -> None:
    notifications.deliver(signing.signature_requested, a_document())
    send_next(notifications.runtime)
    row = notifications.row()
    (event,) = notifications.events(contract.delivery_sent)
    assert event["organisationkey"] == "harbor"
    assert event["data"] == {
        "delivery_id": row.id,
        "account_id": MARIA,
        "kind": "document_ready_to_sign",
        "channel": "email",
    }
    (audit,) = notifications.audit("delivery.sent")
    assert (audit.actor_kind, audit.actor_id, audit.object_id) == ("service", "notifications", row.id)
    assert row.sent_at is not None


def test_deliveries_are_listed_newest_first_page_by_page_without_gap_or_repetition(
    notifications: Notifications,
) -> None:
    notifications.identity.recipients = wanted_by(MARIA, OLGA, BEN)  # three at the same moment
    for _ in range(3):
        notifications.deliver(assignments.referral_assigned, assigned())
    seen: list[dict[str, Any]] = []
    after = None
    while True:
        page = notifications.call(contract.list_deliveries, ADMIN, limit=2, after=after)
        seen += page["items"]
        after = page["next"]
        if after is None:
            break
    assert len({item["id"] for item in seen}) == len(seen) == 9
    assert [item["created_at"] for item in seen] == sorted(
        (item["created_at"] for item in seen), reverse=True
    )


@pytest.mark.parametrize(
    "cursor", ["x", "1", "999999999999999999." + "a" * 32, "-1." + "a" * 32, "1." + "a" * 33]
)
def test_a_made_up_cursor_is_refused(notifications: Notifications, cursor: str) -> None:
    with pytest.raises(Refused) as refusal:
        notifications.call(contract.list_deliveries, ADMIN, after=cursor)
    assert (refusal.value.code, refusal.value.field) == ("invalid_request", "after")


def test_deliveries_are_shown_to_their_own_organisation_and_only_with_the_permission(
    notifications: Notifications,
) -> None:
    notifications.deliver(signing.signature_requested, a_document())
    stranger = a_caller("delivery.read", organisation=BAYSIDE)
    assert notifications.call(contract.list_deliveries, stranger)["items"] == []
    with pytest.raises(Refused) as refusal:
        notifications.call(contract.list_deliveries, a_caller())
    assert refusal.value.code == "forbidden"
