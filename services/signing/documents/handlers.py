"""Commands about documents, each one transaction. Slow steps and calls to other services come before them (`workflows`)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from services.chassis import wire
from services.chassis.database import insert_unless_there
from services.chassis.passports import REALM_OF_SYSTEMS, Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.signing import documents as contract
from services.signing.documents import queries, recipients, rules
from services.signing.documents.models import Document, Recipient, SeenPage


@dataclass(frozen=True)
class Signed:
    """The signed file: its SHA-256 and the time that is printed on it."""

    sha256: str
    at: datetime.datetime


@dataclass(frozen=True)
class ToSign:
    """The file to sign, by its SHA-256, and the recipient whose signature it gets."""

    sha256: str
    recipient_id: str


@dataclass(frozen=True)
class Concerned:
    """Whom a document concerns: the person named when it was sent, and that person's record now. None: unknown."""

    named_person_id: str | None = None
    person_id: str | None = None


def send_document(
    unit: UnitOfWork,
    sha256: str,
    pages: int,
    concerned: Concerned,
    invited: Sequence[recipients.Invited],
    *,
    title: str,
    channel: str,
    message: str | None,
    may_delegate: bool,
    must_see_pages: bool,
    addressee: str | None,
    fax_number: str | None,
    fax_number_again: str | None,
    contact_record_id: str | None,
    kind: str,
    care_began_on: datetime.date | None,
    respond_by: datetime.date | None,
    replaces_document_id: str | None,
) -> Document:
    """Record a screened document as sent, and ask those whose turn it is first.

    `sha256` and `pages` are results of the screening; `invited` are empty on paper.

    Raises Refused(not_found, not_declined) for a document that cannot be sent again (C8), and invalid_request for a new
    fax number that was entered only once.
    """
    if fax_number is not None:
        is_known = queries.has_faxed_to(unit.session, fax_number)
        rules.require_number_twice(fax_number, fax_number_again, is_known=is_known)
    replaced = _replaced(unit, replaces_document_id)
    signers = [each.account_id for each in invited if each.role in rules.DECIDING]
    document: Document = unit.add(
        Document(
            id=wire.new_id(),
            version=1,
            title=title,
            contact_record_id=contact_record_id,
            person_id=concerned.person_id,
            named_person_id=concerned.named_person_id,
            sender_account_id=caller_of(unit).id,
            organisation_key=unit.organisation_key,
            recipient_account_id=signers[0] if signers else None,
            channel=channel,
            message=message,
            may_delegate=may_delegate,
            must_see_pages=must_see_pages,
            signatures_wanted=max(1, len(signers)),
            signatures_done=0,
            addressee=addressee,
            fax_number=fax_number,
            fax_state="waiting" if channel == rules.FAX else None,
            kind=kind,
            care_began_on=care_began_on,
            respond_by=respond_by,
            revision=replaced.revision + 1 if replaced else 1,
            replaces_document_id=replaces_document_id,
            reminders=0,
            state="sent",
            pages=pages,
            original_sha256=sha256,
            is_wet=False,
            sent_at=unit.now,
        )
    )
    if replaced is not None:
        unit.session.flush()
        replaced.replaced_by_document_id = document.id
        replaced.version += 1
    record(
        unit, "document.sent", document,
        pages=pages, sha256=document.original_sha256, channel=channel, replaces=replaces_document_id,
        recipients=len(invited),
    )  # fmt: skip
    if channel == rules.EMAIL:
        unit.session.flush()
        recipients.invite(unit, document, invited)
    elif channel == rules.FAX:
        tell(unit, contract.fax_requested, document)
    return document


def _replaced(unit: UnitOfWork, document_id: str | None) -> Document | None:
    """The declined document that a new one replaces, locked."""
    if document_id is None:
        return None
    document = queries.find_document(unit.session, caller_of(unit), document_id, for_change=True)
    if document is None:
        raise Refused("not_found", "There is no such document.", "replaces_document_id")
    rules.require_replaceable(document.state, document.replaced_by_document_id)
    return document


