"""Appointments as staff manage them: the calendar, requests, booking for a person, types, providers, schedules."""

from __future__ import annotations

from gateway.web.page import Action, Of, Page, Read
from gateway.web.pages.staff.portal_queue import IN_SHORT
from gateway.web.states import Replies, State
from services.contracts.identity import people
from services.contracts.portals import appointment_invitations as invitations
from services.contracts.portals import appointment_requests as requests
from services.contracts.portals import appointments, schedules

_ROOT = "/staff/appointments"
_AT_ONCE = invitations.MOST_INVITED
_ZONE = {"time_zone": "America/New_York"}
_TIME = {"schedule_id": "0" * 32, "starts_at": "2026-03-05T09:00:00+00:00"}
_SAMPLE: Replies = {
    appointments.list_appointments: {"items": _ZONE},
    appointments.get_appointment: _ZONE,
    appointments.list_person_appointments: {"items": _ZONE},
    appointments.list_free_times: {"days": {"times": {**_ZONE, **_TIME}}},
    requests.list_requested_times: {"days": {"times": {**_ZONE, **_TIME}}},
}
_CHOSEN = {"type_id": "0" * 32}
_TAKEN = {**_TIME, "starts_at": "2026-03-05T10:00:00+00:00"}
_TYPES = {"types": Read(schedules.list_appointment_types)}
_PROVIDERS = {"providers": Read(schedules.list_appointment_providers)}

