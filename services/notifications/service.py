"""The nameko class of notifications, its settings, and its senders."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate

from services.chassis.audit_search import audit_entrypoints, ids_asked
from services.chassis.events import Delivery, listens
from services.chassis.operations import Call, serves
from services.chassis.runtime import Runtime
from services.chassis.settings import ServiceSettings
from services.contracts import (
    identity,
    identity_access,
    identity_audit,
    identity_employees,
    identity_outside,
    identity_patients,
    identity_people,
    signing,
)
from services.contracts import notifications as contract
from services.contracts import notifications_templates as templates_contract
from services.contracts.errors import Refused
from services.contracts.identity_merged import describe_person
from services.contracts.referrals import assignments, capacity
from services.notifications import handlers, own_templates, queries, sending
from services.notifications.channels import email
from services.notifications.models import Base

__all__ = ["Base", "Service", "Settings", "start_runtime"]


def mail_domain(mail_from: str) -> str:
    """The domain of an address or `Name <address>`, in lower-case ASCII. Raises Refused when mail could not be sent from it."""
    # The very check that each message will have to pass.
    message = email.build("check", mail_from, "check@portico.example", "check", "check")
    (sender,) = message["From"].addresses
    return str(sender.domain)


def _is_mailbox(value: str) -> None:
    try:
        mail_domain(value)
    except Refused:
        raise ValidationError("an address, or a name and an address in <>, is expected") from None


class Settings(ServiceSettings):
    """Settings of notifications."""

    NOTIFICATIONS_DATABASE_URL = fields.String(required=True, metadata={"help": "SQLite or PostgreSQL"})
    SMTP_HOST = fields.String(required=True, metadata={"help": "mail server"})
    SMTP_PORT = fields.Integer(
        load_default=587, validate=validate.Range(1, 65535), metadata={"help": "its port"}
    )
    SMTP_USERNAME = fields.String(load_default=None, metadata={"help": "log in to the mail server as"})
    SMTP_PASSWORD = fields.String(load_default=None, metadata={"help": "with this password"})
    SMTP_SECURITY = fields.String(
        load_default=None,
        validate=validate.OneOf(["none", "starttls", "tls"]),
        metadata={
            "help": "`none`, `starttls` or `tls`; unset is `none` for a server on this machine, else `starttls`"
        },
    )
    MAIL_FROM = fields.String(
        required=True, validate=_is_mailbox, metadata={"help": "sender: an address or `Name <address>`"}
    )
    PUBLIC_URL = fields.Url(
        required=True,
        schemes={"http", "https"},
        require_tld=False,
        metadata={"help": "address of the web pages that messages link to"},
    )
    SENDERS = fields.Integer(
        load_default=4, validate=validate.Range(1, 64), metadata={"help": "messages sent at once"}
    )
    LEASE_S = fields.Integer(
        load_default=120,
        validate=validate.Range(1, 3600),
        metadata={
            "help": "after this time a message whose sender is silent is sent again; longer than a slow mail server takes"
        },
    )


def start_runtime(settings: Any) -> Runtime:
    """A runtime with the sender loops."""
    settings.mail_domain = mail_domain(settings.mail_from)
    runtime = Runtime("notifications", settings, Base)
    sending.take_over(runtime)
    runtime.loops.extend(sending.SenderLoop(runtime, number) for number in range(settings.senders))
    return runtime


def _apply(delivery: Delivery, handler: Any, *extra: Any) -> None:
    delivery.apply(handler, delivery.runtime.settings.mail_domain, *extra)
    sending.wake(delivery.runtime)


def _recipients(delivery: Delivery, **about: str) -> Any:
    """The accounts that want e-mails about the event's program or its agency, as identity knows them now."""
    resources = list(dict.fromkeys([delivery.data["program_id"], delivery.data["agency_id"]]))
    question = {"resource_ids": resources, **about}
    return delivery.ask(identity.list_resource_recipients, question)["recipients"]


class Service(audit_entrypoints(contract.audit, ids_asked(describe_person))):  # type: ignore[misc]
    """Entrypoints of notifications."""

    name = "notifications"

    @serves(contract.list_deliveries)
    def list_deliveries(self, call: Call) -> Any:
        """Deliveries, newest first."""
        return call.read(queries.list_deliveries)

    @serves(templates_contract.list_message_templates)
    def list_message_templates(self, call: Call) -> Any:
        """What each kind of message says."""
        return call.read(own_templates.list_message_templates)

    @serves(templates_contract.get_message_template)
    def get_message_template(self, call: Call) -> Any:
        """What one kind of message says."""
        return call.read(own_templates.get_message_template)

    @serves(templates_contract.preview_message_template)
    def preview_message_template(self, call: Call) -> Any:
        """How words would read."""
        return call.read(own_templates.preview_message_template)

    @serves(templates_contract.save_message_template)
    def save_message_template(self, call: Call) -> Any:
        """Give a kind of message the organisation's words."""
        return call.commit(own_templates.save_message_template)

    @serves(templates_contract.reset_message_template)
    def reset_message_template(self, call: Call) -> Any:
        """Let a kind of message say the product's words."""
        return call.commit(own_templates.reset_message_template)

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

    @listens(identity.account_invited)
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

    @listens(identity.account_enabled)
    def on_account_enabled(self, delivery: Delivery) -> None:
        """E-mail the owner."""
        _apply(delivery, handlers.account_enabled)

    @listens(identity_people.login_email_changed)
    def on_login_email_changed(self, delivery: Delivery) -> None:
        """E-mail the address before the change."""
        _apply(delivery, handlers.login_email_changed)

    @listens(identity_patients.patient_not_verified)
    def on_patient_not_verified(self, delivery: Delivery) -> None:
        """E-mail the address that somebody entered."""
        _apply(delivery, handlers.patient_not_verified)

    @listens(identity_people.grant_expiring)
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
