"""Partners: who may create them, what is kept of a password, and what the broker has yet to do."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from services.contracts import feed
from services.contracts.errors import Refused
from services.contracts.identity import partners
from services.identity.partners import following, operator
from tests.integration.identity.conftest import Identity

ASSIGNED = "portico.referrals.referral_assigned.v1"


def a_partner(identity: Identity, name: str = "mercy", **members: Any) -> dict[str, Any]:
    return dict(identity.call(partners.create_partner, identity.admin(), name=name, **members))


def test_a_partner_gets_a_password_once_and_its_hash_is_kept_as_the_broker_wants_it(
    identity: Identity,
) -> None:
    made = a_partner(identity)
    [known] = following.partners(identity.database)
    kept = base64.b64decode(known.password_hash)
    assert hashlib.sha256(kept[:4] + made["password"].encode()).digest() == kept[4:]
    shown = identity.call(partners.get_partner, identity.admin(), partner_id=made["id"])
    assert "password" not in shown
    assert (shown["user"], shown["queue"]) == ("ext.harbor.mercy", "ext.harbor.mercy.events")
    assert (shown["virtual_host"], shown["stream"]) == ("portico-feeds", "feed.harbor")
    assert shown["address"] == "amqps://broker.example.org/portico-feeds"


def test_the_broker_has_something_to_do_after_each_change_and_nothing_between(identity: Identity) -> None:
    admin, made = identity.admin(), a_partner(identity)

    def carried_out() -> dict[str, Any]:
        for each in following.partners(identity.database, undone_only=True):
            following.note_done(identity.database, each)
        assert following.partners(identity.database, undone_only=True) == []
        return dict(identity.call(partners.get_partner, admin, partner_id=made["id"]))

    shown = carried_out()
    assert (made["is_in_effect"], shown["is_in_effect"]) == (False, True)
    changed = identity.call(
        partners.choose_event_types, admin, version=shown["version"], partner_id=made["id"], event_types=[ASSIGNED] * 2
    )  # fmt: skip
    assert (changed["is_in_effect"], changed["event_types"], changed["stream"]) == (False, [ASSIGNED], None)
    carried_out()
    renewed = identity.call(partners.rotate_partner_password, admin, partner_id=made["id"])
    assert renewed["password"] != made["password"]
    assert not renewed["is_in_effect"]
    carried_out()
    assert not identity.call(partners.revoke_partner, admin, partner_id=made["id"])["is_in_effect"]
    assert following.partners(identity.database, undone_only=True)[0].is_revoked
    assert carried_out()["revoked_at"]
    assert following.partners(identity.database) == []


def test_every_step_is_audited_and_told(identity: Identity) -> None:
    admin, made = identity.admin(), a_partner(identity)
    identity.call(partners.rotate_partner_password, admin, partner_id=made["id"])
    identity.call(partners.revoke_partner, admin, partner_id=made["id"])
    identity.call(partners.revoke_partner, admin, partner_id=made["id"])
    for change in ("created", "password_changed", "revoked"):
        [row] = identity.audit(f"partner.{change}")
        assert (row.object_type, row.object_id, row.actor_id) == ("partner", made["id"], admin.id)
    told = [each["data"]["change"] for each in identity.events(partners.partner_changed)]
    assert told == ["created", "password_changed", "revoked"]


def test_a_name_is_taken_until_its_partner_is_revoked(identity: Identity) -> None:
    admin, made = identity.admin(), a_partner(identity)
    refusal = identity.refused(partners.create_partner, admin, name="mercy")
    assert (refusal.code, refusal.field) == ("partner_name_taken", "name")
    identity.an_organisation("bayside")
    assert (
        identity.call(partners.create_partner, identity.admin("bayside"), name="mercy")["user"]
        == "ext.bayside.mercy"
    )
    identity.call(partners.revoke_partner, admin, partner_id=made["id"])
    assert a_partner(identity)["id"] != made["id"]
    assert [each["name"] for each in identity.call(partners.list_partners, admin)["items"]] == ["mercy"]


def test_an_organisation_has_so_many_partners(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partners, "MOST_PARTNERS", 2)
    a_partner(identity)
    a_partner(identity, "lab")
    assert (
        identity.refused(partners.create_partner, identity.admin(), name="third").code == "too_many_partners"
    )


@pytest.mark.parametrize("name", ["", "a", "Lab", "lab.events", "lab#", "l" * 42, "-lab", "lab\n"])
def test_a_name_is_one_word_of_a_queue_name(identity: Identity, name: str) -> None:
    refusal = identity.refused(partners.create_partner, identity.admin(), name=name)
    assert (refusal.code, refusal.field) == ("invalid_request", "name")


def test_only_types_of_events_that_there_are_can_be_chosen(identity: Identity) -> None:
    assert ASSIGNED in feed.event_types()
    refusal = identity.refused(
        partners.create_partner, identity.admin(), name="mercy", event_types=["portico.referrals.gone.v1"]
    )
    assert (refusal.code, refusal.field) == ("invalid_request", "event_types")


def test_a_revoked_partner_does_not_change(identity: Identity) -> None:
    admin, made = identity.admin(), a_partner(identity)
    ended = identity.call(partners.revoke_partner, admin, partner_id=made["id"])
    for operation, more in (
        (partners.choose_event_types, {"event_types": [], "version": ended["version"]}),
        (partners.rotate_partner_password, {}),
    ):
        assert identity.refused(operation, admin, partner_id=made["id"], **more).code == "partner_revoked"


def test_a_change_needs_the_version_that_was_read(identity: Identity) -> None:
    admin, made = identity.admin(), a_partner(identity)
    for operation, more in (
        (partners.choose_event_types, {"event_types": []}),
        (partners.revoke_partner, {}),
    ):
        refusal = identity.refused(
            operation, admin, partner_id=made["id"], version=made["version"] + 1, **more
        )
        assert refusal.code == "version_conflict"


def test_the_command_line_does_the_same_for_an_organisation_that_there_is(identity: Identity) -> None:
    password = operator.create_partner(identity.database, "harbor", "mercy", [])
    assert operator.rotate_password(identity.database, "harbor", "mercy") != password
    operator.revoke_partner(identity.database, "harbor", "mercy")
    with pytest.raises(Refused, match="not_found"):
        operator.rotate_password(identity.database, "harbor", "mercy")
    with pytest.raises(Refused, match="not_found"):
        operator.create_partner(identity.database, "nowhere", "mercy", [])
    assert {row.actor_id for row in identity.audit("partner.created")} == {"command_line"}
