"""Making a PDF of a contact record (S0-24): gather its content, draw it in a child process, audit it, hand it out.

Nothing is drawn inside a transaction. Every PDF is audited, also that of a repeated request, so no answer is stored.
"""

from __future__ import annotations

import datetime
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from eventlet import tpool
from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session, aliased

from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.runtime import Runtime
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import accounts
from services.contracts.referrals.records import contact_record_pdf_created
from services.referrals.access.access_scope import access_scope_of, may_see_details, no_details
from services.referrals.access.visibility import visible_referral
from services.referrals.authors.names import authors_of
from services.referrals.authors.rules import side_of
from services.referrals.directory.models import Resource
from services.referrals.models import Referral, StatusChange
from services.referrals.queues.models import Queue, QueueStatus
from services.referrals.queues.rules import decline_reasons_of, outcomes_of, settings_of
from services.referrals.records.handlers import about
from services.referrals.records.pdf import renderer
from services.referrals.records.pdf.content import PrintedRecord, PrintedReferral, PrintedStep
from services.referrals.records.queries import get_record, person_of, view_of
from services.referrals.records.rules import contact_name, visible_record

MAX_PDF_BYTES = 50_000_000
LONGEST_WAIT_S = 10.0
KEPT_S = 900.0  # the gateway fetches a PDF with the answer to its request; a slow connection may take a while
SWEPT_EVERY_S = 300.0
# Drawing keeps a processor core busy for a moment. Many requests at once take turns, so that all else stays fast.
_TURNS = threading.BoundedSemaphore(2)
_WORDS = {
    "contact_name": "name",
    "postal_code": "postal code",
    "phone": "phone",
    "email": "e-mail",
    "sections": "further details",
}


def sweep(runtime: Runtime) -> bool:
    """Delete old PDFs, fetched or not. They are copies of a whole record and can be made again at any time."""
    runtime.blobs.sweep_passing(KEPT_S)
    return True


def create_contact_record_pdf(call: Call) -> Any:
    """A contact record with all its referrals. Raises Refused `not_found`."""
    with call.runtime.database.reading(call.organisation_id) as session:
        printed, record_id = _whole(session, call.request["contact_record_id"])
    return _hand_out(call, printed, record_id, "contact_record", record_id)


def create_referral_pdf(call: Call) -> Any:
    """The contact record of one referral, with the fields that the caller sees at its stage.

    Raises Refused `not_found` for a referral that the caller does not see, and `forbidden` where the caller may not see
    details.
    """
    with call.runtime.database.reading(call.organisation_id) as session:
        printed, record_id = _of_referral(session, call.caller, call.request["referral_id"])
    return _hand_out(call, printed, record_id, "referral", call.request["referral_id"])


def _hand_out(call: Call, printed: PrintedRecord, record_id: str, object_type: str, object_id: str) -> Any:
    organisation_id = call.organisation_id
    named = replace(
        printed,
        organisation_name=_organisation_name(call),
        referrals=_with_authors(call, printed.referrals),
    )
    if not _TURNS.acquire(timeout=LONGEST_WAIT_S):
        raise Refused("service_unavailable", "Too many PDFs are being made.", retry_after_s=2)
    try:
        content, pages = renderer.draw(named)
    finally:
        _TURNS.release()
    blobs = call.runtime.blobs
    sha256, _ = tpool.execute(blobs.put_passing, organisation_id, [content], MAX_PDF_BYTES)

    def note(unit: UnitOfWork) -> None:
        facts = {"contact_record_id": record_id, "pages": pages, "sha256": sha256}
        whose = about(person_of(unit.session, record_id))
        unit.audit("contact_record.pdf_created", object_type, object_id, **facts, **whose)
        unit.publish(
            contact_record_pdf_created,
            record_id,
            {"contact_record_id": record_id, "contact_record_number": printed.number, "pages": pages},
        )

    call.transact(note)
    name = f"contact-record-{printed.number}.pdf"
    return {"sha256": sha256, "file_name": name, "media_type": "application/pdf"}


def _with_authors(call: Call, referrals: tuple[PrintedReferral, ...]) -> tuple[PrintedReferral, ...]:
    """The referrals with the author of each step, as others may see the name; without names if identity does not answer."""
    authors = authors_of(call, (step.actor_id for referral in referrals for step in referral.steps))
    names = {actor_id: author.name for actor_id, author in authors.items()}
    return tuple(
        replace(
            referral,
            steps=tuple(replace(step, author=names.get(step.actor_id)) for step in referral.steps),
        )
        for referral in referrals
    )


