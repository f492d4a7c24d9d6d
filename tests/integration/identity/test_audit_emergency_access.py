"""Emergency access: immediate, with a reason, to one object, for an hour; audited, notified and reported."""

from __future__ import annotations

import datetime
import time
from typing import Any

import pytest
import time_machine

from services.chassis import wire
from services.chassis.audit_fhir import audit_event
from services.chassis.operations import admit
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import all_operations
from services.contracts.errors import Refused
from services.contracts.identity import accounts, passports, people, sessions
from services.contracts.identity import audit as contract
from services.contracts.referrals import assignments, records
from services.contracts.referrals import records as referrals
from services.contracts.signing import documents
from services.identity.models import Account, RolePermission
from tests.integration.identity.conftest import Identity
from tests.support.in_process import FakeVerifier, a_caller, a_service

REASON = "Unconscious in the shelter, allergies unknown"
WHY = {"reason_code": "emergency_treatment", "reason": REASON}


@pytest.fixture
def worker(identity: Identity) -> str:
    """The token of somebody at the standard level."""
    return str(identity.log_in(identity.an_account()["login"])["token"])


def use(identity: Identity, token: str, object_id: str, **more: Any) -> Any:
    request = WHY | {"object_type": "contact_record", "object_id": object_id} | more
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
    assert not identity.holds(worker)


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


def test_the_report_is_of_a_span_that_holds_its_beginning_and_not_its_end(
    identity: Identity, worker: str, resource_id: str
) -> None:
    use(identity, worker, resource_id)
    admin = identity.admin()
    at = datetime.datetime.fromisoformat(identity.call(contract.list_break_glass, admin)["items"][0]["at"])
    moment = datetime.timedelta(microseconds=1)

    def count(**span: datetime.datetime) -> int:
        request = {name: each.isoformat() for name, each in span.items()}
        return len(identity.call(contract.list_break_glass, admin, **request)["items"])

    assert (count(since=at), count(since=at + moment)) == (1, 0)
    assert (count(until=at), count(until=at + moment)) == (0, 1)


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


def test_an_access_that_has_ended_with_its_session_or_its_time_is_not_ended_again(
    identity: Identity, worker: str, resource_id: str
) -> None:
    logged_out = use(identity, worker, resource_id)
    identity.call(sessions.log_out, identity.caller(worker))
    another = str(identity.log_in(identity.an_account()["login"])["token"])
    ran_out = use(identity, another, resource_id)
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=61)
    assert identity.call(contract.end_break_glass, identity.admin(), access_id=logged_out["id"]) == {}
    with time_machine.travel(later, tick=False):
        assert identity.call(contract.end_break_glass, identity.admin(), access_id=ran_out["id"]) == {}
    assert identity.audit("access.break_glass_ended") == []
    assert identity.events(contract.break_glass_ended) == []


def test_only_active_staff_who_may_read_the_trail_are_told(identity: Identity) -> None:
    organisation = (identity.harbor.organisation_id, "harbor")

    def told() -> list[dict[str, Any]]:
        caller = a_service("notifications", organisation)
        return list(identity.call(contract.list_audit_readers, caller)["recipients"])

    first = {"account_id": identity.harbor.admin_account_id, "email_is_verified": True}
    invited = identity.an_account("admin", password=None)
    second = identity.an_account("admin")
    provider = identity.a_provider()
    assert told() == sorted(
        [first, {"account_id": second["id"], "email_is_verified": True}], key=lambda each: each["account_id"]
    )

    def read_the_trail(session: Any) -> None:
        account = session.get(Account, provider["id"])
        account.state = "active"
        session.add(RolePermission(role_id=account.role_id, permission="audit.read"))

    identity.database.write(identity.harbor.organisation_id, read_the_trail)
    identity.call(
        accounts.disable_account, identity.admin(), version=second["version"], account_id=second["id"]
    )
    assert invited["state"] == "invited"
    assert told() == [first]


def owner_login(identity: Identity, token: str) -> str:
    return str(identity.call(passports.describe_me, identity.caller(token))["login"])


def test_a_session_that_has_ended_gets_none(identity: Identity, worker: str, resource_id: str) -> None:
    caller = identity.caller(worker)
    identity.call(sessions.log_out, caller)
    request = WHY | {"object_type": "contact_record", "object_id": resource_id}
    assert identity.refused(contract.break_glass, caller, **request).code == "unauthenticated"
    assert identity.audit("access.break_glass") == []


