"""Bulk exports of the FHIR view: everything once, page by page, for who ordered them, gone when it has to be."""

from __future__ import annotations

import datetime
import json
import os
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select, update

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.identity.personal_data import person_erased
from services.contracts.referrals import directory, fhir, fhir_exports
from services.referrals.directory_exports import jobs as directory_jobs
from services.referrals.fhir_exports import jobs, orders
from services.referrals.fhir_exports.models import FhirExport
from tests.integration.referrals.builders import OTHER_STAFF, STAFF, Desk, refusal
from tests.support.at_once import at_once
from tests.support.in_process import BAYSIDE, HARBOR, a_caller

BASE = "https://portico.example/fhir/R4"
OURS = ("Task", "ServiceRequest", "HealthcareService", "Organization", "Provenance")
SYSTEM = a_caller("referral.read", id="8" * 32, organisation=HARBOR, realm="api")
ALL_OF_IT = a_caller(
    "referral.read", "portal_queue.work", "appointment.manage", id="9" * 32, organisation=HARBOR, realm="api"
)


def begin(desk: Desk, caller: Caller = SYSTEM, *, base_url: str = BASE, **parameters: str) -> str:
    """Order an export; its id. `type` stands for `_type`, and so on."""
    ordered = desk(
        fhir_exports.export_fhir,
        caller,
        parameters={f"_{name}": [value] for name, value in parameters.items()},
        is_asynchronous=True,
        base_url=base_url,
    )
    assert ordered["status_url"] == f"{base_url}/$export/{ordered['fhir_export_id']}"
    return str(ordered["fhir_export_id"])


def told(desk: Desk, export_id: str, caller: Caller = SYSTEM) -> Any:
    return desk(fhir_exports.get_fhir_export, caller, fhir_export_id=export_id, base_url=BASE)


def fetched(desk: Desk, url: str, caller: Caller = SYSTEM) -> list[Any]:
    """The lines of a file, by its address in the manifest."""
    export_id, name = url.removeprefix(f"{BASE}/$export/").split("/")
    file = desk(fhir_exports.download_fhir_export_file, caller, fhir_export_id=export_id, file_name=name)
    path = desk.service.runtime.blobs.find(caller.organisation_id, file["sha256"])
    assert (path.stat().st_size, file["media_type"]) == (file["size"], "application/fhir+ndjson")
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def exported(desk: Desk, caller: Caller = SYSTEM, **parameters: str) -> list[Any]:
    """All resources of an export, which is written at once."""
    export_id = begin(desk, caller, **parameters)
    assert jobs.work(desk.service.runtime)
    manifest = told(desk, export_id, caller)["resource"]
    found = []
    for output in manifest["output"]:
        lines = fetched(desk, output["url"], caller)
        assert ({each["resourceType"] for each in lines}, len(lines)) == ({output["type"]}, output["count"])
        found += lines
    return found


def searched(desk: Desk, kind: str, **parameters: str) -> list[Any]:
    given = {f"_{name}": [value] for name, value in parameters.items()}
    bundle = desk(fhir.fhir_search, SYSTEM, resource_type=kind, parameters=given, base_url=BASE)["resource"]
    return [entry["resource"] for entry in bundle["entry"]]


def three_referrals(desk: Desk) -> list[Any]:
    queue_id = desk.a_queue("Night Shelter")
    return [desk.assign(queue_id, "Night Shelter", note=f"The {number}th") for number in range(3)]


def set_row(desk: Desk, export_id: str, **values: Any) -> None:
    statement = update(FhirExport).where(FhirExport.id == export_id).values(**values)
    desk.service.database.write(None, lambda session: session.execute(statement))


def files_there(desk: Desk) -> int:
    return len([path for path in desk.service.files() if "exports" in path.parts])


