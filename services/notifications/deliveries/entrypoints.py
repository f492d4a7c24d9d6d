"""Entrypoints of deliveries."""

from __future__ import annotations

from typing import Any

from services.chassis.events import Delivery, listens
from services.chassis.operations import Call, serves
from services.contracts.identity import accounts, credentials, relationships
from services.contracts.identity import audit as identity_audit
from services.contracts.identity import outside as identity_outside
from services.contracts.identity import patients as identity_patients
from services.contracts.identity import pickup_codes as identity_employees
from services.contracts.identity import second_factor as identity_access
from services.contracts.notifications import deliveries
from services.contracts.referrals import assignments, capacity
from services.contracts.signing import documents as signing
from services.notifications.deliveries import handlers, queries, sending


def _apply(delivery: Delivery, handler: Any, *extra: Any) -> None:
    delivery.apply(handler, delivery.runtime.settings.mail_domain, *extra)
    sending.wake(delivery.runtime)


def _recipients(delivery: Delivery, **about: str) -> Any:
    """The accounts that want e-mails about the event's program or its agency, as identity knows them now."""
    resources = list(dict.fromkeys([delivery.data["program_id"], delivery.data["agency_id"]]))
    question = {"resource_ids": resources, **about}
    return delivery.ask(accounts.list_resource_recipients, question)["recipients"]


class DeliveryEntrypoints:
    """Entrypoints of deliveries."""

    @serves(deliveries.list_deliveries)
    def list_deliveries(self, call: Call) -> Any:
        """Deliveries, newest first."""
        return call.read(queries.list_deliveries)

    @listens(assignments.referral_assigned)
    def on_referral_assigned(self, delivery: Delivery) -> None:
        """E-mail those who work for the program or its agency."""
        _apply(delivery, handlers.referral_assigned, _recipients(delivery))

    @listens(assignments.referral_promoted)
    def on_referral_promoted(self, delivery: Delivery) -> None:
        """E-mail those who work for the program or its agency, as for an assignment."""
        _apply(delivery, handlers.referral_promoted, _recipients(delivery))

    @listens(assignments.referral_withdrawn)
    def on_referral_withdrawn(self, delivery: Delivery) -> None:
        """E-mail those who were told of it that it is not needed any more."""
        _apply(delivery, handlers.referral_withdrawn, _recipients(delivery))

    @listens(capacity.capacity_stale)
    def on_capacity_stale(self, delivery: Delivery) -> None:
        """E-mail those who may edit the program's capacity."""
        _apply(delivery, handlers.capacity_stale, _recipients(delivery, about="capacity"))

    @listens(credentials.account_invited)
    def on_account_invited(self, delivery: Delivery) -> None:
        """E-mail the link that sets the password."""
        _apply(delivery, handlers.account_invited)

    @listens(identity_employees.pickup_code_requested)
    def on_pickup_code_requested(self, delivery: Delivery) -> None:
        """E-mail the pick-up code."""
        _apply(delivery, handlers.pickup_code_requested)

    @listens(identity_access.second_factor_changed)
    def on_second_factor_changed(self, delivery: Delivery) -> None:
        """E-mail the owner."""
        _apply(delivery, handlers.second_factor_changed)

    @listens(identity_outside.outside_identity_changed)
    def on_outside_identity_changed(self, delivery: Delivery) -> None:
        """E-mail the owner."""
        _apply(delivery, handlers.outside_identity_changed)

    @listens(accounts.account_enabled)
    def on_account_enabled(self, delivery: Delivery) -> None:
        """E-mail the owner."""
        _apply(delivery, handlers.account_enabled)

    @listens(credentials.login_email_changed)
    def on_login_email_changed(self, delivery: Delivery) -> None:
        """E-mail the address before the change."""
        _apply(delivery, handlers.login_email_changed)

    @listens(identity_patients.patient_not_verified)
    def on_patient_not_verified(self, delivery: Delivery) -> None:
        """E-mail the address that somebody entered."""
        _apply(delivery, handlers.patient_not_verified)

    @listens(relationships.grant_expiring)
    def on_grant_expiring(self, delivery: Delivery) -> None:
        """E-mail the account whose access ends."""
        _apply(delivery, handlers.grant_expiring)

    @listens(identity_audit.break_glass_used)
    def on_break_glass_used(self, delivery: Delivery) -> None:
        """E-mail those who may read the audit trail."""
        answer = delivery.ask(identity_audit.list_audit_readers, {})
        _apply(delivery, handlers.break_glass_used, answer["recipients"])

    @listens(signing.signature_requested)
    def on_signature_requested(self, delivery: Delivery) -> None:
        """E-mail the recipient that a document is ready to be signed."""
        _apply(delivery, handlers.signature_requested)

    @listens(signing.document_signed)
    def on_document_signed(self, delivery: Delivery) -> None:
        """E-mail the sender."""
        _apply(delivery, handlers.document_signed)

    @listens(signing.document_declined)
    def on_document_declined(self, delivery: Delivery) -> None:
        """E-mail the sender."""
        _apply(delivery, handlers.document_declined)
