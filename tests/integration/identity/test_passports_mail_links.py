"""Links with which people act from a mail: what they admit, and all that ends them. Each condition decides in one test alone."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine
from sqlalchemy import select, update

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity import accounts, organisations, passports, people, realms
from services.identity.models import Account
from services.identity.secrets.tokens import token_hash
from services.identity.sessions.models import MailLink
from tests.integration.identity.conftest import FEATURES, Identity
from tests.integration.identity.test_merging import a_patient
from tests.support.in_process import a_service

REFERRAL, MESSAGE = "5" * 32, "6" * 32
STATE = "s1700000000000000"


def allow(identity: Identity, *features: str) -> None:
    """Switch exactly these features and the usual ones on."""
    admin = identity.admin()
    version = identity.call(organisations.get_organisation, admin)["version"]
    identity.call(organisations.set_features, admin, version=version, features=sorted({*FEATURES, *features}))


def a_recipient(identity: Identity) -> dict[str, Any]:
    """A provider who may answer referrals, in an organisation where people act from mails."""
    allow(identity, "act_from_mail")
    return identity.a_provider("7" * 32, can_change_status=True)


def mint(identity: Identity, account_id: str, **other: Any) -> str | None:
    """The token of a new link, None where none is made."""
    wanted = {
        "message_id": MESSAGE,
        "purpose": "answer_referral",
        "object_id": REFERRAL,
        "object_state": STATE,
        **other,
    }
    asking = a_service("notifications", (identity.harbor.organisation_id, "harbor"))
    link = identity.call(passports.mint_mail_link, asking, account_id=account_id, **wanted)["link"]
    return str(link).partition("#token=")[2] if link else None


def minted(identity: Identity, account_id: str, **other: Any) -> str:
    token = mint(identity, account_id, **other)
    assert token is not None
    return token


def ends(identity: Identity, token: str) -> bool:
    """Whether nobody gets a passport for it, and the page says so."""
    state = identity.call(passports.inspect_mail_link, token=token)["state"]
    holds = identity.holds(token)
    assert holds == (state == "usable")
    return not holds


def account_of(identity: Identity, account_id: str) -> Any:
    return identity.call(accounts.get_account, identity.admin(), account_id=account_id)


def test_a_link_admits_its_operations_on_its_object_and_nothing_else(either: Identity) -> None:
    recipient = a_recipient(either)
    token = minted(either, recipient["id"])
    caller = either.caller(token, "referrals")
    assert (caller.kind, caller.id, caller.realm) == ("account", recipient["id"], "provider")
    assert caller.permissions == {"referral.change_status"}  # of all that the provider may do
    assert caller.session_id is None
    assert caller.proven_at is None
    assert caller.scope["resources"] == [{"id": "7" * 32, "level": "program"}]
    assert caller.link is not None
    assert (caller.link.member, caller.link.object_id, caller.link.state) == ("referral_id", REFERRAL, STATE)
    assert caller.link.operations == set(passports.MAIL_ACTIONS["answer_referral"].operations)
    told = either.call(passports.inspect_mail_link, token=token)
    assert told == {
        "purpose": "answer_referral",
        "object_id": REFERRAL,
        "state": "usable",
        "organisation_key": "harbor",
        "organisation_name": "Harbor County",
        "realm": "provider",
    }


def test_only_the_hash_of_a_token_is_stored(identity: Identity) -> None:
    token = minted(identity, a_recipient(identity)["id"])
    with identity.database.reading(None) as session:
        row = session.scalars(select(MailLink)).one()
        stored = [str(getattr(row, column.key)) for column in MailLink.__table__.columns]
    assert row.token_hash == token_hash(token)
    assert all(token not in each for each in stored)


def test_no_link_is_made_where_the_organisation_allows_none(identity: Identity) -> None:
    provider = identity.a_provider("7" * 32, can_change_status=True)
    assert mint(identity, provider["id"]) is None
    allow(identity, "act_from_mail")
    assert mint(identity, provider["id"]) is not None


def test_no_link_is_made_for_what_the_account_may_not_do(identity: Identity) -> None:
    allow(identity, "act_from_mail")
    provider = identity.a_provider("7" * 32, can_change_status=True)
    assert mint(identity, provider["id"], purpose="confirm_capacity") is None
    assert mint(identity, provider["id"]) is not None


def test_no_link_is_made_for_a_disabled_account(identity: Identity) -> None:
    recipient = a_recipient(identity)
    identity.call(
        accounts.disable_account,
        identity.admin(),
        account_id=recipient["id"],
        version=account_of(identity, recipient["id"])["version"],
    )
    assert mint(identity, recipient["id"]) is None


def test_only_notifications_has_links_made(identity: Identity) -> None:
    recipient = a_recipient(identity)
    with pytest.raises(Refused) as refused:
        identity.call(
            passports.mint_mail_link,
            a_service("referrals", (identity.harbor.organisation_id, "harbor")),
            account_id=recipient["id"],
            message_id=MESSAGE,
            purpose="answer_referral",
            object_id=REFERRAL,
            object_state=STATE,
        )
    assert refused.value.code == "forbidden"


def test_it_holds_for_seven_days(identity: Identity) -> None:
    token = minted(identity, a_recipient(identity)["id"])
    last = utc_now() + datetime.timedelta(days=7)
    with time_machine.travel(last - datetime.timedelta(minutes=1), tick=False):
        assert identity.holds(token)
    with time_machine.travel(last + datetime.timedelta(seconds=1), tick=False):
        assert not identity.holds(token)
        assert identity.call(passports.inspect_mail_link, token=token)["state"] == "expired"


def test_a_message_that_is_sent_again_voids_the_link_that_it_had(identity: Identity) -> None:
    recipient = a_recipient(identity)
    first, other = minted(identity, recipient["id"]), minted(identity, recipient["id"], message_id="8" * 32)
    second = minted(identity, recipient["id"])
    assert ends(identity, first)
    assert not ends(identity, second)
    assert not ends(identity, other)


def test_it_ends_when_the_account_is_disabled(identity: Identity) -> None:
    recipient = a_recipient(identity)
    token = minted(identity, recipient["id"])
    version = account_of(identity, recipient["id"])["version"]
    identity.call(accounts.disable_account, identity.admin(), account_id=recipient["id"], version=version)
    assert ends(identity, token)


def test_it_stays_ended_when_the_account_is_enabled_again(identity: Identity) -> None:
    recipient, other = a_recipient(identity), identity.a_provider("7" * 32, can_change_status=True)
    token, of_other = minted(identity, recipient["id"]), minted(identity, other["id"], message_id="7" * 32)
    for operation in (accounts.disable_account, accounts.enable_account):
        version = account_of(identity, recipient["id"])["version"]
        identity.call(operation, identity.admin(), account_id=recipient["id"], version=version)
    assert account_of(identity, recipient["id"])["state"] == "active"
    assert ends(identity, token)
    assert not ends(identity, of_other)
    assert not ends(identity, minted(identity, recipient["id"]))


def test_it_stays_ended_when_the_person_was_disabled(identity: Identity) -> None:
    admin = identity.admin()
    recipient = a_recipient(identity)
    token = minted(identity, recipient["id"])
    person = a_patient(identity, admin, "P1")
    identity.database.write(None, lambda session: _give(session, recipient["id"], person["id"]))
    for operation in (people.disable_person, people.enable_person):
        version = identity.call(people.get_person, admin, person_id=person["id"])["version"]
        identity.call(operation, admin, person_id=person["id"], version=version)
    assert ends(identity, token)


def _give(session: Any, account_id: str, person_id: str) -> None:
    session.execute(update(Account).where(Account.id == account_id).values(person_id=person_id))


def test_it_ends_when_the_account_has_another_role(identity: Identity) -> None:
    allow(identity, "act_from_mail")
    person = identity.an_account()
    token = minted(identity, person["id"])
    version = account_of(identity, person["id"])["version"]
    identity.call(
        accounts.set_security_level,
        identity.admin(),
        account_id=person["id"],
        version=version,
        security_level="supervisor",
    )
    assert ends(identity, token)


@pytest.mark.parametrize("column", ["email", "login"])
def test_it_ends_when_the_account_has_another_address(identity: Identity, column: str) -> None:
    token = minted(identity, a_recipient(identity)["id"])
    owner = select(MailLink.account_id).scalar_subquery()
    table = accounts_table()
    statement = update(table).where(table.c.id == owner).values({column: "elsewhere@example.org"})
    identity.database.write(None, lambda session: session.execute(statement))
    assert ends(identity, token)


def accounts_table() -> Any:
    return MailLink.metadata.tables["accounts"]


def test_it_ends_when_the_organisation_no_longer_allows_it(identity: Identity) -> None:
    token = minted(identity, a_recipient(identity)["id"])
    allow(identity)
    assert ends(identity, token)


def test_it_loses_what_the_account_loses(identity: Identity) -> None:
    recipient = a_recipient(identity)
    token = minted(identity, recipient["id"])
    off = {"can_edit_capacity": False, "can_change_status": False, "can_access_details": False}
    identity.call(accounts.set_provider_switches, identity.admin(), account_id=recipient["id"], **off)
    assert identity.caller(token, "referrals").permissions == frozenset()


def test_it_works_from_the_networks_of_the_realm_only(identity: Identity) -> None:
    token = minted(identity, a_recipient(identity)["id"])
    admin = identity.admin()
    (provider,) = (
        each
        for each in identity.call(realms.list_realm_settings, admin)["items"]
        if each["realm"] == "provider"
    )
    wanted = {name: provider[name] for name in realms.set_realm_settings.request.fields if name in provider}
    identity.call(
        realms.set_realm_settings,
        admin,
        version=provider["version"],
        **wanted | {"realm": "provider", "allowed_networks": ["192.0.2.0/24"]},
    )
    assert identity.holds(token, "192.0.2.7")
    assert not identity.holds(token, "198.51.100.7")


def test_an_unknown_token_stands_for_nothing(identity: Identity) -> None:
    assert not identity.holds("mail_" + "x" * 43)
    assert identity.refused(passports.inspect_mail_link, token="mail_" + "x" * 43).code == "not_found"


def test_nothing_of_signing_can_be_done_from_a_mail() -> None:
    named = [each for action in passports.MAIL_ACTIONS.values() for each in action.operations]
    assert {each.partition(".")[0] for each in named} == {"referrals", "portals"}
