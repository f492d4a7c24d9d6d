"""FHIR R4 resources as plain JSON values, made from the facts of our rows. No database, no network."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.referrals.fhir.rules import (
    ACCOUNTS,
    CAPACITY_STATUS,
    ENROLLMENT_STATUS,
    HISTORY_KINDS,
    OUTCOMES,
    REASONS,
    RECORD_NUMBERS,
    RESOURCE_NUMBERS,
    request_status,
)

Json = dict[str, Any]


@dataclass(frozen=True)
class ReferralFacts:
    """A referral at one version. `note` is a shared note; `person` is None where details may not be shown."""

    id: str
    version: int
    updated_at: datetime.datetime
    record_number: str
    queue_id: str
    queue_name: str
    program_id: str
    program_name: str
    status_key: str
    status_label: str
    fhir_status: str
    priority: str
    assigned_at: datetime.datetime
    accepted_at: datetime.datetime | None = None
    ended_at: datetime.datetime | None = None
    due_at: datetime.datetime | None = None
    note: str | None = None
    reason_code: str | None = None
    outcome_code: str | None = None
    enrollment: str | None = None
    person: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class StepFacts:
    """A line of a referral's history."""

    id: str
    referral_id: str
    position: int
    at: datetime.datetime
    kind: str
    actor_id: str
    actor_realm: str | None


@dataclass(frozen=True)
class ProgramFacts:
    """A program or an agency of the directory. `lines` are the lines of a program's capacity."""

    id: str
    version: int
    updated_at: datetime.datetime
    number: str
    name: str
    is_active: bool
    is_referable: bool = True
    agency_id: str | None = None
    agency_name: str | None = None
    message: str | None = None
    lines: Sequence[Mapping[str, Any]] = ()


def task(facts: ReferralFacts) -> Json:
    """The referral as a Task: the work to be done."""
    coding = _coding(f"urn:portico:queue:{facts.queue_id}:status", facts.status_key, facts.status_label)
    return _resource(
        "Task",
        facts.id,
        facts.version,
        facts.updated_at,
        contained=_person(facts),
        extension=_enrollment(facts),
        identifier=[_identifier(RECORD_NUMBERS, facts.record_number)],
        status=facts.fhir_status,
        statusReason=_concept(REASONS, facts.reason_code),
        businessStatus={"coding": [coding], "text": facts.status_label},
        intent="order",
        priority=facts.priority,
        code={
            "coding": [
                _coding("http://hl7.org/fhir/CodeSystem/task-code", "fulfill", "Fulfill the focal request")
            ]
        },
        description=facts.queue_name,
        focus={"reference": f"ServiceRequest/{facts.id}"},
        **{"for": _subject(facts)},
        authoredOn=_moment(facts.assigned_at),
        lastModified=_moment(facts.updated_at),
        executionPeriod=_period(facts.accepted_at, facts.ended_at),
        owner=_performer(facts),
        note=_note(facts),
        restriction={"period": {"end": _moment(facts.due_at)}} if facts.due_at else None,
        output=_outcome(facts),
    )


def service_request(facts: ReferralFacts) -> Json:
    """The referral as a ServiceRequest: the request that was made."""
    return _resource(
        "ServiceRequest",
        facts.id,
        facts.version,
        facts.updated_at,
        contained=_person(facts),
        identifier=[_identifier(RECORD_NUMBERS, facts.record_number)],
        status=request_status(facts.fhir_status),
        intent="order",
        priority=facts.priority,
        code={"text": facts.queue_name},
        subject=_subject(facts),
        authoredOn=_moment(facts.assigned_at),
        performer=[_performer(facts)],
        note=_note(facts),
    )


def healthcare_service(facts: ProgramFacts) -> Json:
    """A program. The capacity status of each line is an extension of ours, because FHIR R4 has no element for it."""
    return _resource(
        "HealthcareService",
        facts.id,
        facts.version,
        facts.updated_at,
        extension=[_capacity(line) for line in facts.lines],
        identifier=[_identifier(RESOURCE_NUMBERS, facts.number)],
        active=facts.is_active,
        providedBy=(
            {"reference": f"Organization/{facts.agency_id}", "display": facts.agency_name}
            if facts.agency_id
            else None
        ),
        name=facts.name,
        comment=facts.message,
        extraDetails=None if facts.is_referable else "Takes no referrals at present.",
    )


def organization(facts: ProgramFacts) -> Json:
    """An agency."""
    return _resource(
        "Organization",
        facts.id,
        facts.version,
        facts.updated_at,
        identifier=[_identifier(RESOURCE_NUMBERS, facts.number)],
        active=facts.is_active,
        name=facts.name,
    )


def provenance(facts: StepFacts) -> Json:
    """The author and time of a referral's step. The agent is an account's id; the entrypoint adds its name."""
    who = {"identifier": _identifier(ACCOUNTS, facts.actor_id), "type": "Practitioner"}
    if facts.actor_realm is None:
        who = {"identifier": _identifier(ACCOUNTS, facts.actor_id), "type": "Device"}
    code = "CREATE" if facts.position == 1 else "UPDATE"
    operation = _coding("http://terminology.hl7.org/CodeSystem/v3-DataOperation", code, code.lower())
    return _resource(
        "Provenance",
        facts.id,
        1,
        facts.at,
        target=[{"reference": f"Task/{facts.referral_id}/_history/{facts.position}"}],
        occurredDateTime=_moment(facts.at),
        recorded=_moment(facts.at),
        activity={"coding": [operation, _coding(HISTORY_KINDS, facts.kind, facts.kind)]},
        agent=[{"who": who}],
    )


