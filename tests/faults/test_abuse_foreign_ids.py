"""A3: ids of another organisation in every place where an operation takes one, for every operation of every service.

An operation answers the id of another organisation's object as it answers an id that does not exist. Nothing of the other
organisation is in the answer or has changed. The same request with an object of the caller's organisation is answered
otherwise, which proves that the id was read. Requests are made from the declarations, so new operations are covered.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import Operation, all_operations
from services.contracts.errors import Refused
from services.contracts.identity import patients as patients_contract
from services.contracts.referrals import bulk, fhir
from services.identity.patients import jobs
from services.referrals.bulk import work as bulk_work
from services.referrals.fhir.rules import PARAMETERS
from tests.support.in_process import InProcess
from tests.support.two_organisations import (
    KINDS,
    KINDS_OF,
    MADE_UP,
    World,
    a_request,
    is_cursor,
    kind_of,
    naming,
    naming_members,
)
from tests.support.world_of_a_provider import WORLDS_OF_A_PROVIDER
from tests.support.worlds_of_services import WORLDS

SERVICES = tuple(contract.service for contract in CONTRACTS)
OPERATIONS = {
    service: [each for each in all_operations(CONTRACTS) if each.service == service and naming_members(each)]
    for service in SERVICES
}
FEW = 3  # objects of other kinds that the short form tries beside the right ones
LEAST_PAIRS = 1000
# Members that may name anything: the object is looked up later, or what cannot be done is answered for each.
ANYTHING = {
    # The service that owns the object compares its state when the link is used.
    ("identity.mint_mail_link", "message_id"),
    ("identity.mint_mail_link", "object_id"),
    ("identity.start_patient_job", "person_ids"),
    ("identity.send_pickup_codes", "person_ids"),
    ("signing.sign_documents", "document_ids"),
    ("notifications.describe_document_deliveries", "document_id"),
    ("portals.create_message_type", "questionnaire_id"),
    ("portals.change_message_type", "questionnaire_id"),
}
# Commands that change nothing: their arguments do not belong into an address, or they are dry runs.
QUESTIONS = {
    "identity.check_username",
    "portals.search_archive",
    "referrals.start_bulk_assignment",
    "referrals.start_bulk_reassignment",
    "referrals.start_bulk_status_change",
}
# Members for which an existing object is answered like none: without its secret an API client is refused as unknown.
# What a visitor has verified lies in the store of visitors, where no organisation's file is found.
# Who has booked is told while the schedule is open to that account, and here it is not; nor is the profile.
LOOKS_ALIKE = {
    ("identity.open_api_session", "client_id"),
    ("identity.list_person_recipients", "booked_by"),
    ("identity.check_permission", "person_id"),
    ("signing.verify_file", "document"),
    *ANYTHING,
}
# Type, parameter, what stands before an id there, and the kind of object that the id names.
IN_FHIR = (
    ("Task", "_id", "", "referral"),
    ("Task", "focus", "ServiceRequest/", "referral"),
    ("Task", "owner", "HealthcareService/", "program"),
    ("Task", "owner", "Organization/", "agency"),
    ("ServiceRequest", "_id", "", "referral"),
    ("ServiceRequest", "performer", "HealthcareService/", "program"),
    ("ServiceRequest", "performer", "Organization/", "agency"),
    ("HealthcareService", "_id", "", "program"),
    ("HealthcareService", "organization", "Organization/", "agency"),
    ("Organization", "_id", "", "agency"),
    ("Provenance", "_id", "", "step"),
    ("Provenance", "target", "Task/", "referral"),
)
BASE = {"base_url": "https://example.org/fhir/R4"}
# Times of the answer.
CLOCKS = ("at", "created_at", "finished_at")


@pytest.fixture(scope="module", params=SERVICES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A service with two organisations."""
    build: Callable[[Path], World] = WORLDS[request.param]
    built = build(tmp_path_factory.mktemp(f"two-{request.param}"))
    yield built
    built.service.close()


def outcome(world: World, operation: Operation, key: str, named: Any, **request: Any) -> dict[str, Any]:
    """The answer, without the id that was sent and without values that differ from call to call."""
    try:
        version = 1 if operation.expects_version else None
        answer = world.service.call(operation, world.caller(operation, key), version=version, **request)
        found: dict[str, Any] = {"answer": answer}
    except Refused as refusal:
        found = {"code": refusal.code, "detail": refusal.detail, "field": refusal.field, "more": refusal.more}
    told = json.dumps(found, sort_keys=True, default=str)
    found = dict(json.loads(told.replace(str(named), "<id>") if isinstance(named, str) else told))
    for each in CLOCKS:
        (found.get("answer") or {}).pop(each, None)
    return found


