"""Entrypoints of deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.chassis.events import IncomingEvent, listens
from services.chassis.operations import Call, serves
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.declare import Event
from services.contracts.identity import (
    accounts,
    audit,
    credentials,
    organisations,
    outside,
    patients,
    pickup_codes,
    relationships,
    second_factor,
)
from services.contracts.notifications import deliveries
from services.contracts.notifications.webhooks import EVENTS
from services.contracts.portals import messages, own_changes, portal_queue
from services.contracts.referrals import assignments, capacity, status_changes
from services.contracts.signing import documents as signing
from services.contracts.signing import follow_up
from services.notifications.deliveries import handlers, queries, sending
from services.notifications.webhooks.handlers import tell_subscribers


def _apply(incoming: IncomingEvent, handler: Any, *extra: Any) -> None:
    incoming.apply(_and_subscribers(handler, incoming.event), incoming.runtime.settings.mail_domain, *extra)
    incoming.runtime.loops.wake(sending.LOOP)


def _and_subscribers(handler: Any, event: Event) -> Any:
    """The handler, and the messages to webhooks, in one transaction."""
    if event.name not in EVENTS:
        return handler

    def both(unit: UnitOfWork, data: Mapping[str, Any], mail_domain: str, *extra: Any) -> None:
        handler(unit, data, mail_domain, *extra)
        tell_subscribers(unit, event, data, mail_domain)

    return both


def _recipients(incoming: IncomingEvent, **about: str) -> Any:
    """The accounts that want e-mails about the event's program or its agency, as identity answers now."""
    resources = list(dict.fromkeys([incoming.data["program_id"], incoming.data["agency_id"]]))
    question = {"resource_ids": resources, **about}
    return incoming.ask(accounts.list_resource_recipients, question)["recipients"]


