"""Text messages: that something waits, without a word about it, and the code that confirms a number."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from services.chassis.runtime import Runtime
from services.chassis.unit_of_work import utc_now
from services.contracts.identity import accounts
from services.contracts.notifications.text_numbers import CODE_MINUTES
from services.notifications.deliveries import portal_names, rules, suppression, wanting
from services.notifications.deliveries.asking import ask
from services.notifications.deliveries.composing import page_of
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.outcomes import NoRecipient
from services.notifications.preferences.text_numbers import text_number_of
from services.notifications.secrets.derived import code_of_text_number
from services.notifications.templates import own_words, product_words, rendering


def text_of(runtime: Runtime, delivery: Delivery) -> tuple[str, str]:
    """The number (E.164) and the words of a text message, as they are now.

    Raises NoRecipient where the number has gone or its owner has sent STOP, the code is an earlier one or too old, the account is
    disabled or wants no text message of this any more, and NotNow in its quiet hours.
    """
    account = ask(runtime, delivery, accounts.describe_account, {"account_id": delivery.account_id})
    if account["state"] == "disabled":
        raise NoRecipient("account_disabled")
    language, realm = account.get("language"), account["realm"]
    with runtime.database.reading(delivery.organisation_id) as session:
        number, values = _to_whom(session, runtime, delivery)
        suppression.note_number(runtime.settings, delivery, number)
        suppression.require_open(session, delivery)
        words = own_words.words_of(session, delivery.kind, language)
    delivery.template, delivery.template_language = delivery.kind, words.language
    delivery.template_version = words.version
    values |= portal_names.names_for(runtime, delivery, str(realm), language)
    values |= {"organisation_name": account["organisation_name"]}
    values["portal_link"] = page_of(runtime.settings, delivery, realm)
    return number, rendering.render(product_words.kind_of(delivery.kind), words.template, values).text


def _to_whom(session: Session, runtime: Runtime, delivery: Delivery) -> tuple[str, dict[str, Any]]:
    known = text_number_of(session, delivery.account_id)
    if delivery.kind == rules.TEXT_CODE:
        if (
            known is None
            or known.pending_number is None
            or known.code_number != delivery.context["code_number"]
            or known.code_ends_at is None
            or known.code_ends_at <= utc_now()
        ):
            raise NoRecipient("outdated")
        code = code_of_text_number(runtime.settings, known.id, known.code_number)
        return known.pending_number, {"confirmation_code": code, "lifetime": rules.spoken(CODE_MINUTES)}
    wanting.require_wanted(session, delivery)
    if known is None or known.number is None:
        raise NoRecipient("no_number")
    return known.number, {}
