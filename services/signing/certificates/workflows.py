"""Certificates are drawn and signed outside of any transaction, as passing files; then the opening is recorded."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from services.chassis.operations import Call
from services.chassis.passports import REALM_OF_SYSTEMS
from services.contracts.errors import Refused
from services.contracts.identity import accounts, organisations
from services.contracts.notifications import deliveries
from services.signing.certificates import handlers, rules
from services.signing.documents import queries
from services.signing.documents.models import Document, Recipient
from services.signing.documents.recipients import recipients_of
from services.signing.documents.rules import printed_name
from services.signing.documents.workflows import organisation_of, signer_of, wait_s

_DID = {"signed": "signed", "declined": "declined", "delegated": "asked somebody else"}


def open_completion_certificate(call: Call) -> Any:
    """Draw and sign the certificate of completion. Raises Refused(not_found, not_decided)."""
    from services.signing.pdf.pages import CompletionFacts  # noqa: PLC0415 - drawing takes memory that few processes need

    document, everybody = _read(call)
    rules.require_decided(document.state)
    names = _names(call, everybody, document.sender_account_id)
    facts = call.ask(organisations.get_public_organisation, {"organisation": organisation_of(call)[1]})
    zone = ZoneInfo(facts["time_zone"] or "UTC")
    caller = call.caller
    shows_note = caller is not None and (
        caller.realm in ("staff", REALM_OF_SYSTEMS) or len(everybody) == 1 == document.signatures_wanted
    )
    decision = "declined" if document.state == "declined" else "signed"
    decided_by = ", ".join(names[each.account_id] for each in everybody if each.state == decision)
    drawn = CompletionFacts(
        document_name=document.title,
        document_id=document.id,
        organisation_name=facts["name"],
        decision=decision,
        decided_by=decided_by or document.addressee or "unknown",
        decided_at=(document.decided_at or document.sent_at).astimezone(zone),
        original_sha256=document.original_sha256,
        final_sha256=document.sha256,
        meaning=document.meaning.capitalize() if document.meaning and len(everybody) < 2 else None,
        note=document.note if shows_note else None,
        pages=document.pages,
        events=tuple(_events(document, everybody, names, zone)),
    )
    return _opened(call, "completion", drawn, facts["name"])


def open_transmission_certificate(call: Call) -> Any:
    """Draw and sign the certificate of transmission. Raises Refused(not_found, forbidden)."""
    from services.signing.pdf.pages import TransmissionFacts  # noqa: PLC0415 - as above

    if call.caller is None or call.caller.realm not in ("staff", REALM_OF_SYSTEMS):
        raise Refused("forbidden", "Only staff need proof of what they sent.")
    document, everybody = _read(call)
    names = _names(call, everybody, document.sender_account_id)
    facts = call.ask(organisations.get_public_organisation, {"organisation": organisation_of(call)[1]})
    zone = ZoneInfo(facts["time_zone"] or "UTC")
    receipts = _receipts(call, document, everybody)
    rows = tuple(_transmissions(document, everybody, names, receipts, zone))
    first = min((each.at.date() for each in rows if each.at), default=None)
    drawn = TransmissionFacts(
        organisation_name=facts["name"],
        document_name=document.title,
        document_id=document.id,
        pages=document.pages,
        sha256=document.original_sha256,
        days_left=rules.days_left_then(document.care_began_on, first),
        rows=rows,
    )
    return _opened(call, "transmission", drawn, facts["name"])


def _read(call: Call) -> tuple[Document, Sequence[Recipient]]:
    with call.runtime.database.reading(call.organisation_id) as session:
        document = queries.original_of(session, call.caller, document_id=call.request["document_id"])
        return document, recipients_of(session, document.id)


def _names(call: Call, everybody: Sequence[Recipient], sender_id: str) -> dict[str, str]:
    """The names of recipients in full, as on their signatures, and the sender's."""
    names = {}
    for account_id in dict.fromkeys([*(each.account_id for each in everybody), sender_id]):
        try:
            known = call.ask(accounts.describe_account, {"account_id": account_id})
        except Refused as refused:
            if refused.code != "not_found":
                raise
            names[account_id] = "a system" if account_id == sender_id else "unknown"
        else:
            names[account_id] = printed_name(
                known["first_name"], known["last_name"], known["email"] or "unknown"
            )
    return names


