"""Operations of several steps: ask other services, screen or sign outside of any transaction, then commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from services.chassis.events import IncomingEvent
from services.chassis.logs import log
from services.chassis.operations import Call
from services.chassis.passports import REALM_OF_SYSTEMS
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.contracts.identity import accounts, merging
from services.contracts.referrals import records
from services.signing.documents import handlers, queries, recipients, rules
from services.signing.documents.models import Recipient
from services.signing.documents.page_pictures import PagePictures
from services.signing.documents.signer import Order, Signer, TakenIn

LONGEST_WAIT_S = 15.0
ASKED_AT_ONCE = 200  # accounts whose names identity tells in one answer


def send_document(call: Call) -> Any:
    """Ask identity about the recipient and referrals about the contact record, take in the file, then record it as sent.

    A fax or paper has no recipient with an account, and needs no switch (S4-5).

    A crash before the last step leaves a file that nothing refers to; it is deleted later.
    """
    if call.is_repeated():
        return call.answer_again()
    way = rules.Way(**{each.name: call.request[each.name] for each in fields(rules.Way)})
    rules.require_way(way, utc_now().date())
    invited = _invited(call, way)
    concerned = _concerned(call)
    taken = take_in(call, sum(each.role in rules.DECIDING for each in invited))
    if way.channel == rules.FAX:
        rules.require_faxable(taken.bytes)
    return call.commit(handlers.send_document, taken.sha256, taken.pages, concerned, invited)


def _invited(call: Call, way: rules.Way) -> list[recipients.Invited]:
    """The accounts to which a document goes. Whoever is named by an e-mail address alone gets an account with the first document.

    Raises Refused(recipient_refused, feature_is_off).
    """
    if way.recipient_account_id is not None:
        _require_signer(call, way.recipient_account_id, "recipient_account_id")
        return [recipients.Invited(way.recipient_account_id)]
    for number, each in enumerate(way.recipients):
        if each["account_id"] is not None:
            _require_signer(call, each["account_id"], f"recipients.{number}.account_id")
    by_address = _accounts_of_addresses(call, [each for each in way.recipients if each["email"]])
    invited: list[recipients.Invited] = []
    for number, each in enumerate(way.recipients):
        account_id = each["account_id"] or by_address[each["email"].casefold()]
        if each["email"]:
            _require_signer(call, account_id, f"recipients.{number}.email")
        if account_id in {known.account_id for known in invited}:
            raise Refused("recipient_refused", "Name each recipient once.", f"recipients.{number}.email")
        invited.append(recipients.Invited(account_id, each["role"], each["turn"], each["expires_on"]))
    return invited


def _accounts_of_addresses(call: Call, addressed: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The account of each address, which identity makes and invites where there is none."""
    if not addressed:
        return {}
    people = [{name: each[name] for name in ("email", "first_name", "last_name")} for each in addressed]
    answer = call.ask(accounts.find_or_invite_signers, {"people": people})
    return {each["email"].casefold(): each["account_id"] for each in answer["items"]}


def _require_signer(call: Call, account_id: str, field: str) -> None:
    account = _describe_account(call, account_id, "recipient_refused", field)
    rules.require_feature(account["features"])
    rules.require_recipient(account["state"], account["realm"], can_sign=account["can_sign"], field=field)


def delegate_document(call: Call) -> Any:
    """Find the account of the person who signs instead, which is made where there is none, then hand the document over.

    Whether the caller may is looked at first, so that nobody else can have accounts made.
    """
    if call.is_repeated():
        return call.answer_again()
    document_id, address = call.request["document_id"], call.request["email"]
    call.transact(lambda unit: handlers.require_delegable(unit, document_id=document_id))
    account_id = _accounts_of_addresses(call, [call.request])[address.casefold()]
    _require_signer(call, account_id, "email")
    return call.commit(handlers.delegate_document, account_id)


def take_in(call: Call, signatures: int = 0) -> TakenIn:
    """Screen the uploaded file of this request, try the signatures that it needs, and keep it; a photograph becomes a PDF."""
    document = call.request["document"]
    return signer_of(call).take_in(
        organisation_of(call)[0], document["sha256"], document["size"], wait_s(call), signatures=signatures
    )


def get_document(call: Call) -> Any:
    """Answer with the document and record that it was read."""

    def read(unit: UnitOfWork) -> dict[str, Any]:
        document = handlers.read_document(unit, **call.request)
        everybody = recipients.recipients_of(unit.session, document.id)
        own = next((each for each in everybody if each.account_id == unit.actor_id), None)
        reader = own.account_id if own else document.recipient_account_id
        shown = call.operation.reply.dump({"recipients": everybody})
        seen = queries.seen_pages(unit.session, document.id, reader)
        return {**call.operation.reply.dump(document), **shown, "seen_pages": seen}

    return shown_to_caller(call, call.transact(read))


