"""Messages about appointments, requests, questionnaires and whatever else portals hold."""

from __future__ import annotations

from services.notifications.templates.declaring import declared, short
from services.notifications.templates.rendering import Kind

WHEN, WHERE = "When: {{ appointment_time }}", "Where: {{ place }}"
PRIVACY = (
    "For reasons of privacy this message says no more. Sign in to see the rest, to move or to cancel it:"
)


def _of_appointment(name: str, subject: str, *paragraphs: str) -> Kind:
    """A kind about an appointment, to its person: when and where it is, never what for, with whom or whose."""
    return declared(
        name, "organisation_name product_name portal_link appointment_time place", subject, *paragraphs
    )


def _of_somebody(topic: str, supervisors: str, management: str) -> tuple[Kind, Kind]:
    """The kinds of a topic for supervisors and for the management group: that something happened, not to whom."""
    return (
        declared(
            f"{topic}_supervisor",
            "organisation_name product_name portal_link",
            "News of one of your people",
            supervisors,
            "Sign in to read it:",
            "{{ portal_link }}",
            "You get this message because you supervise somebody at {{ organisation_name }}.",
        ),
        declared(
            f"{topic}_management",
            "organisation_name product_name portal_link",
            "News for the management of {{ organisation_name }}",
            management,
            "Sign in to read it:",
            "{{ portal_link }}",
            "You get this message because you belong to the management group of {{ organisation_name }}.",
        ),
    )


def _reminders() -> tuple[Kind, ...]:
    return tuple(
        _of_appointment(
            f"appointment_reminder_{name}",
            f"Your appointment at {{{{ organisation_name }}}} is {words}",
            f"You have an appointment at {{{{ organisation_name }}}} {words}.",
            WHEN,
            WHERE,
            PRIVACY,
            "{{ portal_link }}",
        )
        for name, words in (
            ("60", "in 60 days"),
            ("30", "in 30 days"),
            ("15", "in 15 days"),
            ("7", "in 7 days"),
            ("near", "soon"),
        )
    )


