"""Find my portal: messages to an e-mail address, one of each organisation that knows it.

Each organisation sends its own message, in its own words, so that none learns which others know the address.
"""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import organisations as contract
from services.contracts.spelling import login_key
from services.identity.models import Account, Organisation
from services.identity.organisations import queries
from services.identity.secrets import addresses, tries
from services.identity.secrets.rules import MAIL_LIMIT, RESET_LIMIT
from services.identity.secrets.tokens import throttle_key

_ASKED, _REMINDED = "portal-asked", "portal-reminded"


def request_reminder(call: Call) -> Any:
    """Have each organisation that knows the address send it a message. The answer is always {}.

    Tries are counted per caller's address, and per address entered from there; one address is mailed once an hour at most.
    Raises Refused(too_many_requests).
    """
    email, settings = call.request["email"], call.runtime.settings
    key = throttle_key("", _ASKED, login_key(email))  # in a space of its own: no organisation has this key

    def count(unit: UnitOfWork) -> int:
        origin = addresses.origin_of(unit.context, key, settings)
        return addresses.count_try(unit, addresses.RESET, settings) or tries.count_try(
            unit, _ASKED, origin, RESET_LIMIT
        )

    wait_s = call.transact(count)
    if wait_s:
        raise Refused("too_many_requests", "Too many tries. Wait.", retry_after_s=wait_s)
    with call.runtime.database.reading(None) as session:
        found = queries.accounts_with(session, email)
    return call.commit(_remind, found, key)


def _remind(
    unit: UnitOfWork, found: list[tuple[Account, Organisation]], key: str, *, email: str
) -> dict[str, Any]:
    del email  # it has been looked up
    if tries.count_try(unit, _REMINDED, key, MAIL_LIMIT):
        return {}
    for account, organisation in found:
        unit.act_for(organisation.id, organisation.key)
        unit.audit("organisation.portal_reminder_requested", "account", account.id)
        unit.publish(
            contract.portal_reminder_requested,
            account.id,
            {"account_id": account.id, "short_name": organisation.short_name or organisation.key},
        )
    return {}
