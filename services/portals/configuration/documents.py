"""Configurations as they are stored: plain JSON."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from services.contracts.errors import invalid
from services.contracts.portals.message_types import APPOINTMENT
from services.portals.configuration import content as contents
from services.portals.configuration import modules
from services.portals.definitions import queries as definitions
from services.portals.definitions import rules as definition_rules
from services.portals.images import queries as images
from services.portals.message_types import queries as message_types

_UNKNOWN_HOST = (
    "This host is not on your organisation's list. Whoever manages the organisation can add it under Portals."
)


def plain(value: Any) -> Any:
    """A value of a request as JSON: times as text in UTC, colours in small letters."""
    if isinstance(value, Mapping):
        return {
            name: each.lower() if name in ("colour", "tab_colour") and each else plain(each)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime.datetime) else value


def changes_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """What a request changes of a configuration, as it is stored."""
    return {name: value for name, value in plain(request).items() if name != "portal"}


def written(document: Mapping[str, Any]) -> dict[str, Any]:
    """A stored configuration as a reply has it: times are times."""
    found = dict(document)
    if "ticker" in found:
        found["ticker"] = [
            {**each, **{name: _moment(each.get(name)) for name in ("from_at", "until_at")}}
            for each in found["ticker"]
        ]
    return found


def _moment(text: str | None) -> datetime.datetime | None:
    return None if text is None else datetime.datetime.fromisoformat(text)


def problems(
    session: Session, organisation_id: str | None, kind: str, document: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """All that is wrong with a configuration: what does not fit together, and images, hosts that the organisation does not have."""
    found = list(contents.problems(contents.whole(document, kind), kind))
    address = document.get("logout_address")
    if address and not definition_rules.leads_to(address, definitions.hosts_of(session, organisation_id)):
        found.append(("logout_address", _UNKNOWN_HOST))
    for name, place in (("logo", images.LOGO), ("welcome_image", images.WELCOME)):
        image_id = (document.get(name) or {}).get("image_id")
        if image_id and not images.is_there(session, image_id, place):
            found.append(
                (f"{name}.image_id", "There is no such image for this place. Upload it, or choose another.")
            )
    return found


def require_sound(
    session: Session, organisation_id: str | None, kind: str, document: Mapping[str, Any]
) -> None:
    """Refuse a configuration with every problem of it. Raises Refused(invalid_request)."""
    if found := problems(session, organisation_id, kind, document):
        raise invalid(found, document)


def unmet_needs(session: Session, definition: Any, whole: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Modules that need a message type which people of the portal may not send (S2-68): the member's path and a sentence."""
    needs = modules.asks_for_appointments(whole["modules"])
    return needs if needs and not message_types.is_offered(session, definition, APPOINTMENT) else []


def require_needs_met(session: Session, definition: Any, document: Mapping[str, Any]) -> None:
    """Refuse to publish a configuration some module of which could not work. Raises Refused(invalid_request)."""
    whole = contents.whole(document, definition.kind)
    if unmet := unmet_needs(session, definition, whole):
        raise invalid(unmet, whole)
