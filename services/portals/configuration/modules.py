"""The modules of portals: which kind of portal may have which, under which name, with which settings. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from services.portals.configuration.rules import appointment_settings

_EMPLOYEE = {
    "my_appointments": "My Appointments",
    "my_medical_information": "My Medical Information",
    "report_injury": "Report a Work Injury or Illness",
    "work_status": "Work Status",
    "send_message": "Send a Message",
    "other_health_resources": "Other Health Resources",
    "questionnaire": "Questionnaire",
    "support": "Support",
}
_SUPERVISOR = {
    "orders": "Orders",
    "work_status": "Work Status",
    "supervisor_scheduling": "Supervisor Scheduling",
    "support": "Support",
    "order_status": "Order Status",
    "reports": "Reports",
    "send_message": "Send a Message",
    "health_surveillance": "Health Surveillance",
    "case_review_status": "Case Review Status",
    "other_health_resources": "Other Health Resources",
}
_PERSON = {
    "my_appointments": "My Appointments",
    "my_medical_information": "My Medical Information",
    "send_message": "Send a Message",
    "other_health_resources": "Other Health Resources",
    "questionnaire": "Questionnaire",
    "support": "Support",
}
# By kind of portal: the modules that it may have, with their usual names, and how many of them it has from the start (S2-61, S2-84).
_CATALOGUE: dict[str, tuple[dict[str, str], int]] = {
    "employee": (_EMPLOYEE, 6),
    "one_time_code": (_EMPLOYEE, 6),
    "supervisor": (_SUPERVISOR, 4),
    "family": (_PERSON, 4),
    "patient": (_PERSON, 4),
    "provider": ({}, 0),
    "signing": ({}, 0),
    "applicant": ({}, 0),
}
# What may be set beside the name; of all others the name only (S2-64, S2-85).
_SETTINGS = {
    "my_appointments": ("appointments",),
    "send_message": ("header", "instructions"),
    "reports": ("instructions", "reports"),
    "questionnaire": ("questionnaire_id",),
}
# The reports that there are, by category; a supervisor's portal shows those of employers (S2-93).
EMPLOYER_REPORTS = {
    "work_statuses": "Work statuses",
    "restrictions": "Restrictions",
    "surveillance_due": "Health surveillance due",
    "lost_days": "Lost days",
    "orders": "Orders",
}
_CATEGORY = "Employer Portal Report"
_NEEDS_TYPE = (
    "Requests for appointments need the message type request_an_appointment, which people of this portal may not send. Enable it "
    "under the portal's message types, or choose another way."
)
_OPTIONAL = ("appointments", "header", "instructions", "reports", "questionnaire_id")
# There may be one for each questionnaire.
_SEVERAL = ("questionnaire",)


def possible(kind: str) -> dict[str, str]:
    """The modules that a portal of this kind may have, with their usual names."""
    return _CATALOGUE[kind][0]


def missing(
    kind: str, modules: Sequence[Mapping[str, Any]], wanted: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """The modules that a portal of this kind may have and does not have, with their usual names.

    `wanted`: codes, each with the questionnaire to which the module has to lead.
    """
    there = {(module["code"], module.get("questionnaire_id")) for module in modules}
    return {
        code: possible(kind)[code]
        for code, questionnaire_id in wanted
        if code in possible(kind) and there.isdisjoint({(code, None), (code, questionnaire_id)})
    }


def named(names: Mapping[str, str]) -> list[dict[str, str]]:
    """Codes with their names, as a reply has them."""
    return [{"code": code, "name": name} for code, name in names.items()]


def reports_of(module: Mapping[str, Any]) -> list[dict[str, str]]:
    """The reports that a module shows, in their order: those that were chosen, or else all."""
    chosen = module.get("reports")
    codes = EMPLOYER_REPORTS if chosen is None else chosen
    return named({code: EMPLOYER_REPORTS[code] for code in codes})


def usual(kind: str) -> list[dict[str, Any]]:
    """The modules that a portal of this kind has from the start."""
    names, number = _CATALOGUE[kind]
    return [{"code": code, "name": None, "tab_colour": None} for code in list(names)[:number]]


def problems(kind: str, modules: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """All that is wrong with a list of modules: pairs of the member's path and a sentence.

    A member that is wrong by itself may be missing.
    """
    codes = [module.get("code") for module in modules]
    for place, module in enumerate(modules):
        code, path = module.get("code"), f"modules.{place}"
        if code is None:
            continue
        if code not in possible(kind):
            known = ", ".join(possible(kind)) or "none"
            yield f"{path}.code", f"A portal of this kind has no such module. Possible: {known}."
            continue
        if code in codes[:place] and code not in _SEVERAL:
            yield f"{path}.code", "This module is there already. Take one of them away."
        for name in _OPTIONAL:
            if module.get(name) is not None and name not in _SETTINGS.get(code, ()):
                yield f"{path}.{name}", "Of this module only the name can be changed."
        for at, report in enumerate(module.get("reports") or ()):
            if report not in EMPLOYER_REPORTS:
                known = ", ".join(EMPLOYER_REPORTS)
                yield f"{path}.reports.{at}", f"Not a report of the category {_CATEGORY}. Possible: {known}."
        settings = appointment_settings(module)
        yield from _appointment_problems(settings, f"{path}.appointments")


def appointment_options(modules: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The settings of My Appointments among these modules, with the default for what nobody has set. None: it is not there."""
    for module in modules:
        if module["code"] == "my_appointments":
            return appointment_settings(module)
    return None


def asks_for_appointments(modules: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The modules by which people send requests for appointments: pairs of the member's path and what they need."""
    return [
        (f"modules.{place}.{member}", _NEEDS_TYPE)
        for place, module in enumerate(modules)
        for member, is_asking in (
            ("appointments.booking_mode", _is_request_only(module)),
            ("code", module["code"] == "supervisor_scheduling"),
        )
        if is_asking
    ]


def _is_request_only(module: Mapping[str, Any]) -> bool:
    return (module["code"], appointment_settings(module)["booking_mode"]) == (
        "my_appointments",
        "request_only",
    )


def _appointment_problems(settings: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    if settings.get("past_due_warning") and settings["past_due_scheduling"]:
        yield (
            f"{path}.past_due_warning",
            "The warning is for portals where past-due appointments cannot be scheduled. Switch that off, or leave it empty.",
        )
    if settings["lead_days"] > settings["days_ahead"]:
        yield f"{path}.lead_days", "No day would be left: fewer days than those ahead are expected."
