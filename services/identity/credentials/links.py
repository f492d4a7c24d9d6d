"""Links that set a password: requesting one, and using it up."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.identity.credentials import queries
from services.identity.credentials.invitations import invite_unless_often, use_up
from services.identity.credentials.models import CredentialLink
from services.identity.credentials.passwords import Chosen, chosen_password, set_password_hash
from services.identity.credentials.rules import RESET, VERIFY_EMAIL
from services.identity.models import Account, Organisation
from services.identity.realms.rules import LINK
from services.identity.registry.usernames import choose_with_link
from services.identity.secrets import addresses
from services.identity.secrets.calls import take_secret
from services.identity.secrets.tokens import token_hash


def request_reset(
    unit: UnitOfWork, organisation: Organisation | None, account_id: str | None
) -> dict[str, Any]:
    """Have a link sent that sets a new password, also to an account that was never active (S4-11).

    The answer is the same where organisation or account does not exist.
    """
    if organisation is None or account_id is None:
        return {}
    unit.act_for(organisation.id, organisation.key)
    account = unit.session.scalar(select(Account).where(Account.id == account_id))
    if account is not None and account.state != "disabled" and account.email is not None:
        invite_unless_often(unit, account, RESET)
    return {}


def redeem_link(
    unit: UnitOfWork, chosen: Chosen, settings: Any, *, token: str, username: str | None
) -> dict[str, Any]:
    """Use a link up and set the password. Of several uses at once, one conditional statement lets one succeed.

    Raises Refused(link_refused) for a token that is unknown, used, void or expired, and as `choose_with_link`.
    """
    found = unit.session.execute(
        select(CredentialLink.account_id, Organisation)
        .join(Organisation, Organisation.id == CredentialLink.organisation_id)
        .where(
            CredentialLink.token_hash == token_hash(token),
            CredentialLink.kind == LINK,
            CredentialLink.purpose != VERIFY_EMAIL,
        )
    ).one_or_none()
    if found is None:
        raise link_refused()
    account_id, organisation = found
    unit.act_for(organisation.id, organisation.key)
    # Every transaction locks the account's row first: two orders of locking could deadlock.
    account = unit.session.scalars(
        select(Account).where(Account.id == account_id).with_for_update(of=Account)
    ).one()
    is_used = use_up(unit, CredentialLink.token_hash == token_hash(token))
    if not is_used or account.state == "disabled":
        raise link_refused()
    # The holder of the link reads the mail sent to the address, which verifies the address (S0-43).
    account.email_verified_at = account.email_verified_at or unit.now
    choose_with_link(unit, account, username)
    set_password_hash(
        unit, organisation, account, chosen.password_hash, needs_second_factor=chosen.needs_second_factor
    )
    addresses.give_back(unit, addresses.LINK, settings)
    return {}


def link_refused() -> Refused:
    """The refusal of every link that cannot be used, for whatever reason."""
    return Refused(
        "link_refused",
        "The link was used, replaced or has expired. `request_password_reset` sends a new one.",
    )


def new_password(call: Call) -> Chosen:
    """The password that the link's holder has chosen, checked and hashed outside of a transaction.

    The try is counted against the caller's address. For a token that cannot be used nothing is hashed.
    Raises Refused(link_refused, password_refused, too_many_requests).
    """
    password = take_secret(call, "password")
    settings = call.runtime.settings
    wait_s = call.transact(lambda unit: addresses.count_try(unit, addresses.LINK, settings))
    if wait_s:
        raise Refused("too_many_requests", "Too many tries from this address. Wait.", retry_after_s=wait_s)
    with call.runtime.database.reading(None) as session:
        found = queries.find_link(session, call.request["token"])
    if found is None or found[0].state(utc_now()) != "usable" or found[0].purpose == VERIFY_EMAIL:
        raise link_refused()
    _, account, organisation = found
    username = call.request["username"]
    return chosen_password(call, organisation, account, password, *([username] if username else []))