def test_an_export_has_every_resource_once_as_searches_show_it(
    desk_on_both: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_on_both
    monkeypatch.setattr(jobs, "OF_A_PAGE", 2)
    monkeypatch.setattr(jobs, "OF_A_FILE", 4)
    referrals = three_referrals(desk)
    desk.move(referrals[0], "enrolled")

    found = exported(desk)

    kinds = Counter(each["resourceType"] for each in found)
    assert set(kinds) == set(OURS)
    assert (kinds["Task"], kinds["ServiceRequest"]) == (3, 3)
    for kind in ("Task", "ServiceRequest", "HealthcareService", "Organization"):
        own = {each["id"]: each for each in found if each["resourceType"] == kind}
        assert len(own) == kinds[kind]
        assert own == {each["id"]: each for each in searched(desk, kind)}
    lines = [each for each in found if each["resourceType"] == "Provenance"]
    assert len({each["id"] for each in lines}) == len(lines) == 4  # three were assigned, one of them moved on
    assert "Ana" not in json.dumps(found)  # as searches, it names no help-seeker


def test_the_manifest_says_what_was_asked_and_where_the_files_are(desk: Desk) -> None:
    three_referrals(desk)
    before = utc_now() - datetime.timedelta(milliseconds=1)
    export_id = begin(desk, type="Task,Organization", since="2026-01-01T00:00:00Z")
    waiting = told(desk, export_id)
    assert (waiting["progress"], waiting["resource"]) == ("0 resources written, 0 of 2 types complete", None)
    jobs.work(desk.service.runtime)
    ready = told(desk, export_id)
    manifest = ready["resource"]
    assert manifest["request"] == f"{BASE}/$export?_type=Task%2COrganization&_since=2026-01-01T00%3A00%3A00Z"
    assert (manifest["requiresAccessToken"], manifest["error"]) == (True, [])
    assert [(each["type"], each["count"]) for each in manifest["output"]] == [
        ("Task", 3),
        ("Organization", 2),
    ]
    # What somebody was writing at that moment comes again with the next one since this time.
    at = datetime.datetime.fromisoformat(manifest["transactionTime"])
    assert before <= at + orders.OVERLAP <= utc_now()
    assert datetime.datetime.fromisoformat(ready["expires_at"]) > utc_now() + datetime.timedelta(hours=23)


def test_since_a_time_only_what_has_changed_comes(desk: Desk) -> None:
    new, *_ = three_referrals(desk)
    since = utc_now().isoformat()
    desk.move(new, "enrolled")
    found = exported(desk, type="Task,Provenance", since=since)
    assert [each["id"] for each in found if each["resourceType"] == "Task"] == [new["id"]]
    (line,) = [each for each in found if each["resourceType"] == "Provenance"]
    assert line["target"][0]["reference"] == f"Task/{new['id']}/_history/2"
    assert exported(desk, type="Organization", since=utc_now().isoformat()) == []


def test_what_changes_after_the_order_comes_with_the_next(desk: Desk) -> None:
    first, *_ = three_referrals(desk)
    export_id = begin(desk, type="Task")
    desk.move(first, "enrolled")
    jobs.work(desk.service.runtime)
    (output,) = told(desk, export_id)["resource"]["output"]
    assert output["count"] == 2
    later = exported(desk, type="Task", since=told(desk, export_id)["resource"]["transactionTime"])
    assert first["id"] in {each["id"] for each in later}


def test_lines_before_the_order_come_also_where_others_follow_it(desk: Desk) -> None:
    first, *_ = three_referrals(desk)
    export_id = begin(desk, type="Provenance")
    desk.move(first, "enrolled")
    jobs.work(desk.service.runtime)
    (output,) = told(desk, export_id)["resource"]["output"]
    lines = {each["target"][0]["reference"] for each in fetched(desk, output["url"])}
    assert (len(lines), f"Task/{first['id']}/_history/1" in lines) == (3, True)


def test_types_of_portals_are_asked_page_by_page_for_who_ordered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "OF_A_PAGE", 2)
    asked: list[Mapping[str, Any]] = []

    def page(request: Mapping[str, Any]) -> Any:
        asked.append(request)
        is_first = request["after"] is None
        names = ("a", "b") if is_first else ("c",)
        resources = [{"resourceType": request["resource_type"], "id": name} for name in names]
        return {"resources": resources, "next": "more" if is_first else None}

    desk.service.answers["portals.fhir_page"] = page
    found = exported(desk, ALL_OF_IT, type="Appointment")
    assert [each["id"] for each in found] == ["a", "b", "c"]
    assert [each["after"] for each in asked] == [None, "more"]
    assert {(each["account_id"], each["realm"]) for each in asked} == {(ALL_OF_IT.id, "api")}
    assert {each["resourceType"] for each in exported(desk, ALL_OF_IT)} >= {"Organization", "Communication"}
    assert "Slot" not in {each["resource_type"] for each in asked}


