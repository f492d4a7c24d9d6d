"""Mails about appointments: invitation, confirmation, change, cancellation, missed, and reminders, with a calendar entry."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any

import pytest
from icalendar import Calendar

from services.chassis.unit_of_work import utc_now
from services.contracts.declare import Event
from services.contracts.errors import Refused
from services.contracts.identity import recipients
from services.contracts.notifications import deliveries
from services.contracts.notifications import notices as contract
from services.contracts.portals import appointment_invitations, appointment_requests, appointments
from services.notifications.deliveries import sending
from tests.integration.notifications.conftest import (
    ADDRESSES,
    BEN,
    MARIA,
    OLGA,
    FakeMailServer,
    Notifications,
    body,
)
from tests.support.in_process import BAYSIDE, a_caller

STAFF = a_caller("organisation.manage")
PERSON = "d" * 32
APPOINTMENT = "subject"  # the subject of the events of `InProcess.deliver`
IN_A_YEAR = (utc_now() + datetime.timedelta(days=365)).replace(hour=13, minute=30, second=0, microsecond=0)
# What identity and portals know, and no message may say.
NEVER_SAID = ("Maria", "Quill", "1980", "Dr. Vega", "Chest X-ray")


class Diary:
    """An appointment as portals describes it, and whom identity names for its person."""

    def __init__(self, notifications: Notifications) -> None:
        self.notifications = notifications
        self.persons = [{"account_id": MARIA, "email_is_verified": True}]
        self.supervisors: list[Mapping[str, Any]] = []
        self.appointment: dict[str, Any] = {
            "person_id": PERSON,
            "version": 1,
            "state": "booked",
            "starts_at": IN_A_YEAR,
            "ends_at": IN_A_YEAR + datetime.timedelta(minutes=30),
            "place": "12 Harbor Street",
            "time_zone": "America/New_York",
            "is_due_again": False,
        }
        notifications.answers[appointments.describe_appointment.address] = lambda _: self.appointment
        notifications.answers[recipients.list_person_recipients.address] = lambda _: {
            "persons": self.persons,
            "supervisors": self.supervisors,
        }

    def happens(self, event: Event, version: int, **changes: Any) -> None:
        """The appointment changes, and its event arrives."""
        self.appointment |= {"version": version, **changes}
        self.arrives(event, version)

    def arrives(self, event: Event, version: int) -> None:
        """An event of this version of the appointment arrives."""
        data = {
            "person_id": PERSON,
            "account_id": MARIA,
            "starts_at": IN_A_YEAR.isoformat(),
            "version": version,
        }
        self.notifications.deliver(event, data)

    def send(self) -> None:
        """Send all that is due."""
        while sending.send_next(self.notifications.runtime):
            continue

    def states(self) -> dict[str, list[tuple[str, str | None]]]:
        """State and reason of the deliveries, by kind."""
        found: dict[str, list[tuple[str, str | None]]] = {}
        for row in self.notifications.rows():
            found.setdefault(row.kind, []).append((row.state, row.reason))
        return found


@pytest.fixture
def diary(notifications: Notifications) -> Diary:
    return Diary(notifications)


def entry(message: EmailMessage) -> tuple[str, Any]:
    """Method and event of the calendar entry of a mail."""
    (part,) = message.iter_attachments()
    assert part.get_content_type() == "text/calendar"
    calendar = Calendar.from_ical(part.get_content())
    (event,) = calendar.walk("VEVENT")
    assert part["Content-Type"].params["method"] == calendar["METHOD"]
    return str(calendar["METHOD"]), event


def require_silence(message: EmailMessage) -> None:
    """A mail says nothing of whom it is about, nor what an appointment is for or with whom."""
    said = "\n".join(
        [
            str(message["Subject"]),
            *(str(part.get_content()) for part in message.walk() if not part.is_multipart()),
        ]
    )
    assert [word for word in NEVER_SAID if word in said] == []


@pytest.mark.seed("S2-18")
def test_a_person_is_invited_confirmed_reminded_and_told_of_each_change(
    diary: Diary, mails: FakeMailServer
) -> None:
    notifications = diary.notifications
    settings = {
        "told": {},
        "management_role_id": None,
        "reminder_days": [7, 15, 30, 60],
        "reminder_hours": 48,
    }
    notifications.call(contract.set_notice_settings, STAFF, version=1, **settings)
    notifications.deliver(
        appointment_invitations.appointment_invited, {"person_id": PERSON, "type_id": "e" * 32}
    )
    diary.happens(appointments.appointment_booked, 1)
    diary.send()
    reminders = [f"appointment_reminder_{each}" for each in ("60", "30", "15", "7", "near")]
    assert {row.kind for row in notifications.rows() if row.state == "created"} == set(reminders)
    assert mails.recipients == [ADDRESSES[MARIA]] * 2
    invited, booked = mails.taken
    assert "book" in str(invited["Subject"])
    assert not list(invited.iter_attachments())
    method, event = entry(booked)
    assert (method, event["SEQUENCE"], event.decoded("DTSTART")) == ("REQUEST", 1, IN_A_YEAR)
    uid = event["UID"]

    # Moved: the reminders of the time before are taken back, those of the new time wait.
    moved_to = IN_A_YEAR + datetime.timedelta(days=1)
    diary.happens(appointments.appointment_moved, 2, starts_at=moved_to, ends_at=moved_to)
    diary.send()
    waiting = [("cancelled", "outdated"), ("created", None)]
    assert [diary.states()[kind] for kind in reminders] == [waiting] * 5
    method, event = entry(mails.taken[2])
    assert (method, event["UID"], event["SEQUENCE"], event.decoded("DTSTART")) == (
        "REQUEST",
        uid,
        2,
        moved_to,
    )

    # The reminders are sent when they are due.
    notifications.let_time_pass()
    diary.send()
    assert [diary.states()[kind][1] for kind in reminders] == [("sent", None)] * 5
    assert [entry(each)[1]["UID"] for each in mails.taken[3:]] == [uid] * 5
    assert ["in 60 days" in str(each["Subject"]) for each in mails.taken[3:]].count(True) == 1

    # Missed. And another one, cancelled: the calendar takes it out.
    diary.happens(appointments.appointment_missed, 3, state="missed")
    diary.send()
    assert str(mails.taken[-1]["Subject"]) == "You missed an appointment at Harbor"
    assert not list(mails.taken[-1].iter_attachments())
    diary.happens(appointments.appointment_cancelled, 4, state="cancelled")
    diary.send()
    method, event = entry(mails.taken[-1])
    assert (method, event["UID"], event["SEQUENCE"], event["STATUS"]) == ("CANCEL", uid, 4, "CANCELLED")
    assert "released" not in body(mails.taken[-1])
    assert len(mails.taken) == 10
    for message in mails.taken:
        require_silence(message)


def test_a_released_appointment_is_to_be_booked_again(diary: Diary, mails: FakeMailServer) -> None:
    diary.happens(appointments.appointment_cancelled, 2, state="cancelled", is_due_again=True)
    diary.send()
    assert "its time was released for others" in body(mails.taken[0])
    assert entry(mails.taken[0])[0] == "CANCEL"


def test_times_are_those_of_the_place_also_across_a_change_of_the_clocks(
    diary: Diary, mails: FakeMailServer
) -> None:
    year = utc_now().year + 1
    # New York: standard time until the second Sunday of March, summer time afterwards.
    starts_at = datetime.datetime(year, 3, 17, 13, 30, tzinfo=datetime.UTC)
    diary.happens(appointments.appointment_booked, 1, starts_at=starts_at, ends_at=starts_at)
    diary.send()
    assert f"March 17, {year}, 9:30 AM (Eastern Daylight Time)" in body(mails.taken[0])
    settings = {"told": {}, "management_role_id": None, "reminder_days": [60], "reminder_hours": None}
    diary.notifications.call(contract.set_notice_settings, STAFF, version=1, **settings)
    diary.happens(appointments.appointment_moved, 2)
    (reminder,) = [row for row in diary.notifications.rows() if row.kind == "appointment_reminder_60"]
    # 09:30 at the place, which is 14:30 UTC in winter.
    assert reminder.next_try_at == datetime.datetime(year, 1, 16, 14, 30, tzinfo=datetime.UTC)


def test_an_event_that_comes_late_says_nothing_old(diary: Diary, mails: FakeMailServer) -> None:
    diary.appointment |= {"version": 2, "state": "cancelled"}
    diary.arrives(appointments.appointment_cancelled, 2)
    diary.arrives(appointments.appointment_booked, 1)
    diary.send()
    assert diary.states() == {"appointment_cancelled": [("sent", None)]}


def test_who_came_is_reminded_no_more(diary: Diary) -> None:
    diary.happens(appointments.appointment_booked, 1)
    diary.happens(appointments.appointment_attended, 2, state="attended")
    assert diary.states()["appointment_reminder_7"] == [("cancelled", "outdated")]


def test_a_reminder_of_what_has_changed_is_not_sent(diary: Diary, mails: FakeMailServer) -> None:
    """Its event may still be on the way, or the reminder in the hands of a sender."""
    diary.happens(appointments.appointment_booked, 1)
    diary.send()
    diary.appointment |= {"version": 2, "state": "cancelled"}
    diary.notifications.let_time_pass()
    diary.send()
    assert diary.states()["appointment_reminder_7"] == [("suppressed", "outdated")]
    assert len(mails.taken) == 1


def test_an_appointment_that_is_gone_is_not_told_of(diary: Diary, mails: FakeMailServer) -> None:
    diary.happens(appointments.appointment_booked, 1)

    def gone(_request: Any) -> Any:
        raise Refused("not_found", "")

    diary.notifications.answers[appointments.describe_appointment.address] = gone
    diary.send()
    assert diary.states()["appointment_booked"] == [("suppressed", "outdated")]
    assert mails.taken == []


def test_who_has_not_accepted_the_invitation_is_not_written_to_and_staff_see_why(diary: Diary) -> None:
    diary.persons = [{"account_id": OLGA, "email_is_verified": False}]
    diary.happens(appointments.appointment_booked, 1)
    assert diary.states()["appointment_booked"] == [("suppressed", "address_unverified")]
    diary.notifications.identity.unverified = {OLGA}
    diary.notifications.let_time_pass()
    diary.send()
    assert diary.states()["appointment_reminder_7"] == [("suppressed", "address_unverified")]


def test_the_one_who_asked_hears_that_a_request_has_an_answer(diary: Diary, mails: FakeMailServer) -> None:
    asked: list[Any] = []
    answer = {"persons": [{"account_id": BEN, "email_is_verified": True}], "supervisors": []}
    address = recipients.list_person_recipients.address
    diary.notifications.answers[address] = lambda request: asked.append(request) or answer
    data = {"person_id": PERSON, "account_id": BEN, "version": 2}
    diary.notifications.deliver(appointment_requests.appointment_request_declined, data)
    diary.send()
    assert asked == [{"person_id": PERSON, "booked_by": BEN}]
    assert mails.recipients == [ADDRESSES[BEN]]
    assert "answered" in str(mails.taken[0]["Subject"])
    require_silence(mails.taken[0])


def test_staff_see_what_became_of_a_message_step_by_step(diary: Diary, mails: FakeMailServer) -> None:
    mails.answers = ["451 later"]
    diary.happens(appointments.appointment_booked, 1)
    reader = a_caller("delivery.read")
    diary.send()
    diary.notifications.let_time_pass()
    diary.send()
    (listed,) = diary.notifications.call(
        deliveries.list_deliveries, reader, kind="appointment_booked", state="sent"
    )["items"]
    traced = diary.notifications.call(deliveries.get_delivery, reader, delivery_id=listed["id"])
    assert [(each["state"], each["reason"], each["tries"]) for each in traced["steps"]] == [
        ("created", None, None),
        ("temporary_failure", "message_deferred", 1),
        ("sent", None, 2),
    ]
    assert (traced["template"], traced["template_language"]) == ("appointment_booked", None)
    assert traced["message_id"] in str(mails.taken[0]["Message-ID"])
    stranger = a_caller("delivery.read", organisation=BAYSIDE)
    with pytest.raises(Refused, match="not_found"):
        diary.notifications.call(deliveries.get_delivery, stranger, delivery_id=listed["id"])


def test_nothing_of_an_appointment_is_kept_with_its_deliveries(diary: Diary) -> None:
    diary.happens(appointments.appointment_booked, 1)
    kept = repr([vars(row) for row in diary.notifications.rows()])
    assert "Harbor Street" not in kept
    assert {tuple(row.context) for row in diary.notifications.rows()} == {("appointment_id",)}
