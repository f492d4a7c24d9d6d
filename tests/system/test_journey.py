"""One referral through all five services on real input, over HTTP, AMQP and SMTP."""

from __future__ import annotations

import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import jsonschema
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from deploy.client import Portico
from deploy.demo import SAMPLE
from deploy.journey import Journey
from tests.support.bars import hold_at_best
from tests.support.eventually import eventually
from tests.support.stack import RunningStack

REAL_EXPORT = Path(
    os.environ.get(
        "PORTICO_REAL_EXPORT",
        Path(__file__).resolve().parents[3] / "shared" / "data" / "icarol_resources_dc.csv",
    )
)
SUBSCRIBER = Path(__file__).resolve().parents[2] / "deploy" / "examples" / "subscriber.py"
LIMITED = {
    "referralq_name",
    "assigned_resource",
    "contact_record_number",
    "status",
    "note",
    "contact_name",
    "contact_date",
    "postal_code",
}


@dataclass
class Played:
    """The results of the journey, for the tests after it."""

    journey: Journey
    live: list[dict[str, Any]] = field(default_factory=list)
    things: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return self.things[name]


@pytest.fixture(scope="module")
def played(portico: RunningStack) -> Played:
    """Play the journey once, with live subscribers of Harbor and of Bayside."""
    journey = portico.journey()
    address = portico.subscribe("live-hospital", "harbor")
    elsewhere = portico.subscribe("other-hospital", "bayside")
    with _subscriber(address, "harbor") as live, _subscriber(elsewhere, "bayside") as foreign:
        things = _play(journey, portico)
        signed = "portico.signing.document_signed.v1"
        eventually(lambda: _assert_in(signed, [event["type"] for event in live.events()]), timeout_s=60)
        sizes = {name: portico.rss_mb(name) for name in portico.process_names}
        things |= {"foreign": foreign.events(), "live_address": address, "sizes": sizes}
        return Played(journey, live.events(), things)


def _play(journey: Journey, portico: RunningStack) -> dict[str, Any]:
    shelter, housing = journey.find_program("Night Shelter"), journey.find_program("Family Housing First")
    pantry = journey.find_program("Community Pantry")
    queue = journey.create_queue([shelter, housing])
    capacity = journey.set_capacity(shelter, 20)
    agency = {"id": shelter["agency_id"]}
    by_program = journey.create_provider("Adaeze", shelter)
    by_agency = journey.create_provider("Bartholomew", agency)
    outsider = journey.create_provider("Celestine", pantry)
    provider, agent, other = (
        journey.accept_invitation(account) for account in (by_program, by_agency, outsider)
    )
    record = journey.enter_record()
    referral = journey.assign(record, shelter)
    after_assignment = journey.admin.get(f"/v1/programs/{shelter['id']}/capacity")
    view = provider.get(f"/v1/referrals/{referral['id']}")
    moved = provider.put(
        f"/v1/referrals/{referral['id']}/status",
        version=view["version"],
        status="enrolled",
        note="Intake on Monday.",
    )
    document = journey.send_document(record, by_program)
    signed = provider.act(
        f"/v1/documents/{document['id']}/signature",
        version=document["version"],
        meaning="approval",
        note="Agreed as written.",
    )
    done = provider.put(
        f"/v1/referrals/{referral['id']}/status",
        version=moved["version"],
        status="completed",
        note="Moved in.",
    )
    return locals() | {"freed": journey.admin.get(f"/v1/programs/{shelter['id']}/capacity")}


class _subscriber:  # noqa: N801 - reads as a sentence
    """The example program as a process of its own."""

    def __init__(self, address: str, organisation: str, *more: str) -> None:
        command = [sys.executable, str(SUBSCRIBER), "--uri", address, "--organisation", organisation, *more]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._lines: list[bytes] = []
        self._reader = concurrent.futures.ThreadPoolExecutor(1)
        self._reader.submit(self._read)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line)

    def events(self) -> list[dict[str, Any]]:
        """The events so far."""
        return [json.loads(line) for line in list(self._lines)]

    def __enter__(self) -> Self:
        assert self._process.stderr is not None
        assert self._process.stderr.readline() == b"listening\n", "the subscriber did not come up"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._reader.shutdown()


