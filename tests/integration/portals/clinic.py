"""A clinic with appointments, in process, and shortcuts for what its staff and its people do."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.identity import merging, people
from services.contracts.portals import (
    appointment_invitations,
    appointments,
    configuration,
    definitions,
    my_appointments,
    schedules,
)
from tests.support.in_process import InProcess, a_caller

# A Wednesday, seven in the morning in New York.
START = datetime.datetime(2026, 3, 4, 12, tzinfo=datetime.UTC)
NEW_YORK = "America/New_York"
STAFF = a_caller("appointment.manage", "portal.configure")
BOOK = ["profile.view_schedule", "profile.send_messages"]
PORTAL_OF = {"employee": "employee", "patient": "patient", "family": "family"}


def somebody(digit: str, *, realm: str = "employee", others: tuple[dict[str, Any], ...] = ()) -> Caller:
    """Somebody with a portal account and a person of their own, who may book for themselves."""
    own = {"person_id": digit * 32, "role": realm, "permissions": BOOK}
    scope = {"person_id": digit * 32, "profiles": [own, *others]}
    return a_caller(realm=realm, id=f"{digit}e" * 16, scope=scope)


WORKER, COLLEAGUE = somebody("9"), somebody("8")


class Clinic:
    """Portals with a clock."""

    def __init__(self, portals: InProcess, clock: Any) -> None:
        self.portals, self.clock = portals, clock
        portals.answers[merging.describe_person.address] = lambda request: {
            "person_id": request["person_id"],
            "merged_ids": [],
        }
        portals.answers[people.describe_people.address] = lambda request: {
            "items": [
                {"person_id": each, "first_name": "Pat", "last_name": f"Quill {each[0]}", "accounts": []}
                for each in request["person_ids"]
            ]
        }

    def __call__(self, operation: Any, caller: Caller = STAFF, **request: Any) -> Any:
        return self.portals.call(operation, caller, **request)

    def a_type(self, code: str = "check_up", **members: Any) -> Any:
        wanted = {"name": code.replace("_", " ").title(), "minutes": 30, "changes_until_hours": 24} | members
        return self(schedules.create_appointment_type, code=code, **wanted)

    def a_provider(self, *kinds: Any, name: str = "Dr Reed", **members: Any) -> Any:
        ids = [each["id"] for each in kinds]
        return self(schedules.create_appointment_provider, name=name, type_ids=ids, **members)

    def a_schedule(self, provider: Any, *hours: Any, **members: Any) -> Any:
        usual = {"weekdays": [1, 2, 3, 4, 5], "opens": "09:00", "closes": "11:00"}
        wanted = {"place": "Main Street 1", "time_zone": NEW_YORK, "hours": list(hours) or [usual]} | members
        return self(schedules.create_schedule, provider_id=provider["id"], **wanted)

    def open(self, **members: Any) -> tuple[Any, Any]:
        """A type and a schedule of the one provider that takes it, open on weekdays from nine to eleven."""
        kind = self.a_type(**members)
        return kind, self.a_schedule(self.a_provider(kind))

    def configure(self, portal: str = "employee", **appointments: Any) -> None:
        """What the portal's My Appointments says; people book for themselves unless told otherwise."""
        version = self(configuration.get_portal_content, portal=portal)["version"]
        settings = {"booking_mode": "self_scheduling"} | appointments
        module = {"code": "my_appointments", "appointments": settings}
        self(configuration.change_portal_content, portal=portal, version=version, modules=[module])

    def scheduling(self, caller: Caller = WORKER, **request: Any) -> Any:
        return self(my_appointments.get_my_scheduling, caller, **request)

    def free(self, kind: Any, caller: Caller = WORKER, **request: Any) -> Any:
        return self(my_appointments.list_my_free_times, caller, type_id=kind["id"], **request)

    def times(self, kind: Any, caller: Caller = WORKER, **request: Any) -> list[str]:
        """The free times of the first answer, as day and time of the place's clock."""
        days = self.free(kind, caller, **request)["days"]
        return [local(time) for day in days for time in day["times"]]

    def book(self, kind: Any, at: str, caller: Caller = WORKER, schedule: Any = None, **request: Any) -> Any:
        """Book a time (of the place's clock) in a schedule, by default in any."""
        days = self.free(kind, caller, **request)["days"]
        found = [time for day in days for time in day["times"] if local(time) == at]
        plan = schedule["id"] if schedule else found[0]["schedule_id"]
        when = {"schedule_id": plan, "starts_at": utc(at)}
        return self(my_appointments.book_my_appointment, caller, type_id=kind["id"], **when, **request)

    def mine(self, caller: Caller = WORKER, **request: Any) -> Any:
        return self(my_appointments.list_my_appointments, caller, **request)

    def staff_book(self, kind: Any, schedule: Any, at: str, person: str = "7" * 32) -> Any:
        when = {"schedule_id": schedule["id"], "starts_at": utc(at)}
        return self(appointments.book_appointment, person_id=person, type_id=kind["id"], **when)

    def invite(self, kind: Any, due_on: str, *people: Caller) -> Any:
        ids = [each.scope["person_id"] for each in people or (WORKER,)]
        request = {"type_id": kind["id"], "person_ids": ids, "due_on": due_on}
        return self(appointment_invitations.invite_to_appointment, **request)

    def events(self, event: Any) -> list[Any]:
        return [each["data"] for each in self.portals.events(event) if each["type"] == event.type]

    def a_portal(self, suffix: str, kind: str) -> None:
        """Another portal of a kind, enabled."""
        version = self(definitions.create_portal, portal=suffix, kind=kind)["version"]
        self(definitions.change_portal, portal=suffix, is_enabled=True, version=version)


def local(time: Any) -> str:
    """A time as the clock of its place shows it."""
    zone = datetime.datetime.fromisoformat(time["starts_at"]).astimezone(zone_of(time["time_zone"]))
    return f"{zone:%m-%d %H:%M}"


def utc(at: str, zone: str = NEW_YORK, year: int = 2026) -> str:
    """The instant of a local time such as `03-05 09:00`."""
    moment = datetime.datetime.strptime(f"{year}-{at}", "%Y-%m-%d %H:%M").replace(tzinfo=zone_of(zone))
    return moment.astimezone(datetime.UTC).isoformat()


def zone_of(name: str) -> ZoneInfo:
    """A time zone by name."""
    return ZoneInfo(name)


def refusal(call: Any) -> str:
    """The code of the refusal that a call ends in."""
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.code


def a_clinic(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Clinic]:
    """A clinic on the database that the fixture's parameter names."""
    is_sqlite = getattr(request, "param", "sqlite") == "sqlite"
    url = f"sqlite:///{tmp_path}/x.db" if is_sqlite else request.getfixturevalue("new_postgres_url")
    process = InProcess("portals", url, tmp_path)
    with time_machine.travel(START, tick=False) as clock:
        yield Clinic(process, clock)
    process.close()
