"""The onboarding list and its jobs: status, colours, filters, paging, many at once (S3-40 to S3-42)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from services.chassis import wire
from services.contracts.identity import credentials as contract
from services.contracts.identity import patients, people
from services.identity.patients import jobs
from tests.integration.identity.conftest import Identity
from tests.integration.identity.test_patients import (
    COMPLETE,
    NEW_PASSWORD,
    a_patient,
    access,
    enabled,
    log_in,
    set_credentials,
)


def listed(identity: Identity, **filters: Any) -> list[dict[str, Any]]:
    return list(identity.call(patients.list_patient_access, identity.admin(), **filters)["items"])


@pytest.mark.seed("S3-40", "S3-41")
def test_the_list_shows_every_patient_with_status_and_colour(either: Identity) -> None:
    red = a_patient(either, last_name="Adams")
    yellow = enabled(either, last_name="Brown")
    green = enabled(either, last_name="clark")
    set_credentials(either, green, username="clark", must_change=False)
    log_in(either, "clark")
    grey = a_patient(either, last_name="Davis", email=None)
    set_credentials(either, grey, username="davis", enable_access=True)
    either.call(people.create_person, either.admin(), kinds=["client"], last_name="Evans", **COMPLETE)
    rows = listed(either)
    assert [(row["person_id"], row["colour"], row["portal_status"]) for row in rows] == [
        (red, "red", "inactive"),
        (yellow, "yellow", "unactivated"),
        (green, "green", "active"),
        (grey, "grey", "inactive"),
    ]
    assert rows[3]["reasons"] == ["no_email"]
    assert either.audit("patient_access.listed")[-1].facts["shown"] == 4

    def ids(**filters: Any) -> list[str]:
        return [row["person_id"] for row in listed(either, **filters)]

    assert ids(status="inactive") == [red, grey]
    assert ids(status="unactivated") == [yellow]
    assert ids(status="active") == [green]
    assert ids(has_username=True) == [green, grey]
    assert ids(has_username=False) == [red, yellow]
    assert ids(is_enabled=False) == [red]
    assert ids(is_enabled=True, has_username=False) == [yellow]


def test_pages_follow_one_another_without_gaps(either: Identity) -> None:
    expected = sorted(a_patient(either, last_name=f"Name{number % 3}") for number in range(7))
    found: list[str] = []
    after = None
    while True:
        page = either.call(patients.list_patient_access, either.admin(), limit=3, after=after)
        found += [row["person_id"] for row in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert len(found) == 7
    assert sorted(found) == expected
    refusal = either.refused(patients.list_patient_access, either.admin(), after="gone")
    assert (refusal.code, refusal.field) == ("invalid_request", "after")


@pytest.mark.parametrize("is_last_page", [False, True])
def test_every_page_walks_the_index_on_names_and_sorts_nothing(
    identity: Identity, *, is_last_page: bool
) -> None:
    after = a_patient(identity) if is_last_page else None
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    admin = identity.admin()
    event.listen(identity.database.engine, "before_cursor_execute", note)
    identity.call(patients.list_patient_access, admin, after=after)
    event.remove(identity.database.engine, "before_cursor_execute", note)
    statement, parameters = next(each for each in asked if "person_kinds" in each[0])
    with identity.database.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    plan = [row[3] for row in rows]
    assert any("ix_people_organisation_id_name" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


def start(identity: Identity, kind: str, *person_ids: str, **more: Any) -> str:
    answer = identity.call(
        patients.start_patient_job, identity.admin(), kind=kind, person_ids=list(person_ids), **more
    )
    assert (answer["done"], answer["failed"]) == (0, 0)
    return str(answer["job_id"])


def job(identity: Identity, job_id: str) -> dict[str, Any]:
    return dict(identity.call(patients.get_patient_job, identity.admin(), job_id=job_id))


@pytest.mark.seed("S3-41", "S3-42")
def test_many_are_enabled_and_invited_with_progress_and_reasons(either: Identity) -> None:
    good, other = a_patient(either), a_patient(either, first_name="Eva")
    without, unknown = a_patient(either, email=None), wire.new_id()
    refusal = either.refused(patients.start_patient_job, either.admin(), kind="enable", person_ids=[good])
    assert refusal.field == "attests_email_is_private"
    job_id = start(either, "enable", good, other, without, unknown, good, attests_email_is_private=True)
    assert job(either, job_id)["finished_at"] is None
    assert jobs.work(either.runtime)
    after = job(either, job_id)
    assert (after["total"], after["done"], after["failed"]) == (4, 2, 2)
    assert after["finished_at"] is not None
    assert {(row["person_id"], row["reason"], row["field"]) for row in after["failures"]} == {
        (without, "details_missing", "email"),
        (unknown, "not_found", None),
    }
    assert {(row["person_id"], row["last_name"] is None) for row in after["failures"]} == {
        (without, False),
        (unknown, True),
    }
    assert access(either, good)["attested_by"] == either.admin().id
    assert access(either, good)["attested_by_name"]
    job_id = start(either, "invite", good, other, without)
    assert jobs.work(either.runtime)
    after = job(either, job_id)
    assert (after["done"], after["failed"]) == (2, 1)
    assert after["failures"][0]["reason"] == "access_not_enabled"
    latest = either.call(patients.list_patient_jobs, either.admin())["items"]
    assert [(each["kind"], each["done"], each["failed"]) for each in latest] == [
        ("invite", 2, 1),
        ("enable", 2, 2),
    ]
    assert len(either.events(contract.account_invited)) == 2
    token = either.mint(either.events(contract.account_invited)[0]["data"]["invitation_id"])
    either.call(contract.redeem_credential_link, token=token, password=NEW_PASSWORD, username="one")


def test_a_job_that_was_interrupted_goes_on_and_does_nobody_twice(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = [enabled(identity, first_name=f"P{number}") for number in range(5)]
    job_id = start(identity, "invite", *everybody)
    monkeypatch.setattr(jobs, "CHUNK", 2)
    asked = iter([False, False, False, True, True, True, True])
    jobs.work(identity.runtime, lambda: next(asked))
    begun = job(identity, job_id)
    assert 0 < begun["done"] < 5
    assert begun["finished_at"] is None
    jobs.work(identity.runtime)
    jobs.work(identity.runtime)
    assert job(identity, job_id)["done"] == 5
    assert len(identity.events(contract.account_invited)) == 5
    assert len(identity.audit("patients.job_finished")) == 1


def test_another_organisation_sees_no_job(identity: Identity) -> None:
    job_id = start(identity, "invite", wire.new_id())
    identity.an_organisation("bayside")
    assert identity.call(patients.list_patient_jobs, identity.admin("bayside"))["items"] == []
    refusal = identity.refused(patients.get_patient_job, identity.admin("bayside"), job_id=job_id)
    assert refusal.code == "not_found"