def test_an_export_waits_for_a_service_that_is_away(desk: Desk) -> None:
    export_id = begin(desk, ALL_OF_IT, type="Organization,Schedule")
    for _ in range(jobs.TRIES + 2):  # however long it is away
        assert not jobs.work(desk.service.runtime)
        assert told(desk, export_id, ALL_OF_IT)["progress"] == "2 resources written, 1 of 2 types complete"
        set_row(desk, export_id, claimed_until=utc_now() - datetime.timedelta(seconds=1))
    desk.service.answers["portals.fhir_page"] = lambda _: {"resources": [], "next": None}
    jobs.work(desk.service.runtime)
    (output,) = told(desk, export_id, ALL_OF_IT)["resource"]["output"]
    assert (output["type"], output["count"]) == ("Organization", 2)


def test_only_what_the_caller_may_read_is_exported(desk: Desk) -> None:
    assert {each["resourceType"] for each in exported(desk)} <= set(OURS)
    assert refusal(lambda: begin(desk, type="Communication")) == "forbidden"
    provider = desk.provider("Night Shelter")
    assert refusal(lambda: begin(desk, provider)) == "forbidden"


def test_a_client_that_has_lost_a_scope_gets_no_file_of_it(desk: Desk) -> None:
    desk.service.answers["portals.fhir_page"] = lambda _: {
        "resources": [{"resourceType": "Communication", "id": "a"}],
        "next": None,
    }
    export_id = begin(desk, ALL_OF_IT, type="Communication")
    jobs.work(desk.service.runtime)
    (output,) = told(desk, export_id, ALL_OF_IT)["resource"]["output"]
    less = a_caller("referral.read", id=ALL_OF_IT.id, organisation=HARBOR, realm="api")
    assert refusal(lambda: fetched(desk, output["url"], less)) == "forbidden"


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"type": "Slot"}, "_type"),
        ({"type": "Patient,Task"}, "_type"),
        ({"type": ","}, "_type"),
        ({"since": "yesterday"}, "_since"),
        ({"outputFormat": "text/csv"}, "_outputFormat"),
        ({"typeFilter": "Task?status=requested"}, "_typeFilter"),
    ],
)
def test_what_an_export_cannot_do_is_refused(desk: Desk, parameters: dict[str, str], field: str) -> None:
    with pytest.raises(Exception, match="search_refused") as refusal:
        begin(desk, **parameters)
    assert refusal.value.field == field  # type: ignore[attr-defined]  # it is a Refused


def test_a_lenient_client_gets_what_there_is(desk: Desk) -> None:
    given = {"_type": ["Patient,Task"], "_typeFilter": ["Task?status=requested"]}
    ask = {"parameters": given, "is_asynchronous": True, "is_lenient": True, "base_url": BASE}
    export_id = desk(fhir_exports.export_fhir, SYSTEM, **ask)["fhir_export_id"]
    assert told(desk, export_id)["progress"].endswith("of 1 types complete")


def test_an_export_is_asynchronous(desk: Desk) -> None:
    assert refusal(lambda: desk(fhir_exports.export_fhir, SYSTEM, base_url=BASE)) == "search_refused"


def test_each_caller_has_one_unfinished_export_of_their_own(desk: Desk) -> None:
    export_id = begin(desk)
    assert refusal(lambda: begin(desk)) == "too_many_requests"
    begin(desk, STAFF)
    jobs.work(desk.service.runtime)
    for caller in (STAFF, OTHER_STAFF):
        assert refusal(lambda caller=caller: told(desk, export_id, caller)) == "not_found"  # type: ignore[misc]  # a default
    begin(desk)


def test_of_orders_at_one_moment_one_is_taken(desk_on_both: Desk) -> None:
    desk = desk_on_both
    answers = at_once(*[lambda: begin(desk, type="Organization")] * 4)
    assert answers.count("too_many_requests") == 3


def test_it_is_told_of_one_organisation_only(desk: Desk) -> None:
    begin(
        desk, a_caller("referral.read", id="7" * 32, organisation=BAYSIDE, realm="api"), type="Organization"
    )
    jobs.work(desk.service.runtime)
    with desk.service.database.reading(None) as session:
        (export,) = session.scalars(select(FhirExport))
        assert (export.state, export.files) == ("ready", [])


