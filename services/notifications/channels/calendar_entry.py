"""An appointment for a mail program's calendar: iCalendar (RFC 5545) as a scheduling message (RFC 5546).

It says "Appointment", with whom, when and where, and nothing else. Times are in UTC, so that they hold in every calendar,
whatever it knows of the place's zone and its summer time.
"""

from __future__ import annotations

import datetime
from email.message import EmailMessage

from icalendar import Calendar, Event, vCalAddress, vText

SUMMARY = "Appointment"


def attach(
    message: EmailMessage,
    *,
    method: str,
    uid: str,
    sequence: int,
    starts_at: datetime.datetime,
    ends_at: datetime.datetime,
    place: str,
    organisation: str,
    made_at: datetime.datetime,
) -> None:
    """Attach the appointment to a mail. `method` is `REQUEST`, or `CANCEL` to take it out of the calendar.

    A calendar replaces an entry of the same `uid` by one of a higher `sequence`.
    """
    (sender,), (recipient,) = message["From"].addresses, message["To"].addresses
    event = Event()
    event.add("uid", uid)
    event.add("sequence", sequence)
    event.add("dtstamp", made_at.astimezone(datetime.UTC))
    event.add("dtstart", starts_at.astimezone(datetime.UTC))
    event.add("dtend", ends_at.astimezone(datetime.UTC))
    event.add("summary", f"{SUMMARY}: {organisation}")
    event.add("location", place)
    event.add("class", "PRIVATE")
    event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    organizer = vCalAddress(f"mailto:{sender.addr_spec}")
    organizer.params["CN"] = vText(organisation)
    event.add("organizer", organizer, encode=False)
    event.add("attendee", vCalAddress(f"mailto:{recipient.addr_spec}"), encode=False)
    calendar = Calendar()
    calendar.add("prodid", "-//Portico//Appointments//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(event)
    message.add_attachment(
        calendar.to_ical().decode(), subtype="calendar", params={"method": method}, filename="appointment.ics"
    )
