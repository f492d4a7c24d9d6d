"""Create the deliveries that an event asks for. The sender loop sends them afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.notifications import deliveries as contract
from services.notifications.channels.status_codes import Finding
from services.notifications.deliveries import rules, suppression
from services.notifications.deliveries.creation import create_delivery, tell_complaint, tell_status
from services.notifications.deliveries.models import Delivery


def referral_assigned(
    unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str, recipients: list[Mapping[str, Any]]
) -> None:
    """One delivery for each account that wants e-mails about this resource (S0-41).

    `recipients` are dicts of `account_id` and `email_is_verified`, as identity has just answered. The delivery to an
    unverified address is suppressed, with the reason (S0-43).
    """
    _tell_each(unit, "referral_assigned", recipients, _referral(data), mail_domain)


def referral_promoted(
    unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str, recipients: list[Mapping[str, Any]]
) -> None:
    """Tell the recipients of an assignment that a referral on the waitlist has a place now.

    `recipients` as in `referral_assigned`.
    """
    _tell_each(unit, "referral_promoted", recipients, _referral(data), mail_domain)


def referral_withdrawn(
    unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str, recipients: list[Mapping[str, Any]]
) -> None:
    """Tell those who were told of a referral that it is no longer needed. The message says neither why nor who has it.

    `recipients` as in `referral_assigned`.
    """
    context = {name: data[name] for name in ("contact_record_number", "referral_id")}
    _tell_each(unit, "referral_withdrawn", recipients, context, mail_domain)


def referral_reassigned(
    unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str, recipients: list[Mapping[str, Any]]
) -> None:
    """Tell those who were told of a referral that it has gone to somebody else. The message does not say to whom.

    `recipients` as in `referral_assigned`.
    """
    context = {name: data[name] for name in ("contact_record_number", "referral_id")}
    _tell_each(unit, "referral_reassigned", recipients, context, mail_domain)


def capacity_stale(
    unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str, recipients: list[Mapping[str, Any]]
) -> None:
    """Ask those who may edit a program's capacity to confirm it. The message does not name the program.

    `recipients` are dicts of `account_id` and `email_is_verified`, as identity has just answered.
    """
    context = {"program_id": data["program_id"], "line_id": data["line_id"]}
    for recipient in recipients:
        reason = None if recipient["email_is_verified"] else "address_unverified"
        create_delivery(
            unit, "capacity_stale", recipient["account_id"], context, mail_domain, suppressed_for=reason
        )


def account_invited(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Send the link that sets a password (S4-9). The delivery keeps only the invitation's id, not the link."""
    kind = rules.kind_of_credential_message(data["purpose"])
    create_delivery(unit, kind, data["account_id"], {"invitation_id": data["invitation_id"]}, mail_domain)