def test_a_process_that_dies_leaves_its_files_to_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "OF_A_PAGE", 1)
    monkeypatch.setattr(jobs, "OF_A_FILE", 2)
    ids = {each["id"] for each in three_referrals(desk)}
    export_id = begin(desk, type="Task")
    page_by_change, pages = jobs.queries.page_by_change, iter(range(10))

    def dies(*given: Any, **more: Any) -> Any:
        if next(pages) == 2:
            raise SystemExit
        return page_by_change(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(jobs.queries, "page_by_change", dies)
        with pytest.raises(SystemExit):
            jobs.work(desk.service.runtime)
    assert told(desk, export_id)["progress"] == "2 resources written, 0 of 1 types complete"
    jobs.work(desk.service.runtime)
    assert told(desk, export_id)["resource"] is None  # its holder may still live
    set_row(desk, export_id, claimed_until=utc_now() - datetime.timedelta(seconds=1))
    jobs.work(desk.service.runtime)
    files = [fetched(desk, each["url"]) for each in told(desk, export_id)["resource"]["output"]]
    assert [len(file) for file in files] == [2, 1]
    assert {each["id"] for file in files for each in file} == ids


def test_a_replica_that_stops_hands_the_export_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "OF_A_PAGE", 1)
    three_referrals(desk)
    export_id = begin(desk, type="Task")
    # It is asked before the export, before its second page, and after the round.
    asked = iter((False, True, True))
    jobs.work(desk.service.runtime, lambda: next(asked))
    assert told(desk, export_id)["progress"] == "1 resources written, 0 of 1 types complete"
    jobs.work(desk.service.runtime)
    assert [each["count"] for each in told(desk, export_id)["resource"]["output"]] == [1, 2]


def test_exports_take_turns(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "OF_A_FILE", 1)
    monkeypatch.setattr(jobs, "OF_A_PAGE", 1)
    three_referrals(desk)
    begin(desk, type="Task")
    begin(desk, STAFF, type="Task")
    written: list[str] = []
    page_by_change = jobs.queries.page_by_change

    def noted(session: Any, reader: Caller, *given: Any, **more: Any) -> Any:
        written.append(reader.id)
        return page_by_change(session, reader, *given, **more)

    monkeypatch.setattr(jobs.queries, "page_by_change", noted)
    jobs.work(desk.service.runtime)
    assert written == [SYSTEM.id, STAFF.id] * 3


def test_a_caller_keeps_the_files_of_few_exports(desk: Desk) -> None:
    for _ in range(orders.MOST_KEPT):
        export_id = begin(desk, type="Organization")
        jobs.work(desk.service.runtime)
    assert refusal(lambda: begin(desk)) == "too_many_requests"
    desk(fhir_exports.cancel_fhir_export, SYSTEM, fhir_export_id=export_id)
    begin(desk)


def test_an_export_with_a_fault_is_given_up_and_another_can_be_ordered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(jobs.queries, "page_by_change", fails)
    for _ in range(orders.MOST_KEPT):  # and another
        export_id = begin(desk, type="Task")
        for _ in range(jobs.TRIES):
            assert told(desk, export_id)["resource"] is None
            jobs.work(desk.service.runtime)
        assert refusal(lambda export_id=export_id: told(desk, export_id)) == "not_found"  # type: ignore[misc]  # a default
    assert len(desk.service.audit("fhir.export_failed")) == orders.MOST_KEPT
    begin(desk, type="Task")


def test_a_fault_that_passes_is_counted_for_each_file_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id = begin(desk, type="Organization,Task")
    whole, faults = jobs.queries.page_by_change, {"Organization": jobs.TRIES - 1, "Task": jobs.TRIES - 1}

    def fails_at_first(session: Any, caller: Any, resource_type: str, **within: Any) -> Any:
        if faults[resource_type]:
            faults[resource_type] -= 1
            raise ZeroDivisionError
        return whole(session, caller, resource_type, **within)

    monkeypatch.setattr(jobs.queries, "page_by_change", fails_at_first)
    for _ in range(2 * jobs.TRIES):
        jobs.work(desk.service.runtime)
    assert {each["type"] for each in told(desk, export_id)["resource"]["output"]} == {"Organization"}