def list_documents(call: Call) -> Any:
    """A page of documents, each with what the caller may do, and with the names of those who sent and received it."""
    return shown_to_caller(call, call.read(queries.list_documents))


def shown_to_caller(call: Call, answer: dict[str, Any]) -> dict[str, Any]:
    """A dumped document, or a list of them, with what only this caller is told. Not inside a transaction."""
    shown = answer.get("items", [answer])
    caller = call.caller
    if caller is None:
        raise Refused("unauthenticated", "A valid passport is needed.")
    is_staff = caller.realm in ("staff", REALM_OF_SYSTEMS)
    with call.runtime.database.reading(call.organisation_id) as session:
        own_parts = queries.own_parts(session, caller, [each["id"] for each in shown])
    names, organisation_name = _names(call, shown)
    for each in shown:
        own = own_parts.get(each["id"])
        each["actions"] = rules.possible_actions(
            each["state"],
            channel=each["channel"],
            is_replaced=each["replaced_by_document_id"] is not None,
            may_decide=caller.may("document.sign") and own is not None and _may_decide(own),
            may_delegate=each["may_delegate"] and own is not None and own.delegated_by_id is None,
            may_send=is_staff and caller.may("document.send"),
        )
        each["own_role"] = own.role if own else None
        each["own_standing"] = rules.own_standing(each["state"], recipients.standing_of(own)) if own else None
        for recipient in each.get("recipients", []):
            recipient["name"] = names.get(recipient["account_id"])
            if not is_staff and recipient["account_id"] != caller.id:
                recipient.update(
                    dict.fromkeys(("account_id", "note", "reason_code", "viewed_at", "decision_id"))
                )
        if own is not None and not is_staff:
            each.update(_of_own(own))
        each["sender_name"] = names.get(each["sender_account_id"])
        each["recipient_name"] = each["addressee"] or names.get(each["recipient_account_id"])
        each["organisation_name"] = organisation_name
    return answer


def _may_decide(own: Recipient) -> bool:
    is_in_time = not rules.is_expired(own.expires_on, utc_now().date())
    return own.role in rules.DECIDING and own.state == "asked" and is_in_time


def _of_own(own: Recipient) -> dict[str, Any]:
    """What a document says to a recipient about their own part, in place of what others decided or opened."""
    moments = {name: getattr(own, name) for name in ("viewed_at", "decided_at")}
    told = {name: at.isoformat() if at else None for name, at in moments.items()}
    return {**told, "meaning": own.meaning, "reason_code": own.reason_code, "note": own.note}


def _names(call: Call, shown: list[dict[str, Any]]) -> tuple[dict[str, str | None], str | None]:
    """Names by account, and the organisation's. Without an answer in time documents are shown without names."""
    members = ("sender_account_id", "recipient_account_id")
    wanted = {each[member] for each in shown for member in members if each[member] is not None}
    wanted |= {one["account_id"] for each in shown for one in each.get("recipients", [])}
    names: dict[str, str | None] = {}
    organisation_name = None
    try:
        for start in range(0, len(wanted), ASKED_AT_ONCE):
            asked = sorted(wanted)[start : start + ASKED_AT_ONCE]
            answer = call.ask(accounts.describe_authors, {"account_ids": asked})
            names |= {author["id"]: author["name"] for author in answer["authors"]}
            organisation_name = answer["organisation_name"]
    except Refused as refusal:
        log.warning("documents_without_names", reason=refusal.code)
    return names, organisation_name


def list_document_pages(call: Call) -> Any:
    """Have the pages read outside of any transaction, then record the opening and tell the texts."""
    sha256 = _file(call)
    after = call.request["after"]
    read = _page_pictures(call).texts(
        organisation_of(call)[0], sha256, after, call.request["limit"], wait_s(call)
    )
    last = read.texts[-1].number if read.texts else after
    document_id = call.request["document_id"]
    call.transact(
        lambda unit: handlers.open_document_pages(unit, sha256, after + 1, last, document_id=document_id)
    )
    return call.operation.reply.dump({"pages": read.pages, "items": read.texts, "next": read.next})


def open_document_page(call: Call) -> Any:
    """Have the page drawn outside of any transaction, then record the opening and tell where the picture is."""
    sha256 = _file(call)
    picture = _page_pictures(call).picture(
        organisation_of(call)[0], sha256, call.request["number"], wait_s(call)
    )
    return call.transact(
        lambda unit: call.operation.reply.dump(
            handlers.open_document_page(unit, sha256, picture, **call.request)
        )
    )


def _file(call: Call) -> str:
    """The file of the document as it stands now, if the caller may see it."""
    with call.runtime.database.reading(call.organisation_id) as session:
        return queries.file_of(session, call.caller, document_id=call.request["document_id"])