def _organisation_name(call: Call) -> str:
    """The organisation's name from identity, or its key: an API client that calls has no account there."""
    caller = call.caller
    assert caller is not None  # noqa: S101 - both operations need an account
    try:
        account = call.ask(accounts.describe_account, {"account_id": caller.id})
    except Refused as refused:
        if refused.code != "not_found":
            raise
        return caller.organisation_key or ""
    return str(account["organisation_name"])


def _whole(session: Session, contact_record_id: str) -> tuple[PrintedRecord, str]:
    record = get_record(session, contact_record_id)
    rows = session.execute(_referrals().where(Referral.contact_record_id == record.id)).all()
    return _printed(view_of(session, record), _referrals_printed(session, rows)), record.id


def _of_referral(session: Session, caller: Caller | None, referral_id: str) -> tuple[PrintedRecord, str]:
    referral = visible_referral(session, caller, referral_id)
    if not may_see_details(caller):
        raise no_details(caller)
    row = session.execute(_referrals().where(Referral.id == referral.id)).one()
    record = get_record(session, referral.contact_record_id)
    view = view_of(session, record)
    if not access_scope_of(caller).everything:
        stage = row.QueueStatus.as_rule().stage
        view = visible_record(view, stage, settings_of(row.Queue).stage_fields)
    return _printed(view, _referrals_printed(session, [row])), record.id


def _referrals() -> Select[*tuple[Any, ...]]:
    agency = aliased(Resource)
    return (
        select(Referral, Queue, QueueStatus, Resource.name.label("program"), agency.name.label("agency_name"))
        .join(Queue, Queue.id == Referral.queue_id)
        .join(
            QueueStatus, and_(QueueStatus.queue_id == Referral.queue_id, QueueStatus.key == Referral.status)
        )
        .join(Resource, Resource.id == Referral.program_id)
        .join(agency, agency.id == Resource.own_agency_id)
        .order_by(Referral.assigned_at, Referral.id)
    )


def _referrals_printed(session: Session, rows: Sequence[Any]) -> tuple[PrintedReferral, ...]:
    lines: dict[str, list[StatusChange]] = defaultdict(list)
    # A PDF may be passed on, so it never has the partner's internal notes, whoever makes it.
    shared = (
        select(StatusChange)
        .where(
            StatusChange.referral_id.in_([row.Referral.id for row in rows]),
            StatusChange.is_internal.is_(False),
        )
        .order_by(StatusChange.at, StatusChange.position)
    )
    for line in session.scalars(shared):
        lines[line.referral_id].append(line)
    return tuple(
        PrintedReferral(
            row.Queue.name,
            row.program,
            row.agency_name,
            row.QueueStatus.label,
            row.Referral.assigned_at,
            tuple(_step(line, row.Queue) for line in lines[row.Referral.id]),
        )
        for row in rows
    )


def _step(line: StatusChange, queue: Queue) -> PrintedStep:
    reasons, outcomes = decline_reasons_of(queue), outcomes_of(queue)
    if line.from_label is None or line.from_label == line.to_label:
        what = f"{line.kind.capitalize()}, {line.to_label}"
    else:
        what = f"{line.from_label} → {line.to_label}"
    if line.reason_code:
        reason = reasons.get(line.reason_code)
        what += f"; reason: {reason.label if reason else line.reason_code}"
    if line.outcome_code:
        outcome = outcomes.get(line.outcome_code)
        what += f"; outcome: {outcome.label if outcome else line.outcome_code}"
    if line.by_link:
        what += "; by the link of an e-mail"
    return PrintedStep(line.at, side_of(line.actor_realm), what, line.note, line.actor_id)


def _printed(view: Mapping[str, Any], referrals: tuple[PrintedReferral, ...]) -> PrintedRecord:
    return PrintedRecord(
        organisation_name="",
        number=view["number"],
        version=view["version"],
        submitted_at=view["submitted_at"],
        contact=(
            ("Name", contact_name(view["first_name"], view["last_name"])),
            ("Postal code", view["postal_code"]),
            ("Phone", view["phone"]),
            ("E-mail", view["email"]),
            ("Consent to share", _consent(view["consent_given_on"], view["consent_until"])),
        ),
        sections=tuple(
            (title, tuple((label, _value(value)) for label, value in fields.items()))
            for title, fields in view["sections"].items()
        ),
        referrals=referrals,
        withheld=tuple(_WORDS[name] for name in view["withheld"]),
    )


def _consent(given_on: datetime.date | None, until: datetime.date | None) -> str | None:
    """The consent as printed: "given on 3 May 2026, until 2 May 2027"."""
    if given_on is None:
        return None
    days = (f"{day.day} {day:%B %Y}" for day in (given_on, until) if day is not None)
    return "given on " + ", until ".join(days)


def _value(value: Any) -> str:
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value)
