"""Operations of several steps: draw or read outside of any transaction, then record."""

from __future__ import annotations

import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from services.chassis.blobs import PASSING
from services.chassis.operations import Call
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity import accounts, organisations
from services.signing.documents import queries, rules
from services.signing.documents.models import Document
from services.signing.documents.page_pictures import PagePictures
from services.signing.documents.signer import Signer
from services.signing.documents.workflows import (
    organisation_of,
    shown_to_caller,
    signer_of,
    take_in,
    wait_s,
)
from services.signing.paper import handlers, scans


def open_cover_sheet(call: Call) -> Any:
    """Draw the cover sheet as a passing file, and tell where it is."""
    with call.runtime.database.reading(call.organisation_id) as session:
        document = queries.original_of(session, call.caller, document_id=call.request["document_id"])
    sha256 = _cover_sheet(call, document)
    return call.transact(
        lambda unit: call.operation.reply.dump(handlers.open_cover_sheet(unit, sha256, **call.request))
    )


def describe_fax(call: Call) -> Any:
    """What is faxed where, with a cover sheet that was just drawn. Raises Refused(already_decided): nobody wants it any more."""
    with call.runtime.database.reading(call.organisation_id) as session:
        wanted = select(Document).where(
            Document.id == call.request["document_id"], Document.channel == rules.FAX
        )
        document = session.scalars(wanted).one_or_none()
    if document is None:
        raise queries.no_such_document()
    rules.require_undecided(document.state)
    return {
        "fax_number": document.fax_number,
        "cover_sheet_sha256": _cover_sheet(call, document),
        "document_sha256": document.original_sha256,
        "file_name": rules.file_name(document.title),
    }


def recognise_scan(call: Call) -> Any:
    """Read the code on a scan, and show the document that it names, if the caller may see it. The scan passes (see `scans`)."""
    document = call.request["document"]
    organisation_id, _ = organisation_of(call)
    signer: Signer = signer_of(call)
    held = signer.take_in(organisation_id, document["sha256"], document["size"], wait_s(call), PASSING)
    document_id = signer.document_of(organisation_id, signer.codes_on(organisation_id, held, wait_s(call)))
    with call.runtime.database.reading(call.organisation_id) as session:
        found = (
            queries.find_document(session, call.caller, document_id) if document_id and call.caller else None
        )
        answer = call.operation.reply.dump(
            {"is_recognised": found is not None, "document": found, "scan": None, "pages": held.pages}
        )
    if found is not None and call.caller:
        call.note_reading("document.read", "document", found.id)
        if "attach" in shown_to_caller(call, answer["document"])["actions"]:
            scan = scans.Scan(organisation_id, call.caller.id, found.id, held)
            answer["scan"] = scans.reference_of(signer.scan_key, scan, utc_now())
    return answer


def open_scan_page(call: Call) -> Any:
    """Have a page of a recognised scan drawn, then tell where the picture is."""
    scan = _scan(call)
    number = call.request["number"]
    pictures = call.runtime.parts.get(PagePictures)
    picture = pictures.picture(scan.organisation_id, scan.file.sha256, number, wait_s(call), PASSING)
    call.note_reading("document.scan_opened", "document", scan.document_id, page=number)
    name = f"scan-{number}.png"
    return call.operation.reply.dump({"sha256": picture, "file_name": name, "media_type": "image/png"})


def attach_recognised_scan(call: Call) -> Any:
    """Keep the scan that passes, then record it as the signed copy of its document."""
    if call.is_repeated():
        return call.answer_again()
    scan = _scan(call)
    signer_of(call).keep_passing(scan.organisation_id, scan.file.sha256)
    return call.commit(handlers.attach_recognised_scan, scan.document_id, scan.file, _returns_at_once(call))


def _scan(call: Call) -> scans.Scan:
    """The recognised scan that the request names, while it is there. Raises Refused(not_found, scan_expired)."""
    organisation_id, _ = organisation_of(call)
    account_id = call.caller.id if call.caller else ""
    signer: Signer = signer_of(call)
    scan = scans.scan_of(signer.scan_key, call.request["scan"], organisation_id, account_id, utc_now())
    if not signer.is_held(organisation_id, scan.file.sha256):
        raise scans.expired()
    return scan


def attach_signed_copy(call: Call) -> Any:
    """Take in the copy, then record it. A crash before the last step leaves a file that is deleted later."""
    if call.is_repeated():
        return call.answer_again()
    taken = take_in(call)
    return call.commit(handlers.attach_signed_copy, taken, _returns_at_once(call))


def _returns_at_once(call: Call) -> bool:
    """Whether the organisation wants signed documents to count as returned (C7). A program's key has no account to ask about."""
    try:
        caller = call.ask(accounts.describe_account, {"account_id": call.caller.id if call.caller else ""})
    except Refused as refused:
        if refused.code != "not_found":
            raise
        return False
    return rules.AUTO_RETURN in caller["features"]


def _cover_sheet(call: Call, document: Document) -> str:
    from services.signing.pdf.pages import CoverFacts  # noqa: PLC0415 - drawing takes memory that few processes need

    organisation_id, key = organisation_of(call)
    facts = call.ask(organisations.get_public_organisation, {"organisation": key})
    return signer_of(call).cover_sheet(
        organisation_id,
        document.id,
        CoverFacts(
            organisation_name=facts["name"],
            addressee=document.addressee or "",
            document_id=document.id,
            pages=document.pages,
            sent_at=document.sent_at.astimezone(ZoneInfo(facts["time_zone"] or "UTC")),
            fax_number=document.fax_number,
            respond_by=_spelt(document.respond_by),
            telephone=facts["telephone"],
        ),
    )


def _spelt(day: datetime.date | None) -> str | None:
    return f"{day.day} {day:%B %Y}" if day else None