PAGES = (
    Page(
        _ROOT,
        "staff/appointments/calendar.html",
        reads={
            **_PROVIDERS,
            "calendar": Read(
                appointments.list_appointments,
                query=("from_on", "days", "provider_id", "with_cancelled", "after"),
            ),
            "requests": Read(requests.list_appointment_requests),
            **IN_SHORT,
        },
        sample=_SAMPLE,
        watches=("item:*",),
    ),
    Page(
        f"{_ROOT}/{{appointment_id}}",
        "staff/appointments/appointment.html",
        reads={"appointment": Read(appointments.get_appointment)},
        actions=(
            Action("cancel_appointment", appointments.cancel_appointment, "The appointment is cancelled."),
            Action("close_appointment", appointments.close_appointment, "It is recorded who came."),
        ),
        sample=_SAMPLE,
    ),
    Page(
        f"{_ROOT}/{{appointment_id}}/move",
        "staff/appointments/move.html",
        reads={
            "appointment": Read(appointments.get_appointment),
            "free": Read(
                appointments.list_free_times,
                given={"type_id": Of("appointment.type_id")},
                query=("from_on",),
            ),
        },
        actions=(
            Action(
                "move_appointment",
                appointments.move_appointment,
                "The appointment is moved.",
                then=f"{_ROOT}/{{id}}",
            ),
        ),
        states=(State("a time to confirm", query=_TIME), State("a time that was taken", query=_TAKEN)),
        sample=_SAMPLE,
    ),
    Page(
        f"{_ROOT}/requests",
        "staff/appointments/requests.html",
        reads={"requests": Read(requests.list_appointment_requests, query=("is_open", "after"))},
    ),
    Page(
        f"{_ROOT}/requests/{{request_id}}",
        "staff/appointments/request.html",
        reads={
            "request": Read(requests.get_appointment_request),
            "free": Read(requests.list_requested_times, query=("from_on", "is_wished")),
        },
        actions=(
            Action(
                "book_requested_appointment",
                requests.book_requested_appointment,
                "The appointment is booked. The person sees it, and the request is answered.",
                then=f"{_ROOT}/{{id}}",
            ),
            Action(
                "decline_appointment_request",
                requests.decline_appointment_request,
                "The request is answered.",
                then=f"{_ROOT}/requests",
            ),
        ),
        states=(State("a time to confirm", query=_TIME), State("a time that was taken", query=_TAKEN)),
        sample=_SAMPLE,
    ),
    Page(
        "/staff/people/{person_id}/appointments",
        "staff/appointments/person.html",
        reads={
            "person": Read(people.get_person, needs="person.read"),
            "appointments": Read(appointments.list_person_appointments, query=("after",)),
            **_TYPES,
        },
        actions=(
            Action(
                "invite_to_appointment",
                invitations.invite_to_appointment,
                "The invitations are sent. Who has booked stands on the page of the type.",
            ),
        ),
        sample=_SAMPLE,
    ),
    Page(
        "/staff/people/{person_id}/appointments/new",
        "staff/appointments/book.html",
        reads={
            "person": Read(people.get_person, needs="person.read"),
            **_TYPES,
            "free": Read(appointments.list_free_times, query=("type_id", "provider_id", "from_on")),
        },
        actions=(
            Action(
                "book_appointment",
                appointments.book_appointment,
                "The appointment is booked.",
                then=f"{_ROOT}/{{id}}",
            ),
        ),
        states=(
            State("times to choose", query=_CHOSEN),
            State("a time to confirm", query={**_CHOSEN, **_TIME}),
        ),
        sample=_SAMPLE,
    ),
    Page(
        f"{_ROOT}/types",
        "staff/appointments/types.html",
        reads={"types": Read(schedules.list_appointment_types, query=("after",))},
    ),
    Page(
        f"{_ROOT}/types/new",
        "staff/appointments/type_new.html",
        actions=(
            Action(
                "create_appointment_type",
                schedules.create_appointment_type,
                "The type is added. Say on the page of a provider who takes it.",
                then=f"{_ROOT}/types",
            ),
        ),
    ),
    Page(
        f"{_ROOT}/types/{{type_id}}",
        "staff/appointments/type.html",
        reads={
            "type": Read(schedules.get_appointment_type),
            "invitations": Read(invitations.list_appointment_invitations, query=("after",)),
        },
        actions=(Action("change_appointment_type", schedules.change_appointment_type, "The type is saved."),),
    ),
    Page(
        f"{_ROOT}/types/{{type_id}}/invite",
        "staff/appointments/type_invite.html",
        reads={
            "type": Read(schedules.get_appointment_type),
            "waiting": Read(
                invitations.list_appointment_invitations, given={"is_open": True, "limit": _AT_ONCE}
            ),
            "people": Read(
                people.list_people,
                given={"limit": _AT_ONCE},
                query=("kind", "after"),
                needs="person.read",
            ),
        },
        actions=(
            Action(
                "invite_to_appointment",
                invitations.invite_to_appointment,
                "The invitations are sent. Who has booked stands on the page of the type.",
                then=f"{_ROOT}/types/{{type_id}}",
            ),
        ),
    ),
    Page(
        f"{_ROOT}/providers",
        "staff/appointments/providers.html",
        reads={"providers": Read(schedules.list_appointment_providers, query=("after",)), **_TYPES},
    ),
    Page(
        f"{_ROOT}/providers/new",
        "staff/appointments/provider_new.html",
        reads=_TYPES,
        actions=(
            Action(
                "create_appointment_provider",
                schedules.create_appointment_provider,
                "The provider is added. Add a schedule: when and where people are seen.",
                then=f"{_ROOT}/providers/{{id}}",
            ),
        ),
    ),
    Page(
        f"{_ROOT}/providers/{{provider_id}}",
        "staff/appointments/provider.html",
        reads={
            "provider": Read(schedules.get_appointment_provider),
            **_TYPES,
            "schedules": Read(schedules.list_schedules),
        },
        actions=(
            Action(
                "change_appointment_provider", schedules.change_appointment_provider, "The provider is saved."
            ),
        ),
    ),
    Page(
        f"{_ROOT}/providers/{{provider_id}}/schedule",
        "staff/appointments/schedule_new.html",
        reads={"provider": Read(schedules.get_appointment_provider)},
        actions=(
            Action(
                "create_schedule",
                schedules.create_schedule,
                "The schedule is added. Its times can be booked now.",
                then=f"{_ROOT}/providers/{{provider_id}}",
            ),
        ),
    ),
    Page(
        f"{_ROOT}/schedules/{{schedule_id}}",
        "staff/appointments/schedule.html",
        reads={"schedule": Read(schedules.get_schedule)},
        actions=(Action("change_schedule", schedules.change_schedule, "The schedule is saved."),),
    ),
)
