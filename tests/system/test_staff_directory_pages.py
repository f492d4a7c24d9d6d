"""The directory with import and export, capacity and reports in the staff console, in a real browser by the keyboard."""

from __future__ import annotations

import csv
import datetime
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.client import Portico
from deploy.demo import SAMPLE
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.pages import choose, enter, follow, require_good, wait_for_heading
from tests.support.stack import RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

STAFF = "admin@harbor.example.org"
PROVIDER = "directory.keeper@shelter.example.org"
# An agency and a program of their own, so that nothing that others look at is closed.
AGENCY, PROGRAM_NAME = "Quillmoor Alliance", "Quillmoor Pantry"


@dataclass
class Desk(Console):
    """A browser in which staff is signed in, a program of its own with a ReferralQ, and a provider of it."""

    folder: Path
    queue: dict[str, Any]
    program: dict[str, Any]
    provider: Portico

    def refer(self) -> dict[str, Any]:
        record = self.api.post("/v1/contact-records", first_name="Rosalind", last_name="Counted")
        given = {"queue_id": self.queue["id"], "program_id": self.program["id"], "confirm": True}
        return dict(self.api.post("/v1/referrals", contact_record_id=record["id"], **given))

    def upload(self, name: str, content: str) -> None:
        """Choose a file on the page of imports and send it."""
        path = self.folder / name
        path.write_text(content)
        self.browser.choose_file("import_directory-file", path)
        follow(self.browser, "Show what it would do")


def a_file(status: str, *more: dict[str, str]) -> str:
    """An export of iCarol with the agency and the program, whose status is given, and further rows."""
    rows = list(csv.DictReader(io.StringIO(SAMPLE.read_text())))
    shelter = next(row for row in rows if row["PublicName"] == "Night Shelter")
    home = next(row for row in rows if row["ResourceAgencyNum"] == shelter["ParentAgencyNum"])
    agency = home | {"ResourceAgencyNum": "970110", "PublicName": AGENCY, "ParentAgency": AGENCY}
    program = shelter | {
        "ResourceAgencyNum": "970111",
        "PublicName": PROGRAM_NAME,
        "ParentAgency": AGENCY,
        "ParentAgencyNum": "970110",
        "AgencyStatus": status,
    }
    written = io.StringIO()
    writer = csv.DictWriter(written, fieldnames=list(shelter))
    writer.writeheader()
    writer.writerows([agency, program, *(program | each for each in more)])
    return written.getvalue()