class DeliveryEntrypoints:
    """Entrypoints of deliveries."""

    @serves(deliveries.list_deliveries)
    def list_deliveries(self, call: Call) -> Any:
        """Deliveries, newest first."""
        return call.read(queries.list_deliveries)

    @serves(deliveries.get_delivery)
    def get_delivery(self, call: Call) -> Any:
        """One delivery with its trace."""
        return call.read(queries.get_delivery)

    @serves(deliveries.cancel_delivery)
    def cancel_delivery(self, call: Call) -> Any:
        """Cancel a message that waits to be sent."""
        return call.commit(handlers.cancel_delivery)

    @serves(deliveries.describe_document_deliveries)
    def describe_document_deliveries(self, call: Call) -> Any:
        """Receipts of a document's messages."""
        return call.read(queries.describe_document_deliveries)

    @listens(assignments.referral_assigned)
    def on_referral_assigned(self, incoming: IncomingEvent) -> None:
        """E-mail those who work for the program or its agency."""
        _apply(incoming, handlers.referral_assigned, _recipients(incoming))

    @listens(assignments.referral_promoted)
    def on_referral_promoted(self, incoming: IncomingEvent) -> None:
        """E-mail those who work for the program or its agency, as for an assignment."""
        _apply(incoming, handlers.referral_promoted, _recipients(incoming))

    @listens(assignments.referral_withdrawn)
    def on_referral_withdrawn(self, incoming: IncomingEvent) -> None:
        """E-mail those who were told of the referral that it is no longer needed."""
        _apply(incoming, handlers.referral_withdrawn, _recipients(incoming))

    @listens(status_changes.referral_reassigned)
    def on_referral_reassigned(self, incoming: IncomingEvent) -> None:
        """E-mail those who were told of the referral that it has gone to somebody else."""
        _apply(incoming, handlers.referral_reassigned, _recipients(incoming))

    @listens(capacity.capacity_stale)
    def on_capacity_stale(self, incoming: IncomingEvent) -> None:
        """E-mail those who may edit the program's capacity."""
        _apply(incoming, handlers.capacity_stale, _recipients(incoming, about="capacity"))

    @listens(credentials.account_invited)
    def on_account_invited(self, incoming: IncomingEvent) -> None:
        """E-mail the link that sets the password."""
        _apply(incoming, handlers.account_invited)

    @listens(organisations.portal_reminder_requested)
    def on_portal_reminder_requested(self, incoming: IncomingEvent) -> None:
        """E-mail the address of the organisation's portals."""
        _apply(incoming, handlers.portal_reminder_requested)

    @listens(pickup_codes.pickup_code_requested)
    def on_pickup_code_requested(self, incoming: IncomingEvent) -> None:
        """E-mail the pick-up code."""
        _apply(incoming, handlers.pickup_code_requested)

    @listens(credentials.password_set)
    def on_password_set(self, incoming: IncomingEvent) -> None:
        """E-mail the owner that the password is another one."""
        _apply(incoming, handlers.password_set)

    @listens(second_factor.second_factor_changed)
    def on_second_factor_changed(self, incoming: IncomingEvent) -> None:
        """E-mail the owner."""
        _apply(incoming, handlers.second_factor_changed)

    @listens(outside.outside_identity_changed)
    def on_outside_identity_changed(self, incoming: IncomingEvent) -> None:
        """E-mail the owner."""
        _apply(incoming, handlers.outside_identity_changed)

    @listens(accounts.account_enabled)
    def on_account_enabled(self, incoming: IncomingEvent) -> None:
        """E-mail the owner."""
        _apply(incoming, handlers.account_enabled)

    @listens(credentials.account_closed)
    def on_account_closed(self, incoming: IncomingEvent) -> None:
        """Tell the address of the closed account."""
        _apply(incoming, handlers.account_closed)

    @listens(credentials.login_email_changed)
    def on_login_email_changed(self, incoming: IncomingEvent) -> None:
        """E-mail the old address."""
        _apply(incoming, handlers.login_email_changed)

    @listens(patients.patient_not_verified)
    def on_patient_not_verified(self, incoming: IncomingEvent) -> None:
        """E-mail the address that somebody entered."""
        _apply(incoming, handlers.patient_not_verified)

    @listens(relationships.access_granted)
    def on_access_granted(self, incoming: IncomingEvent) -> None:
        """E-mail the account that it reaches another profile."""
        _apply(incoming, handlers.access_granted)

    @listens(relationships.grant_expiring)
    def on_grant_expiring(self, incoming: IncomingEvent) -> None:
        """E-mail the account whose access ends."""
        _apply(incoming, handlers.grant_expiring)

    @listens(audit.break_glass_used)
    def on_break_glass_used(self, incoming: IncomingEvent) -> None:
        """E-mail those who may read the audit trail."""
        answer = incoming.ask(audit.list_audit_readers, {})
        _apply(incoming, handlers.break_glass_used, answer["recipients"])

    @listens(messages.message_sent)
    def on_message_sent(self, incoming: IncomingEvent) -> None:
        """E-mail the person that a message waits, unless staff did not want it."""
        _apply(incoming, handlers.message_sent)

    @listens(own_changes.own_change_answered)
    def on_own_change_answered(self, incoming: IncomingEvent) -> None:
        """E-mail whoever has asked for the change."""
        _apply(incoming, handlers.own_change_answered)

    @listens(portal_queue.item_escalated)
    def on_item_escalated(self, incoming: IncomingEvent) -> None:
        """E-mail those whose turn it is."""
        _apply(incoming, handlers.item_escalated)

    @listens(signing.signature_requested)
    def on_signature_requested(self, incoming: IncomingEvent) -> None:
        """E-mail the recipient that a document is ready to be signed."""
        _apply(incoming, handlers.signature_requested)

    @listens(follow_up.signature_reminded)
    def on_signature_reminded(self, incoming: IncomingEvent) -> None:
        """E-mail the recipient once more."""
        _apply(incoming, handlers.signature_reminded)

    @listens(signing.fax_requested)
    def on_fax_requested(self, incoming: IncomingEvent) -> None:
        """Fax the document."""
        _apply(incoming, handlers.fax_requested)

    @listens(signing.document_signed)
    def on_document_signed(self, incoming: IncomingEvent) -> None:
        """E-mail the sender."""
        _apply(incoming, handlers.document_signed)

    @listens(signing.document_declined)
    def on_document_declined(self, incoming: IncomingEvent) -> None:
        """E-mail the sender."""
        _apply(incoming, handlers.document_declined)

    @listens(signing.document_shared)
    def on_document_shared(self, incoming: IncomingEvent) -> None:
        """E-mail those who only read it."""
        _apply(incoming, handlers.document_shared)

    @listens(signing.signed_document_declined)
    def on_signed_document_declined(self, incoming: IncomingEvent) -> None:
        """E-mail those who have signed it."""
        _apply(incoming, handlers.signed_document_declined)

    @listens(signing.signature_request_expired)
    def on_signature_request_expired(self, incoming: IncomingEvent) -> None:
        """E-mail the sender."""
        _apply(incoming, handlers.signature_request_expired)
