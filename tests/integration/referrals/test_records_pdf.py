"""PDFs of contact records, and what a provider sees at each stage."""

from __future__ import annotations

import io
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from services.chassis.passports import REALM_OF_SYSTEMS
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals import assignments, queues, records, status_changes
from services.contracts.referrals.records import contact_record_pdf_created
from services.referrals.records.pdf import handlers, renderer
from services.referrals.records.pdf.content import PrintedRecord
from tests.integration.referrals.builders import OTHER_STAFF, STAFF, Desk, refusal
from tests.support.bars import hold_at_best
from tests.support.in_process import HARBOR, a_caller

PERSON = "d" * 32
SECTIONS = {"Needs": {"Housing": "tonight"}, "Health": {"Asthma": True}}
STAGES = {
    "offered": ["postal_code", "section:Needs"],
    "accepted": ["postal_code", "contact_name", "section:Needs"],
    "enrolled": ["postal_code", "contact_name", "phone", "email", "sections"],
}


@pytest.fixture
def papers(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[PrintedRecord]:
    """What was drawn, in order."""
    desk.service.answers["identity.describe_account"] = lambda _: {"organisation_name": "Harbor Crisis Line"}
    drawn: list[PrintedRecord] = []
    draw = renderer.draw

    def render(record: PrintedRecord) -> tuple[bytes, int]:
        drawn.append(record)
        return draw(record)

    monkeypatch.setattr(renderer, "draw", render)
    return drawn


def a_staged_referral(desk: Desk) -> tuple[str, Any]:
    """A record with all fields and a referral of it in a queue that shows more from stage to stage."""
    queue_id = desk.a_queue("Night Shelter", "Family Housing First", settings={"stage_fields": STAGES})
    record_id = desk.a_record(
        postal_code="20001", phone="555 0100", email="ana@example.org", sections=SECTIONS, person_id=PERSON
    )
    return record_id, desk.assign(queue_id, "Night Shelter", record_id, note="Has a dog.")


@pytest.mark.seed("S0-24")
def test_a_provider_with_the_details_switch_makes_a_pdf_and_it_is_audited(
    desk: Desk, papers: list[PrintedRecord]
) -> None:
    record_id = desk.a_record(postal_code="20001", sections=SECTIONS, person_id=PERSON)
    referral = desk.assign(desk.a_queue("Night Shelter"), "Night Shelter", record_id, note="Has a dog.")
    provider = desk.provider("Night Shelter", details=True)
    answer = desk(records.create_referral_pdf, provider, referral_id=referral["id"])
    assert (answer["file_name"], answer["media_type"]) == (
        "contact-record-CR-00000001.pdf",
        "application/pdf",
    )
    content = desk.service.runtime.blobs.find(HARBOR[0], answer["sha256"]).read_bytes()
    with pikepdf.open(io.BytesIO(content)) as document:
        assert len(document.pages) == 1
    (row,) = desk.service.audit("contact_record.pdf_created")
    assert (row.object_type, row.object_id, row.actor_id, row.person_id) == (
        "referral",
        referral["id"],
        provider.id,
        PERSON,
    )
    assert row.facts == {
        "contact_record_id": record_id,
        "pages": 1,
        "sha256": answer["sha256"],
        "person_id": PERSON,
    }
    (event,) = desk.service.events(contact_record_pdf_created)
    assert event["data"]["pages"] == 1
    (printed,) = papers
    assert printed.organisation_name == "Harbor Crisis Line"
    assert dict(printed.contact)["Name"] == "Ana Vega"
    assert printed.sections == (("Needs", (("Housing", "tonight"),)), ("Health", (("Asthma", "Yes"),)))
    assert [(step.what, step.side, step.note) for step in printed.referrals[0].steps] == [
        ("Assigned, Referred", "partner", "Has a dog.")
    ]


@pytest.mark.seed("S0-24")
@pytest.mark.seed("S0-25")
def test_without_the_switch_or_out_of_sight_there_is_no_pdf(desk: Desk, papers: list[PrintedRecord]) -> None:
    record_id, referral = a_staged_referral(desk)
    make, wanted = records.create_referral_pdf, {"referral_id": referral["id"]}
    reader = a_caller("referral.read", id="5" * 32, organisation=HARBOR)
    for caller, missing in (
        (desk.provider("Night Shelter"), {"switch": "can_access_details"}),
        (reader, {"permission": "record.read"}),
    ):
        with pytest.raises(Refused) as refused:
            desk(make, caller, **wanted)
        assert (refused.value.code, refused.value.more) == ("forbidden", missing)
    elsewhere = desk.provider("St. Mary's Café & Pantry", details=True)
    assert refusal(lambda: desk(make, elsewhere, **wanted)) == "not_found"
    assert refusal(lambda: desk(make, OTHER_STAFF, **wanted)) == "not_found"
    provider = desk.provider("Night Shelter", details=True, may=("record.read", "referral.read"))
    whole = {"contact_record_id": record_id}
    assert refusal(lambda: desk(records.create_contact_record_pdf, provider, **whole)) == "forbidden"
    assert refusal(lambda: desk(records.create_contact_record_pdf, OTHER_STAFF, **whole)) == "not_found"
    assert papers == desk.service.audit("contact_record.pdf_created") == []


def test_staff_gets_all_referrals_of_a_record_and_no_internal_notes(
    desk: Desk, papers: list[PrintedRecord]
) -> None:
    record_id, referral = a_staged_referral(desk)
    desk(assignments.add_referral_note, referral_id=referral["id"], note="Shared.")
    desk(assignments.add_referral_note, referral_id=referral["id"], note="Ours alone.", is_internal=True)
    queue_id = desk(queues.list_queues)["items"][0]["id"]
    desk.assign(queue_id, "Family Housing First", record_id)
    desk(records.create_contact_record_pdf, contact_record_id=record_id)
    (printed,) = papers
    assert [one.program_name for one in printed.referrals] == ["Night Shelter", "Family Housing First"]
    assert [step.note for step in printed.referrals[0].steps] == ["Has a dog.", "Shared."]
    assert (dict(printed.contact)["Phone"], printed.withheld) == ("555 0100", ())


def test_each_handing_out_is_audited_the_same_request_too(desk: Desk, papers: list[PrintedRecord]) -> None:
    record_id = desk.a_record()
    once, again = (
        desk(records.create_contact_record_pdf, contact_record_id=record_id, key="the same") for _ in range(2)
    )
    assert once == again
    assert len(desk.service.audit("contact_record.pdf_created")) == 2


def test_a_pdf_does_not_stay_in_the_store(
    desk: Desk, papers: list[PrintedRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = desk(records.create_contact_record_pdf, contact_record_id=desk.a_record())
    blobs = desk.service.runtime.blobs
    handlers.sweep(desk.service.runtime)
    assert blobs.find(HARBOR[0], answer["sha256"]).is_file()
    monkeypatch.setattr(handlers, "KEPT_S", -1.0)
    handlers.sweep(desk.service.runtime)
    assert refusal(lambda: blobs.find(HARBOR[0], answer["sha256"])) == "not_found"


def test_a_program_that_calls_is_given_the_organisations_key(desk: Desk, papers: list[PrintedRecord]) -> None:
    def unknown(_: Any) -> Any:
        raise Refused("not_found", "There is no account with this id.")

    desk.service.answers["identity.describe_account"] = unknown
    system = a_caller("record.read", realm=REALM_OF_SYSTEMS, id="9" * 32)
    desk(records.create_contact_record_pdf, system, contact_record_id=desk.a_record())
    assert papers[0].organisation_name == "harbor"


def test_no_pdf_is_handed_out_that_could_not_be_audited(
    desk: Desk, papers: list[PrintedRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError

    record_id = desk.a_record()
    monkeypatch.setattr(UnitOfWork, "audit", fails)
    with pytest.raises(RuntimeError):
        desk(records.create_contact_record_pdf, contact_record_id=record_id)


@pytest.mark.seed("S0-25")
@pytest.mark.seed("S0-54")
def test_each_stage_shows_what_the_queue_says_and_a_decline_no_more_than_the_offer(
    desk: Desk, papers: list[PrintedRecord]
) -> None:
    _, referral = a_staged_referral(desk)
    provider = desk.provider("Night Shelter", details=True)

    def seen() -> tuple[Any, ...]:
        whole = desk(assignments.get_referral, provider, referral_id=referral["id"])
        desk(records.create_referral_pdf, provider, referral_id=referral["id"])
        details, printed = whole["details"], papers[-1]
        assert dict(printed.contact)["Phone"] == details["phone"]
        assert [title for title, _ in printed.sections] == list(details["sections"])
        assert whole["limited"]["postal_code"] == "20001"
        assert whole["limited"]["contact_name"] == dict(printed.contact)["Name"]
        return (
            whole["limited"]["contact_name"],
            details["last_name"],
            details["phone"],
            list(details["sections"]),
            details["withheld"],
        )

    offered = (None, None, None, ["Needs"], ["contact_name", "phone", "email", "sections"])
    assert seen() == offered
    referral = desk.move(referral, "attempting_contact")
    assert seen() == ("Ana Vega", "Vega", None, ["Needs"], ["phone", "email", "sections"])
    referral = desk.move(referral, "enrolled")
    assert seen() == ("Ana Vega", "Vega", "555 0100", ["Needs", "Health"], [])
    desk(
        status_changes.decline_referral,
        provider,
        referral_id=referral["id"],
        version=referral["version"],
        reason_code="no_capacity",
    )
    assert seen() == offered
    (listed,) = desk(assignments.list_referrals, provider)["items"]
    assert (listed["limited"]["contact_name"], listed["limited"]["postal_code"]) == (None, "20001")
    assert listed["withheld"] == ["contact_name"]


def test_staff_sees_everything_at_every_stage(desk: Desk) -> None:
    _, referral = a_staged_referral(desk)
    details = desk(assignments.get_referral, referral_id=referral["id"])["details"]
    assert (details["phone"], details["person_id"], details["withheld"]) == ("555 0100", PERSON, [])
    whole = desk(
        assignments.get_referral, desk.provider("Night Shelter", details=True), referral_id=referral["id"]
    )
    assert whole["details"]["person_id"] is None
    readers = [(row.actor_id, row.person_id) for row in desk.service.audit("referral.details_read")]
    assert readers == [(STAFF.id, PERSON), ("7" * 32, PERSON)]


def test_a_declined_status_cannot_be_made_to_show_more(desk: Desk) -> None:
    queue = desk(queues.get_queue, queue_id=desk.a_queue())
    statuses = [
        {"label": "New"},
        {"label": "No", "is_terminal": True, "fhir_status": "rejected", "category": "enrolled"},
    ]
    with pytest.raises(Refused) as refused:
        desk(queues.edit_queue, queue_id=queue["id"], version=queue["version"], statuses=statuses)
    assert (refused.value.code, refused.value.field) == ("invalid_status_list", "statuses.1.category")


CHECKOUT = Path(__file__).resolve().parents[3]
PROGRAM = """
import eventlet
eventlet.monkey_patch()
import json, resource, sys, time
from pathlib import Path
from services.contracts.referrals import records
from services.chassis.database import Database
from tests.integration.referrals.builders import STAFF
from tests.support.in_process import InProcess

folder = Path(sys.argv[1])
service = InProcess("referrals", f"sqlite:///{folder / 'x.db'}", folder)
service.database = service.runtime.database = Database(str(service.database.engine.url))  # waits for the disk
service.answers["identity.describe_account"] = lambda _: {"organisation_name": "Harbor"}
text = "She slept in the car with two children. " * 240
sections = {"Story": {f"Part {number}": text for number in range(12)}}
record = service.call(records.create_contact_record, STAFF, sections=sections)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
longest, running = 0.0, True

def tick():
    global longest
    while running:
        started = time.monotonic()
        eventlet.sleep(0.005)
        longest = max(longest, time.monotonic() - started - 0.005)

service.call(records.create_contact_record_pdf, STAFF, contact_record_id=record["id"])
ticker = eventlet.spawn(tick)
eventlet.sleep(0.02)
longest = 0.0
started = time.monotonic()
service.call(records.create_contact_record_pdf, STAFF, contact_record_id=record["id"])
took = time.monotonic() - started
running = False
ticker.wait()
pages = [row.facts["pages"] for row in service.audit("contact_record.pdf_created")]
loaded = "reportlab" in sys.modules
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"took_s": took, "stall_s": longest, "pages": pages[0], "loaded": loaded, "mb": [before / 1024, after / 1024]}))
"""


def test_a_long_pdf_is_quick_and_stops_nobody_else(tmp_path: Path) -> None:
    folders = (tmp_path / str(number) for number in itertools.count())
    hold_at_best(lambda: draw_a_long_pdf(next(folders)))


def draw_a_long_pdf(folder: Path) -> None:
    folder.mkdir()
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(folder)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    figures = json.loads(run.stdout.splitlines()[-1])
    print(figures)
    assert figures["pages"] >= 20
    assert figures["took_s"] < 1
    assert figures["stall_s"] < 0.25
    assert not figures["loaded"], "a service that goes on has no use for the drawing library"