def _assert_in(member: Any, members: Any) -> None:
    assert member in members


def test_the_queue_has_the_usual_statuses(played: Played):
    assert [status["label"] for status in played.queue["statuses"]] == [
        "Referred",
        "Attempting Contact",
        "Enrolled",
        "Completed",
        "Declined",
    ]


def test_an_assignment_takes_a_bed_and_a_terminal_status_frees_it(played: Played):
    # Open referrals of other tests count with the program's first capacity.
    free = played.capacity["free"]
    assert played.capacity["total"] == 20
    assert played.after_assignment["free"] == free - 1
    assert played.freed["free"] == free


@pytest.mark.seed("S0-25", "S0-28", "S0-29", "S0-30", "S0-31", "S0-33", "S0-34", "S0-35")
def test_a_provider_without_the_details_permission_sees_exactly_eight_fields(played: Played):
    limited = played.view["limited"]

    assert set(played.view) == {"id", "version", "limited", "details", "progress", "withheld"}
    assert set(limited) == LIMITED
    assert played.view["details"] is None
    assert limited["referralq_name"] == played.queue["name"]
    assert limited["assigned_resource"] == played.shelter["name"]
    assert limited["contact_record_number"] == played.record["number"]
    assert limited["status"] == "Referred"
    assert limited["note"] == "Please call before noon."
    assert limited["contact_name"] == "Rosalind Quimby"
    assert limited["contact_date"] == played.record["submitted_at"]
    assert limited["postal_code"] == "20009"


def test_a_history_says_who_it_was_and_for_which_organisation(played: Played):
    items = played.provider.get(f"/v1/referrals/{played.referral['id']}/history")["items"]
    first, *later = [item["actor"] for item in items]

    assert (first["side"], first["organisation"]) == (
        "partner",
        played.journey.admin.get("/v1/me")["organisation_name"],
    )
    told = {(actor["name"], actor["organisation"]) for actor in later}
    assert told == {("Adaeze O.", played.shelter["agency_name"])}


def test_an_agency_account_sees_what_its_programs_get(played: Played):
    seen = played.agent.get("/v1/referrals")["items"]

    assert played.referral["id"] in {item["id"] for item in seen}


def test_a_provider_of_another_agency_finds_nothing(played: Played):
    path = f"/v1/referrals/{played.referral['id']}"

    assert played.other.get("/v1/referrals")["items"] == []
    for attempt in (
        lambda: played.other.get(path, expect=404),
        lambda: played.other.get(f"{path}/history", expect=404),
        lambda: played.other.put(f"{path}/status", version=1, status="declined", note="x", expect=404),
        lambda: played.other.get(f"/v1/programs/{played.shelter['id']}/capacity", expect=404),
        lambda: played.other.put(f"/v1/programs/{played.shelter['id']}/capacity", total=1, expect=404),
        lambda: played.other.get(f"/v1/documents/{played.document['id']}", expect=404),
    ):
        assert attempt()["code"] == "not_found"


def test_another_organisation_finds_nothing(played: Played, portico: RunningStack):
    for path in (
        f"/v1/referrals/{played.referral['id']}",
        f"/v1/contact-records/{played.record['id']}",
        f"/v1/queues/{played.queue['id']}",
        f"/v1/accounts/{played.by_program['id']}",
        f"/v1/documents/{played.document['id']}",
        f"/v1/directory/resources/{played.shelter['id']}",
    ):
        assert portico.stranger.get(path, expect=404)["code"] == "not_found"
    assert portico.stranger.get("/v1/directory/resources", q="Night")["items"] == []