def read_document(unit: UnitOfWork, *, document_id: str) -> Document:
    """The document. The reading is audited."""
    document = queries.get_document(unit.session, caller_of(unit), document_id)
    record(unit, "document.read", document, version=document.version)
    return document


def open_document_file(unit: UnitOfWork, *, document_id: str) -> dict[str, str]:
    """Where the file is. The opening is audited."""
    document = _open(unit, document_id)
    return {
        "sha256": document.sha256,
        "file_name": rules.file_name(document.title),
        "media_type": "application/pdf",
    }


def open_document_page(
    unit: UnitOfWork, file_sha256: str, picture_sha256: str, *, document_id: str, number: int
) -> dict[str, str]:
    """Where the picture of a page is. The opening is audited, and kept as evidence of what the recipient has seen."""
    document = _open(unit, document_id, page=number)
    _require_unchanged(document, file_sha256)
    own = recipients.find_recipient(unit.session, document_id, caller_of(unit).id)
    if document.state == "sent" and own is not None and own.state == "asked":
        seen = {"organisation_id": document.organisation_id, "document_id": document_id, "number": number}
        seen["account_id"] = own.account_id
        insert_unless_there(unit.session, SeenPage.__table__, seen | {"at": unit.now})
    return {
        "sha256": picture_sha256,
        "file_name": rules.picture_name(document.title, number),
        "media_type": "image/png",
    }


def open_document_pages(
    unit: UnitOfWork, file_sha256: str, first: int, last: int, *, document_id: str
) -> None:
    """Record that somebody reads the texts of these pages."""
    _require_unchanged(_open(unit, document_id, pages=[first, last]), file_sha256)


def _require_unchanged(document: Document, file_sha256: str) -> None:
    if document.sha256 != file_sha256:
        raise Refused("conflict", "The document has just been signed. Open it again.", retry_after_s=1)


def _open(unit: UnitOfWork, document_id: str, **what: Any) -> Document:
    """The document, whose opening is audited. A recipient's first one also sets `viewed_at` (S4-18)."""
    caller = caller_of(unit)
    document = queries.get_document(unit.session, caller, document_id, for_change=True)
    own = recipients.find_recipient(unit.session, document_id, caller.id)
    is_recipient = own is not None and own.asked_at is not None
    if own is not None and is_recipient:
        own.viewed_at = own.viewed_at or unit.now
        document.viewed_at = document.viewed_at or unit.now
    record(unit, "document.opened", document, sha256=document.sha256, by_recipient=is_recipient, **what)
    return document


def require_opened(unit: UnitOfWork, *, document_id: str) -> str:
    """The title of a document that the caller has opened, and may sign now. Raises Refused(not_opened)."""
    document, own = _undecided(unit, document_id)
    if own.viewed_at is None:
        raise Refused("not_opened", "Open this document and read it before you sign it.")
    return document.title


def signed_in_this_request(unit: UnitOfWork, *, document_id: str) -> str | None:
    """The title of a document that this very request has signed before it was interrupted."""
    document = queries.get_document(unit.session, caller_of(unit), document_id)
    own = recipients.find_recipient(unit.session, document_id, caller_of(unit).id)
    return document.title if own is not None and own.decided_in == unit.context.request_id else None


