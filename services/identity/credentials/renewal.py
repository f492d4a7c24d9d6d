"""A new link in place of one that cannot be used any more; the page of an expired link offers it (conflict C4)."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.credentials import invitations, queries
from services.identity.credentials.models import CredentialLink
from services.identity.credentials.rules import VERIFY_EMAIL
from services.identity.models import Account, Organisation
from services.identity.realms.rules import LINK
from services.identity.registry.accounts import load_account
from services.identity.secrets import addresses, tries
from services.identity.secrets.rules import RESET_LIMIT


def request_new(call: Call) -> Any:
    """Have a new link sent to the address of the account that the old one was for. Always answers {}.

    Nothing is sent where the old link can still be used or the account is disabled, or where the account was sent many.
    The request is counted per address. Raises Refused(too_many_requests).
    """
    settings = call.runtime.settings
    wait_s = call.transact(lambda unit: addresses.count_try(unit, addresses.RESET, settings))
    if wait_s:
        raise Refused("too_many_requests", "Too many links were asked for. Wait.", retry_after_s=wait_s)
    with call.runtime.database.reading(None) as session:
        found = queries.find_link(session, call.request["token"])
    if found is None:
        return call.commit(_nothing)
    return call.commit(_renew, *found)


def _nothing(_unit: UnitOfWork) -> dict[str, Any]:
    return {}


def _renew(
    unit: UnitOfWork, link: CredentialLink, account: Account, organisation: Organisation
) -> dict[str, Any]:
    unit.act_for(organisation.id, organisation.key)
    account = load_account(unit, account.id)
    if tries.count_try(unit, tries.RENEWED, account.id, RESET_LIMIT):
        return {}
    is_usable = link.state(unit.now) == "usable"
    if not is_usable and link.kind == LINK and account.state != "disabled" and account.email is not None:
        if link.purpose == VERIFY_EMAIL:
            if account.email_verified_at is None:
                invitations.invite(unit, account, VERIFY_EMAIL)
            return {}
        invitations.invite(unit, account, invitations.purpose_for(account))
    return {}
