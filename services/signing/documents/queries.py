"""Queries of documents. Staff see all documents of their organisation; a provider those sent to it, from its turn on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, not_, or_, select
from sqlalchemy.orm import Session

from services.chassis.passports import REALM_OF_SYSTEMS, Caller
from services.contracts.errors import Refused
from services.signing.documents import rules
from services.signing.documents.models import Document, Recipient, SeenPage


def visible_documents(caller: Caller) -> Select[Document]:
    """The documents that this caller may see. Patients and families see no documents."""
    documents = select(Document)
    if caller.realm == "staff":
        return documents
    if caller.realm == REALM_OF_SYSTEMS and (caller.may("document.read") or caller.may("document.send")):
        return documents
    if caller.realm == "provider":
        return documents.where(_sent_to(caller))
    return documents.where(false())


def _sent_to(caller: Caller, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the document was sent to the caller, whose turn has come."""
    own = select(Recipient.document_id).where(
        Recipient.account_id == caller.id, Recipient.asked_at.is_not(None), *more
    )
    return Document.id.in_(own)


def find_document(
    session: Session, caller: Caller, document_id: str, *, for_change: bool = False
) -> Document | None:
    """The document, if the caller may see it. `for_change` locks its row until the transaction ends."""
    statement = visible_documents(caller).where(Document.id == document_id)
    return session.scalars(statement.with_for_update() if for_change else statement).one_or_none()


def get_document(session: Session, caller: Caller, document_id: str, *, for_change: bool = False) -> Document:
    """The document with this id. Raises Refused(not_found), also for a document that the caller may not see."""
    document = find_document(session, caller, document_id, for_change=for_change)
    if document is None:
        raise no_such_document()
    return document


def no_such_document() -> Refused:
    """There is no document with this id, or the caller may not see it."""
    return Refused("not_found", "There is no such document.", "document_id")


def file_of(session: Session, caller: Caller | None, *, document_id: str) -> str:
    """The SHA-256 of a document's file as it stands now. Raises Refused(not_found)."""
    document = find_document(session, caller, document_id) if caller else None
    if document is None:
        raise no_such_document()
    return document.sha256


def seen_pages(session: Session, document_id: str, account_id: str | None) -> list[int]:
    """The pages that a recipient has seen before deciding."""
    seen = SeenPage.document_id == document_id, SeenPage.account_id == account_id
    return list(session.scalars(select(SeenPage.number).where(*seen).order_by(SeenPage.number)))


def own_parts(session: Session, caller: Caller, document_ids: Collection[str]) -> dict[str, Recipient]:
    """The caller's part in each of these documents that were sent to them, by document."""
    own = select(Recipient).where(
        Recipient.account_id == caller.id,
        Recipient.document_id.in_(document_ids),
        Recipient.asked_at.is_not(None),
    )
    return {each.document_id: each for each in session.scalars(own)}


def describe_document(session: Session, _caller: Caller, *, document_id: str) -> dict[str, str]:
    """The document's id, if the organisation has it, for another service. Raises Refused(not_found)."""
    found = session.scalar(select(Document.id).where(Document.id == document_id))
    if found is None:
        raise no_such_document()
    return {"document_id": found}


def original_of(session: Session, caller: Caller | None, *, document_id: str) -> Document:
    """The document, for its file as it was sent. Raises Refused(not_found)."""
    document = find_document(session, caller, document_id) if caller else None
    if document is None:
        raise no_such_document()
    return document


def files_in_use(session: Session, sha256s: Collection[str]) -> set[str]:
    """Those of these files to which a document refers, as it was sent or as it was signed."""
    columns = (Document.original_sha256, Document.signed_sha256)
    found = (session.scalars(select(column).where(column.in_(sha256s))) for column in columns)
    return {str(sha256) for each in found for sha256 in each}


def list_documents(
    session: Session,
    caller: Caller,
    *,
    state: str | None,
    report: str | None,
    is_decided: bool | None,
    is_mine: bool,
    person_id: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """One page, newest first. `after` is the id of the last document of the page before."""
    statement = visible_documents(caller)
    if state is not None:
        statement = statement.where(Document.state == state)
    if report is not None:
        is_open = Document.state.in_(rules.UNSIGNED_REPORT), Document.replaced_by_document_id.is_(None)
        statement = statement.where(*is_open)
    if report == "plans_of_care":
        statement = statement.where(Document.kind == rules.PLAN_OF_CARE)
    if person_id is not None:
        statement = statement.where(Document.person_id == person_id)
    if is_mine:
        statement = statement.where(_sent_to(caller))
    if is_decided is not None:
        waits = Document.state == "sent"
        if is_mine or caller.realm == "provider":
            waits = and_(waits, _sent_to(caller, Recipient.state == "asked"))
        statement = statement.where(not_(waits) if is_decided else waits)
    if after is not None:
        statement = _older_than(statement, find_document(session, caller, after))
    newest_first = statement.order_by(Document.sent_at.desc(), Document.id.desc())
    rows = list(session.scalars(newest_first.limit(limit + 1)))
    page = rows[:limit]
    return {"items": page, "next": page[-1].id if len(rows) > len(page) else None}


def _older_than(statement: Select[Document], last: Document | None) -> Select[Document]:
    if last is None:
        raise Refused("invalid_request", "The cursor is not one of this list.", "after")
    same_moment = and_(Document.sent_at == last.sent_at, Document.id < last.id)
    return statement.where(or_(Document.sent_at < last.sent_at, same_moment))


def has_faxed_to(session: Session, number: str) -> bool:
    """Whether a fax of the organisation has reached this number before."""
    reached = select(Document.id).where(Document.fax_number == number, Document.fax_state == "sent")
    return bool(session.scalar(select(reached.exists())))