def documents_signed(unit: UnitOfWork, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Remember what became of each document of one act."""
    signed = sum(1 for each in items if each["outcome"] == "signed")
    unit.audit("documents.signed_at_once", "account", unit.actor_id, asked=len(items), signed=signed)
    return {"signed": signed, "items": items}


def claim_signature(unit: UnitOfWork, *, document_id: str, meaning: str) -> ToSign:
    """Take the lease under which the document is signed outside of any transaction.

    Raises Refused(conflict) while another request holds the lease. The lease ends by itself, also after a crash.
    """
    document, own = _undecided(unit, document_id)
    rules.require_meaning(own.role, meaning)
    rules.require_pages_seen(
        must_see=document.must_see_pages,
        pages=document.pages,
        seen=sum(
            1
            for number in queries.seen_pages(unit.session, document_id, own.account_id)
            if number <= document.pages
        ),
    )
    document.signing_claim = unit.context.request_id
    document.signing_until = unit.now + rules.LEASE
    return ToSign(document.sha256, own.id)


def release_signature(unit: UnitOfWork, *, document_id: str) -> None:
    """Give up this request's lease after a signature has failed."""
    document = queries.find_document(unit.session, caller_of(unit), document_id, for_change=True)
    if document is not None and document.signing_claim == unit.context.request_id:
        document.signing_claim = document.signing_until = None


def sign_document(
    unit: UnitOfWork, signed: Signed, auto_return: bool, *, document_id: str, meaning: str, note: str | None
) -> Document:
    """Record the signature that was made under this request's lease. Raises Refused(conflict) when the lease was lost.

    The document is signed when all who have to sign have done so; until then the next ones are asked. With `auto_return` it
    counts as returned at once (C7).
    """
    document, own = _undecided(unit, document_id)
    if document.signing_claim != unit.context.request_id:
        raise Refused("conflict", "Signing took too long and was begun anew elsewhere.", retry_after_s=1)
    document.signed_sha256 = signed.sha256
    document.meaning = own.meaning = meaning
    document.signatures_done += 1
    _note(own, "signed", signed.at, note)
    own.decided_in = unit.context.request_id
    record(
        unit,
        "document.signed",
        document,
        original_sha256=document.original_sha256,
        signed_sha256=signed.sha256,
        meaning=meaning,
        pages_seen=len(queries.seen_pages(unit.session, document_id, own.account_id)),
    )
    if recipients.go_on(unit, document):
        decide(unit, document, "signed", signed.at, note)
        recipients.tell_signer(unit, contract.document_signed, document, own)
        if auto_return:
            give_back(unit, document)
    else:
        _come_further(document)
    return document


def decline_document(
    unit: UnitOfWork, *, document_id: str, reason_code: str | None, note: str | None
) -> Document:
    """Record that a signer will not sign, and why. It ends the document, which stays in the Unsigned report (S4-20).

    The sender and those who have signed are told. Raises Refused(invalid_request) without a reason.
    """
    rules.require_reason(reason_code, note)
    document, own = _undecided(unit, document_id)
    document.reason_code = own.reason_code = reason_code
    _note(own, "declined", unit.now, note)
    own.waits_for_seal_since = unit.now
    decide(unit, document, "declined", unit.now, note)
    record(
        unit,
        "document.declined",
        document,
        sha256=document.original_sha256,
        reason=reason_code or "other",
        pages_seen=len(queries.seen_pages(unit.session, document_id, own.account_id)),
    )
    recipients.tell_signer(unit, contract.document_declined, document, own)
    everybody = recipients.recipients_of(unit.session, document_id)
    signed = [each.account_id for each in everybody if each.state == "signed"]
    if signed:
        recipients.tell_several(unit, contract.signed_document_declined, document, signed)
    return document


def require_delegable(unit: UnitOfWork, *, document_id: str) -> None:
    """Raises Refused unless the caller may let somebody else sign the document now."""
    document, own = _undecided(unit, document_id)
    rules.require_delegable(may_delegate=document.may_delegate, is_delegate=own.delegated_by_id is not None)


def delegate_document(unit: UnitOfWork, account_id: str, *, document_id: str) -> Document:
    """Let another account sign in the caller's place. Raises Refused(recipient_refused) for one that has the document already."""
    require_delegable(unit, document_id=document_id)
    document, own = _undecided(unit, document_id)
    if recipients.find_recipient(unit.session, document_id, account_id) is not None:
        raise Refused("recipient_refused", "This person has the document already.", "email")
    delegate = recipients.add_delegate(unit, own, account_id)
    if document.recipient_account_id == own.account_id:
        document.recipient_account_id = account_id
    record(unit, "document.delegated", document, from_id=own.id, to_id=delegate.id)
    recipients.go_on(unit, document)
    _come_further(document)
    return document


def mark_returned(unit: UnitOfWork, *, document_id: str) -> Document:
    """Record that staff have put the signed document into the patient's account (S4-19, S4-21)."""
    caller = caller_of(unit)
    if caller.realm not in ("staff", REALM_OF_SYSTEMS):
        raise Refused("forbidden", "Only staff return a document.")
    document = queries.get_document(unit.session, caller, document_id, for_change=True)
    rules.require_signed(document.state)
    unit.require_version(document)
    document.version += 1
    give_back(unit, document)
    return document


def give_back(unit: UnitOfWork, document: Document) -> None:
    """A signed document counts as returned to the patient's account."""
    document.state = "returned"
    document.returned_at = unit.now
    record(unit, "document.returned", document, sha256=document.sha256)
    tell(
        unit,
        contract.document_returned if document.recipient_account_id else contract.paper_returned,
        document,
    )


def _undecided(unit: UnitOfWork, document_id: str) -> tuple[Document, Recipient]:
    """The document, locked, and the caller's part in it, if the caller may decide on it now."""
    caller = caller_of(unit)
    document = queries.get_document(unit.session, caller, document_id, for_change=True)
    own = recipients.find_recipient(unit.session, document_id, caller.id)
    if own is None or own.state == "waiting":
        raise Refused("forbidden", "Only its recipients decide on a document, each in their turn.")
    rules.require_undecided(document.state)
    rules.require_own_turn(own.role, own.state, own.expires_on, unit.now.date())
    require_undecided(unit, document)
    return document, own


def require_undecided(unit: UnitOfWork, document: Document) -> None:
    """Raises Refused unless the document still waits for a decision, in the version that was read, and nobody signs it now."""
    rules.require_undecided(document.state)
    unit.honour_version(document)
    if rules.is_leased(
        document.signing_claim, document.signing_until, asked_by=unit.context.request_id, now=unit.now
    ):
        raise Refused("conflict", "The document is being signed at this moment.", retry_after_s=1)


def follow_people(unit: UnitOfWork, data: Mapping[str, Any], standings: Sequence[Mapping[str, Any]]) -> None:
    """Move documents to the record that stands for their person now, after a merge of two people or its undoing.

    `standings` is what identity says about the two people now, so a late or repeated event has the same outcome.
    """
    for standing in standings:
        person_id = standing["person_id"]
        named = Document.named_person_id.in_([person_id, *standing["merged_ids"]])
        left_behind = select(Document).where(named, Document.person_id != person_id).order_by(Document.id)
        for document in unit.session.scalars(left_behind.with_for_update()).all():
            before, document.person_id = document.person_id, person_id
            record(unit, "document.person_changed", document, before=before, merge_id=data["merge_id"])


def decide(unit: UnitOfWork, document: Document, state: str, at: datetime.datetime, note: str | None) -> None:
    """A document is signed or declined as a whole; nobody is asked or reminded any more."""
    document.state = state
    document.decided_at = at
    document.note = note
    _come_further(document)
    recipients.end(recipients.recipients_of(unit.session, document.id))


def _come_further(document: Document) -> None:
    document.version += 1
    document.signing_claim = document.signing_until = None


def _note(own: Recipient, state: str, at: datetime.datetime, note: str | None) -> None:
    """What a signer has decided."""
    own.state, own.decided_at, own.note = state, at, note
    own.next_reminder_at = None


def record(unit: UnitOfWork, action: str, document: Document, **facts: Any) -> None:
    """An audit row about a document, and about the person whom it concerns."""
    about = {"person_id": document.person_id} if document.person_id else {}
    unit.audit(action, "document", document.id, **about, **facts)


def tell(unit: UnitOfWork, event: Any, document: Document) -> None:
    """Publish an event about a document, with the accounts that it names."""
    known = {
        "document_id": document.id,
        "recipient_account_id": document.recipient_account_id,
        "sender_account_id": document.sender_account_id,
        "repetition": document.reminders,
    }
    unit.publish(event, document.id, {name: known[name] for name in event.schema.fields})


def caller_of(unit: UnitOfWork) -> Caller:
    """The caller. No operation of this service is public, so there always is one."""
    if unit.caller is None:
        raise Refused("unauthenticated", "A valid passport is needed.")
    return unit.caller
