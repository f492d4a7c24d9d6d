"""Appointments in both organisations, for the tests about foreign ids."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

from services.chassis.unit_of_work import utc_now
from services.contracts.portals import (
    appointment_invitations,
    appointment_requests,
    appointments,
    calendar_feeds,
    configuration,
    definitions,
    fhir,
    my_appointments,
    schedules,
)
from tests.support.two_organisations import World, everybody, own_person

_MINE = (
    my_appointments.get_my_scheduling,
    my_appointments.list_my_free_times,
    my_appointments.list_my_appointments,
    my_appointments.get_my_appointment,
    my_appointments.book_my_appointment,
    my_appointments.move_my_appointment,
    my_appointments.cancel_my_appointment,
    my_appointments.get_appointment_to_confirm,
    my_appointments.confirm_my_appointment,
    calendar_feeds.get_my_calendar_feed,
    calendar_feeds.make_my_calendar_feed,
    calendar_feeds.revoke_my_calendar_feed,
    appointment_requests.request_my_appointment,
    appointment_requests.list_my_appointment_requests,
    appointment_requests.withdraw_my_appointment_request,
)
_SUPERVISED = (
    appointment_requests.get_employee_scheduling,
    appointment_requests.request_employee_appointment,
)
# The portal of the family in which people ask; in the other one they book.
_ASKING = "family-asks"
_MEMBERS = {"minutes": 30, "is_shown_to_supervisors": True}
_ALL_DAY = {"weekdays": [1, 2, 3, 4, 5, 6, 7], "opens": "00:00", "closes": "23:30"}


def appointments_of(world: World, key: str) -> None:
    """Two of each: types, providers with a schedule, appointments, invitations; and somebody of the family who may book."""
    staff, person = world.callers[key], own_person(key)

    def call(operation: Any, **request: Any) -> Any:
        return world.service.call(operation, staff, **request)

    kinds = [
        call(schedules.create_appointment_type, code=code, name=f"Visit of {key}", **_MEMBERS)["id"]
        for code in ("visit", "exam")
    ]
    providers = [
        call(schedules.create_appointment_provider, name=f"Room {number} of {key}", type_ids=kinds)["id"]
        for number in range(2)
    ]
    members = {"place": f"Clinic of {key}", "time_zone": "UTC", "hours": [_ALL_DAY]}
    plans = [call(schedules.create_schedule, provider_id=each, **members)["id"] for each in providers]
    call(appointment_invitations.invite_to_appointment, type_id=kinds[0], **_due(person))
    start = utc_now().replace(hour=9, minute=0, second=0, microsecond=0) + datetime.timedelta(days=5)
    wanted = {"person_id": person, "type_id": kinds[0], "schedule_id": plans[0]}
    booked = [
        call(appointments.book_appointment, **wanted, starts_at=f"{start + datetime.timedelta(hours=hours)}")
        for hours in range(5)
    ]
    for each in booked[:3]:
        call(appointments.cancel_appointment, appointment_id=each["id"], version=1)
    call(appointment_invitations.invite_to_appointment, type_id=kinds[0], **_due(person))
    world.keep(key, "appointment_type", *kinds)
    world.keep(key, "appointment_provider", *providers)
    world.keep(key, "appointment_schedule", *plans)
    slots = {"parameters": {"schedule": [plans[1]]}, "base_url": "https://example.org/fhir/R4"}
    found = call(fhir.fhir_search_slot, **slots)["resource"]["entry"]
    world.keep(key, "slot", *(each["resource"]["id"] for each in found[:2]))
    world.keep(key, "appointment", *(each["id"] for each in booked[3:]))
    _of_the_family(world, key, person)
    _asked(world, key, kinds[0])
    for kind, operation, request in (
        ("appointment_type", schedules.list_appointment_types, {}),
        ("appointment_provider", schedules.list_appointment_providers, {}),
        ("invitation", appointment_invitations.list_appointment_invitations, {"type_id": kinds[0]}),
        ("appointment", appointments.list_appointments, {"days": 31}),
        ("person_appointment", appointments.list_person_appointments, {"person_id": person}),
    ):
        world.keep(key, f"{kind}_cursor", call(operation, limit=1, **request)["next"])
    _requests(world, members, start + datetime.timedelta(days=1))


def _due(person: str) -> dict[str, Any]:
    return {"person_ids": [person], "due_on": "2099-01-01"}


def _of_the_family(world: World, key: str, person: str) -> None:
    call, staff = world.service.call, world.callers[key]
    settings = {"code": "my_appointments", "appointments": {"booking_mode": "self_scheduling"}}
    call(
        configuration.change_portal_content,
        staff,
        version=1,
        portal="family",
        modules=[settings, {"code": "send_message"}],
    )
    profile = {
        "person_id": person,
        "role": "family",
        "permissions": ["profile.view_schedule", "profile.send_messages"],
    }
    scope = {"person_id": person, "profiles": [profile]}
    member = replace(everybody(world.organisations[key], staff.id, realm="family"), scope=scope)
    for operation in _MINE:
        world.callers_of[operation.address, key] = member
    page = call(my_appointments.list_my_appointments, member, limit=1)
    world.keep(key, "my_appointment_cursor", page["next"])


def _asked(world: World, key: str, type_id: str) -> None:
    """Two requests that wait, and a supervisor of the person."""
    call, staff, person = world.service.call, world.callers[key], own_person(key)
    call(definitions.create_portal, staff, portal=_ASKING, kind="family")
    call(definitions.change_portal, staff, portal=_ASKING, is_enabled=True, version=1)
    asking = appointment_requests.request_my_appointment
    member = world.callers_of[asking.address, key]
    for _ in range(2):
        made = call(asking, member, portal=_ASKING, type_id=type_id)
        world.keep(key, "appointment_request", made["id"])
    for kind, operation, caller in (
        ("my_appointment_request", appointment_requests.list_my_appointment_requests, member),
        ("appointment_request", appointment_requests.list_appointment_requests, staff),
    ):
        world.keep(key, f"{kind}_cursor", call(operation, caller, limit=1)["next"])
    profile = {"person_id": person, "role": "supervisor", "permissions": []}
    supervisor = replace(
        everybody(world.organisations[key], staff.id, realm="employee"), scope={"profiles": [profile]}
    )
    for operation in _SUPERVISED:
        world.callers_of[operation.address, key] = supervisor


def _requests(world: World, members: dict[str, Any], free: datetime.datetime) -> None:
    when = {"starts_at": free.isoformat()}
    named = {"name": "Another name"}
    world.requests.update(
        {
            "portals.create_schedule": lambda own, _: members,
            "portals.change_schedule": lambda own, _: members,
            "portals.create_appointment_type": lambda own, _: {"code": "other", "minutes": 30, **named},
            "portals.change_appointment_type": lambda own, _: {"minutes": 30, **named},
            "portals.book_appointment": lambda own, _: when,
            "portals.move_appointment": lambda own, _: when,
            "portals.book_my_appointment": lambda own, _: when,
            "portals.move_my_appointment": lambda own, _: when,
            "portals.request_my_appointment": lambda own, _: {"portal": _ASKING},
            "portals.book_requested_appointment": lambda own, _: when,
            "portals.close_appointment": lambda own, _: {"outcome": "missed"},
        }
    )