@pytest.mark.parametrize("reason", ["", "too short", "x" * 501])
def test_it_takes_a_reason(identity: Identity, worker: str, resource_id: str, reason: str) -> None:
    refused = identity.refused(
        contract.break_glass,
        identity.caller(worker),
        object_type="contact_record",
        object_id=resource_id,
        **WHY | {"reason": reason},
    )
    assert (refused.code, refused.field) == ("invalid_request", "reason")
    assert identity.audit("access.break_glass") == []


@pytest.mark.parametrize("code", [None, "curiosity"])
def test_it_takes_a_reason_with_a_code(
    identity: Identity, worker: str, resource_id: str, code: str | None
) -> None:
    request = {"object_type": "contact_record", "object_id": resource_id, "reason": REASON}
    refused = identity.refused(
        contract.break_glass,
        identity.caller(worker),
        **request | ({} if code is None else {"reason_code": code}),
    )
    assert (refused.code, refused.field) == ("invalid_request", "reason_code")
    use(identity, worker, resource_id, reason_code="immediate_danger")
    (entry,) = identity.call(contract.list_break_glass, identity.admin())["items"]
    assert entry["reason_code"] == "immediate_danger"


@pytest.mark.parametrize("object_type", contract.EMERGENCY_OBJECTS)
def test_what_does_not_exist_is_not_found(identity: Identity, worker: str, object_type: str) -> None:
    def gone(_request: Any) -> Any:
        raise Refused("not_found", "There is no such thing.", "referral_id")

    there = identity.call(people.create_person, identity.admin(), last_name="Quimby", kinds=["client"])["id"]
    request = WHY | {"object_type": object_type}
    caller = identity.caller(worker)
    assert identity.call(contract.break_glass, caller, object_id=there, **request)
    for operation in (
        records.describe_contact_record,
        assignments.describe_referral,
        documents.describe_document,
    ):
        identity.answers[operation.address] = gone
    missing = wire.new_id()
    refused = identity.refused(contract.break_glass, caller, object_id=missing, **request)
    assert (refused.code, refused.field) == ("not_found", "object_id")
    assert missing not in repr(identity.caller(worker).scope)
    assert len(identity.audit("access.break_glass")) == 1


def test_a_person_of_another_organisation_does_not_exist(identity: Identity, worker: str) -> None:
    identity.an_organisation("bayside")
    other = identity.call(
        people.create_person, identity.admin("bayside"), last_name="Quimby", kinds=["client"]
    )["id"]
    request = WHY | {"object_type": "person", "object_id": other}
    assert identity.refused(contract.break_glass, identity.caller(worker), **request).code == "not_found"


def test_without_an_answer_whether_it_exists_nothing_is_opened(
    identity: Identity, worker: str, resource_id: str
) -> None:
    del identity.answers[records.describe_contact_record.address]
    request = WHY | {"object_type": "contact_record", "object_id": resource_id}
    refused = identity.refused(contract.break_glass, identity.caller(worker), **request)
    assert refused.code == "service_unavailable"
    assert not may_read(identity.caller(worker), contact_record_id=resource_id)


def test_a_second_person_reviews_each_use_and_until_then_it_is_listed(
    identity: Identity, worker: str, resource_id: str
) -> None:
    admin = identity.admin()
    first, second = use(identity, worker, resource_id), use(identity, worker, wire.new_id())

    def listed(**wanted: bool) -> set[str]:
        return {each["id"] for each in identity.call(contract.list_break_glass, admin, **wanted)["items"]}

    assert listed(is_reviewed=False) == listed() == {first["id"], second["id"]}
    request = {"access_id": first["id"], "outcome": "not_justified"}
    done = identity.call(contract.review_break_glass, admin, **request)
    assert listed(is_reviewed=False) == {second["id"]}
    assert listed(is_reviewed=True) == {first["id"]}
    assert listed() == {first["id"], second["id"]}
    entries = {each["id"]: each for each in identity.call(contract.list_break_glass, admin)["items"]}
    assert (entries[first["id"]]["outcome"], entries[first["id"]]["reviewed_by"]) == (
        "not_justified",
        admin.id,
    )
    assert entries[first["id"]]["reviewed_at"] == done["reviewed_at"]
    assert entries[second["id"]]["outcome"] is None
    assert identity.refused(contract.review_break_glass, admin, **request).code == "conflict"
    (row,) = identity.audit("access.break_glass_reviewed")
    assert (row.object_id, row.facts["outcome"]) == (first["id"], "not_justified")