def login_email_changed(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell the old address of a changed log-in (S1-19). The delivery keeps only the change's id, not the address."""
    create_delivery(
        unit, "login_email_changed", data["account_id"], {"change_id": data["change_id"]}, mail_domain
    )


def account_closed(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell the owner of a closed account. The delivery keeps only the id of a note, not the address."""
    create_delivery(unit, "account_closed", data["account_id"], {"change_id": data["change_id"]}, mail_domain)


def portal_reminder_requested(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell the owner of an account where the organisation's portals are: somebody has asked with its e-mail address."""
    create_delivery(
        unit, "portal_reminder", data["account_id"], {"short_name": data["short_name"]}, mail_domain
    )


def pickup_code_requested(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Send an employee's pick-up code (S2-117). The delivery keeps only the code's id, also in place of an account's."""
    create_delivery(unit, "pickup_code", data["code_id"], {"code_id": data["code_id"]}, mail_domain)


def password_set(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell the owner that the password is another one, unless it is the first one and the owner has chosen it."""
    if data.get("is_changed"):
        create_delivery(unit, "password_changed", data["account_id"], {}, mail_domain)


def second_factor_changed(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell the owner of an account that its second factor was set up, removed or reset."""
    create_delivery(
        unit, rules.kind_of_second_factor_message(data["change"]), data["account_id"], {}, mail_domain
    )


def outside_identity_changed(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell the owner of an account that an outside sign-in was linked or unlinked. The message does not say which one."""
    kind = "outside_identity_linked" if data["change"] == "linked" else "outside_identity_unlinked"
    create_delivery(unit, kind, data["account_id"], {"identity_id": data["identity_id"]}, mail_domain)


def account_enabled(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell the owner of a disabled account that it is enabled again."""
    create_delivery(unit, "account_enabled", data["account_id"], {}, mail_domain)


def patient_not_verified(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell the address that somebody entered that no patient could be verified (S3-26).

    There is no account: the notice's id takes its place, and identity gives the address when the message is rendered.
    """
    create_delivery(
        unit, "identity_not_verified", data["notice_id"], {"notice_id": data["notice_id"]}, mail_domain
    )


def access_granted(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell an account that reaches a profile already of another one. The message does not say whose it is."""
    if data.get("is_further"):
        create_delivery(unit, "profile_granted", data["account_id"], {}, mail_domain)


def grant_expiring(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell an account that its access to a profile ends soon. The message does not say whose profile it is."""
    create_delivery(unit, "access_ending", data["account_id"], {"grant_id": data["grant_id"]}, mail_domain)


def break_glass_used(
    unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str, recipients: list[Mapping[str, Any]]
) -> None:
    """Tell those who may read the audit trail that emergency access was used. The message says neither by whom nor why.

    `recipients` are dicts of `account_id` and `email_is_verified`, as identity has just answered.
    """
    for recipient in recipients:
        reason = None if recipient["email_is_verified"] else "address_unverified"
        context = {"access_id": data["access_id"]}
        create_delivery(
            unit, "break_glass_used", recipient["account_id"], context, mail_domain, suppressed_for=reason
        )


def message_sent(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell the accounts of a person that a message waits (S3-6), unless `is_notified` is false. It says no more."""
    if data["is_notified"]:
        for account_id in data["account_ids"]:
            create_delivery(
                unit, "message_waiting", account_id, {"message_id": data["message_id"]}, mail_domain
            )


def own_change_answered(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell whoever has asked for a change of their record that it is answered. The message says neither what nor how."""
    context = {name: data[name] for name in ("portal", "thread_id")}
    create_delivery(unit, "change_answered", data["account_id"], context, mail_domain)


def item_escalated(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell those whose turn it is that a request waits past its time. The message does not say whose or what."""
    for account_id in data["account_ids"]:
        create_delivery(unit, "request_overdue", account_id, {"item_id": data["item_id"]}, mail_domain)


def signature_requested(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell the recipient that a document is ready to be signed (S4-8)."""
    create_delivery(
        unit,
        "document_ready_to_sign",
        data["recipient_account_id"],
        {"document_id": data["document_id"]},
        mail_domain,
    )


def signature_reminded(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Remind the recipient of a document that still waits (S4-22)."""
    create_delivery(
        unit,
        "document_reminder",
        data["recipient_account_id"],
        {"document_id": data["document_id"]},
        mail_domain,
    )


def fax_requested(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Fax a document (S4-2). The delivery keeps only the document's id, also in place of an account's; signing tells the number."""
    context = {name: data[name] for name in ("document_id", "repetition") if name in data}
    create_delivery(unit, "document_fax", data["document_id"], context, mail_domain, channel="fax")


def document_signed(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell the sender that the document was signed."""
    create_delivery(
        unit, "document_signed", data["sender_account_id"], {"document_id": data["document_id"]}, mail_domain
    )


def document_declined(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell the sender that the document was declined."""
    create_delivery(
        unit,
        "document_declined",
        data["sender_account_id"],
        {"document_id": data["document_id"]},
        mail_domain,
    )


def document_shared(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell those who only read a document that it is there."""
    for account_id in data["account_ids"]:
        create_delivery(
            unit, "document_to_read", account_id, {"document_id": data["document_id"]}, mail_domain
        )


def signed_document_declined(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell those who have signed a document that another signer has declined it. The message does not say who."""
    for account_id in data["account_ids"]:
        context = {"document_id": data["document_id"]}
        create_delivery(unit, "signed_document_declined", account_id, context, mail_domain)


def signature_request_expired(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str) -> None:
    """Tell the sender that a signer's last day has passed."""
    context = {"document_id": data["document_id"]}
    create_delivery(unit, "signature_request_expired", data["sender_account_id"], context, mail_domain)


def cancel_outdated(unit: UnitOfWork, about_id: str, version: int) -> None:
    """Cancel what waits to be sent about something as it was before this version of it."""
    statement = select(Delivery).where(
        Delivery.about_id == about_id,
        Delivery.about_version < version,
        Delivery.state.in_(("created", "temporary_failure")),
    )
    for row in unit.session.scalars(statement.with_for_update()):
        row.state, row.reason, row.next_try_at = "cancelled", "outdated", None
        unit.audit("delivery.cancelled", "delivery", row.id, kind=row.kind, reason=row.reason)
        tell_status(unit, row)


def _referral(data: Mapping[str, Any]) -> dict[str, str]:
    return {name: data[name] for name in ("contact_record_number", "referral_id", "queue_id")}


def _tell_each(
    unit: UnitOfWork,
    kind: str,
    recipients: list[Mapping[str, Any]],
    context: Mapping[str, str],
    mail_domain: str,
) -> None:
    for recipient in {each["account_id"]: each for each in recipients}.values():
        reason = None if recipient["email_is_verified"] else "address_unverified"
        create_delivery(unit, kind, recipient["account_id"], context, mail_domain, suppressed_for=reason)


def create_test_mail(unit: UnitOfWork, kind: str, mail_domain: str) -> str:
    """A mail to the caller that says nothing but that it has arrived. Returns its id."""
    return create_delivery(unit, kind, unit.actor_id, {}, mail_domain, event_id=wire.new_id())


def cancel_delivery(unit: UnitOfWork, *, delivery_id: str) -> Delivery:
    """Cancel a message that waits to be sent. Raises Refused(not_found, delivery_ended, conflict)."""
    row = unit.session.scalars(
        select(Delivery).where(Delivery.id == delivery_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no such message.")
    if row.next_try_at is None:
        raise Refused(
            "delivery_ended", "The message was sent or given up before. It cannot be cancelled any more."
        )
    if row.state == "sending":
        raise Refused("conflict", "The message is being sent at this moment.", retry_after_s=5)
    row.state, row.reason, row.next_try_at = "cancelled", "cancelled_by_staff", None
    tell_outcome(unit, row)
    unit.audit("delivery.cancelled", "delivery", row.id, kind=row.kind, reason=row.reason, tries=row.tries)
    return row


def settle(
    unit: UnitOfWork, delivery_id: str, state: str, reason: str | None, found: Finding = "message"
) -> bool:
    """Note what became of a message after it was handed over, and what that says about its address.

    False where it is known already: then nothing is changed.
    """
    row = unit.session.get(Delivery, delivery_id, with_for_update=True)
    if row is None or row.state != "sent":
        return False
    row.state, row.reason, row.settled_at, row.report_due_at = state, reason, unit.now, None
    tell_outcome(unit, row)
    if state == "permanent_failure":
        suppression.note_return(unit, row, found)
    unit.audit(f"delivery.{state}", "delivery", row.id, kind=row.kind, reason=reason, tries=row.tries)
    return True


def simulate(unit: UnitOfWork, delivery_id: str, result: str) -> None:
    """Let become of a message that was not really sent what becomes of others later. Its address is not suppressed."""
    settle(unit, delivery_id, "delivered", "simulated")
    if result == suppression.COMPLAINED:
        row = unit.session.get_one(Delivery, delivery_id)
        unit.audit("delivery.complained", "delivery", row.id, kind=row.kind, tries=row.tries)
        tell_complaint(unit, row)


def complain(unit: UnitOfWork, delivery_id: str) -> bool:
    """Note that the receiver of a message has complained of it (RFC 5965), and suppress the address for what can be done without.

    False where it is known already, or the message never left.
    """
    row = unit.session.get(Delivery, delivery_id, with_for_update=True)
    if row is None or row.state not in ("sent", "delivered") or row.reason == suppression.COMPLAINED:
        return False
    row.state, row.reason, row.report_due_at = "delivered", suppression.COMPLAINED, None
    row.settled_at = row.settled_at or unit.now
    suppression.note_complaint(unit, row)
    unit.audit("delivery.complained", "delivery", row.id, kind=row.kind, tries=row.tries)
    tell_complaint(unit, row)
    return True


def _is_withheld(row: Delivery) -> bool:
    """Whether a fax was not sent although somebody waits for it: what was decided meanwhile nobody needs."""
    return row.state == "suppressed" and row.reason != "already_decided"


def tell_outcome(unit: UnitOfWork, row: Delivery, *, has_webhooks: bool = True) -> None:
    """Publish what became of a message, if it is more than that it waits, and tell those who asked for callbacks.

    `has_webhooks` as in `tell_status`.
    """
    tell_status(unit, row, has_webhooks=has_webhooks)
    is_sent = row.state == "sent"
    # A message that its provider has lost has failed as well, though sending it again may help.
    is_failed = (
        row.state in ("permanent_failure", "technical_failure", "temporary_failure") and not row.next_try_at
    )
    if row.channel == rules.FAX:
        about = {"delivery_id": row.id, **row.context}
        if is_sent:
            unit.publish(contract.fax_sent, row.id, about)
        elif is_failed or row.state == "cancelled" or _is_withheld(row):
            unit.publish(contract.fax_failed, row.id, {**about, "reason": row.reason})
    elif row.channel != rules.WEBHOOK and row.kind not in rules.WITHOUT_ACCOUNT:
        about = {"delivery_id": row.id, "account_id": row.account_id, "kind": row.kind}
        if is_sent:
            unit.publish(contract.delivery_sent, row.id, {**about, "channel": row.channel})
        elif is_failed:
            unit.publish(contract.delivery_failed, row.id, {**about, "reason": row.reason})
