"""The default configuration of a portal, and which of its versions is shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEFAULT_COLOUR = "#1a5fb4"  # buttons are blue by default (S2-54)
DEFAULT_NAMES = {
    "provider": "Provider Portal",
    "family": "Family Portal",
    "patient": "Patient Portal",
    "employee": "Employee Portal",
    "supervisor": "Supervisor Portal",
    "applicant": "Applicant Portal",
    "one_time_code": "Employee Portal",
    "signing": "Documents to sign",
}
DRAFT = 0
DEFAULT_VERSION = 1
# The product's name in texts of a portal, until the organisation gives its own (S2-38, S2-52).
DEFAULT_PRODUCT_NAME = "Portico"
_DEFAULTS: dict[str, Any] = {
    "colour": DEFAULT_COLOUR,
    "ticker": [],
    "product_name": None,
    "description": None,
    "terms": {},
    "columns": 2,
    "has_message_center": True,
    "is_single_function": False,
    "resources": [],
    "support": [],
    "labels": {},
    "notices": {},
    "sign_in": {},
    "help": {},
    "document_types": None,
    "editable_sections": [],
    "logout_address": None,
    "logo": None,
    "welcome_image": None,
}
LOOK = ("name", "colour", "ticker")


def default_document(kind: str) -> dict[str, Any]:
    """What holds for a portal of a kind until somebody changes it (S2-44). Each portal has its own configuration (S2-45)."""
    return {"name": DEFAULT_NAMES[kind], **_DEFAULTS}


# What holds for My Appointments until somebody sets it (S2-44).
_USUAL_APPOINTMENTS: dict[str, Any] = {
    "booking_mode": "request_only",
    "visible_appointment_types": None,
    "past_due_scheduling": True,
    "past_due_warning": None,
    "days_past": 90,
    "days_ahead": 60,
    "lead_days": 0,
    "stop_minutes": 0,
    "stop_text": None,
    "first_available_provider": True,
    "any_provider": False,
    "alert_text": None,
}


def appointment_settings(module: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a module My Appointments, with the usual ones where none are set."""
    return {**_USUAL_APPOINTMENTS, **(module.get("appointments") or {})}