def _events(
    document: Document, everybody: Sequence[Recipient], names: Mapping[str, str], zone: ZoneInfo
) -> list[Any]:
    from services.signing.pdf.pages import ProcessEvent  # noqa: PLC0415 - as above

    sender = names[document.sender_account_id]
    found: list[tuple[datetime.datetime | None, str, str]] = [(document.sent_at, "sent", sender)]
    for each in everybody:
        told = "asked to sign" if each.role in ("signer", "approver") else "shown"
        found.append((each.asked_at, told, names[each.account_id]))
        found.append((each.viewed_at, "opened first", names[each.account_id]))
        found.append((each.decided_at, _DID.get(each.state, each.state), names[each.account_id]))
    if document.is_wet:
        found.append((document.decided_at, "signed on paper", document.addressee or "unknown"))
    found.append((document.returned_at, "returned", sender))
    known = [ProcessEvent(at.astimezone(zone), what, who) for at, what, who in found if at is not None]
    # A signature states whole seconds; within one, what comes first here has happened first.
    return sorted(known, key=lambda each: each.at.replace(microsecond=0))


def _receipts(call: Call, document: Document, everybody: Sequence[Recipient]) -> dict[str, Mapping[str, Any]]:
    asked = [(each.account_id, each.asked_at) for each in everybody if each.asked_at]
    if document.channel == "fax":
        asked = [(document.id, document.sent_at)]
    if not asked:
        return {}
    wanted = [{"account_id": account_id, "at": at} for account_id, at in asked]
    answer = call.ask(deliveries.describe_document_deliveries, {"document_id": document.id, "asked": wanted})
    return {each["account_id"]: each for each in answer["items"]}


def _transmissions(
    document: Document,
    everybody: Sequence[Recipient],
    names: Mapping[str, str],
    receipts: Mapping[str, Mapping[str, Any]],
    zone: ZoneInfo,
) -> list[Any]:
    from services.signing.pdf.pages import Transmission  # noqa: PLC0415 - as above

    if document.channel == "print":
        at = document.sent_at.astimezone(zone)
        return [Transmission(document.addressee or "unknown", rules.WAYS["print"], at, "no receipt on paper")]
    if document.channel == "fax":
        to = ", ".join((document.addressee or "unknown", document.fax_number or "unknown"))
        return [_transmission(to, "fax", receipts.get(document.id), zone)]
    return [
        _transmission(names[each.account_id], "email", receipts.get(each.account_id), zone)
        for each in everybody
        if each.asked_at
    ]


def _transmission(to: str, channel: str, receipt: Mapping[str, Any] | None, zone: ZoneInfo) -> Any:
    from services.signing.pdf.pages import Transmission  # noqa: PLC0415 - as above

    if receipt is None:
        return Transmission(to, rules.WAYS[channel], None, "not handed over yet")
    if receipt["sent_at"] is None:
        told = receipt["state"].replace("_", " ")
        return Transmission(to, rules.WAYS[channel], None, f"not taken: {told} {receipt['reason'] or ''}")
    at = datetime.datetime.fromisoformat(receipt["sent_at"]).astimezone(zone)
    return Transmission(to, rules.WAYS[channel], at, f"taken by the mail server as {receipt['receipt']}")


def _opened(call: Call, kind: str, facts: Any, organisation_name: str) -> Any:
    organisation_id, key = organisation_of(call)
    sha256 = signer_of(call).certificate(organisation_id, key, organisation_name, kind, facts, wait_s(call))
    return call.transact(
        lambda unit: call.operation.reply.dump(
            handlers.open_certificate(unit, kind, sha256, document_id=call.request["document_id"])
        )
    )
