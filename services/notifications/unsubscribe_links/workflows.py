"""Use the link of a mail: see which mails it ends, and end them.

A link holds while its mail is kept and its account is there with the address that the mail went to.
"""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call
from services.chassis.transactions import itself, transact_as
from services.contracts.errors import Refused
from services.contracts.identity import accounts, organisations
from services.contracts.notifications.unsubscribe_links import RESOURCE_ASSIGNED
from services.notifications.deliveries.asking import ask
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.outcomes import NoRecipient
from services.notifications.preferences import choices
from services.notifications.preferences.rules import ended_by_link
from services.notifications.secrets.derived import hash_of_address, mail_of_token


def inspect_unsubscribe_link(call: Call) -> dict[str, Any]:
    """Which mails the link ends. Raises Refused `not_found` for one that does not hold."""
    _, found = _inspected(call)
    return found


def unsubscribe(call: Call) -> dict[str, Any]:
    """End them. Doing it again changes nothing. Raises as `inspect_unsubscribe_link`."""
    mail, found = _inspected(call)
    if found["group"] == RESOURCE_ASSIGNED:
        ask(call.runtime, mail, accounts.stop_resource_emails, {"account_id": mail.account_id})
    else:
        asked = {"organisation": mail.organisation_key}
        usual_zone = ask(call.runtime, mail, organisations.get_public_organisation, asked)["time_zone"]
        service = itself(call.runtime, mail.organisation_id, mail.organisation_key)
        transact_as(
            call.runtime,
            service,
            lambda unit: choices.switch_off(unit, mail.account_id, found["group"], usual_zone),
            call.context.correlation_id,
        )
    return found


def _inspected(call: Call) -> tuple[Delivery, dict[str, Any]]:
    settings = call.runtime.settings
    mail_id = mail_of_token(settings, call.request["token"])
    with call.reading(None) as session:
        mail = session.get(Delivery, mail_id) if mail_id else None
    group = ended_by_link(mail.kind) if mail else None
    if mail is None or group is None:
        raise _gone()
    try:
        account = ask(call.runtime, mail, accounts.describe_account, {"account_id": mail.account_id})
    except NoRecipient:
        raise _gone() from None
    address_hash = hash_of_address(settings, mail.organisation_id, account["email"] or "")
    if account["state"] == "disabled" or address_hash != mail.address_hash:
        raise _gone()
    return mail, {
        "group": group,
        "organisation_key": mail.organisation_key,
        "organisation_name": account["organisation_name"],
        "realm": account["realm"],
    }


def _gone() -> Refused:
    return Refused("not_found", "This link does nothing any more.", "token")
