"""Appointments in portals: what is coming, booking or asking for one, moving and cancelling (S2-66 to S2-76, S2-90)."""

from __future__ import annotations

from gateway.web.page import Action, Of, Page, Read
from gateway.web.states import Replies, State
from services.contracts.identity import employees, people
from services.contracts.portals import appointment_requests as requests
from services.contracts.portals import calendar_feeds, configuration
from services.contracts.portals import my_appointments as mine

_CHOSEN = ("type_id", "provider_id", "from_on")
_TIME = {"schedule_id": "0" * 32, "starts_at": "2026-03-05T09:00:00+00:00"}
_TO_CONFIRM = State("a time to confirm", query={"type_id": "0" * 32, **_TIME})
_TAKEN = State(
    "a time that was taken", query={"type_id": "0" * 32, **_TIME, "starts_at": "2026-03-05T10:00:00+00:00"}
)
_STEPS = (State("times to choose", query={"type_id": "0" * 32}), _TO_CONFIRM, _TAKEN)
# Made-up zones are none.
_ZONE = {"time_zone": "America/New_York"}
_SAMPLE: Replies = {
    mine.list_my_appointments: {"coming": _ZONE, "items": _ZONE},
    mine.get_my_appointment: _ZONE,
    mine.list_my_free_times: {"days": {"times": {**_ZONE, **_TIME}}},
    requests.get_employee_scheduling: {"appointments": _ZONE},
}
_NOT_OFFERED = ("scheduling_not_offered", "not_found")


def _times_of_move(**given: Of) -> Read:
    """The free times to which an appointment can be moved."""
    return Read(
        mine.list_my_free_times,
        given={"type_id": Of("appointment.type_id"), "person_id": Of("appointment.person_id"), **given},
        query=("from_on",),
        without=("past_due", "scheduling_not_offered", "invalid_request", "not_found"),
    )


def _pages(root: str, frame: dict[str, Read]) -> tuple[Page, ...]:
    """The pages of one portal's people. `frame` is what the frame of its pages reads."""
    scheduling = {"scheduling": Read(mine.get_my_scheduling, without=_NOT_OFFERED)}
    times = Read(
        mine.list_my_free_times,
        query=_CHOSEN,
        without=("past_due", "scheduling_not_offered", "invalid_request", "not_found"),
    )
    one = {"appointment": Read(mine.get_my_appointment)}
    return (
        Page(
            root,
            "appointments/list.html",
            reads={
                **frame,
                **scheduling,
                "appointments": Read(mine.list_my_appointments, query=("after",), without=_NOT_OFFERED),
                "requests": Read(requests.list_my_appointment_requests, without=_NOT_OFFERED),
            },
            actions=(
                Action(
                    "withdraw_my_appointment_request",
                    requests.withdraw_my_appointment_request,
                    "The request is taken back.",
                ),
            ),
            sample=_SAMPLE,
        ),
        Page(
            f"{root}/new",
            "appointments/new.html",
            reads={**frame, **scheduling, "free": times},
            actions=(
                Action(
                    "book_my_appointment",
                    mine.book_my_appointment,
                    "Your appointment is booked.",
                    then=f"{root}/{{id}}",
                ),
            ),
            states=_STEPS,
            sample=_SAMPLE,
        ),
        Page(
            f"{root}/request",
            "appointments/request.html",
            reads={**frame, **scheduling},
            actions=(
                Action(
                    "request_my_appointment",
                    requests.request_my_appointment,
                    "Your request is sent. You see here when it is answered.",
                    then=root,
                ),
            ),
        ),
        Page(
            f"{root}/calendar",
            "appointments/feed.html",
            reads={**frame, "feed": Read(calendar_feeds.get_my_calendar_feed)},
            actions=(
                Action(
                    "make_my_calendar_feed",
                    calendar_feeds.make_my_calendar_feed,
                    "The calendar is on.",
                    keeps_reply=True,
                ),
                Action(
                    "revoke_my_calendar_feed", calendar_feeds.revoke_my_calendar_feed, "The calendar is off."
                ),
            ),
            states=(
                State("off", replies={calendar_feeds.get_my_calendar_feed: {"is_on": False}}),
                State(
                    "just made",
                    replies={calendar_feeds.get_my_calendar_feed: {"person_id": "0" * 32}},
                    kept={
                        "make_my_calendar_feed": {
                            "person_id": "0" * 32,
                            "path": f"/v1/calendar-feeds/{'x' * 43}/appointments.ics",
                        }
                    },
                ),
            ),
            sample={calendar_feeds.get_my_calendar_feed: {"is_on": True}},
        ),
        Page(
            f"{root}/{{appointment_id}}",
            "appointments/appointment.html",
            reads={**frame, **one},
            actions=(
                Action("cancel_my_appointment", mine.cancel_my_appointment, "The appointment is cancelled."),
            ),
            sample=_SAMPLE,
        ),
        Page(
            f"{root}/{{appointment_id}}/move",
            "appointments/move.html",
            reads={
                **frame,
                **one,
                "free": _times_of_move(provider_id=Of("appointment.provider_id")),
                # Where nobody chooses a provider, the appointment names none.
                "with_anybody": _times_of_move(),
            },
            actions=(
                Action(
                    "move_my_appointment",
                    mine.move_my_appointment,
                    "Your appointment is moved.",
                    then=f"{root}/{{id}}",
                ),
            ),
            states=(_TO_CONFIRM, _TAKEN),
            sample=_SAMPLE,
        ),
    )


_HOME = {"portal": Read(configuration.get_portal_home)}
_PROFILES = {"profiles": Read(people.list_my_profiles)}
_TEAM = {**_HOME, "team": Read(employees.list_my_employees)}

PAGES = (
    *_pages("/portal/{portal}/appointments", _HOME),
    *_pages("/family/{person_id}/appointments", _PROFILES),
    *_pages("/patient/appointments", _PROFILES),
    Page("/portal/{portal}/scheduling", "appointments/team.html", reads=_TEAM),
    Page(
        "/portal/{portal}/scheduling/{person_id}",
        "appointments/employee.html",
        reads={**_TEAM, "scheduling": Read(requests.get_employee_scheduling)},
        actions=(
            Action(
                "request_employee_appointment",
                requests.request_employee_appointment,
                "The request is sent. The appointment is shown here when staff have found a time.",
            ),
        ),
        sample=_SAMPLE,
    ),
)
