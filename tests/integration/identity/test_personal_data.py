"""What is kept about one person: ordered by identity, done by every service, finished by identity."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
import time_machine
from sqlalchemy import func, select

from services.chassis.blobs import EXPORTS
from services.contracts.errors import Refused
from services.contracts.identity import accounts, merging, people, personal_data, relationships
from services.contracts.notifications import personal_data as of_notifications
from services.contracts.personal_data import KEPT_FOR
from services.contracts.portals import personal_data as of_portals
from services.contracts.referrals import personal_data as of_referrals
from services.contracts.signing import personal_data as of_signing
from services.identity.models import Account
from services.identity.personal_data import jobs
from tests.integration.identity.conftest import PASSWORD, Identity
from tests.integration.identity.employees import an_employee
from tests.integration.identity.test_merging import a_patient, a_patient_account
from tests.support.in_process import a_service

OTHERS = (of_referrals, of_portals, of_notifications, of_signing)
NOBODY = "9" * 32


def a_person(identity: Identity, admin: Any, number: str = "P1") -> dict[str, Any]:
    return dict(a_patient(identity, admin, number, first_name="Canary", home_phone="555-0123"))


def erase(identity: Identity, admin: Any, person: dict[str, Any], **changed: Any) -> Any:
    request = {"person_id": person["id"], "number": person["number"], "reason_code": "person_asked"}
    return identity.call(personal_data.erase_person, admin, **request | changed)


def refusal(identity: Identity, admin: Any, person: dict[str, Any], **changed: Any) -> tuple[str, str | None]:
    request = {"person_id": person["id"], "number": person["number"], "reason_code": "person_asked"}
    refused = identity.refused(personal_data.erase_person, admin, **request | changed)
    return refused.code, refused.field


def answer(
    identity: Identity, job_id: str, *services: Any, event_id: str | None = None, **members: Any
) -> None:
    """The other services have done their part."""
    for service in services or OTHERS:
        counts = {f"kept_{reason}": 0 for reason in KEPT_FOR}
        data = {"job_id": job_id, "rows": 3, "sha256": None} | counts | members
        organisation = (identity.harbor.organisation_id, "harbor")
        identity.deliver(service.answered, data, organisation=organisation, event_id=event_id)


def progress(identity: Identity, admin: Any, job_id: str) -> Any:
    return identity.call(personal_data.get_personal_data_job, admin, job_id=job_id)


def everything(identity: Identity) -> str:
    """All that the database holds, but the answers of repeated requests."""
    tables = [each for each in identity.module.Base.metadata.sorted_tables if each.name != "requests"]
    with identity.database.reading(None) as session:
        return repr([session.connection().execute(select(table)).all() for table in tables])


def test_an_erased_person_can_do_nothing_at_once_and_has_no_name_in_the_end(either: Identity) -> None:
    identity, admin = either, either.admin()
    person = a_person(identity, admin)
    a_patient_account(identity, admin, person["id"], "canary.quay")
    token = identity.log_in("canary.quay", PASSWORD, realm="patient")["token"]
    assert "Canary" in everything(identity)

    job = erase(identity, admin, person)
    assert not identity.holds(token)
    assert (job["state"], job["done"], job["total"]) == ("running", 0, 5)
    [told] = identity.events(personal_data.personal_data_ordered)
    assert told["data"] == {"job_id": job["id"], "person_id": person["id"], "is_erasure": True}
    known = identity.call(people.get_person, admin, person_id=person["id"])
    assert known["first_name"] == "Canary"  # the other services come first

    answer(identity, job["id"], *OTHERS[:3], kept_signed=2)
    assert jobs.work(identity.runtime)
    assert progress(identity, admin, job["id"])["done"] == 3
    answer(identity, job["id"], OTHERS[3])
    assert jobs.work(identity.runtime)

    done = progress(identity, admin, job["id"])
    assert (done["state"], done["done"]) == ("finished", 5)
    kept_until, finished = map(
        datetime.datetime.fromisoformat, (done["answers_kept_until"], done["finished_at"])
    )
    assert kept_until - finished == datetime.timedelta(hours=48)
    parts = {part["service"]: part for part in done["parts"]}
    assert parts["referrals"]["kept"] == [{"reason": "signed", "rows": 2}]
    assert parts["referrals"]["rows"] == 3
    assert {each["reason"] for each in parts["identity"]["kept"]} == {"audit_trail"}
    found = everything(identity)
    for trace in ("Canary", "canary", "Quay", "555-0123", "P1@", "02139"):
        assert trace not in found
    known = identity.call(people.get_person, admin, person_id=person["id"])
    assert (known["last_name"], known["number"]) == ("Erased", f"erased-{person['id']}")
    assert known["is_disabled"]
    [erased] = identity.events(personal_data.person_erased)
    assert erased["data"] == {"job_id": job["id"], "person_id": person["id"], "merged_ids": []}


def test_somebody_else_keeps_everything(identity: Identity) -> None:
    admin = identity.admin()
    person, other = a_person(identity, admin), a_person(identity, admin, "P2")
    a_patient_account(identity, admin, person["id"], "canary.quay")
    account = a_patient_account(identity, admin, other["id"], "other.quay")
    relation = {"account_id": account["id"], "person_id": person["id"], "kind": "contact"}
    identity.call(relationships.set_account_relationship, admin, **relation)
    before = identity.call(people.get_person, admin, person_id=other["id"])
    answer(identity, erase(identity, admin, person)["id"])
    jobs.work(identity.runtime)
    assert identity.call(people.get_person, admin, person_id=other["id"]) == before
    assert identity.log_in("other.quay", PASSWORD, realm="patient")["token"]
    found = identity.call(relationships.list_relationships, admin, person_id=person["id"])
    assert found["items"] == []


def test_who_was_merged_into_the_person_is_erased_too(identity: Identity) -> None:
    admin = identity.admin()
    person, twin = a_person(identity, admin), a_person(identity, admin, "P2")
    plan = identity.call(merging.preview_merge, admin, kept_id=person["id"], merged_id=twin["id"])["plan"]
    identity.call(merging.merge_people, admin, kept_id=person["id"], merged_id=twin["id"], plan=plan)
    assert refusal(identity, admin, twin) == ("already_merged", "person_id")
    job = erase(identity, admin, person)
    asked = identity.call(
        personal_data.describe_personal_data_job,
        a_service("signing", (identity.harbor.organisation_id, "harbor")),
        job_id=job["id"],
    )
    assert asked["person_ids"] == [person["id"], twin["id"]]
    answer(identity, job["id"])
    jobs.work(identity.runtime)
    assert "Canary" not in everything(identity)
    [erased] = identity.events(personal_data.person_erased)
    assert erased["data"]["merged_ids"] == [twin["id"]]


def test_each_condition_refuses_an_erasure(identity: Identity) -> None:
    admin = identity.admin()
    person = a_person(identity, admin)
    assert refusal(identity, admin, person, number="P2") == ("confirmation_required", "number")
    assert refusal(identity, admin, person, person_id=NOBODY) == ("not_found", None)
    assert refusal(identity, admin, person, reason_code="because") == ("invalid_request", "reason_code")
    assert identity.events(personal_data.personal_data_ordered) == []
    employee = an_employee(identity, admin, "1001")
    assert refusal(identity, admin, employee) == ("still_employed", "person_id")


def test_nobody_erases_themselves_without_proof_or_above_their_own_rights(identity: Identity) -> None:
    admin = identity.admin()
    person = identity.call(people.create_person, admin, last_name="Ada", kinds=["staff"])
    identity.database.write(None, lambda session: _give(session, admin.id, person["id"]))
    assert refusal(identity, admin, person) == ("own_rights", "person_id")
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)):
        assert refusal(identity, admin, person)[0] == "proof_required"
        lapsed = identity.refused(personal_data.export_person, admin, person_id=person["id"])
        assert lapsed.code == "proof_required"


def _give(session: Any, account_id: str, person_id: str) -> None:
    session.scalars(select(Account).where(Account.id == account_id)).one().person_id = person_id


def test_the_last_administrator_and_stronger_accounts_are_not_erased(identity: Identity) -> None:
    admin = identity.admin()
    other = identity.an_account("admin")
    deputy = identity.caller(identity.log_in(other["login"])["token"])
    person = identity.call(people.create_person, admin, last_name="Ada", kinds=["staff"])
    identity.database.write(None, lambda session: _give(session, admin.id, person["id"]))
    weak = deputy.__class__(
        **{name: getattr(deputy, name) for name in deputy.__dataclass_fields__}
        | {"permissions": frozenset({"organisation.manage"})}
    )
    assert refusal(identity, weak, person) == ("right_not_held", "person_id")
    account = identity.call(accounts.get_account, admin, account_id=other["id"])
    identity.call(accounts.disable_account, admin, account_id=other["id"], version=account["version"])
    assert refusal(identity, deputy, person)[0] == "last_administrator"


def test_ordering_it_again_and_a_repeated_answer_change_nothing(identity: Identity) -> None:
    admin = identity.admin()
    person = a_person(identity, admin)
    job = erase(identity, admin, person)
    assert erase(identity, admin, person)["id"] == job["id"]
    assert len(identity.events(personal_data.personal_data_ordered)) == 1
    answer(identity, job["id"])
    answer(identity, job["id"], rows=77)
    jobs.work(identity.runtime)
    jobs.work(identity.runtime)
    done = progress(identity, admin, job["id"])
    assert [part["rows"] for part in done["parts"]][1:] == [3, 3, 3, 3]
    assert len(identity.events(personal_data.person_erased)) == 1
    # Afterwards it can be ordered anew: something may have come in late.
    again = erase(identity, admin, person, number=f"erased-{person['id']}")
    assert again["id"] != job["id"]
    listed = identity.call(personal_data.list_personal_data_jobs, admin, person_id=person["id"])["items"]
    assert {each["id"] for each in listed} == {job["id"], again["id"]}


def part_file(identity: Identity, text: bytes) -> str:
    sha256, _ = identity.runtime.blobs.put_passing(identity.harbor.organisation_id, [text], 10**6, EXPORTS)
    return str(sha256)


def test_an_export_is_one_file_of_all_services_for_a_day(identity: Identity) -> None:
    admin = identity.admin()
    person = a_person(identity, admin)
    job = identity.call(personal_data.export_person, admin, person_id=person["id"])
    assert identity.call(personal_data.export_person, admin, person_id=person["id"])["id"] == job["id"]
    refused = identity.refused(personal_data.download_person_export, admin, job_id=job["id"])
    assert refused.code == "export_not_ready"
    for service in OTHERS:
        line = json.dumps({"service": service.answered.service, "table": "t", "row": {}}) + "\n"
        answer(identity, job["id"], service, sha256=part_file(identity, line.encode()))
    jobs.work(identity.runtime)
    done = progress(identity, admin, job["id"])
    assert (done["state"], done["answers_kept_until"]) == ("finished", None)
    file = identity.call(personal_data.download_person_export, admin, job_id=job["id"])
    path = identity.runtime.blobs.find(identity.harbor.organisation_id, file["sha256"])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {line["service"] for line in lines} == set(personal_data.PARTS)
    assert [line["row"]["first_name"] for line in lines if line["table"] == "people"] == ["Canary"]
    assert (file["size"], done["size"]) == (path.stat().st_size, path.stat().st_size)
    [row] = identity.audit("person.export_downloaded")
    assert row.object_id == person["id"]
    assert identity.call(people.get_person, admin, person_id=person["id"])["first_name"] == "Canary"
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1, minutes=1)
    with time_machine.travel(later):
        admin = identity.admin()
        assert progress(identity, admin, job["id"])["state"] == "expired"
        refused = identity.refused(personal_data.download_person_export, admin, job_id=job["id"])
        assert refused.code == "not_found"


def test_what_was_exported_before_an_erasure_is_not_handed_out_after_it(either: Identity) -> None:
    admin = either.admin()
    person, other = a_person(either, admin), a_person(either, admin, "P2")
    exported, of_other, late = (
        either.call(personal_data.export_person, admin, person_id=each["id"])
        for each in (person, other, a_person(either, admin, "P3"))
    )
    for job in (exported, of_other):
        answer(either, job["id"], sha256=part_file(either, b"{}\n"))
    answer(either, late["id"], *OTHERS[:3], sha256=part_file(either, b'{"first_name": "Canary"}\n'))
    jobs.work(either.runtime)
    for person_id, number in ((person["id"], "P1"), (late["person_id"], "P3")):
        job = erase(either, admin, {"id": person_id, "number": number})
        answer(either, job["id"])
    jobs.work(either.runtime)
    gone = progress(either, admin, exported["id"])
    assert (gone["state"], gone["expires_at"]) == ("expired", None)
    assert either.refused(personal_data.download_person_export, admin, job_id=gone["id"]).code == "not_found"
    assert either.call(personal_data.download_person_export, admin, job_id=of_other["id"])["sha256"]
    # One that is finished later has nothing of what there was before.
    answer(either, late["id"], OTHERS[3], sha256=part_file(either, b"{}\n"))
    jobs.work(either.runtime)
    file = either.call(personal_data.download_person_export, admin, job_id=late["id"])
    text = either.runtime.blobs.find(either.harbor.organisation_id, file["sha256"]).read_text()
    assert ("Canary" in text, "Erased" in text) == (False, True)


def test_an_export_fails_whose_first_files_are_gone(identity: Identity) -> None:
    admin = identity.admin()
    job = identity.call(personal_data.export_person, admin, person_id=a_person(identity, admin)["id"])
    answer(identity, job["id"], sha256="f" * 64)
    jobs.work(identity.runtime)
    failed = progress(identity, admin, job["id"])
    assert (failed["state"], failed["expires_at"]) == ("failed", None)
    refused = identity.refused(personal_data.download_person_export, admin, job_id=job["id"])
    assert refused.code == "not_found"


def test_whom_services_are_erasing_becomes_nobody_else_and_is_not_enabled(either: Identity) -> None:
    admin = either.admin()
    kept, merged, other = (a_person(either, admin, number) for number in ("P1", "P2", "P3"))

    def plan(**pair: str) -> Any:
        return {**pair, "plan": either.call(merging.preview_merge, admin, **pair)["plan"]}

    pair = plan(kept_id=kept["id"], merged_id=merged["id"])
    merge_id = either.call(merging.merge_people, admin, **pair)["id"]
    planned = [
        plan(kept_id=other["id"], merged_id=kept["id"]),
        plan(kept_id=kept["id"], merged_id=other["id"]),
    ]
    exported = either.call(personal_data.export_person, admin, person_id=other["id"])
    job = erase(either, admin, kept)
    told = [either.refused(merging.merge_people, admin, **each) for each in planned]
    assert [(each.code, each.field) for each in told] == [
        ("merge_refused", "merged_id"),
        ("merge_refused", "kept_id"),
    ]
    assert either.refused(merging.undo_merge, admin, merge_id=merge_id).code == "merge_refused"
    version = either.call(people.get_person, admin, person_id=kept["id"])["version"]
    wanted = {"person_id": kept["id"], "version": version}
    assert either.refused(people.enable_person, admin, **wanted).code == "cannot_be_enabled"
    # One who is only written down is enabled as before, and so is one who was erased.
    for changed in (people.disable_person, people.enable_person):
        version = either.call(people.get_person, admin, person_id=other["id"])["version"]
        either.call(changed, admin, person_id=other["id"], version=version)
    assert progress(either, admin, exported["id"])["state"] == "running"
    answer(either, job["id"])
    jobs.work(either.runtime)
    version = either.call(people.get_person, admin, person_id=kept["id"])["version"]
    assert not either.call(people.enable_person, admin, person_id=kept["id"], version=version)["is_disabled"]


def test_an_export_waits_while_the_store_is_away_and_holds_up_no_other(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = identity.admin()
    exported = identity.call(personal_data.export_person, admin, person_id=a_person(identity, admin)["id"])
    erased = erase(identity, admin, a_person(identity, admin, "P2"))
    answer(identity, exported["id"], sha256=part_file(identity, b"{}"))
    answer(identity, erased["id"])
    with monkeypatch.context() as away:
        away.setattr(identity.runtime.blobs, "find", _is_away)
        assert not jobs.work(identity.runtime)
    states = [progress(identity, admin, each["id"])["state"] for each in (exported, erased)]
    assert states == ["running", "finished"]
    assert jobs.work(identity.runtime)
    assert progress(identity, admin, exported["id"])["state"] == "finished"


def _is_away(*_: Any) -> None:
    raise Refused("service_unavailable", "The store of files cannot be reached.")


def test_an_order_is_finished_once_by_two_processes(either: Identity) -> None:
    admin = either.admin()
    person = a_person(either, admin)
    job = erase(either, admin, person)
    answer(either, job["id"])
    finished = [jobs.work(either.runtime), jobs.work(either.runtime)]
    assert finished == [True, True]
    with either.database.reading(None) as session:
        parts = session.scalar(select(func.count()).select_from(jobs.PersonalDataPart))
    assert parts == 5


@pytest.mark.parametrize(
    "operation", [personal_data.get_personal_data_job, personal_data.download_person_export]
)
def test_an_unknown_job_is_not_found(identity: Identity, operation: Any) -> None:
    assert identity.refused(operation, identity.admin(), job_id=NOBODY).code == "not_found"


def test_who_only_reads_people_orders_nothing(identity: Identity) -> None:
    admin = identity.admin()
    person = a_person(identity, admin)
    clerk = identity.an_account("standard")
    caller = identity.caller(identity.log_in(clerk["login"])["token"])
    assert identity.refused(personal_data.export_person, caller, person_id=person["id"]).code == "forbidden"
