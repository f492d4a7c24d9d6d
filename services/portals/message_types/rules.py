"""The message types that every organisation has, and which of them a portal offers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DEFAULT_VERSION = 1
_PEOPLE = ("employee", "one_time_code", "patient", "family")
_WORKERS = ("employee", "one_time_code", "supervisor")


@dataclass(frozen=True)
class DefaultType:
    """A message type that every organisation has and that nobody has changed."""

    code: str
    name: str
    sent_from: Sequence[str]
    department: str = "Front desk"
    item_kind: str = "request"
    helper_action: str = "none"
    service_hours: int = 72
    group_ids: Sequence[str] = ()
    is_received: bool = False
    questionnaire_id: str | None = None
    is_enabled: bool = True
    version: int = DEFAULT_VERSION


DEFAULT_TYPES: Mapping[str, DefaultType] = {
    each.code: each
    for each in (
        DefaultType("my_medical_information", "My Medical Information", _PEOPLE, helper_action="open_chart"),
        DefaultType(
            "request_an_appointment",
            "Request an Appointment",
            (*_PEOPLE, "supervisor"),
            "Scheduling",
            helper_action="appointment",
        ),
        DefaultType("travel_questionnaire", "Travel Questionnaire", _PEOPLE, "Clinical", is_received=True),
        DefaultType(
            "ask_a_clinical_question",
            "Ask a Clinical Question",
            _PEOPLE,
            "Clinical",
            "message",
            is_received=True,
        ),
        DefaultType("request_an_accommodation", "Request an Accommodation", _WORKERS),
        # Supervisors place orders in the module for it, so no portal offers this type for writing.
        DefaultType("employee_order", "Employee Order", (), "Clinical"),
        DefaultType(
            "report_injury_or_illness",
            "Report Injury or Illness",
            _WORKERS,
            "Clinical",
            helper_action="encounter_note",
            service_hours=24,
        ),
        DefaultType(
            "refill_request",
            "Refill Request",
            ("patient", "family"),
            "Clinical",
            helper_action="prescription_note",
            service_hours=48,
        ),
        DefaultType("general_message", "Message", (), item_kind="message", is_received=True),
        DefaultType("change_of_my_information", "Change of My Information", ()),
        DefaultType("application", "Application Sent", (), "Clinical"),
    )
}
# What an employee's portal offers until somebody chooses (S2-78), in this order. Other portals offer what they can.
_EMPLOYEE_OFFERS = (
    "my_medical_information",
    "request_an_appointment",
    "travel_questionnaire",
    "ask_a_clinical_question",
    "request_an_accommodation",
    "report_injury_or_illness",
)


def usual_sending(kind: str, types: Mapping[str, Any]) -> list[str]:
    """The codes that a portal of this kind offers until somebody chooses."""
    offered = _EMPLOYEE_OFFERS if kind in ("employee", "one_time_code") else DEFAULT_TYPES
    return [code for code in offered if code in types and kind in types[code].sent_from]


def usual_receiving(types: Mapping[str, Any]) -> list[str]:
    """The codes that staff may send to people of a portal until somebody chooses."""
    return [code for code, each in types.items() if each.is_received]


def offered(codes: Iterable[str], types: Mapping[str, Any], kind: str) -> list[Any]:
    """Of the chosen codes, the types that can be sent now: enabled, and sent from portals of this kind."""
    return [
        types[code]
        for code in codes
        if code in types and types[code].is_enabled and kind in types[code].sent_from
    ]


def received(codes: Iterable[str], types: Mapping[str, Any]) -> list[Any]:
    """Of the chosen codes, the types that staff can send now."""
    return [
        types[code] for code in codes if code in types and types[code].is_enabled and types[code].is_received
    ]


def problems(
    kind: str, sending: Sequence[str], receiving: Sequence[str], types: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """All that is wrong with a portal's choice: pairs of the member's path and a sentence."""
    for name, codes in (("sending", sending), ("receiving", receiving)):
        for place, code in enumerate(codes):
            if code not in types:
                yield f"{name}.{place}", "There is no such message type. Add it to the message types first."
            elif code in codes[:place]:
                yield f"{name}.{place}", "This message type is there already. Take one of them away."
            elif name == "sending" and kind not in types[code].sent_from:
                yield (
                    f"{name}.{place}",
                    "People of this portal may not send this type: its own page says who may.",
                )
            elif name == "receiving" and not types[code].is_received:
                yield f"{name}.{place}", "Staff may not send this type: its own page says who may."
