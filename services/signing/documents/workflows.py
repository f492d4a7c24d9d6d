"""Operations of several steps: ask other services, screen or sign outside of any transaction, then commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.chassis.events import IncomingEvent
from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.contracts.identity import accounts, merging
from services.contracts.referrals import records
from services.signing.documents import handlers, rules
from services.signing.documents.signer import Order, Signer

LONGEST_WAIT_S = 15.0


def send_document(call: Call) -> Any:
    """Ask identity about the recipient and referrals about the contact record, take in the file, then record it as sent.

    A crash before the last step leaves a file that nothing refers to; it is deleted later.
    """
    if call.is_repeated():
        return call.commit(_only_replayed)
    recipient = _describe_account(call, call.request["recipient_account_id"], "recipient_refused")
    rules.require_feature(recipient["features"])
    rules.require_recipient(recipient["state"], recipient["realm"], can_sign=recipient["can_sign"])
    concerned = _concerned(call)
    document = call.request["document"]
    pages = _signer(call).take_in(_organisation(call)[0], document["sha256"], document["size"], _wait_s(call))
    return call.commit(handlers.send_document, document["sha256"], pages, concerned)


def get_document(call: Call) -> Any:
    """Answer with the document and record that it was read."""
    return call.transact(lambda unit: call.operation.reply.dump(handlers.read_document(unit, **call.request)))


def sign_document(call: Call) -> Any:
    """Claim the document, sign it outside of any transaction, record the signature.

    One of any number of concurrent requests holds the claim. A crash before the last step leaves a lease that ends by
    itself, and perhaps a signed file that nothing refers to, which is deleted later.
    """
    if call.is_repeated():
        return call.commit(_only_replayed)
    caller, document_id = call.caller, call.request["document_id"]
    signer = _describe_account(call, caller.id if caller else "", "not_found")
    with _signer(call).turn_to_sign(_wait_s(call)):
        # Check again: another worker may have carried out the same request while this one waited for its turn.
        if call.is_repeated():
            return call.commit(_only_replayed)
        sha256 = call.transact(lambda unit: handlers.claim_signature(unit, document_id=document_id))
        try:
            order = _order(call, sha256, signer)
            signed = handlers.Signed(_signer(call).sign(order), order.signed_at)
            return call.commit(handlers.sign_document, signed)
        except Exception:
            call.transact(lambda unit: handlers.release_signature(unit, document_id=document_id))
            raise


def _order(call: Call, sha256: str, signer: Mapping[str, Any]) -> Order:
    organisation_id, organisation_key = _organisation(call)
    return Order(
        organisation_id=organisation_id,
        organisation_key=organisation_key,
        organisation_name=signer["organisation_name"],
        document_id=call.request["document_id"],
        sha256=sha256,
        signer_name=rules.printed_name(signer["first_name"], signer["last_name"], signer["email"]),
        meaning=call.request["meaning"],
        signed_at=utc_now().replace(microsecond=0),  # a PDF states whole seconds
    )


def _describe_account(call: Call, account_id: str, refusal: str) -> Mapping[str, Any]:
    try:
        account: Mapping[str, Any] = call.ask(accounts.describe_account, {"account_id": account_id})
    except Refused as refused:
        if refused.code != "not_found":
            raise
        field = "recipient_account_id" if refusal == "recipient_refused" else None
        raise Refused(refusal, "There is no such account.", field) from None
    return account


def _concerned(call: Call) -> handlers.Concerned:
    """The person whom the contact record is about. Empty without a record, or if the record is linked to no person.

    Raises Refused(not_found) for a record that does not exist.
    """
    contact_record_id = call.request["contact_record_id"]
    if contact_record_id is None:
        return handlers.Concerned()
    try:
        record = call.ask(records.describe_contact_record, {"contact_record_id": contact_record_id})
    except Refused as refused:
        if refused.code != "not_found":
            raise
        raise Refused("not_found", "There is no such contact record.", "contact_record_id") from None
    person_id = record.get("person_id")
    return handlers.Concerned(record.get("named_person_id") or person_id, person_id)


def follow_people(incoming: IncomingEvent) -> None:
    """After a merge of two people or its undoing: ask identity for their records now, then move their documents."""
    standings = [
        incoming.ask(merging.describe_person, {"person_id": incoming.data[name]})
        for name in ("kept_id", "merged_id")
    ]
    incoming.apply(handlers.follow_people, standings)


def _only_replayed(_unit: UnitOfWork) -> Any:
    """The handler for `commit` when the answer is remembered. It only runs if that answer has just been deleted."""
    raise Refused("conflict", "This request is too old to be repeated.")


def _organisation(call: Call) -> tuple[str, str]:
    """Id and key of the caller's organisation. Raises Refused(unauthenticated) without a caller or an organisation."""
    caller = call.caller
    if caller is None or caller.organisation_id is None or caller.organisation_key is None:
        raise Refused("unauthenticated", "A valid passport is needed.")
    return caller.organisation_id, caller.organisation_key


def _wait_s(call: Call) -> float:
    remaining_s = call.context.remaining_s()
    return LONGEST_WAIT_S if remaining_s is None else min(LONGEST_WAIT_S, remaining_s)


def _signer(call: Call) -> Signer:
    signer: Signer = call.runtime.signer
    return signer
