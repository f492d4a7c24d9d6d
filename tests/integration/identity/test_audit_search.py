"""Searching and exporting the trail, and who opened the caller's own record."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import io
import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.audit_fhir import action_letter
from services.chassis.unit_of_work import UnitOfWork, audit_row, utc_now
from services.contracts.identity import accounts, people
from services.contracts.identity import audit as contract
from services.contracts.portals import audit as portals
from tests.integration.identity.conftest import Identity
from tests.integration.identity.employees import activate, relate
from tests.support.in_process import InProcess, a_caller
from tests.support.merged_people import MergedPeople

PERSON, OTHER = "5" * 32, "6" * 32


def all_pages(identity: Identity, operation: Any, caller: Any, **request: Any) -> list[dict[str, Any]]:
    pages = [identity.call(operation, caller, **request)]
    while pages[-1]["next"]:
        pages.append(identity.call(operation, caller, after=pages[-1]["next"], **request))
    return pages


def read_person(identity: Identity, actor: Any, person_id: str, action: str = "person.read") -> None:
    """Audit the reading of a whole record, as subject `people` does."""

    def work(session: Any) -> None:
        unit = UnitOfWork(
            session,
            identity.runtime.tables,
            "identity",
            caller=actor,
            context=wire.CallContext(wire.new_id(), correlation_id="c" * 32),
            organisation_id=actor.organisation_id,
            organisation_key=actor.organisation_key,
        )
        unit.audit(action, "person", person_id)

    identity.database.write(actor.organisation_id, work)


def test_the_trail_is_found_by_actor_object_action_and_time_page_by_page(identity: Identity) -> None:
    admin = identity.admin()
    account = identity.an_account()

    def actions(**request: Any) -> list[str]:
        pages = all_pages(identity, contract.trail.search, admin, limit=2, **request)
        return [item["action"] for page in pages for item in page["items"]]

    about = actions(object_type="account", object_id=account["id"])
    assert about == [row.action for row in reversed(identity.audit()) if row.object_id == account["id"]]
    assert actions(object_type="account", object_id=str(uuid.UUID(account["id"]))) == about
    assert set(actions(action="account.created")) == {"account.created"}
    assert {each.partition(".")[0] for each in actions(action="credential.")} == {"credential"}
    assert actions(actor_id=admin.id, action="account.read") == ["account.read"]
    now = datetime.datetime.now(datetime.UTC)
    assert actions(since=(now + datetime.timedelta(hours=1)).isoformat()) == []
    assert len(actions(until=now.isoformat(), action="account.created")) == 2
    refused = identity.refused(contract.trail.search, admin, after="9" * 32)
    assert (refused.code, refused.field) == ("invalid_request", "after")


def test_looking_at_the_trail_leaves_a_trace(identity: Identity) -> None:
    admin = identity.admin()
    identity.call(contract.trail.search, admin, actor_id=admin.id)
    identity.call(contract.trail.export, admin, format="csv")
    identity.call(contract.list_break_glass, admin)

    looked = identity.audit("audit.read") + identity.audit("audit.exported")
    assert [row.facts.get("filters") for row in looked] == [["actor_id"], [], []]
    assert {row.actor_id for row in looked} == {admin.id}


def test_an_export_takes_a_fresh_proof_from_a_person_but_not_from_a_system(identity: Identity) -> None:
    admin = identity.admin()
    stale = dataclasses.replace(admin, proven_at=int(time.time()) - 16 * 60)
    for caller in (stale, dataclasses.replace(admin, proven_at=None)):
        refused = identity.refused(contract.trail.export, caller, format="csv")
        assert refused.code == "proof_required"
        assert "prove_myself" in refused.detail
        identity.call(contract.trail.search, caller)
    assert identity.audit("audit.exported") == []
    system = dataclasses.replace(admin, realm="api", proven_at=None)
    assert identity.call(contract.trail.export, system, format="csv")["rows"] > 0


def test_only_who_may_sees_the_trail_and_only_that_of_the_own_organisation(identity: Identity) -> None:
    bayside = identity.an_organisation("bayside")
    elsewhere = identity.admin("bayside")
    operations = (contract.trail.search, contract.trail.checkpoints, contract.list_break_glass)
    for operation in operations:
        refused = identity.refused(operation, a_caller("account.read"))
        assert refused.code == "forbidden"
    pages = all_pages(identity, contract.trail.search, elsewhere)
    shown = {item["object_id"] for page in pages for item in page["items"]}
    assert bayside.organisation_id in shown
    assert identity.harbor.organisation_id not in shown


def test_the_export_as_csv_has_every_row_once_under_one_header(identity: Identity) -> None:
    admin = identity.admin()
    identity.an_account()
    total = len(identity.audit())
    pages = all_pages(identity, contract.trail.export, admin, format="csv", limit=3, action="account.")
    text = "".join(page["text"] for page in pages)
    rows = list(csv.DictReader(io.StringIO(text)))

    expected = [row for row in identity.audit() if row.action.startswith("account.")]
    assert [row["id"] for row in rows] == [row.id for row in reversed(expected)]
    assert len(rows) < total
    assert json.loads(rows[0]["facts"]) == expected[-1].facts


def test_a_cell_that_a_spreadsheet_would_calculate_is_defused(identity: Identity) -> None:
    admin = identity.admin()

    def note(session: Session) -> None:  # no such id can be noted now; a row of an older release may have one
        context = wire.CallContext(wire.new_id(), correlation_id="c" * 32)
        of = (admin.organisation_id, admin.organisation_key)
        row = audit_row(admin, context, of, utc_now(), "person.read", "person", PERSON, {})
        session.connection().execute(
            identity.runtime.tables.insert_audit, {**row, "object_id": "=HYPERLINK(1)"}
        )

    identity.database.write(admin.organisation_id, note)
    text = identity.call(contract.trail.export, admin, format="csv", action="person.read")["text"]
    assert ",'=HYPERLINK(1)," in text


def test_the_export_as_fhir_is_one_valid_audit_event_a_line(identity: Identity) -> None:
    identity.log_in()
    admin = identity.admin()
    read_person(identity, admin, PERSON)
    answer = identity.call(contract.trail.export, admin, format="fhir", limit=400)
    events = [json.loads(line) for line in answer["text"].splitlines()]

    assert answer["media_type"] == "application/fhir+ndjson"
    assert len(events) == answer["rows"] > 5
    for event in events:
        assert event["resourceType"] == "AuditEvent"
        assert set(event["type"]) >= {"system", "code"}
        assert all(set(each) >= {"system", "code"} for each in event["subtype"])
        assert event["action"] in "CRUDE"
        assert datetime.datetime.fromisoformat(event["recorded"]).utcoffset() == datetime.timedelta(0)
        assert event["outcome"] in ("0", "4", "8", "12")
        (agent,) = event["agent"]
        assert agent["requestor"] is True
        assert set(agent["who"]["identifier"]) == {"system", "value"}
        assert event["source"]["observer"]["identifier"]["value"] == "identity"
        assert all(set(entity["what"]["identifier"]) == {"system", "value"} for entity in event["entity"])
        assert all(detail["valueString"] for entity in event["entity"] for detail in entity.get("detail", []))
    by_code = {event["subtype"][-1]["code"]: event for event in events}
    assert by_code["session.started"]["type"]["code"] == "110114"
    assert by_code["account.created"]["action"] == "C"
    assert by_code["person.read"]["entity"][0]["what"]["identifier"] == {
        "system": "urn:portico:person",
        "value": PERSON,
    }


@pytest.mark.parametrize(
    ("action", "letter"),
    [
        ("account.created", "C"),
        ("grant.opened", "C"),
        ("referral.details_read", "R"),
        ("document.opened", "R"),
        ("account.switches_changed", "U"),
        ("resource.removed", "D"),
        ("session.started", "E"),
    ],
)
def test_an_action_has_the_letter_of_its_last_word(action: str, letter: str) -> None:
    assert action_letter(action) == letter


def test_a_person_sees_who_opened_the_own_record_and_no_other(identity: Identity) -> None:
    admin = identity.admin()
    staff = identity.an_account()
    reader = identity.caller(identity.log_in(staff["login"])["token"])
    read_person(identity, reader, PERSON)
    read_person(identity, reader, OTHER)
    read_person(identity, admin, PERSON, "person.name_changed")
    organisation = (identity.harbor.organisation_id, "harbor")
    family = a_caller(
        organisation=organisation,
        realm="patient",
        scope={"profiles": [{"person_id": OTHER, "role": "proxy"}], "person_id": PERSON},
    )

    (opening,) = identity.call(contract.trail.openings, family)["items"]

    assert (opening["object_id"], opening["action"]) == (PERSON, "person.read")
    assert (opening["actor_id"], opening["actor_name"]) == (staff["id"], "Pat Quill")
    assert opening["is_emergency"] is False


@pytest.mark.parametrize("realm", ["patient", "employee"])
def test_whoever_signs_in_to_a_portal_sees_who_opened_the_own_record_and_the_own_account(
    identity: Identity, realm: str
) -> None:
    admin = identity.admin()
    members = {"email": "rose@example.org", "postal_code": "02139"}
    own, other = (
        identity.call(people.create_person, admin, last_name="Quay", kinds=[realm], **members)["id"]
        for _ in range(2)
    )
    account = identity.call(
        people.create_person_account,
        admin,
        person_id=own,
        realm=realm,
        role=realm,
        login="rose41",
        attests_email_is_private=True,
    )
    activate(identity, account["id"])
    if realm == "employee":
        relate(identity, admin, account["id"], own, "portal_user")
    for person_id in (own, other):
        identity.call(people.get_person, admin, person_id=person_id)
    identity.call(accounts.get_account, admin, account_id=account["id"])

    caller = identity.caller(identity.log_in(account["login"], realm=realm)["token"])
    opened = identity.call(contract.trail.openings, caller)["items"]
    assert [(each["action"], each["actor_id"]) for each in opened] == [
        ("account.read", admin.id),
        ("person.read", admin.id),
    ]


def test_an_account_without_a_record_of_its_own_has_no_openings(identity: Identity) -> None:
    assert identity.refused(contract.trail.openings, identity.admin()).code == "not_found"


def test_every_other_service_has_the_same_trail(tmp_path: Path) -> None:
    service = InProcess("portals", f"sqlite:///{tmp_path}/portals.db", tmp_path)
    reader = a_caller("audit.read")
    service.call(portals.trail.search, reader)
    (item,) = service.call(portals.trail.search, reader)["items"]
    assert (item["action"], item["actor_id"]) == ("audit.read", reader.id)
    service.answers["identity.describe_person"] = MergedPeople().describe
    patient = a_caller(realm="patient", scope={"person_id": PERSON})
    assert service.call(portals.trail.openings, patient) == {"items": [], "next": None}
    service.close()