@pytest.mark.fault("A15")
@pytest.mark.seed("S0-41", "S0-44", "S0-45")
def test_accounts_of_the_program_and_of_its_agency_get_a_mail_with_the_number_and_no_name(played: Played):
    number = played.record["number"]

    for account in (played.by_program, played.by_agency):
        mail = played.journey.await_mail(account["email"], lambda mail: number in mail["text"])
        assert not re.search("Rosalind|Quimby|20009|call before noon", json.dumps(mail))
    assert not any(number in mail["text"] for mail in played.journey.mails_to(played.outsider["email"]))


@pytest.mark.seed("S4-10")
def test_a_link_sets_a_password_once(played: Played):
    visitor = Portico(played.journey.gateway_url)

    for token in played.journey.found["used_tokens"]:
        answer = visitor.post(
            "/v1/credentials/links/redeem", token=token, password="another long phrase 1", expect=410
        )
        assert answer["code"] == "link_refused"


@pytest.mark.seed("S4-16", "S4-21")
def test_the_signature_is_valid_and_the_document_stands_as_signed_to_return(played: Played, tmp_path: Path):
    file = tmp_path / "signed.pdf"
    file.write_bytes(played.journey.staff.download(f"/v1/documents/{played.document['id']}/file"))

    report = subprocess.run(["pdfsig", str(file)], capture_output=True, text=True, check=False).stdout

    assert "Signature is Valid" in report
    assert "ETSI.CAdES.detached" in report
    assert played.signed["state"] == "signed"
    assert played.signed["standing"] == "signed, to return"
    listed = played.journey.staff.get("/v1/documents", state="signed")["items"]
    assert played.document["id"] in {item["id"] for item in listed}


def test_the_portal_presents_itself_as_configured(played: Played, portico: RunningStack):
    before = portico.admin.get("/v1/portals/provider")
    wanted = {"name": "Harbor Partners", "colour": "#0a7d6b", "ticker": [{"text": "**Closed** on Friday"}]}
    portico.admin.put("/v1/portals/provider", version=before["version"], **wanted)

    seen = played.provider.get("/v1/portals/provider")

    assert (seen["name"], seen["colour"]) == ("Harbor Partners", "#0a7d6b")
    assert seen["ticker"][0]["html"] == "<strong>Closed</strong> on Friday"


def test_a_live_subscriber_got_each_event_once_and_nothing_of_another_organisation(played: Played):
    types = [event["type"] for event in played.live]

    for expected in (
        "portico.referrals.queue_created.v1",
        "portico.referrals.contact_record_created.v1",
        "portico.referrals.referral_assigned.v1",
        "portico.referrals.referral_status_changed.v1",
        "portico.identity.account_invited.v1",
        "portico.signing.signature_requested.v1",
        "portico.signing.document_signed.v1",
    ):
        assert expected in types
    assert len({event["id"] for event in played.live}) == len(played.live)
    assert {event["organisationkey"] for event in played.live} == {"harbor"}
    assert {event["specversion"] for event in played.live} == {"1.0"}
    assert "harbor" not in {event["organisationkey"] for event in played.foreign}


def test_each_event_fits_the_schema_that_the_gateway_serves_under_its_dataschema(
    portico: RunningStack, played: Played
):
    schemas = {event["dataschema"]: event for event in played.live}

    for address in schemas:
        assert address.startswith(f"{portico.stack.public_url}/schemas/")
        schemas[address] = portico.admin.get(address.removeprefix(portico.stack.public_url))
    for event in played.live:
        assert schemas[event["dataschema"]]["title"] == event["type"]
        jsonschema.validate(event["data"], schemas[event["dataschema"]], jsonschema.Draft202012Validator)
        JSONFormat().read(CloudEvent, json.dumps(event))
    assert portico.admin.get("/asyncapi.json")["asyncapi"] == "3.0.0"


@pytest.mark.fault("A15")
def test_no_event_holds_personal_data(played: Played):
    text = json.dumps(played.live)

    for secret in (
        "Rosalind",
        "Quimby",
        "20009",
        "555-0142",
        "Intake on Monday",
        "call before noon",
        "@",
        "Okafor",
        "#token",
    ):
        assert secret not in text


