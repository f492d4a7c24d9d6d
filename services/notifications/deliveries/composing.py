"""Compose the mail of a delivery: to whom it goes, what it says, where it leads. Nothing of it is stored."""

from __future__ import annotations

from collections.abc import Collection
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from services.chassis.runtime import Runtime
from services.chassis.unit_of_work import utc_now
from services.contracts.declare import Operation
from services.contracts.identity import accounts, credentials, organisations, patients, pickup_codes
from services.contracts.portals import appointments
from services.contracts.referrals import queues
from services.notifications.channels import calendar_entry, email
from services.notifications.deliveries import acting, digests, portal_names, rules, suppression, wanting
from services.notifications.deliveries.asking import appointment_of, ask
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.outcomes import NoRecipient
from services.notifications.preferences.rules import ended_by_link
from services.notifications.secrets.derived import token_of_mail
from services.notifications.templates import own_words, product_words, rendering
from services.notifications.templates.spoken import spoken_time

# For each kind of message with a credential: placeholder of the template → member of identity's answer.
CREDENTIAL_KINDS = {
    "account_invited": {"invitation_link": "link"},
    "account_invited_with_password": {"temporary_password": "temporary_password", "username": "username"},
    "password_reset": {"reset_link": "link"},
    "password_tries_refused": {"reset_link": "link"},
    "email_confirmation": {"confirmation_link": "link"},
}
# Kinds that do not go to the address of an account: the operation that gives the address, and the id it takes.
ADDRESS_OF: dict[str, tuple[Operation, str]] = {
    # The old address: its owner learns of the change even if somebody else has made it.
    "login_email_changed": (credentials.describe_login_change, "change_id"),
    "account_closed": (credentials.describe_login_change, "change_id"),
    "identity_not_verified": (patients.take_unverified_address, "notice_id"),
    "pickup_code": (pickup_codes.mint_pickup_code, "code_id"),
}


def compose(runtime: Runtime, delivery: Delivery) -> EmailMessage:
    """The message as it is to be sent now. Raises NoRecipient, NotNow, and Refused where a service does not answer."""
    settings = runtime.settings
    with runtime.database.reading(delivery.organisation_id) as session:
        unwanted = wanting.require_wanted(session, delivery)
    # Before `_recipient`, which may make a secret: a try that fails here makes none.
    facts = ask(
        runtime,
        delivery,
        organisations.get_public_organisation,
        {"organisation": delivery.organisation_key},
    )
    appointment = _appointment(runtime, delivery)
    recipient, values = _recipient(runtime, delivery, unwanted)
    language = str(values.pop("language", None) or "") or None
    features = values.pop("features", [])
    if appointment:
        values |= _when_and_where(appointment, language)
    realm = values.pop("realm", None)
    values |= portal_names.names_for(runtime, delivery, str(realm), language)
    values["portal_link"] = page_of(settings, delivery, realm)
    kind = _variant(delivery.kind, values)
    if kind == "appointment_cancelled" and appointment["is_due_again"]:
        kind = "appointment_released"
    suppression.note_address(settings, delivery, recipient)
    with runtime.database.reading(delivery.organisation_id) as session:
        suppression.require_open(session, delivery)
        words = own_words.words_of(session, kind, language)
    delivery.template, delivery.template_language = kind, words.language
    delivery.template_version = words.version
    # Last of all: a try that fails before makes no link.
    action = acting.action_of(runtime, delivery, features, appointment, language, values)
    rendered = rendering.render(
        product_words.kind_of(kind), words.template, values, facts["telephone"], action
    )
    message = email.build(
        delivery.id,
        settings.mail_from,
        recipient,
        rendered.subject,
        rendered.text,
        rendered.html,
        _way_out(settings, delivery),
    )
    if appointment and delivery.kind in rules.CALENDAR_METHODS:
        calendar_entry.attach(
            message,
            method=rules.CALENDAR_METHODS[delivery.kind],
            uid=f"{delivery.about_id}@{delivery.organisation_key}.portico",
            sequence=appointment["version"],
            starts_at=appointment["starts_at"],
            ends_at=appointment["ends_at"],
            place=appointment["place"],
            organisation=str(values["organisation_name"]),
            made_at=utc_now(),
        )
    return message


