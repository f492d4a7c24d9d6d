"""What anybody may know of an organisation, and the messages that tell people where their portals are."""

from __future__ import annotations

import time
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.identity import organisations, passports
from services.identity.organisations.operator import create_organisation
from services.identity.organisations.rules import short_name_of
from services.identity.secrets.calls import ANSWERS_AFTER_S
from tests.integration.identity.conftest import ADMIN, Identity

FACTS: dict[str, Any] = {
    "short_name": "harbor-211",
    "telephone": "(415) 555-2671",
    "time_zone": "America/Los_Angeles",
    "published_realms": ["provider", "staff"],
}


def set_facts(identity: Identity, **changed: Any) -> Any:
    version = identity.call(organisations.get_organisation, identity.admin())["version"]
    return identity.call(
        organisations.set_public_facts, identity.admin(), version=version, **(FACTS | changed)
    )


def test_an_administrator_sets_what_everybody_may_know(either: Identity) -> None:
    identity = either
    before = identity.call(organisations.get_public_organisation)  # the only one, without its name
    assert (before["short_name"], before["telephone"], before["time_zone"]) == ("harbor-county", None, "UTC")
    saved = set_facts(identity)
    assert (saved["short_name"], saved["telephone"], saved["version"]) == ("harbor-211", "+1 415-555-2671", 2)
    public = {
        "key": "harbor",
        "short_name": "harbor-211",
        "name": "Harbor County",
        "telephone": "+1 415-555-2671",
        "postal_address": None,
        "time_zone": "America/Los_Angeles",
        "realms": ["staff", "provider"],
        "takes_registrations": True,
    }
    for name in ("harbor-211", "harbor", None):
        assert identity.call(organisations.get_public_organisation, organisation=name) == public
    me = identity.call(passports.describe_me, identity.admin())
    assert me["organisation_telephone"] == public["telephone"]
    assert set_facts(identity)["version"] == 2  # nothing new, nothing written
    audited = identity.audit("organisation.public_facts_changed")
    assert [row.facts["after"] for row in audited] == ["harbor-211"]
    [told] = identity.events(organisations.organisation_time_zone_set)
    assert told["data"]["time_zone"] == "America/Los_Angeles"
    # Where the portal is switched off, nobody is sent there.
    identity.call(organisations.set_features, identity.admin(), version=2, features=["referralq"])
    assert identity.call(organisations.get_public_organisation)["realms"] == ["staff"]


def test_a_postal_address_is_known_where_somebody_gives_one(either: Identity) -> None:
    identity = either
    address = "1 Harbor Street, Boston, MA 02110"
    assert set_facts(identity, postal_address=address)["postal_address"] == address
    assert set_facts(identity, telephone=None)["postal_address"] == address, "who does not name it leaves it"
    assert identity.call(organisations.get_public_organisation)["postal_address"] == address
    assert identity.call(passports.describe_me, identity.admin())["organisation_postal_address"] == address
    assert set_facts(identity, postal_address=None)["postal_address"] is None


def test_a_short_name_belongs_to_one_organisation(either: Identity) -> None:
    identity = either
    create_organisation(identity.database, key="bayside", name="Harbor County", admin_email=ADMIN)
    # Another organisation has the short name of this name already, so the key is it.
    assert (
        identity.call(organisations.get_public_organisation, organisation="bayside")["short_name"]
        == "bayside"
    )
    create_organisation(identity.database, key="third", name="Third Aid", admin_email=ADMIN)
    for taken in ("bayside", "third-aid"):
        with pytest.raises(Refused) as refusal:
            set_facts(identity, short_name=taken)
        assert (refusal.value.code, refusal.value.field) == ("short_name_taken", "short_name")
    with pytest.raises(Refused, match="invalid_request"):  # nor can a key be another's short name
        create_organisation(identity.database, key="harbor-county", name="Other", admin_email=ADMIN)
    for unknown in ("nowhere", None):  # of several organisations, none is the only one
        with pytest.raises(Refused) as refusal:
            identity.call(organisations.get_public_organisation, organisation=unknown)
        assert refusal.value.code == "not_found"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("telephone", "12"),
        ("telephone", "call us"),
        ("time_zone", "Mars/Olympus"),
        ("short_name", "Harbor"),
        ("short_name", "har--bor"),
        ("short_name", "-harbor"),
        ("short_name", "2-1-1"),
        ("published_realms", ["signing"]),
    ],
)
def test_a_fact_that_cannot_be_is_refused_by_its_name(identity: Identity, member: str, value: Any) -> None:
    with pytest.raises(Refused) as refusal:
        set_facts(identity, **{member: value})
    assert (refusal.value.code, str(refusal.value.field).split(".")[0]) == ("invalid_request", member)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Harbor County 2-1-1", "harbor-county-2-1-1"),
        ("2-1-1 Côte d'Azur", "cote-dazur"),
        ("مستشفى", None),
        ("X", None),
        ("A" * 60, "a" * 40),
    ],
)
def test_a_short_name_is_made_of_the_name(name: str, short: str | None) -> None:
    assert short_name_of(name) == short


def test_a_reminder_goes_to_each_organisation_with_an_account_of_the_address_and_the_answer_tells_nothing(
    identity: Identity,
) -> None:
    create_organisation(identity.database, key="bayside", name="Bayside", admin_email=ADMIN)
    took, answers = [], []
    for number, email in enumerate((ADMIN.upper(), "nobody@example.org")):
        began = time.monotonic()
        answers.append(
            identity.call(
                organisations.request_portal_reminder, email=email, client_address=f"192.0.2.{number}"
            )
        )
        took.append(time.monotonic() - began)
    assert answers == [{}, {}]
    assert all(each >= ANSWERS_AFTER_S for each in took)
    events = identity.events(organisations.portal_reminder_requested)
    assert {(each["organisationkey"], each["data"]["short_name"]) for each in events} == {
        ("harbor", "harbor-county"),
        ("bayside", "bayside"),
    }
    # Asking again within the hour sends nothing more.
    identity.call(organisations.request_portal_reminder, email=ADMIN)
    assert len(identity.events(organisations.portal_reminder_requested)) == 2
    refused = [self_refused(identity, ADMIN) for _ in range(5)]
    assert refused[-1] == "too_many_requests"


def self_refused(identity: Identity, email: str) -> str | None:
    try:
        identity.call(organisations.request_portal_reminder, email=email)
    except Refused as refusal:
        return refusal.code
    return None