def test_an_access_that_was_ended_still_waits_for_its_review(
    identity: Identity, worker: str, resource_id: str
) -> None:
    given = use(identity, worker, resource_id)
    identity.call(contract.end_break_glass, identity.caller(worker), access_id=given["id"])
    for is_reviewed, expected in ((False, [given["id"]]), (True, [])):
        listed = identity.call(contract.list_break_glass, identity.admin(), is_reviewed=is_reviewed)
        assert [each["id"] for each in listed["items"]] == expected


def test_nobody_reviews_their_own_use_nor_a_stranger_s(identity: Identity, resource_id: str) -> None:
    admin_token = str(identity.log_in()["token"])
    given = use(identity, admin_token, resource_id)
    request = {"access_id": given["id"], "outcome": "justified"}
    own = identity.refused(contract.review_break_glass, identity.caller(admin_token), **request)
    assert own.code == "second_person_needed"
    identity.an_organisation("bayside")
    for caller, access_id in (
        (identity.admin("bayside"), given["id"]),
        (identity.admin(), wire.new_id()),
        (identity.admin(), identity.audit("session.started")[0].id),
    ):
        refused = identity.refused(
            contract.review_break_glass, caller, access_id=access_id, outcome="justified"
        )
        assert refused.code == "not_found"
    harbor = (identity.harbor.organisation_id, "harbor")
    for caller in (
        a_caller("audit.read", organisation=harbor, realm="api"),
        a_caller("access.break_glass", organisation=harbor),
    ):
        assert identity.refused(contract.review_break_glass, caller, **request).code == "forbidden"
    other = a_caller("audit.read", organisation=harbor)
    assert identity.call(contract.review_break_glass, other, **request)["outcome"] == "justified"


def test_only_staff_with_the_permission_may(identity: Identity, resource_id: str) -> None:
    trainee = identity.log_in(identity.an_account("trainee")["login"])["token"]
    for caller in (identity.caller(trainee), a_caller("access.break_glass", realm="provider")):
        request = WHY | {"object_type": "referral", "object_id": resource_id}
        assert identity.refused(contract.break_glass, caller, **request).code == "forbidden"


def test_a_person_has_five_a_day_also_in_other_sessions_and_after_ending_each(
    identity: Identity, worker: str
) -> None:
    login = owner_login(identity, worker)
    with time_machine.travel(1_900_000_000.0, tick=False) as clock:
        token = identity.log_in(login)["token"]
        for _ in range(5):
            given = use(identity, token, wire.new_id())
            identity.call(contract.end_break_glass, identity.caller(token), access_id=given["id"])
            token = identity.log_in(login)["token"]
        request = WHY | {"object_type": "referral", "object_id": wire.new_id()}
        refused = identity.refused(contract.break_glass, identity.caller(token), **request)
        assert (refused.code, refused.more["retry_after_s"]) == ("too_many_requests", 86_400)
        colleague = identity.log_in(identity.an_account()["login"])["token"]
        assert use(identity, colleague, wire.new_id()), "a colleague has a day of their own"
        clock.shift(86_399)
        token = identity.log_in(login)["token"]
        assert identity.refused(contract.break_glass, identity.caller(token), **request)
        clock.shift(1)
        assert use(identity, token, wire.new_id())


def test_emergency_access_to_read_opens_no_operation_that_does_more(
    identity: Identity, worker: str, resource_id: str
) -> None:
    """On the very record, whatever permission an operation asks for, only the one that was given is added."""
    given = {"object_type": "contact_record", "object_id": resource_id, "until": time.time() + 60}
    let_in = set()
    for operation in all_operations(CONTRACTS):
        verifier = FakeVerifier()
        for object_type, permission in contract.EMERGENCY_OBJECTS.items():
            accesses = [given | {"object_type": object_type, "permission": permission}]
            verifier.caller = a_caller(scope={"emergency": accesses})
            try:
                caller = admit(operation, verifier, "passport", {f"{object_type}_id": resource_id})
            except Refused:
                continue
            if operation.access.kind == "permission":
                assert caller is not None
                let_in.add((operation.access.permission, permission))
    assert let_in == {(each, each) for each in contract.EMERGENCY_OBJECTS.values()}


def test_every_kind_of_object_opens_with_a_permission_that_only_reads() -> None:
    assert {each.rpartition(".")[2] for each in contract.EMERGENCY_OBJECTS.values()} == {"read"}