def sign_document(call: Call) -> Any:
    """Claim the document, sign it outside of any transaction, record the signature.

    One of any number of concurrent requests holds the claim. A crash before the last step leaves a lease that ends by
    itself, and perhaps a signed file that nothing refers to, which is deleted later.
    """
    if call.is_repeated():
        return call.answer_again()
    account = _own_account(call)
    with signer_of(call).turn_to_sign(wait_s(call)):
        # Check again: another worker may have carried out the same request while this one waited for its turn.
        if call.is_repeated():
            return call.answer_again()
        with _signed(call, account, call.request["document_id"]) as signed:
            return call.commit(handlers.sign_document, signed, rules.AUTO_RETURN in account["features"])


def sign_documents(call: Call) -> Any:
    """Sign one document after the other, each as `sign_document` does. A repeated request goes on where it was interrupted."""
    if call.is_repeated():
        return call.answer_again()
    account = _own_account(call)
    items = []
    for document_id in dict.fromkeys(call.request["document_ids"]):
        told: dict[str, Any] = {
            "document_id": document_id,
            "title": None,
            "outcome": "signed",
            "detail": None,
        }
        try:
            told["title"] = _sign_one_of_several(call, account, document_id)
        except Refused as refusal:
            told |= {"outcome": refusal.code, "detail": refusal.detail}
        items.append(told)
    return call.commit(handlers.documents_signed, items)


def _sign_one_of_several(call: Call, account: Mapping[str, Any], document_id: str) -> str:
    done = call.transact(lambda unit: handlers.signed_in_this_request(unit, document_id=document_id))
    if done is not None:
        return done
    title = call.transact(lambda unit: handlers.require_opened(unit, document_id=document_id))
    auto_return, meaning = rules.AUTO_RETURN in account["features"], call.request["meaning"]
    with signer_of(call).turn_to_sign(wait_s(call)), _signed(call, account, document_id) as signed:
        call.transact(
            lambda unit: (
                handlers.sign_document(
                    unit, signed, auto_return, document_id=document_id, meaning=meaning, note=None
                )
                and None
            )
        )
    return title


@contextmanager
def _signed(call: Call, account: Mapping[str, Any], document_id: str) -> Iterator[handlers.Signed]:
    """The signed file of a document that this request has claimed, to be recorded within the block."""
    meaning = call.request["meaning"]
    claimed = call.transact(
        lambda unit: handlers.claim_signature(unit, document_id=document_id, meaning=meaning)
    )
    try:
        order = _order(call, claimed, account)
        yield handlers.Signed(signer_of(call).sign(order), order.signed_at)
    except Exception:
        call.transact(lambda unit: handlers.release_signature(unit, document_id=document_id))
        raise


def _own_account(call: Call) -> Mapping[str, Any]:
    return _describe_account(call, call.caller.id if call.caller else "", "not_found")


def _order(call: Call, claimed: handlers.ToSign, signer: Mapping[str, Any]) -> Order:
    organisation_id, organisation_key = organisation_of(call)
    return Order(
        organisation_id=organisation_id,
        organisation_key=organisation_key,
        organisation_name=signer["organisation_name"],
        field_name=f"Signature-{claimed.recipient_id}",
        sha256=claimed.sha256,
        signer_name=rules.printed_name(signer["first_name"], signer["last_name"], signer["email"]),
        meaning=call.request["meaning"],
        typed_name=call.request["typed_name"] or "",
        strokes=rules.strokes(call.request["drawing"]),
        signed_at=utc_now().replace(microsecond=0),  # a PDF states whole seconds
    )


def _describe_account(
    call: Call, account_id: str, refusal: str, field: str | None = None
) -> Mapping[str, Any]:
    try:
        account: Mapping[str, Any] = call.ask(accounts.describe_account, {"account_id": account_id})
    except Refused as refused:
        if refused.code != "not_found":
            raise
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


def organisation_of(call: Call) -> tuple[str, str]:
    """Id and key of the caller's organisation. Raises Refused(unauthenticated) without a caller or an organisation."""
    caller = call.caller
    if caller is None or caller.organisation_id is None or caller.organisation_key is None:
        raise Refused("unauthenticated", "A valid passport is needed.")
    return caller.organisation_id, caller.organisation_key


def wait_s(call: Call) -> float:
    """Seconds that a step may wait for its turn."""
    remaining_s = call.context.remaining_s()
    return LONGEST_WAIT_S if remaining_s is None else min(LONGEST_WAIT_S, remaining_s)


def _page_pictures(call: Call) -> PagePictures:
    return call.runtime.parts.get(PagePictures)


def signer_of(call: Call) -> Signer:
    """The process's signer."""
    return call.runtime.parts.get(Signer)