def search_bundle(
    base_url: str,
    resources: Sequence[Json],
    links: Mapping[str, str],
    at: datetime.datetime,
    total: int | None,
) -> Json:
    """A page of a search, or with `total` the number of matches alone: a count costs more than a page."""
    if total is not None:
        return {
            "resourceType": "Bundle",
            "type": "searchset",
            "timestamp": _moment(at),
            "total": total,
            "link": [{"relation": relation, "url": url} for relation, url in links.items()],
        }
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": _moment(at),
        "link": [{"relation": relation, "url": url} for relation, url in links.items()],
        "entry": [
            {
                "fullUrl": f"{base_url}/{resource['resourceType']}/{resource['id']}",
                "resource": resource,
                "search": {"mode": "match"},
            }
            for resource in resources
        ],
    }


def history_bundle(base_url: str, versions: Sequence[Json], at: datetime.datetime) -> Json:
    """The versions of one resource, newest first."""
    address = f"{versions[0]['resourceType']}/{versions[0]['id']}"
    return {
        "resourceType": "Bundle",
        "type": "history",
        "timestamp": _moment(at),
        "total": len(versions),
        "link": [{"relation": "self", "url": f"{base_url}/{address}/_history"}],
        "entry": [
            {
                "fullUrl": f"{base_url}/{address}",
                "resource": version,
                "request": _request_of(version, address),
                "response": {
                    "status": "201" if version["meta"]["versionId"] == "1" else "200",
                    "etag": f'W/"{version["meta"]["versionId"]}"',
                    "lastModified": version["meta"]["lastUpdated"],
                },
            }
            for version in versions
        ],
    }


def _request_of(version: Json, address: str) -> Json:
    is_first = version["meta"]["versionId"] == "1"
    return {"method": "POST" if is_first else "PUT", "url": version["resourceType"] if is_first else address}


def _resource(kind: str, own_id: str, version: int, updated_at: datetime.datetime, **members: Any) -> Json:
    """A resource without its empty members: FHIR allows neither null nor empty lists."""
    meta = {"versionId": str(version), "lastUpdated": _moment(updated_at)}
    filled = {name: value for name, value in members.items() if value not in (None, [], {})}
    return {"resourceType": kind, "id": own_id, "meta": meta, **filled}


def _subject(facts: ReferralFacts) -> Json:
    """The help-seeker, by the record's number; with a reference to the person where details may be shown."""
    reference: Json = {"type": "Patient", "identifier": _identifier(RECORD_NUMBERS, facts.record_number)}
    return {"reference": "#subject", **reference} if facts.person is not None else reference


def _person(facts: ReferralFacts) -> list[Json]:
    if facts.person is None:
        return []
    person = facts.person
    given, family = person.get("first_name"), person.get("last_name")
    name = {"given": [given] if given else None, "family": family}
    telecom = [
        {"system": system, "value": person[member]}
        for system, member in (("phone", "phone"), ("email", "email"))
        if person.get(member)
    ]
    patient = {
        "resourceType": "Patient",
        "id": "subject",
        "identifier": [_identifier(RECORD_NUMBERS, facts.record_number)],
        "name": [{key: value for key, value in name.items() if value}] if given or family else None,
        "telecom": telecom or None,
        "address": [{"postalCode": person["postal_code"]}] if person.get("postal_code") else None,
    }
    return [{key: value for key, value in patient.items() if value}]


def _performer(facts: ReferralFacts) -> Json:
    return {"reference": f"HealthcareService/{facts.program_id}", "display": facts.program_name}


def _note(facts: ReferralFacts) -> list[Json]:
    return [{"text": facts.note}] if facts.note else []


def _enrollment(facts: ReferralFacts) -> list[Json]:
    return [{"url": ENROLLMENT_STATUS, "valueCode": facts.enrollment}] if facts.enrollment else []


def _outcome(facts: ReferralFacts) -> list[Json]:
    if facts.outcome_code is None:
        return []
    return [{"type": {"text": "outcome"}, "valueCodeableConcept": _concept(OUTCOMES, facts.outcome_code)}]


def _period(start: datetime.datetime | None, end: datetime.datetime | None) -> Json:
    given = {"start": start, "end": end}
    return {name: _moment(at) for name, at in given.items() if at is not None}


def _capacity(line: Mapping[str, Any]) -> Json:
    """A line's status, name and note. The counts are only in our own API."""
    parts = {"status": ("valueCode", line["capacity_status"]), "line": ("valueString", line["name"])}
    if line["note"]:
        parts["note"] = ("valueString", line["note"])
    return {
        "url": CAPACITY_STATUS,
        "extension": [{"url": name, kind: value} for name, (kind, value) in parts.items()],
    }


def _concept(system: str, code: str | None) -> Json | None:
    return {"coding": [{"system": system, "code": code}]} if code else None


def _coding(system: str, code: str, display: str) -> Json:
    return {"system": system, "code": code, "display": display}


def _identifier(system: str, value: str) -> Json:
    return {"system": system, "value": value}


def _moment(at: datetime.datetime) -> str:
    return at.astimezone(datetime.UTC).isoformat()