def rows_of_others(world: World, key: str, *but: str) -> dict[str, list[str]]:
    """Every row of other organisations, without those of the machinery (tries, request ids)."""
    own_id, own_key = world.organisations[key]
    kept: dict[str, list[str]] = {}
    with world.service.database.engine.connect() as connection:
        for table, hanging in _tables(world.service).items():
            if table in ("throttles", "requests", *but):
                continue
            rows = connection.execute(text(f'SELECT * FROM "{table}"')).all()
            hung = [
                (column, set(connection.scalars(text(ids_of_own), {"own": own_id})))
                for column, ids_of_own in hanging
            ]
            foreign = [
                row
                for row in rows
                if own_id not in row
                and not any(_of(own_key, each) for each in row)
                and not any(getattr(row, column) in own for column, own in hung)
            ]
            kept[table] = sorted(repr(tuple(row)) for row in foreign)
    return kept


@functools.cache
def _tables(service: InProcess) -> dict[str, list[tuple[str, str]]]:
    """The tables. A table without an organisation comes with its columns that refer to one with it, and a query of the ids."""
    look = inspect(service.database.engine)
    names_one = {
        table: any(column["name"] == "organisation_id" for column in look.get_columns(table))
        for table in look.get_table_names()
        if not table.startswith("fts_")  # SQLite's index of a table that is looked at itself
    }
    found: dict[str, list[tuple[str, str]]] = {}
    for table, has_own in names_one.items():
        found[table] = []
        for key in () if has_own else look.get_foreign_keys(table):
            (column,), (referred,) = key["constrained_columns"], key["referred_columns"]
            if names_one[key["referred_table"]]:
                of_own = f'SELECT "{referred}" FROM "{key["referred_table"]}" WHERE organisation_id = :own'
                found[table].append((column, of_own))
    return found


def _of(key: str, value: Any) -> bool:
    return isinstance(value, str) and (value == key or value.startswith(f"{key}:"))


def telling(world: World, mine: str, theirs: str) -> set[str]:
    """Texts that are only in rows of the other organisation: no answer may contain one."""
    own, found = set(world.organisations[mine]), set()
    engine = world.service.database.engine
    with engine.connect() as connection:
        for table in inspect(engine).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):
                is_theirs = world.organisations[theirs][0] in row
                texts = {
                    each
                    for each in row
                    if isinstance(each, str) and len(each) >= 8 and not each[:4].isdigit()
                }
                (found if is_theirs else own).update(texts)
    return found - own


