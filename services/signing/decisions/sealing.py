"""Signs decisions, outside of any transaction, one after the other.

A decline waits in the table of recipients. Consents lie with portals: an event says that there is one, without saying whose, and
they are read from the last moment on that was done. So those of before are signed, too.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import select

from services.chassis import wire
from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import accounts
from services.contracts.portals import consents
from services.signing.decisions import handlers
from services.signing.decisions.models import ConsentProgress, Decision
from services.signing.documents import rules
from services.signing.documents.models import Document, Recipient
from services.signing.documents.signer import Seal, Signer

LOOP = "decisions"
EVERY_S = 5.0
MOST_AT_ONCE = 50
# What was decided before it and is committed after it is found by the next reading.
OVERLAP = datetime.timedelta(minutes=5)
FORMAT = "portico-decision-1"
# What a statement about a consent says: all that was shown and given.
_OF_CONSENT = (
    "consent_id", "text_version", "language", "title", "text_hash", "decision", "at", "valid_until",
    "account_id", "person_id", "realm", "typed_name", "method",
)  # fmt: skip


def seal(runtime: Runtime) -> bool:
    """Sign what waits. False when more may wait."""
    with runtime.database.reading(None) as session:
        found = session.execute(
            select(Recipient, Document)
            .join(Document, Document.id == Recipient.document_id)
            .where(Recipient.waits_for_seal_since.is_not(None))
            .order_by(Recipient.waits_for_seal_since)
            .limit(MOST_AT_ONCE)
        ).all()
        behind = session.execute(
            select(
                ConsentProgress.organisation_id,
                ConsentProgress.organisation_key,
                ConsentProgress.until,
                ConsentProgress.news,
            )
            .where(ConsentProgress.is_behind)
            .limit(MOST_AT_ONCE)
        ).all()
    for own, document in found:
        _seal_decline(runtime, own, document)
    is_done = [_seal_consents(runtime, *each) for each in behind]
    return len(found) < MOST_AT_ONCE and all(is_done)


def _seal_decline(runtime: Runtime, own: Recipient, document: Document) -> None:
    organisation_id, organisation_key = document.organisation_id, document.organisation_key or ""
    account = _ask(
        runtime, (organisation_id, organisation_key), accounts.describe_account, account_id=own.account_id
    )
    statement = {
        "kind": "decline",
        "id": own.id,
        "organisation": account["organisation_name"],
        "document_id": document.id,
        "document_sha256": document.original_sha256,
        "title": document.title,
        "decision": "declined",
        "reason_code": own.reason_code or "other",
        "note": own.note,
        "account_id": own.account_id,
        "name": rules.printed_name(account["first_name"], account["last_name"], account["email"] or ""),
        "at": (own.decided_at or document.sent_at).isoformat(),
    }
    sha256 = _signed(runtime, organisation_id, organisation_key, account["organisation_name"], statement)
    caller = itself(runtime, organisation_id, organisation_key)
    transact_as(runtime, caller, lambda unit: handlers.seal_decline(unit, own, sha256))


def _seal_consents(
    runtime: Runtime, organisation_id: str, organisation_key: str, until: datetime.datetime | None, news: int
) -> bool:
    """Sign the consents of an organisation that were not signed before. False when there are more."""
    caller = itself(runtime, organisation_id, organisation_key)
    since = until - OVERLAP if until else None
    page = _ask(
        runtime,
        (organisation_id, organisation_key),
        consents.list_decided_consents,
        since=since,
        limit=MOST_AT_ONCE,
    )["items"]
    with runtime.database.reading(organisation_id) as session:
        ids = [each["id"] for each in page]
        known = set(session.scalars(select(Decision.id).where(Decision.id.in_(ids))))
    for each in page:
        if each["id"] not in known:
            statement = {"kind": "consent", "id": each["id"], "organisation": organisation_key}
            statement |= {name: each[name] for name in _OF_CONSENT}
            sha256 = _signed(runtime, organisation_id, organisation_key, organisation_key, statement)
            transact_as(runtime, caller, partial(_kept, each, sha256))
    last = datetime.datetime.fromisoformat(page[-1]["at"]) if page else until
    is_last = len(page) < MOST_AT_ONCE
    # The overlap of a busy time may fill a page: the next reading then begins where this one has ended.
    reached = last if is_last or last is None else last + OVERLAP
    transact_as(runtime, caller, lambda unit: handlers.come_further(unit, reached, news if is_last else None))
    return is_last


def _kept(consent: Mapping[str, Any], sha256: str, unit: UnitOfWork) -> None:
    handlers.seal_consent(unit, consent, sha256)


def _signed(runtime: Runtime, organisation_id: str, key: str, name: str, statement: Mapping[str, Any]) -> str:
    """The SHA-256 of the file with the statement and its signature."""
    text = json.dumps(
        {"format": FORMAT, **statement}, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    seal: Seal = runtime.parts.get(Signer).seal(organisation_id, key, name, text)
    return seal.sha256


def _ask(runtime: Runtime, organisation: tuple[str, str], operation: Any, **request: Any) -> Any:
    try:
        return runtime.ask(
            operation, request, organisation=organisation, context=wire.CallContext(wire.new_id())
        )
    except Refused as refusal:
        if operation is accounts.describe_account and refusal.code == "not_found":
            return {
                "organisation_name": organisation[1],
                "first_name": None,
                "last_name": None,
                "email": None,
            }
        raise
