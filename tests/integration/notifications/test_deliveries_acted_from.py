"""A mail brings the link with which its reader acts without signing in: only where it is allowed and something is to be done."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.identity import passports
from services.contracts.notifications import templates
from services.contracts.portals import appointments
from services.contracts.referrals import assignments, capacity, status_changes
from services.notifications.deliveries.acting import SUBJECTS
from services.notifications.deliveries.sending import send_next
from tests.integration.notifications.conftest import MARIA, FakeMailServer, Notifications, body
from tests.support.in_process import a_caller

ID = "9" * 32
LINK = "https://portico.example/act?organisation=harbor&realm=provider#token=mail_s3cr3t"
REFERRAL = {
    "referral_id": ID,
    "contact_record_id": "8" * 32,
    "contact_record_number": "CR-00000042",
    "queue_id": "7" * 32,
    "program_id": "6" * 32,
    "agency_id": "5" * 32,
    "status": "referred",
}


class Links:
    """Identity and the owners of what mails are about, as notifications asks them."""

    def __init__(self, notifications: Notifications) -> None:
        self.states: dict[str, str | None] = {"answer": "s1", "line": "t1", "appointment": "v1"}
        self.link: str | None = LINK
        self.features = ["act_from_mail"]
        self.wanted: list[Any] = []
        describe = notifications.identity.describe_account
        answers = notifications.answers
        answers["identity.describe_account"] = lambda asked: describe(asked) | {"features": self.features}
        answers[passports.mint_mail_link.address] = self.mint
        answers[status_changes.describe_answer.address] = lambda _: {"state": self.states["answer"]}
        answers[capacity.describe_capacity_line.address] = lambda _: {"state": self.states["line"]}
        answers[appointments.describe_appointment.address] = lambda _: self.appointment()
        notifications.identity.recipients = [{"account_id": MARIA, "email_is_verified": True}]

    def mint(self, request: Any) -> Any:
        self.wanted.append(dict(request))
        return {"link": self.link}

    def appointment(self) -> Any:
        starts_at = datetime.datetime(2027, 3, 5, 14, tzinfo=datetime.UTC)
        return {
            "person_id": "4" * 32,
            "version": 1,
            "state": "booked",
            "starts_at": starts_at,
            "ends_at": starts_at + datetime.timedelta(minutes=30),
            "place": "Main Street 1",
            "time_zone": "UTC",
            "is_due_again": False,
            "to_confirm": self.states["appointment"],
        }


@pytest.fixture
def links(notifications: Notifications) -> Links:
    return Links(notifications)


def sent(notifications: Notifications, mails: FakeMailServer) -> tuple[str, str]:
    """Text and HTML of the one mail about a referral."""
    notifications.deliver(assignments.referral_assigned, REFERRAL)
    assert send_next(notifications.runtime)
    (mail,) = mails.taken
    return body(mail).replace("\r\n", "\n"), body(mail, "html")


def test_a_referral_is_answered_by_the_link_of_its_mail(
    notifications: Notifications, mails: FakeMailServer, links: Links
) -> None:
    text, html = sent(notifications, mails)
    assert (
        f"Accept or decline it without signing in (this link is for you alone and holds for 7 days):\n{LINK}"
        in text
    )
    assert f'<a href="{LINK.replace("&", "&amp;")}">' in html
    assert LINK not in str(mails.taken[0]["Subject"])
    row = notifications.row()
    assert links.wanted == [
        {
            "account_id": MARIA,
            "message_id": row.id,
            "purpose": "answer_referral",
            "object_id": ID,
            "object_state": "s1",
        }
    ]
    assert "mail_s3cr3t" not in repr([getattr(row, each.key) for each in type(row).__table__.columns])


def test_it_is_said_in_the_language_of_the_reader(
    notifications: Notifications, mails: FakeMailServer, links: Links
) -> None:
    notifications.identity.languages[MARIA] = "es-MX"
    text, _ = sent(notifications, mails)
    assert f"este enlace es solo para usted y vale 7 días):\n{LINK}" in text


@pytest.mark.parametrize(("language", "sentence"), [("de", "Antworten Sie Harbor hier:"), ("es", "Acéptela")])
def test_an_organisation_says_it_in_words_of_its_own(
    notifications: Notifications, mails: FakeMailServer, links: Links, language: str, sentence: str
) -> None:
    own = {"subject": "x", "text": "Antworten Sie {{ organisation_name }} hier:", "html": None}
    manager = a_caller("organisation.manage")
    wanted = {"kind": "link_to_answer", "language": "de", "version": 1, **own}
    notifications.call(templates.save_message_template, manager, **wanted)
    notifications.identity.languages = {MARIA: language}
    text, html = sent(notifications, mails)
    assert sentence in text
    assert sentence in html


@pytest.mark.parametrize("why", ["not allowed", "answered already", "no permission"])
def test_there_is_no_link_where_nothing_can_be_done(
    notifications: Notifications, mails: FakeMailServer, links: Links, why: str
) -> None:
    if why == "not allowed":
        links.features = []
    elif why == "answered already":
        links.states["answer"] = None
    else:
        links.link = None
    text, html = sent(notifications, mails)
    assert "without signing in" not in text + html
    assert len(links.wanted) == (why == "no permission")


def test_capacity_is_confirmed_by_the_link_of_its_mail(
    notifications: Notifications, mails: FakeMailServer, links: Links
) -> None:
    until = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)
    data = {"program_id": "6" * 32, "agency_id": "5" * 32, "line_id": ID, "valid_until": until}
    notifications.deliver(capacity.capacity_stale, data)
    assert send_next(notifications.runtime)
    assert "Confirm or change the numbers without signing in" in body(mails.taken[0])
    assert (links.wanted[0]["purpose"], links.wanted[0]["object_state"]) == ("confirm_capacity", "t1")


def test_every_mail_of_an_appointment_that_stands_asks_to_confirm_it() -> None:
    kinds = {kind for kind, subject in SUBJECTS.items() if subject.purpose == "confirm_appointment"}
    reminders = {f"appointment_reminder_{each}" for each in ("60", "30", "15", "7", "near")}
    assert kinds == {"appointment_booked", "appointment_moved"} | reminders
    assert {subject.purpose for subject in SUBJECTS.values()} == set(passports.MAIL_ACTIONS)
    for subject in SUBJECTS.values():
        assert subject.member == passports.MAIL_ACTIONS[subject.purpose].member


def test_a_service_that_does_not_answer_delays_the_mail(
    notifications: Notifications, mails: FakeMailServer, links: Links
) -> None:
    def refuse(_request: Any) -> Any:
        raise Refused("service_unavailable", "")

    notifications.answers[status_changes.describe_answer.address] = refuse
    notifications.deliver(assignments.referral_assigned, REFERRAL)
    assert send_next(notifications.runtime)
    assert (notifications.row().state, mails.taken) == ("temporary_failure", [])
