"""An audit row as a FHIR R4 AuditEvent (hl7.org/fhir/R4/auditevent.html). Like the row, it has only ids and codes."""

from __future__ import annotations

import datetime
from typing import Any

AUDIT_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
REST = "http://hl7.org/fhir/restful-interaction"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ACTIONS = "urn:portico:audit-action"
ACTOR = "urn:portico:{}"

# The letter of an action follows from its last word: `referral.details_read` is a reading.
_WORDS: dict[str, tuple[str, ...]] = {
    "C": ("created", "added", "opened", "assigned", "granted", "imported", "registered", "made", "uploaded"),
    "R": ("read", "viewed", "listed", "exported", "downloaded"),
    "U": ("changed", "set", "disabled", "enabled", "moved", "merged", "renamed", "signed", "declined"),
    "D": ("deleted", "removed", "revoked"),
}
_LETTER = {word: letter for letter, words in _WORDS.items() for word in words}
_INTERACTION = {"C": "create", "R": "read", "U": "update", "D": "delete", "E": "operation"}
_FAILURES = frozenset({"refused", "throttled", "failed", "failure"})
_SESSION = {
    "session.started": ("110122", "Login"),
    "session.refused": ("110122", "Login"),
    "session.ended": ("110123", "Logout"),
}
# Readings whose last word says otherwise.
_READINGS = frozenset({"document.opened", "document.file_opened"})
BREAK_GLASS = "access.break_glass"


def action_letter(action: str) -> str:
    """FHIR's audit-event-action: C, R, U, D, or E for anything else."""
    return "R" if action in _READINGS else _LETTER.get(_last_word(action), "E")


def _last_word(action: str) -> str:
    return action.rpartition(".")[2].rpartition("_")[2]


def audit_event(row: Any, service: str) -> dict[str, Any]:
    """One AuditEvent. It refers to participants and objects by identifiers of this system, never by names."""
    letter = action_letter(row.action)
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": row.id,
        "type": _type(row.action),
        "subtype": [*_subtypes(row.action, letter), {"system": ACTIONS, "code": row.action}],
        "action": letter,
        "recorded": row.at.astimezone(datetime.UTC).isoformat(timespec="milliseconds"),
        "outcome": "4" if _last_word(row.action) in _FAILURES else "0",
        "agent": [
            {
                "who": {"identifier": _identifier(row.actor_kind, row.actor_id)},
                "requestor": True,
            }
        ],
        "source": {
            "observer": {"identifier": _identifier("service", service)},
            "type": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/security-source-type",
                    "code": "4",
                    "display": "Application Server",
                }
            ],
        },
        "entity": [_entity(row)],
    }
    if row.person_id and row.object_type != "person":
        event["entity"].append({"what": {"identifier": _identifier("person", row.person_id)}})
    if row.action == BREAK_GLASS or row.facts.get("emergency"):
        event["purposeOfEvent"] = [
            {"coding": [{"system": REASON, "code": "BTG", "display": "break the glass"}]}
        ]
    return event


def _type(action: str) -> dict[str, str]:
    if action in _SESSION:
        return {"system": DICOM, "code": "110114", "display": "User Authentication"}
    return {"system": AUDIT_TYPE, "code": "rest", "display": "RESTful Operation"}


def _subtypes(action: str, letter: str) -> list[dict[str, str]]:
    if action in _SESSION:
        code, display = _SESSION[action]
        return [{"system": DICOM, "code": code, "display": display}]
    return [{"system": REST, "code": _INTERACTION[letter], "display": _INTERACTION[letter]}]


def _entity(row: Any) -> dict[str, Any]:
    entity: dict[str, Any] = {"what": {"identifier": _identifier(row.object_type, row.object_id)}}
    details = [
        {"type": name, "valueString": _text(value)}
        for name, value in sorted(row.facts.items())
        if value is not None and _text(value)
    ]
    if row.correlation_id:
        details.append({"type": "correlation_id", "valueString": row.correlation_id})
    if details:
        entity["detail"] = details
    return entity


def _identifier(kind: str, value: str) -> dict[str, str]:
    return {"system": ACTOR.format(kind), "value": value}


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    return str(value)