def _way_out(settings: Any, delivery: Delivery) -> dict[str, str]:
    """The headers by which a mail program ends mails of this kind with one click (RFC 8058); none for what must be told."""
    if ended_by_link(delivery.kind) is None:
        return {}
    link = f"{settings.public_url.rstrip('/')}/unsubscribe/{token_of_mail(settings, delivery.id)}"
    return {email.UNSUBSCRIBE: f"<{link}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _appointment(runtime: Runtime, delivery: Delivery) -> Any:
    """The appointment that a message is about, as it is now; None for other messages.

    Raises NoRecipient when it has changed since: the message about the change follows.
    """
    if "appointment_id" not in delivery.context:
        return None
    question = {"appointment_id": delivery.context["appointment_id"]}
    try:
        known = ask(runtime, delivery, appointments.describe_appointment, question)
    except NoRecipient:  # it is not there any more
        raise NoRecipient("outdated") from None
    if known["version"] != delivery.about_version:
        raise NoRecipient("outdated")
    return appointment_of(known)


def _when_and_where(appointment: Any, language: str | None) -> dict[str, Any]:
    at_place = appointment["starts_at"].astimezone(ZoneInfo(appointment["time_zone"]))
    return {"appointment_time": spoken_time(at_place, language), "place": appointment["place"]}


def _variant(kind: str, values: dict[str, Any]) -> str:
    """The kind of message for these values: some kinds have variants that say whose it is, or the partner's text."""
    if "partner_text" in values:
        return f"{kind}_with_text"
    for value, variant in (("whose", f"{kind}_with_name"), ("username", f"{kind}_with_username")):
        if value in values and variant in product_words.KINDS:
            return variant
    return kind


def page_of(settings: Any, delivery: Delivery, realm: str | int | None) -> str:
    """The address of the page that the message is about. The organisation's entrance for the realm goes on to it."""
    root, organisation = settings.public_url.rstrip("/"), delivery.organisation_key
    if delivery.kind in rules.PAGES_FOR_ALL:
        known = {**delivery.context, "organisation": organisation}
        return str(root + rules.PAGES_FOR_ALL[delivery.kind].format_map(known))
    entrance = f"{root}/at/{organisation}" + (f"/{realm}" if realm else "")
    if not realm or delivery.kind not in rules.PAGES:
        return entrance
    page = rules.PAGES[delivery.kind].format_map(delivery.context)
    return f"{entrance}?{urlencode({'return_path': page}, safe='/')}"


def _recipient(runtime: Runtime, delivery: Delivery, unwanted: Collection[str]) -> tuple[str, dict[str, Any]]:
    """The address and the values for the template, as identity answers now. `unwanted` are groups that a summary leaves out.

    Raises NoRecipient, or Refused when identity does not answer. Links of invitations and pick-up codes are made by this
    call, so that their lifetime starts when they are sent.
    """
    if delivery.kind in CREDENTIAL_KINDS:
        minted = ask(
            runtime,
            delivery,
            credentials.mint_credential_link,
            {"invitation_id": delivery.context["invitation_id"]},
        )
        brought = {name: minted[member] for name, member in CREDENTIAL_KINDS[delivery.kind].items()}
        if minted["username"] and minted["username"].lower() != (minted["email"] or "").lower():
            # Several patients may share an address (S3-32): the username says whose link it is.
            brought["username"] = minted["username"]
        if minted["first_name"]:
            masked = minted["masked_username"]
            brought["whose"] = f"{minted['first_name']} ({masked})" if masked else minted["first_name"]
        return _address(minted), brought | {
            "lifetime": rules.spoken(minted["lifetime_minutes"]),
            "organisation_name": minted["organisation_name"],
            "realm": minted["realm"],
            "language": minted.get("language"),
        }
    if delivery.kind in ADDRESS_OF:
        operation, named = ADDRESS_OF[delivery.kind]
        known = ask(runtime, delivery, operation, {named: delivery.context[named]})
        values = {"organisation_name": known["organisation_name"]}
        if delivery.kind == "pickup_code":
            values |= {"pickup_code": known["code"], "lifetime": rules.spoken(known["lifetime_minutes"])}
            values |= {"realm": "employee"}
        return _address(known), values
    return _of_account(runtime, delivery, unwanted)


def _of_account(
    runtime: Runtime, delivery: Delivery, unwanted: Collection[str]
) -> tuple[str, dict[str, Any]]:
    """As `_recipient`, for a message to an account. Raises NoRecipient also for an unverified address (S0-43)."""
    account = ask(runtime, delivery, accounts.describe_account, {"account_id": delivery.account_id})
    if account["state"] == "disabled":
        raise NoRecipient("account_disabled")
    address = _address(account)
    counts = digests.counts_of(delivery, unwanted, is_verified=account["email_is_verified"])
    if not account["email_is_verified"] and delivery.kind not in rules.ALSO_UNVERIFIED and not counts:
        raise NoRecipient("address_unverified")
    values: dict[str, Any] = {
        "organisation_name": account["organisation_name"],
        "realm": account["realm"],
        "language": account.get("language"),
        "features": account["features"],
    }
    if counts:
        values["counted"] = digests.counted(counts, account.get("language"))
    if "contact_record_number" in delivery.context:
        values["record_number"] = delivery.context["contact_record_number"]
    if "queue_id" in delivery.context:
        # The ReferralQ's text as it is now: the partner's words to its providers, the same for every referral.
        queue = ask(runtime, delivery, queues.describe_queue, {"queue_id": delivery.context["queue_id"]})
        if queue["assignment_email_text"]:
            values["partner_text"] = queue["assignment_email_text"]
    if "document_id" in delivery.context:
        values["document_number"] = delivery.context["document_id"][:8].upper()
    return address, values


def _address(answer: Any) -> str:
    if answer["email"] is None:
        raise NoRecipient("no_address")
    return str(answer["email"])