def test_a_late_subscriber_reads_the_events_again_from_the_stream(played: Played, portico: RunningStack):
    address = portico.subscribe("late-hospital", "harbor")
    wanted = {event["id"] for event in played.live}

    with _subscriber(address, "harbor", "--replay") as late:
        eventually(lambda: _assert_within(wanted, {event["id"] for event in late.events()}), timeout_s=60)


def _assert_within(wanted: set[str], got: set[str]) -> None:
    assert wanted <= got, f"{len(wanted - got)} of {len(wanted)} events are missing"


@pytest.mark.fault("A15")
def test_no_log_holds_personal_data_or_a_secret(played: Played, portico: RunningStack):
    text = portico.logs()

    secrets = [
        *played.journey.found["used_tokens"],
        *played.journey.found["passwords"].values(),
        portico.admin.token,
    ]
    for secret in ("Rosalind", "Quimby", "Intake on Monday", "provider.example.org", *secrets):
        assert secret not in text


@pytest.mark.seed("S0-43")
def test_mails_go_to_an_address_that_its_owner_has_been_reached_at(portico: RunningStack):
    journey = portico.journey()
    for address in ("pat", "pat@", "pat@example", "pat@exam ple.org"):
        wanted = {"email": address, "first_name": "Pat", "last_name": "Okafor"}
        refused = journey.admin.post("/v1/accounts", expect=422, **wanted)
        assert (address, refused["code"], refused["field"]) == (address, "invalid_request", "email")
    program = journey.find_program("Family Housing First")
    journey.create_queue([program])
    account = journey.create_provider("Dorothea", program)
    early = journey.enter_record()
    journey.assign(early, program)

    def is_suppressed() -> None:
        items = journey.admin.get("/v1/deliveries", state="suppressed", limit=200)["items"]
        _assert_in(
            (account["id"], "address_unverified"), [(each["account_id"], each["reason"]) for each in items]
        )

    eventually(is_suppressed, timeout_s=60)
    journey.accept_invitation(account)
    record = journey.enter_record()
    journey.assign(record, program)
    journey.await_mail(account["email"], lambda mail: record["number"] in mail["text"])
    assert not any(early["number"] in mail["text"] for mail in journey.mails_to(account["email"]))


def test_the_same_file_again_changes_nothing(portico: RunningStack):
    report = portico.journey().import_directory(SAMPLE.read_bytes())

    assert (report["added"], report["changed"], report["unchanged"]) == (0, 0, 60)


@pytest.mark.skipif(not REAL_EXPORT.exists(), reason="the real export is not here")
def test_a_real_export_of_2132_records_imports_in_ten_seconds_and_again_without_a_change(
    portico: RunningStack,
):
    content = REAL_EXPORT.read_bytes()
    started = time.monotonic()

    report = portico.stranger.upload("/v1/directory/imports", content, "export.csv", "text/csv")

    took = time.monotonic() - started

    def bar() -> None:
        assert took < 10

    hold_at_best(bar, tries=1)
    assert report["added"] == 2132
    assert report["levels"] == {"agency": 494, "program": 1637, "site": 1}
    again = portico.stranger.upload("/v1/directory/imports", content, "export.csv", "text/csv")
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, 2132)


def test_no_process_grows_beyond_its_memory(played: Played):
    sizes = {name: size for name, size in played.sizes.items() if name not in ("gateway", "mailcatcher")}

    print({name: round(size) for name, size in sizes.items()}, "MB")
    # MB. signing holds PDF libraries, live aio-pika, referrals the countries of phone numbers, notifications calendars and words of
    # dates. 3 MB of each are libraries that structlog loads only where the tools of development are installed. identity (80 MB
    # at its start) and portals (87, with public holidays) have served all other tests of this stack by then.
    most = {
        "signing": 150,
        "live": 130,
        "referrals": 110,
        "identity": 112,
        "notifications": 110,
        "portals": 114,
    }
    assert {name: size for name, size in sizes.items() if size > most.get(name, 100)} == {}
