"""Emergency access: immediate, with a reason, to one object, for an hour; audited, notified and reported."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine

from services.chassis import wire
from services.chassis.audit_fhir import audit_event
from services.chassis.operations import admit
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import audit as contract
from services.contracts.identity import passports, sessions
from services.contracts.referrals import records as referrals
from tests.integration.identity.conftest import Identity
from tests.support.in_process import FakeVerifier, a_caller, a_service

REASON = "Unconscious in the shelter, allergies unknown"


@pytest.fixture
def worker(identity: Identity) -> str:
    """The token of somebody at the standard level."""
    return str(identity.log_in(identity.an_account()["login"])["token"])


def use(identity: Identity, token: str, object_id: str, **more: Any) -> Any:
    request = {"object_type": "contact_record", "object_id": object_id, "reason": REASON} | more
    return identity.call(contract.break_glass, identity.caller(token), **request)


def may_read(caller: Caller, **arguments: Any) -> bool:
    """Whether another service lets the caller, who no longer holds `record.read`, read a contact record."""
    verifier = FakeVerifier()
    verifier.caller = Caller(
        **{**caller.__dict__, "permissions": caller.permissions - {"record.read"}},
    )
    try:
        let_in = admit(referrals.get_contact_record, verifier, "passport", arguments)
    except Refused as refusal:
        return refusal.code != "forbidden"
    assert let_in is not None
    assert let_in.is_emergency
    return True


def test_it_opens_the_named_object_and_nothing_else(
    identity: Identity, worker: str, resource_id: str
) -> None:
    assert not may_read(identity.caller(worker), contact_record_id=resource_id)
    given = use(identity, worker, resource_id)

    caller = identity.caller(worker, "referrals")
    assert given["permission"] == "record.read"
    assert may_read(caller, contact_record_id=resource_id)
    assert not may_read(caller, contact_record_id=wire.new_id())
    assert not may_read(caller, referral_id=resource_id)
    assert not may_read(caller)
    assert caller.permissions == identity.caller(worker).permissions


def test_it_ends_after_an_hour(identity: Identity, worker: str, resource_id: str) -> None:
    identity.runtime.settings.session_idle_minutes = type(identity.runtime.settings.session_idle_minutes)(240)
    use(identity, worker, resource_id)
    caller = identity.caller(worker)
    now = datetime.datetime.now(datetime.UTC)
    with time_machine.travel(now + datetime.timedelta(minutes=59), tick=False):
        assert may_read(identity.caller(worker), contact_record_id=resource_id)
    with time_machine.travel(now + datetime.timedelta(minutes=61), tick=False):
        assert not may_read(identity.caller(worker), contact_record_id=resource_id)
        assert not may_read(caller, contact_record_id=resource_id), "an old passport does not help"


def test_it_is_of_one_session_and_ends_with_it(identity: Identity, worker: str, resource_id: str) -> None:
    account = identity.call(passports.describe_me, identity.caller(worker))
    use(identity, worker, resource_id)
    other = identity.log_in(account["login"])["token"]
    assert not may_read(identity.caller(other), contact_record_id=resource_id)
    identity.call(sessions.log_out, identity.caller(worker))
    with pytest.raises(Refused, match="unauthenticated"):
        identity.caller(worker)


def test_what_is_done_under_it_is_audited_as_an_emergency(
    identity: Identity, worker: str, resource_id: str
) -> None:
    use(identity, worker, resource_id)
    caller = identity.caller(worker)
    verifier = FakeVerifier()
    verifier.caller = Caller(**{**caller.__dict__, "permissions": frozenset()})
    let_in = admit(referrals.get_contact_record, verifier, "passport", {"contact_record_id": resource_id})
    identity.runtime.verifier.caller = let_in

    def read(session: Any) -> None:
        context = wire.CallContext(wire.new_id(), correlation_id="test")
        UnitOfWork(
            session,
            identity.runtime.tables,
            "identity",
            caller=let_in,
            context=context,
            organisation_id=caller.organisation_id,
            organisation_key=caller.organisation_key,
        ).audit("contact_record.read", "contact_record", resource_id)

    identity.database.write(caller.organisation_id, read)
    (row,) = identity.audit("contact_record.read")
    assert row.facts == {"emergency": True}
    (purpose,) = audit_event(row, "referrals")["purposeOfEvent"]
    assert purpose["coding"][0]["code"] == "BTG"


def test_the_reason_is_in_the_report_and_nowhere_else(
    identity: Identity, worker: str, resource_id: str
) -> None:
    given = use(identity, worker, resource_id)
    admin = identity.admin()

    (entry,) = identity.call(contract.list_break_glass, admin)["items"]
    assert entry["reason"] == REASON
    assert (entry["id"], entry["object_id"], entry["ends_at"]) == (given["id"], resource_id, given["ends_at"])
    assert entry["account_id"] == identity.caller(worker).id
    assert identity.call(contract.list_break_glass, admin, account_id=admin.id)["items"] == []

    (row,) = identity.audit("access.break_glass")
    elsewhere = [
        repr(row.facts),
        repr(identity.events()),
        repr(identity.call(contract.trail.search, admin, action="access.break_glass")),
        repr(identity.call(contract.trail.export, admin, format="fhir", action="access.break_glass")),
    ]
    assert [text for text in elsewhere if "Unconscious" in text] == []
    with identity.database.reading(None) as session:
        kept = session.query(identity.runtime.tables.Request).all()
    assert [request for request in kept if "Unconscious" in repr((request.answer, request.fingerprint))] == []


def test_it_is_told_by_an_event_of_ids_and_those_who_may_read_the_trail_are_named(
    identity: Identity, worker: str, resource_id: str
) -> None:
    given = use(identity, worker, resource_id)
    (event,) = identity.events(contract.break_glass_used)
    assert event["data"] == {
        "access_id": given["id"],
        "account_id": identity.caller(worker).id,
        "object_type": "contact_record",
        "object_id": resource_id,
        "ends_at": given["ends_at"],
    }
    organisation = (identity.harbor.organisation_id, "harbor")
    answer = identity.call(contract.list_audit_readers, a_service("notifications", organisation))
    assert answer == {
        "recipients": [{"account_id": identity.harbor.admin_account_id, "email_is_verified": True}]
    }
    with pytest.raises(Refused, match="forbidden"):
        identity.call(contract.list_audit_readers, a_service("referrals", organisation))


def test_its_owner_ends_it_before_its_time_from_the_next_request_on(
    identity: Identity, worker: str, resource_id: str
) -> None:
    given, kept = use(identity, worker, resource_id), use(identity, worker, other := wire.new_id())
    another_session = identity.caller(identity.log_in(owner_login(identity, worker))["token"])
    identity.call(contract.end_break_glass, another_session, access_id=given["id"])

    assert not may_read(identity.caller(worker), contact_record_id=resource_id)
    assert may_read(identity.caller(worker), contact_record_id=other)
    (row,) = identity.audit("access.break_glass_ended")
    assert (row.object_id, row.facts["is_own"]) == (given["id"], True)
    (event,) = identity.events(contract.break_glass_ended)
    owner = identity.caller(worker).id
    assert event["data"] == {"access_id": given["id"], "account_id": owner, "ended_by": owner}
    report = {
        each["id"]: each for each in identity.call(contract.list_break_glass, identity.admin())["items"]
    }
    assert report[given["id"]]["ended_at"] is not None
    assert report[kept["id"]]["ended_at"] is None


def test_who_reads_the_trail_ends_it_for_somebody_else_and_once(
    identity: Identity, worker: str, resource_id: str
) -> None:
    given = use(identity, worker, resource_id)
    for _ in range(2):
        identity.call(contract.end_break_glass, identity.admin(), access_id=given["id"])
    assert not may_read(identity.caller(worker), contact_record_id=resource_id)
    (event,) = identity.events(contract.break_glass_ended)
    assert event["data"]["ended_by"] == identity.harbor.admin_account_id
    assert [row.facts["is_own"] for row in identity.audit("access.break_glass_ended")] == [False]


def test_nobody_else_ends_it_nor_learns_that_it_is_there(
    identity: Identity, worker: str, resource_id: str
) -> None:
    given = use(identity, worker, resource_id)
    identity.an_organisation("bayside")
    colleague = identity.caller(identity.log_in(identity.an_account()["login"])["token"])
    for caller, access_id in (
        (colleague, given["id"]),
        (identity.admin("bayside"), given["id"]),
        (identity.admin(), identity.audit("session.started")[0].id),
        (identity.admin(), wire.new_id()),
    ):
        assert identity.refused(contract.end_break_glass, caller, access_id=access_id).code == "not_found"
    assert may_read(identity.caller(worker), contact_record_id=resource_id)


def owner_login(identity: Identity, token: str) -> str:
    return str(identity.call(passports.describe_me, identity.caller(token))["login"])


@pytest.mark.parametrize("reason", ["", "too short", "x" * 501])
def test_it_takes_a_reason(identity: Identity, worker: str, resource_id: str, reason: str) -> None:
    refused = identity.refused(
        contract.break_glass,
        identity.caller(worker),
        object_type="contact_record",
        object_id=resource_id,
        reason=reason,
    )
    assert (refused.code, refused.field) == ("invalid_request", "reason")
    assert identity.audit("access.break_glass") == []


def test_only_staff_with_the_permission_may(identity: Identity, resource_id: str) -> None:
    trainee = identity.log_in(identity.an_account("trainee")["login"])["token"]
    for caller in (identity.caller(trainee), a_caller("access.break_glass", realm="provider")):
        request = {"object_type": "referral", "object_id": resource_id, "reason": REASON}
        assert identity.refused(contract.break_glass, caller, **request).code == "forbidden"


def test_five_at_once_are_enough(identity: Identity, worker: str) -> None:
    for _ in range(5):
        use(identity, worker, wire.new_id())
    request = {"object_type": "referral", "object_id": wire.new_id(), "reason": REASON}
    refused = identity.refused(contract.break_glass, identity.caller(worker), **request)
    assert refused.code == "too_many_requests"
    assert 0 < refused.more["retry_after_s"] <= 3600


def test_every_kind_of_object_opens_with_a_permission_that_only_reads() -> None:
    assert {each.rpartition(".")[2] for each in contract.EMERGENCY_OBJECTS.values()} == {"read"}