def swapped(world: World, operation: Operation, member: str, *, every: bool) -> list[Any]:
    """The other organisation's objects to swap in: all of the right kind, and some or all of the others."""
    objects = world.objects["harbor"]
    right = kind_of(operation, member)
    if right == "blob" or is_cursor(right):
        return list(objects[right])
    others = [
        one
        for kind, ids in sorted(objects.items())
        if kind not in (right, "blob") and not is_cursor(kind)
        for one in ids[:3]
    ]
    few = others if every else others[:: max(1, len(others) // FEW)]
    return [one for one in dict.fromkeys([*objects[right], *few]) if is_id(one)]


def is_id(named: str) -> bool:
    """Whether the value is an id: the audit trail names some objects by words. A slot has a time behind its schedule's id."""
    own, _, time = named.partition("-")
    return len(own) == 32 and set(own) <= set("0123456789abcdef") and (not time or time.isdigit())


def swap_everything(world: World, *, every: bool) -> Counter[str]:
    """Try every operation of a service and count the pairs."""
    pairs: Counter[str] = Counter()
    secrets = telling(world, "bayside", "harbor")
    before: dict[tuple[str, ...], dict[str, list[str]]] = {}  # every copy begins alike
    for operation in OPERATIONS[world.service.runtime.service]:
        with world.copied():
            # A failed try of a stranger is in the trail of the organisation that was attacked.
            but = ("audit",) if operation.access.kind == "public" else ()
            if but not in before:
                before[but] = rows_of_others(world, "bayside", *but)
            for member in naming_members(operation):
                pairs[operation.address] += _swap(world, operation, member, secrets, every=every)
            assert rows_of_others(world, "bayside", *but) == before[but], (
                f"{operation.address} changed another organisation"
            )
    return pairs


def _swap(world: World, operation: Operation, member: str, secrets: set[str], *, every: bool) -> int:
    request, unknown = _asked_about_none(world, operation, member)
    foreign = swapped(world, operation, member, every=every)
    for one in foreign:
        sent = naming(operation, request, member, one)
        answer = outcome(world, operation, "bayside", one, **sent)
        place = f"{operation.address}, {member}"
        # A cursor of another trail may only set where a page of the caller's trail begins.
        if not is_cursor(kind_of(operation, member)) and (operation.address, member) not in ANYTHING:
            assert answer == unknown, f"{place}: another organisation's object is told from none: {answer}"
            is_question = operation.kind == "query" or operation.address in QUESTIONS
            assert is_question or "code" in answer, f"{place}: carried out with a foreign object"
        told = json.dumps(answer)
        leaked = [secret for secret in secrets if secret in told and secret != one]
        assert not leaked, f"{place}: {leaked}"
    return len(foreign)


def _asked_about_none(
    world: World, operation: Operation, member: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Bayside's request, and the answer to it when the member names an object that does not exist."""
    request = a_request(world, operation, "bayside", member)
    nothing = {"sha256": MADE_UP * 2, "size": 9} if kind_of(operation, member) == "blob" else MADE_UP
    return request, outcome(
        world, operation, "bayside", nothing, **naming(operation, request, member, nothing)
    )


@pytest.mark.fault("A3")
def test_an_id_of_another_organisation_is_like_no_id_at_all(world: World) -> None:
    pairs = swap_everything(world, every=False)
    assert {address for address, count in pairs.items() if not count} == set(), (
        "operations with nothing to swap"
    )


@pytest.mark.fault("A3")
def test_an_own_id_in_the_same_request_is_looked_at(world: World) -> None:
    """Without this, requests that are refused for another reason would pass the test above."""
    alike = []
    for operation in OPERATIONS[world.service.runtime.service]:
        for member in naming_members(operation):
            if (operation.address, member) in LOOKS_ALIKE:
                continue
            with world.copied():
                kind = kind_of(operation, member)
                request, unknown = _asked_about_none(world, operation, member)
                answers = [
                    outcome(world, operation, "bayside", one, **naming(operation, request, member, one))
                    for one in world.objects["bayside"][kind]
                    if kind == "blob" or is_cursor(kind) or is_id(one)
                ]
            if all(answer == unknown for answer in answers):
                alike.append(f"{operation.address}, {member}: {unknown}")
    assert not alike, "\n".join(alike)


@pytest.mark.fault("A3")
@pytest.mark.parametrize("service", ["referrals", "signing"])
def test_what_is_out_of_a_providers_reach_is_like_no_id_at_all(service: str, tmp_path: Path) -> None:
    """The same within one organisation: `harbor` is what the provider does not reach, `bayside` what it does."""
    world = WORLDS_OF_A_PROVIDER[service](tmp_path)
    tried = 0
    for operation in OPERATIONS[service]:
        access, provider = operation.access, world.callers["bayside"]
        if not provider.may(access.permission or "") or (
            access.realms and provider.realm not in access.realms
        ):
            continue
        for member in naming_members(operation):
            if kind_of(operation, member) not in world.objects["bayside"]:
                continue
            with world.copied():
                _swap(world, operation, member, set(), every=True)
                request = a_request(world, operation, "bayside", member)
                own = world.objects["bayside"][kind_of(operation, member)][0]
                sent = naming(operation, request, member, own)
                answer = outcome(world, operation, "bayside", own, **sent)
            assert answer.get("code") != "not_found", (
                f"{operation.address} finds nothing within reach: {answer}"
            )
            tried += 1
    world.service.close()
    assert tried >= 3


@pytest.mark.fault("A3")
def test_a_job_does_nothing_to_another_organisations_patient(tmp_path: Path) -> None:
    world = WORLDS["identity"](tmp_path)
    call, caller = world.service.call, world.callers["bayside"]
    jobs.work(world.service.runtime)
    before = rows_of_others(world, "bayside")
    patients = [*world.objects["harbor"]["patient"], MADE_UP]
    wanted = {"kind": "enable", "person_ids": patients, "attests_email_is_private": True}
    job = call(patients_contract.start_patient_job, caller, **wanted)
    jobs.work(world.service.runtime)
    failures = call(patients_contract.get_patient_job, caller, job_id=job["job_id"])["failures"]
    assert len({(failure["reason"], failure["field"]) for failure in failures}) == 1
    assert len(failures) == 2
    assert rows_of_others(world, "bayside") == before
    world.service.close()


@pytest.mark.fault("A3")
def test_a_bulk_job_does_nothing_to_another_organisations_records(tmp_path: Path) -> None:
    world = WORLDS["referrals"](tmp_path)
    call, caller = world.service.call, world.callers["bayside"]
    own, theirs = world.objects["bayside"], world.objects["harbor"]
    bulk_work.work(world.service.runtime)
    before = rows_of_others(world, "bayside")
    place = {"queue_id": own["queue"][0], "program_ids": [own["program"][0]]}
    for operation, member, wanted in (
        (bulk.start_bulk_assignment, "contact_record_ids", place),
        (bulk.start_bulk_status_change, "referral_ids", {"status": "completed"}),
    ):
        named = [*theirs["record" if "record" in member else "referral"], MADE_UP]
        job_id = call(operation, caller, **wanted, **{member: named})["id"]
        bulk_work.work(world.service.runtime)
        lines = call(bulk.list_bulk_job_lines, caller, bulk_job_id=job_id)["items"]
        told = {
            (line["state"], line["reason"], line["field"], line["contact_record_number"]) for line in lines
        }
        assert len(lines) == len(named)
        assert len(told) == 1
        assert next(iter(told))[:2] == ("failed", "not_found")
    assert rows_of_others(world, "bayside") == before
    world.service.close()


@pytest.mark.fault("A3")
def test_another_organisations_resources_are_like_none_in_fhir(tmp_path: Path) -> None:
    """Which kind an id names depends on the type asked for, and a search names ids within its parameters."""
    world = WORLDS["referrals"](tmp_path)
    secrets = telling(world, "bayside", "harbor")
    naming_parameters = {
        (resource_type, name)
        for resource_type, parameters in PARAMETERS.items()
        for name, how in parameters.items()
        if name == "_id" or how == "reference"
    }
    assert naming_parameters == {(resource_type, name) for resource_type, name, *_ in IN_FHIR}
    for resource_type, name, prefix, kind in IN_FHIR:

        def search(one: str, of: str = resource_type, by: tuple[str, str] = (name, prefix)) -> Any:
            wanted = {"resource_type": of, "parameters": {by[0]: [by[1] + one]}, **BASE}
            answer = outcome(world, fhir.fhir_search, "bayside", one, **wanted)
            return answer["answer"]["resource"].get("entry")

        def read(one: str, of: str = resource_type) -> Any:
            wanted = {"resource_type": of, "resource_id": one, **BASE}
            return outcome(world, fhir.fhir_read, "bayside", one, **wanted)

        for ask in (search, read) if name == "_id" else (search,):
            none = ask(MADE_UP)
            for one in world.objects["harbor"][kind]:
                answer = ask(one)
                assert answer == none, f"{resource_type}, {name}: {answer}"
                assert not [secret for secret in secrets if secret in json.dumps(answer) and secret != one]
            assert any(ask(one) != none for one in world.objects["bayside"][kind])
    world.service.close()


def test_every_member_that_names_an_object_has_a_kind_and_every_kind_is_named() -> None:
    members = [
        (operation, member)
        for operations in OPERATIONS.values()
        for operation in operations
        for member in naming_members(operation)
    ]
    named = {kind_of(operation, member) for operation, member in members}  # raises KeyError without a kind
    assert {*KINDS.values(), *KINDS_OF.values()} - named == set()


@pytest.mark.full
@pytest.mark.fault("A3")
def test_a_thousand_and_more_swapped_ids_open_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    pairs: Counter[str] = Counter()
    for service in SERVICES:
        world = WORLDS[service](tmp_path_factory.mktemp(f"all-{service}"))
        pairs += swap_everything(world, every=True)
        world.service.close()
    print(f"A3: {sum(pairs.values())} swapped ids in {len(pairs)} operations, 0 leaks, 0 changes")
    assert sum(pairs.values()) >= LEAST_PAIRS
