"""Decisions about consents as FHIR R4 Consent."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from services.contracts.portals.consents import REFUSED, SIGNED

_SYSTEM = "http://terminology.hl7.org/CodeSystem"
_SCOPE = {"coding": [{"system": f"{_SYSTEM}/consentscope", "code": "patient-privacy"}]}
_CATEGORY = {"coding": [{"system": "http://loinc.org", "code": "59284-0", "display": "Consent Document"}]}
_POLICY = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN"}]}


def bundle_of(signed: Sequence[Any]) -> dict[str, Any]:
    """A collection of Consent resources."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": f"urn:uuid:{_uuid(each.id)}", "resource": consent_of(each)} for each in signed],
    }


def consent_of(signed: Any) -> dict[str, Any]:
    """One decision. What was withdrawn is inactive, what was refused is rejected."""
    status = {SIGNED: "active", REFUSED: "rejected"}.get(signed.decision, "inactive")
    end = {} if signed.valid_until is None else {"end": signed.valid_until.isoformat()}
    return {
        "resourceType": "Consent",
        "id": signed.id,
        "language": signed.language,
        "status": status,
        "scope": _SCOPE,
        "category": [_CATEGORY],
        "patient": {"identifier": {"system": "urn:portico:person", "value": signed.person_id}},
        "dateTime": signed.at.isoformat(),
        "performer": [{"identifier": {"system": "urn:portico:account", "value": signed.account_id}}],
        "sourceAttachment": {
            "contentType": "text/plain; charset=utf-8",
            "language": signed.language,
            "title": f"{signed.title} (version {signed.text_version})",
            "data": base64.b64encode(signed.text.encode()).decode(),
        },
        "policyRule": _POLICY,
        "provision": {
            "type": "permit" if signed.decision == SIGNED else "deny",
            "period": {"start": signed.at.isoformat(), **end},
        },
    }


def _uuid(plain: str) -> str:
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))
