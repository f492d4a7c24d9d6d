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
    GRAVITY_CODES,
    HISTORY_KINDS,
    ORGANISATIONS,
    OUTCOMES,
    QUEUES,
    REASONS,
    RECORD_NUMBERS,
    RESOURCE_NUMBERS,
    TAXONOMY,
    US_CORE_CATEGORIES,
    program_capacity,
    request_status,
    sdoh_categories,
)

Json = dict[str, Any]
# ContactPoint.system for the kinds of telephone that are no plain telephone.
_TELECOM = {"fax": "fax", "tty": "other", "textphone": "other", "pager": "pager", "sms": "sms", "text": "sms"}


@dataclass(frozen=True)
class ReferralFacts:
    """A referral at one version. `note` is a shared note; `person` is None where details may not be shown."""

    id: str
    version: int
    updated_at: datetime.datetime
    organisation_id: str
    record_number: str
    queue_id: str
    queue_name: str
    program_id: str
    program_name: str
    taxonomy_codes: Sequence[str]
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
    """A program or an agency of the directory with its `record`. `lines` are the lines of a program's capacity."""

    id: str
    version: int
    updated_at: datetime.datetime
    number: str
    name: str
    is_active: bool
    record: Mapping[str, Any]
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
        requester=_requester(facts),
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
        category=[_category(facts.taxonomy_codes)],
        code={"coding": [_coding(QUEUES, facts.queue_id, facts.queue_name)], "text": facts.queue_name},
        subject=_subject(facts),
        authoredOn=_moment(facts.assigned_at),
        requester=_requester(facts),
        performer=[_performer(facts)],
        note=_note(facts),
    )


def healthcare_service(facts: ProgramFacts) -> Json:
    """A program. Its place is contained, because the view has no Location of its own."""
    place = _place(facts)
    return _resource(
        "HealthcareService",
        facts.id,
        facts.version,
        facts.updated_at,
        contained=[place] if place else None,
        extension=_capacity(facts.lines),
        identifier=[_identifier(RESOURCE_NUMBERS, facts.number)],
        active=facts.is_active,
        providedBy=(
            {"reference": f"Organization/{facts.agency_id}", "display": facts.agency_name}
            if facts.agency_id
            else None
        ),
        category=[_category(facts.record.get("taxonomy_codes", ()))],
        type=_types(facts.record),
        location=[{"reference": "#place"}] if place else None,
        name=facts.name,
        comment=facts.message,
        telecom=_telecom(facts.record),
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
        telecom=_telecom(facts.record),
        address=[
            _address(facts.record[field], kind)
            for field, kind in (("physical_address", "physical"), ("mailing_address", "postal"))
            if any(facts.record.get(field, {}).values())
        ],
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


def _requester(facts: ReferralFacts) -> Json:
    """The organisation that refers. It is none of the directory, so it has an identifier only."""
    return {"type": "Organization", "identifier": _identifier(ORGANISATIONS, facts.organisation_id)}


def _category(taxonomy_codes: Sequence[str]) -> Json:
    categories = sdoh_categories(taxonomy_codes)
    return {
        "coding": [
            _coding(US_CORE_CATEGORIES, "sdoh", "SDOH"),
            *(_coding(GRAVITY_CODES, code, display) for code, display in categories),
        ]
    }


def _types(record: Mapping[str, Any]) -> list[Json]:
    """The terms of the program's taxonomy, with their codes as far as the source has them."""
    names, codes = record.get("taxonomy_terms", []), record.get("taxonomy_codes", [])
    if not names and not codes:
        return []
    is_paired = len(names) == len(codes)
    coding = [
        {"system": TAXONOMY, "code": code, **({"display": names[at]} if is_paired else {})}
        for at, code in enumerate(codes)
        if code
    ]
    concept = {"coding": coding, "text": "; ".join(names)}
    return [{member: value for member, value in concept.items() if value}]


def _telecom(record: Mapping[str, Any]) -> list[Json]:
    points = [
        {"system": _TELECOM.get(phone.get("kind", ""), "phone"), "value": phone["number"], "use": "work"}
        for phone in record.get("phones", [])
    ]
    for system, field in (("email", "email"), ("url", "website")):
        if record.get(field):
            points.append({"system": system, "value": record[field], "use": "work"})
    return points


def _place(facts: ProgramFacts) -> Json | None:
    """The place of a program's own address."""
    record = facts.record
    address = record.get("physical_address") or {}
    position = {name: record[name] for name in ("longitude", "latitude") if record.get(name) is not None}
    if not any(address.values()) and len(position) < 2:
        return None
    return {
        "resourceType": "Location",
        "id": "place",
        "name": facts.name,
        **({"address": _address(address, "physical")} if any(address.values()) else {}),
        **({"position": position} if len(position) == 2 else {}),
    }


def _address(address: Mapping[str, str], kind: str) -> Json:
    members = {
        "type": kind,
        "line": [line for line in (address.get("line1"), address.get("line2")) if line],
        "city": address.get("city"),
        "district": address.get("county"),
        "state": address.get("region"),
        "postalCode": address.get("postal_code"),
        "country": address.get("country"),
    }
    return {member: value for member, value in members.items() if value}


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


def _capacity(lines: Sequence[Mapping[str, Any]]) -> list[Json]:
    """The program's capacity status as the Gravity guide has it. The counts are only in our own API."""
    capacity = program_capacity(lines)
    if capacity is None:
        return []
    (code, display), note = capacity
    status = {"coding": [_coding(GRAVITY_CODES, code, display)]}
    parts: list[Json] = [{"url": "capacityStatus", "valueCodeableConcept": status}]
    if note:
        parts.append({"url": "capacityNotes", "valueString": note})
    return [{"url": CAPACITY_STATUS, "extension": parts}]


def _concept(system: str, code: str | None) -> Json | None:
    return {"coding": [{"system": system, "code": code}]} if code else None


def _coding(system: str, code: str, display: str) -> Json:
    return {"system": system, "code": code, "display": display}


def _identifier(system: str, value: str) -> Json:
    return {"system": system, "value": value}


def _moment(at: datetime.datetime) -> str:
    return at.astimezone(datetime.UTC).isoformat()