def test_who_cancels_an_export_deletes_its_files(desk: Desk) -> None:
    three_referrals(desk)
    export_id = begin(desk, type="Task")
    jobs.work(desk.service.runtime)
    assert files_there(desk) == 1
    assert (
        refusal(lambda: desk(fhir_exports.cancel_fhir_export, STAFF, fhir_export_id=export_id)) == "not_found"
    )
    desk(fhir_exports.cancel_fhir_export, SYSTEM, fhir_export_id=export_id)
    assert files_there(desk) == 0
    assert refusal(lambda: told(desk, export_id)) == "not_found"
    unfinished = begin(desk)
    desk(fhir_exports.cancel_fhir_export, SYSTEM, fhir_export_id=unfinished)
    jobs.work(desk.service.runtime)
    assert files_there(desk) == 0
    begin(desk)


def test_a_cancelled_export_is_written_no_further(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "OF_A_PAGE", 1)
    three_referrals(desk)
    export_id, is_cancelled = begin(desk, type="Task"), False

    def is_stopping() -> bool:
        """It is asked before each page but the first."""
        nonlocal is_cancelled
        if not is_cancelled and not told(desk, export_id)["progress"].startswith("0"):
            is_cancelled = True
            desk(fhir_exports.cancel_fhir_export, SYSTEM, fhir_export_id=export_id)
        return False

    jobs.work(desk.service.runtime, is_stopping)
    assert is_cancelled
    assert refusal(lambda: told(desk, export_id)) == "not_found"
    assert files_there(desk) == 0


def test_what_an_erased_person_left_goes_with_the_files(desk: Desk) -> None:
    three_referrals(desk)
    export_id = begin(desk, type="Task")
    jobs.work(desk.service.runtime)
    (output,) = told(desk, export_id)["resource"]["output"]
    unfinished = begin(desk, STAFF)
    desk.service.deliver(person_erased, {"job_id": "1" * 32, "person_id": "2" * 32, "merged_ids": []})
    assert refusal(lambda: told(desk, export_id)) == "not_found"
    assert refusal(lambda: fetched(desk, output["url"])) == "not_found"
    assert refusal(lambda: told(desk, unfinished, STAFF)) == "not_found"
    assert files_there(desk) == 0


def test_what_became_private_goes_with_the_files(desk: Desk) -> None:
    export_id = begin(desk, type="Organization")
    jobs.work(desk.service.runtime)
    (output,) = told(desk, export_id)["resource"]["output"]
    agency = desk(directory.get_resource, resource_id=desk.resource["Bayside Food Network"])
    hidden = {"resource_id": agency["id"], "version": agency["version"], "status": "active_do_not_refer"}
    desk(directory.set_resource_status, **hidden)
    assert refusal(lambda: fetched(desk, output["url"])) == "not_found"


def test_after_a_day_an_export_is_gone(desk: Desk) -> None:
    three_referrals(desk)
    export_id = begin(desk, type="Task")
    jobs.work(desk.service.runtime)
    jobs.forget(desk.service.runtime)
    assert told(desk, export_id)["resource"] is not None
    set_row(desk, export_id, expires_at=utc_now() - datetime.timedelta(seconds=1))
    assert refusal(lambda: told(desk, export_id)) == "not_found"
    jobs.forget(desk.service.runtime)
    with desk.service.database.reading(None) as session:
        assert session.scalars(select(FhirExport)).all() == []
    a_day_ago = time.time() - orders.KEPT.total_seconds() - 1
    for path in desk.service.files():
        os.utime(path, (a_day_ago, a_day_ago))
    directory_jobs.sweep(desk.service.runtime)
    assert files_there(desk) == 0


def test_who_ordered_and_who_fetched_is_noted(desk: Desk) -> None:
    three_referrals(desk)
    exported(desk, type="Task,Provenance")
    (started,) = desk.service.audit("fhir.export_started")
    assert (started.actor_kind, started.actor_id, started.facts["types"]) == (
        "api_client",
        SYSTEM.id,
        ["task", "provenance"],
    )
    noted = [
        (row.actor_id, row.facts["type"], row.facts["count"]) for row in desk.service.audit("fhir.exported")
    ]
    assert noted == [(SYSTEM.id, "task", 3), (SYSTEM.id, "provenance", 3)]