@pytest.fixture(scope="module")
def desk(portico: RunningStack, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    journey = portico.journey()
    journey.import_directory(a_file("Active").encode())
    program = journey.find_program(PROGRAM_NAME)
    queue = portico.admin.post("/v1/queues", name="Quillmoor food")
    portico.admin.put(f"/v1/queues/{queue['id']}/programs/{program['id']}")
    _, provider = portico.create_provider(PROVIDER, [program["id"]], can_edit_capacity=False)
    desk = Desk(portico, chromium, tmp_path_factory.mktemp("files"), queue, program, provider)
    desk.sign_in(STAFF)
    return desk


def set_field(browser: Browser, field_id: str, value: str) -> None:
    """Fill in a field of the browser's own making, such as a date."""
    browser.evaluate(f"document.getElementById({json.dumps(field_id)}).value = {json.dumps(value)}")


@pytest.mark.seed("S0-20")
def test_a_resource_is_found_by_its_name_added_changed_and_retired(desk: Desk) -> None:
    browser = desk.browser
    desk.show("/staff/directory")
    require_good(browser)
    enter(browser, "Find", "quilmoor pantri")  # with typing errors
    browser.press("Enter")
    browser.wait_for_text("Found")
    assert PROGRAM_NAME in browser.text
    desk.show("/staff/directory?q=00101")  # a postal code
    assert "Night Shelter" in browser.text

    desk.show("/staff/directory")
    follow(browser, "Add an agency")
    wait_for_heading(browser, "Add an agency")
    enter(browser, "Name", "Saltmarsh House")
    enter(browser, "Address: second line", "Back door")
    follow(browser, "Add")
    browser.wait_for("document.activeElement.id === 'error-summary'")  # an address begins with its first line
    require_good(browser)
    enter(browser, "Address: first line", "9 Hidden Lane")
    enter(browser, "Address: country", "US")
    desk.tick("Address is private")
    enter(browser, "Fees", "None")
    enter(browser, "Telephone 1", "555-0142")
    enter(browser, "Languages", "English")
    follow(browser, "Add")
    browser.wait_for_text("It is in the directory.")
    require_good(browser)
    assert "Private: only staff see it" in browser.text
    agency_id = desk.last_of_address
    path = f"/v1/directory/resources/{agency_id}"
    made = desk.api.get(path)
    assert (made["level"], made["mailing_address"], made["physical_address"]["is_private"]) == (
        "agency",
        None,
        True,
    )

    follow(browser, "Add a program or site")
    wait_for_heading(browser, "Add to Saltmarsh House")
    choose(browser, "What is it", "A site: a place of the agency")
    enter(browser, "Name", "Saltmarsh Annexe")
    follow(browser, "Add")
    wait_for_heading(browser, "Saltmarsh Annexe")
    # Agencies and programs are offered, and sites are not, unless they are asked for.
    found = [each["name"] for each in desk.api.get("/v1/directory/resources", q="Saltmarsh Annexe")["items"]]
    assert "Saltmarsh Annexe" not in found
    desk.show("/staff/directory?q=Saltmarsh+Annexe")
    assert "Site" not in browser.evaluate("document.querySelector('table')?.innerText ?? ''")
    desk.show("/staff/directory?q=Saltmarsh+Annexe&level=site")
    follow(browser, "Saltmarsh Annexe")
    wait_for_heading(browser, "Saltmarsh Annexe")
    follow(browser, "Saltmarsh House")
    wait_for_heading(browser, "Saltmarsh House")
    assert "Saltmarsh Annexe" in browser.text


def test_a_resource_is_changed_has_a_message_and_is_retired(desk: Desk) -> None:
    browser = desk.browser
    given = {"fees": "None", "phones": [{"number": "555-0142"}], "languages": ["English"]}
    made = desk.api.post("/v1/directory/resources", level="agency", name="Saltmarsh Shop", **given)
    path = f"/v1/directory/resources/{made['id']}"
    desk.show(f"/staff/directory/{made['id']}")
    follow(browser, "Change")
    wait_for_heading(browser, "Change Saltmarsh Shop")
    enter(browser, "Fees", " ")
    enter(browser, "Languages", "English\nSpanish")
    follow(browser, "Save")
    browser.wait_for_text("The change of the directory is saved.")
    changed = desk.api.get(path)
    assert (changed["fees"], changed["languages"]) == ("", ["English", "Spanish"])
    assert changed["phones"][0]["number"] == "555-0142"

    follow(browser, "Temporary message")
    wait_for_heading(browser, "Temporary message")
    enter(browser, "Message", "Closed for repairs")
    follow(browser, "Save")
    browser.wait_for_text("The temporary message is saved.")
    assert "Closed for repairs" in browser.text
    follow(browser, "Status")
    wait_for_heading(browser, "Status of Saltmarsh Shop")
    follow(browser, "Retire it")
    follow(browser, "Take it out")
    browser.wait_for_text("It is taken out of the directory.")
    require_good(browser)
    assert desk.api.get(path)["retired_at"] is not None


SENT_WITHIN_S = 6


@pytest.mark.parametrize(
    "size", [pytest.param(50 * 10**6, marks=[pytest.mark.full, pytest.mark.timeout(300)]), 10**6]
)
def test_a_file_says_how_far_its_sending_is_and_can_be_stopped(desk: Desk, size: int) -> None:
    browser, before = desk.browser, desk.api.get("/v1/directory/imports")["items"]
    desk.open("/staff/directory/imports", "Import of the directory")
    (path := desk.folder / "long.json").write_bytes(b"no directory ".ljust(size, b"."))
    browser.choose_file("import_directory-file", path)
    told = "document.querySelector('[data-quarter]')"
    browser.evaluate(
        f"window.said = []; new MutationObserver(() => said.push({told}.textContent)).observe({told}, {{childList: true}})"
    )
    browser.slow_network(size / SENT_WITHIN_S)
    follow(browser, "Show what it would do")
    browser.wait_for("document.querySelector('[data-sending] progress').value > 5")
    require_good(browser)
    follow(browser, "Stop sending")
    browser.wait_for(f"{told}.textContent.startsWith('Stopped: nothing was sent.')")
    assert browser.evaluate("document.activeElement.textContent") == "Show what it would do"
    assert browser.evaluate("document.getElementById('import_directory-file').files.length") == 1
    assert desk.api.get("/v1/directory/imports")["items"] == before
    browser.evaluate("said.length = 0")
    browser.press("Enter")
    browser.wait_for("document.activeElement.id === 'error-summary'", within_s=120)
    browser.slow_network()
    quarters = [f"{each} percent of the file is sent." for each in (25, 50, 75)]
    assert [each for each in browser.evaluate("said") if each] == [
        *quarters, "The whole file is sent. It is being looked at.",
    ]  # fmt: skip
    assert "Choose the file again" in browser.text
    require_good(browser)


def test_a_file_is_tried_its_rows_are_told_and_what_it_closes_is_asked(desk: Desk) -> None:
    browser = desk.browser
    referral = desk.refer()
    desk.show("/staff/directory/imports")
    require_good(browser)
    desk.upload("broken.csv", "Not,a,directory\n1,2,3\n")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    require_good(browser)

    wrong = {"ResourceAgencyNum": "970119", "PublicName": "Nobody", "AgencyStatus": "Perhaps"}
    desk.upload("closing.csv", a_file("Inactive", wrong))
    browser.wait_for_text("The file was tried. Nothing is imported yet.")
    browser.wait_for_text("Refused rows")
    require_good(browser)
    row = browser.evaluate("[...document.querySelectorAll('tbody tr')].at(0).innerText")
    assert "4" in row, row  # the line; the header is the first
    assert "AgencyStatus" in row, row
    assert "The file closes programs with 1 open referral." in browser.text
    assert desk.api.get(f"/v1/directory/resources/{desk.program['id']}")["status"] == "active"

    follow(browser, "Import now")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    require_good(browser)
    desk.tick("Close these programs")
    follow(browser, "Import now")
    browser.wait_for_text("The import has started.")
    wait_for_heading(browser, "Import")
    browser.wait_for_text("Done")
    program = f"/v1/directory/resources/{desk.program['id']}"
    assert desk.api.get(program)["status"] == "inactive"
    assert desk.api.get(f"/v1/referrals/{referral['id']}")["progress"]["is_terminal"] is False
    desk.show("/staff/directory/imports")
    assert browser.evaluate("document.querySelectorAll('tbody tr').length") >= 3
    again = desk.api.get(program)
    desk.api.put(f"{program}/status", version=again["version"], status="active")

    desk.show("/staff/directory")
    follow(browser, "Export the whole directory")
    wait_for_heading(browser, "Export of the directory")
    browser.wait_for_text("Download")
    require_good(browser)
    export_id = desk.last_of_address
    file = browser.evaluate("fetch(document.querySelector('main a.btn').href).then(it => it.text())")
    assert PROGRAM_NAME in file
    assert "Hidden Lane" not in file
    again = desk.api.get(program)
    private = {"physical_address": {"line1": "12 Ropewalk Lane", "country": "US", "is_private": True}}
    desk.api.send("PATCH", program, 200, json=private, headers={"If-Match": f'"{again["version"]}"'})
    desk.show(f"/staff/directory/exports/{export_id}")
    assert "marked as private after this file was written" in browser.text
    require_good(browser)


@pytest.mark.seed("S0-8")
@pytest.mark.seed("S0-9")
@pytest.mark.seed("S0-52")
def test_staff_say_how_many_referrals_any_program_or_part_of_one_takes(desk: Desk) -> None:
    browser = desk.browser
    program = f"/staff/capacity/{desk.program['id']}"
    desk.show(program)
    require_good(browser)
    assert "It has no capacity yet" in browser.text
    assert (
        browser.evaluate("document.querySelector('h1').textContent") == f"Capacity of {desk.program['name']}"
    )
    enter(browser, "Places in all", "5")
    enter(browser, "What is counted", "new referrals")
    enter(browser, "Note", "Please send families first")
    desk.pick(
        "How places become free again",
        "Each day, week or month begins with all places free, as with new clients",
    )
    desk.pick("Period in which they are counted", "A week")
    follow(browser, "Save")
    browser.wait_for_text("The program has a capacity now.")
    require_good(browser)
    assert "of 5 free new referrals" in browser.text
    follow(browser, "Add a line")
    enter(browser, "Name", "Beds")
    enter(browser, "Places in all", "20")
    enter(browser, "What is counted", "beds available")
    follow(browser, "Add the line")
    browser.wait_for_text("The line is added.")
    lines = desk.api.get("/v1/capacities", program_id=desk.program["id"])["items"]
    kept = {each["name"]: (each["total"], each["unit"], each["mode"], each["period"]) for each in lines}
    assert sorted(kept.values()) == [
        (5, "new referrals", "period", "week"),
        (20, "beds available", "occupancy", None),
    ]


@pytest.mark.seed("S0-8")
@pytest.mark.seed("S0-10")
def test_staff_change_note_schedule_and_confirm_the_capacity_of_any_program(desk: Desk) -> None:
    browser = desk.browser
    program = f"/staff/capacity/{desk.program['id']}"
    given = {"name": "Pickups", "total": 10, "unit": "donation pickups"}
    line = desk.api.post(f"/v1/programs/{desk.program['id']}/capacity/lines", **given)
    desk.show(f"{program}/{line['line_id']}")
    require_good(browser)
    enter(browser, "Places in all", "12")
    enter(browser, "Note", "Only after noon")
    follow(browser, "Save")
    browser.wait_for_text("The capacity is saved.")
    assert "12 of 12 free donation pickups" in browser.text
    assert "Only after noon" in browser.evaluate("document.querySelector('table').innerText")
    tomorrow = datetime.date.today() + datetime.timedelta(days=1)
    set_field(browser, "schedule-starts_at", f"{tomorrow}T08:00")
    set_field(browser, "schedule-ends_at", f"{tomorrow - datetime.timedelta(days=9)}T08:00")
    browser.evaluate("document.getElementById('schedule-total').focus()")
    browser.type("30")
    follow(browser, "Schedule the change")
    browser.wait_for("document.activeElement.id === 'error-summary'")  # it ends before it begins
    require_good(browser)
    set_field(browser, "schedule-ends_at", f"{tomorrow}T18:00")
    browser.evaluate("document.getElementById('schedule-total').focus()")
    follow(browser, "Schedule the change")
    browser.wait_for_text("The change is scheduled.")
    assert "30 donation pickups. Afterwards the capacity before it holds again." in browser.text
    follow(browser, "Change")
    wait_for_heading(browser, "Change a scheduled capacity")
    enter(browser, "Places in all", "31")
    follow(browser, "Save")
    browser.wait_for_text("The scheduled change is saved.")
    lines = desk.api.get("/v1/capacities", program_id=desk.program["id"])["items"]
    (change,) = (change for each in lines for change in each["scheduled"])
    assert (change["line_id"], change["total"]) == (line["line_id"], 31)
    follow(browser, "Cancel this change")
    browser.wait_for_text("The scheduled change is cancelled.")

    desk.show(f"/staff/capacity?queue_id={desk.queue['id']}")
    require_good(browser)
    rows = browser.evaluate("[...document.querySelectorAll('tbody tr')].map(it => it.innerText)")
    assert "donation pickups" in "".join(rows)
    assert all("seconds ago" in row or "minute" in row for row in rows), rows
    follow(browser, "Still right")
    browser.wait_for_text("The numbers are confirmed as they are.")
    desk.show(f"/staff/capacity?queue_id={desk.queue['id']}&stale=true")
    assert "No capacity fits these filters." in browser.text
    desk.show("/staff/capacity-settings")
    require_good(browser)
    enter(browser, "Days after which numbers must be confirmed", "900")
    follow(browser, "Save")
    browser.wait_for("document.activeElement.id === 'error-summary'")


@pytest.mark.seed("S0-50")
@pytest.mark.seed("S0-51")
@pytest.mark.seed("S0-53")
def test_the_dashboard_and_the_statistics_show_the_numbers_of_the_api_and_lead_to_lists(desk: Desk) -> None:
    browser = desk.browser
    referral = desk.refer()
    path = f"/v1/referrals/{referral['id']}"
    keys = [each["key"] for each in desk.api.get(f"/v1/queues/{desk.queue['id']}")["statuses"]]
    moved = desk.api.put(f"{path}/status", version=referral["version"], status="enrolled")
    assert "completed" in keys
    desk.api.put(
        f"{path}/status", version=moved["version"], status="completed", outcome_code="service_received"
    )
    desk.show(f"/staff/reports?queue_id={desk.queue['id']}")
    require_good(browser)
    counted = desk.api.get("/v1/dashboard", queue_id=desk.queue["id"])
    for name in ("open", "ended", "overdue", "urgent", "waiting"):
        shown = browser.evaluate(f"document.getElementById('count-{name}').textContent")
        assert shown == str(counted["totals"][name]), name
    (queue,) = counted["queues"]
    bars = browser.evaluate(
        "[...document.querySelectorAll('table.bars tbody tr')].map(it => [...it.cells].slice(0, 2).map(c => c.textContent.trim()))"
    )
    assert bars == [[each["label"], str(each["count"])] for each in queue["statuses"]]
    assert "beside" in browser.text
    # A provider sees the same numbers of its own programs.
    assert desk.provider.get("/v1/dashboard", queue_id=desk.queue["id"])["totals"] == counted["totals"]
    follow(browser, "Completed")
    wait_for_heading(browser, "Referrals")
    assert browser.evaluate("document.querySelectorAll('main tbody tr').length") == 1
    desk.show(f"/staff/reports/programs?queue_id={desk.queue['id']}")
    require_good(browser)
    assert PROGRAM_NAME in browser.text

    today = datetime.datetime.now(datetime.UTC).date()
    desk.show(f"/staff/reports/statistics?queue_id={desk.queue['id']}&group_by=program")
    require_good(browser)
    found = desk.api.get("/v1/statistics", queue_id=desk.queue["id"], group_by="program")
    browser.wait_for_text("Referrals made")
    assert f"Referrals made: {found['total']['assigned']}, ended: 1." in browser.text
    assert "Service received" in browser.text
    assert "Enrolled" in browser.text
    text = browser.evaluate("fetch(document.querySelector('main p a.btn').href).then(it => it.text())")
    period = f"from_on={found['from_on']}&to_on={found['to_on']}"
    whole = desk.api.download(f"/v1/statistics/export?queue_id={desk.queue['id']}&group_by=program&{period}")
    assert text == whole.decode()
    desk.pick("By", "Week")
    follow(browser, "Show")
    browser.wait_for_text("-W")
    desk.show(f"/staff/reports/statistics?from_on={today}&to_on=2001-01-01")
    browser.wait_for_text("There are no numbers for this.")
    require_good(browser)


@pytest.mark.seed("S0-2")
@pytest.mark.seed("S0-22")
def test_a_provider_edits_its_capacity_only_where_staff_have_allowed_it(desk: Desk) -> None:
    browser = desk.browser
    line = desk.api.put(f"/v1/programs/{desk.program['id']}/capacity", total=7, unit="places")
    desk.sign_in(PROVIDER, realm="provider", at="/provider")
    own = f"/provider/capacity/{desk.program['id']}/{line['line_id']}"
    desk.show(own)
    require_good(browser)
    assert "places" in browser.text
    assert "Change it now" not in browser.text
    desk.provider.put(f"/v1/programs/{desk.program['id']}/capacity", expect=403, total=1)
    account = desk.provider.get("/v1/me")["id"]
    switches = {"can_edit_capacity": True, "can_change_status": True, "can_access_details": False}
    desk.api.put(f"/v1/accounts/{account}/provider-switches", **switches)
    desk.show(own)
    enter(browser, "Places in all", "9")
    follow(browser, "Save")
    browser.wait_for_text("The capacity is saved.")
    require_good(browser)
    assert desk.api.get(f"/v1/programs/{desk.program['id']}/capacity")["total"] == 9