KINDS: tuple[Kind, ...] = (
    declared(
        "message_waiting",
        "organisation_name product_name portal_link",
        "A message from {{ organisation_name }} is waiting for you",
        "{{ organisation_name }} has left a message for you. Sign in to read it:",
        "{{ portal_link }}",
    ),
    declared(
        "change_answered",
        "organisation_name product_name portal_link",
        "{{ organisation_name }} has answered your request",
        "{{ organisation_name }} has looked at the change that you asked for. Sign in to see what became of it:",
        "{{ portal_link }}",
    ),
    declared(
        "request_overdue",
        "organisation_name product_name portal_link",
        "A request waits past its time at {{ organisation_name }}",
        "Nobody has answered a request of the portal queue in its time. Sign in to see it:",
        "{{ portal_link }}",
        "You get this message because it is yours, because you stand in for a colleague, or because you supervise its group.",
    ),
    declared(
        "appointment_invited",
        "organisation_name product_name portal_link",
        "Please book an appointment at {{ organisation_name }}",
        "You are due for an appointment at {{ organisation_name }}. Sign in to see until when, and book a time:",
        "{{ portal_link }}",
    ),
    _of_appointment(
        "appointment_booked",
        "Your appointment at {{ organisation_name }}",
        "Your appointment at {{ organisation_name }} is booked.",
        WHEN,
        WHERE,
        PRIVACY,
        "{{ portal_link }}",
    ),
    *_of_somebody(
        "appointment_booked",
        "An appointment was booked for one of the people whom you supervise at {{ organisation_name }}.",
        "An appointment was booked at {{ organisation_name }}.",
    ),
    _of_appointment(
        "appointment_moved",
        "Your appointment at {{ organisation_name }} has another time",
        "Your appointment at {{ organisation_name }} was moved. This holds now:",
        WHEN,
        WHERE,
        PRIVACY,
        "{{ portal_link }}",
    ),
    *_of_somebody(
        "appointment_moved",
        "An appointment of one of the people whom you supervise at {{ organisation_name }} was moved.",
        "An appointment at {{ organisation_name }} was moved.",
    ),
    _of_appointment(
        "appointment_cancelled",
        "Your appointment at {{ organisation_name }} is cancelled",
        "This appointment at {{ organisation_name }} does not take place:",
        WHEN,
        WHERE,
        "If you still need one, sign in and book another time:",
        "{{ portal_link }}",
    ),
    _of_appointment(
        "appointment_released",
        "Your appointment at {{ organisation_name }} is cancelled: please book another one",
        "This appointment at {{ organisation_name }} does not take place, and its time was released for others:",
        WHEN,
        WHERE,
        "You are still due for one. Sign in to see until when, and book another time:",
        "{{ portal_link }}",
    ),
    *_of_somebody(
        "appointment_cancelled",
        "An appointment of one of the people whom you supervise at {{ organisation_name }} was cancelled.",
        "An appointment at {{ organisation_name }} was cancelled.",
    ),
    _of_appointment(
        "appointment_missed",
        "You missed an appointment at {{ organisation_name }}",
        "You had an appointment at {{ organisation_name }} and were not there:",
        WHEN,
        WHERE,
        "Sign in to book another one:",
        "{{ portal_link }}",
    ),
    *_of_somebody(
        "appointment_missed",
        "One of the people whom you supervise at {{ organisation_name }} missed an appointment.",
        "Somebody missed an appointment at {{ organisation_name }}.",
    ),
    *_reminders(),
    declared(
        "appointment_request_declined",
        "organisation_name product_name portal_link",
        "{{ organisation_name }} has answered your request",
        "{{ organisation_name }} has answered your request for an appointment. Sign in to read the answer:",
        "{{ portal_link }}",
    ),
    declared(
        "questionnaire_completed",
        "organisation_name product_name portal_link",
        "{{ organisation_name }} has your answers",
        "The answers that were sent to {{ organisation_name }} have arrived. You can read them here:",
        "{{ portal_link }}",
    ),
    *_of_somebody(
        "questionnaire_completed",
        "One of the people whom you supervise at {{ organisation_name }} has sent answers.",
        "Answers to a questionnaire were sent to {{ organisation_name }}.",
    ),
    *_of_somebody(
        "review_requested",
        "Answers of one of the people whom you supervise at {{ organisation_name }} wait for your review.",
        "Answers at {{ organisation_name }} wait for the review of a supervisor.",
    ),
    declared(
        "review_requested",
        "organisation_name product_name portal_link",
        "Your answers are being reviewed",
        "Your answers have arrived at {{ organisation_name }} and wait for the review of a supervisor.",
        "{{ portal_link }}",
    ),
    declared(
        "response_reviewed",
        "organisation_name product_name portal_link",
        "Your answers were reviewed",
        "The answers that you sent to {{ organisation_name }} were reviewed. Sign in to read more:",
        "{{ portal_link }}",
    ),
    *_of_somebody(
        "response_reviewed",
        "Answers of one of the people whom you supervise at {{ organisation_name }} were reviewed.",
        "Answers at {{ organisation_name }} were reviewed by a supervisor.",
    ),
    declared(
        "work_status_published",
        "organisation_name product_name portal_link",
        "News from {{ organisation_name }} in your portal",
        "{{ organisation_name }} has published something new about you. Sign in to read it:",
        "{{ portal_link }}",
    ),
    *_of_somebody(
        "work_status_published",
        "The work status of one of the people whom you supervise at {{ organisation_name }} has changed.",
        "The work status of somebody at {{ organisation_name }} has changed.",
    ),
    *_of_somebody(
        "appointment_invited",
        "One of the people whom you supervise at {{ organisation_name }} is due for an appointment.",
        "Somebody at {{ organisation_name }} is due for an appointment.",
    ),
    *_of_somebody(
        "appointment_request_declined",
        "A request for an appointment of one of the people whom you supervise at {{ organisation_name }} was answered.",
        "A request for an appointment at {{ organisation_name }} was answered.",
    ),
    short(
        "link_to_confirm",
        "",
        "Sentence before the link that confirms an appointment",
        "Confirm that you will come, without signing in (this link is for you alone and holds for 7 days):",
    ),
)
