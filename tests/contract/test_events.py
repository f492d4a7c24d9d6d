"""Events are promises: their schemas are frozen on disk, and no member can hold free text."""

from __future__ import annotations

import copy
import datetime
import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from marshmallow import ValidationError, fields

from deploy import contracts
from services.chassis import wire
from services.chassis.outbox import message_of
from services.chassis.publisher import Outgoing
from services.chassis.unit_of_work import UnitOfWork, in_place
from services.contracts import feed
from services.contracts.asyncapi import asyncapi, data_schema, example
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import Contract, Event
from services.contracts.fields import (
    Code,
    Count,
    Digest,
    Flag,
    Id,
    Ids,
    Moment,
    RecordNumber,
    Secret,
    Text,
    TimeZone,
)

EVENTS = [event for contract in CONTRACTS for event in contract.events.values()]
SAMPLES: dict[type, Any] = {
    Id: "a" * 32,
    Code: "enrolled",
    RecordNumber: "CR-00000042",
    Moment: datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC),
    Count: 3,
    Flag: True,
    Ids: ["b" * 32],
    TimeZone: "America/New_York",
}
SCHEMA = {
    "properties": {"referral_id": {"type": "string"}, "free": {"type": "integer"}},
    "required": ["referral_id", "free"],
}


def sample(field: Any) -> Any:
    """A valid value of the field."""
    return "d" * field.digits if isinstance(field, Digest) else SAMPLES[type(field)]


def test_every_derived_file_is_up_to_date():
    assert contracts.problems(contracts.files()) == []


def test_a_stale_file_is_a_problem():
    wanted = contracts.files()
    schema = next(path for path in wanted if path.parent.name == "schemas")
    document = json.loads(wanted[schema])
    document["properties"]["added"] = {"type": "string"}

    problems = contracts.problems({**wanted, schema: json.dumps(document)})

    assert problems == [f"{schema.relative_to(contracts.ROOT)}: out of date; run `make contracts`"]


def test_a_schema_that_is_not_declared_any_more_is_a_problem():
    wanted = contracts.files()
    schema = next(path for path in wanted if path.parent.name == "schemas")
    del wanted[schema]

    assert contracts.problems(wanted) == [f"{schema.name}: no such event is declared any more"]


def test_a_removed_member_breaks_subscribers():
    after = copy.deepcopy(SCHEMA)
    del after["properties"]["free"]  # type: ignore[attr-defined]

    assert "free is gone" in contracts.breaking(SCHEMA, after)


def test_a_changed_type_breaks_subscribers():
    after = copy.deepcopy(SCHEMA)
    after["properties"]["free"] = {"type": "string"}  # type: ignore[index]

    assert contracts.breaking(SCHEMA, after) == ["free has changed"]


def test_a_member_that_is_no_longer_required_breaks_subscribers():
    after = {**SCHEMA, "required": ["referral_id"]}

    assert contracts.breaking(SCHEMA, after) == ["free is no longer always there"]


@pytest.mark.parametrize("required", [["referral_id", "free"], ["referral_id", "free", "unit"]])
def test_a_new_member_breaks_nobody(required: list[str]):
    after = copy.deepcopy(SCHEMA)
    after["properties"]["unit"] = {"type": "string"}  # type: ignore[index]

    assert contracts.breaking(SCHEMA, {**after, "required": required}) == []


def test_a_frozen_schema_is_not_overwritten(monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    frozen = tmp_path / "schemas" / "toy.thing_added.v1.json"
    frozen.parent.mkdir()
    frozen.write_text(json.dumps(SCHEMA))
    monkeypatch.setattr(contracts, "files", lambda: {frozen: json.dumps({"properties": {}})})

    with pytest.raises(SystemExit, match="frozen: referral_id is gone"):
        contracts.main(check=False)

    assert json.loads(frozen.read_text()) == SCHEMA


@pytest.mark.parametrize(
    "field",
    [
        fields.String(),
        Text(),
        Secret(),
        fields.Email(),
        fields.Dict(),
        fields.Raw(),
        fields.List(fields.String()),
    ],
    ids=lambda field: type(field).__name__,
)
def test_an_event_refuses_a_member_that_could_hold_personal_data(field: Any):
    with pytest.raises(ValueError, match="personal data"):
        Contract("toy", "Toy.").event("thing_added", "Added.", data={"thing_id": Id(), "note": field})


FORMATS = jsonschema.FormatChecker(())
FORMATS.checks("date-time", ValueError)(lambda text: datetime.datetime.fromisoformat(text).tzinfo is not None)
FORMATS.checks("uri", ValueError)(lambda text: all(urlsplit(text)[:2]))
FORMATS.checks("uri-reference", ValueError)(lambda text: bool(urlsplit(text).path))


def message(event: Event) -> Outgoing:
    """The event with sample values, as the broker gets it."""
    session: Any = SimpleNamespace(info={})
    unit = UnitOfWork(
        session,
        SimpleNamespace(),
        event.service,
        caller=None,
        context=wire.CallContext("r" * 16, correlation_id="c" * 16),
        organisation_id="a" * 32,
        organisation_key="harbor",
    )
    unit.publish(event, "b" * 32, {name: sample(field) for name, field in event.schema.fields.items()})
    ((pending,),) = session.info.values()
    row = in_place(pending, 7, unit.now)
    return message_of(SimpleNamespace(**row), "https://portal.example.org")


def published(event: Event) -> bytes:
    """The body of that message."""
    return message(event).body


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_a_published_event_fits_its_schema_and_the_asyncapi_document(event: Event):
    body = json.loads(published(event))
    schema = json.loads((contracts.FOLDER / "schemas" / event.schema_file).read_text())
    messages = asyncapi(CONTRACTS)["components"]["messages"]
    payload = messages[f"{event.service}.{event.name}.v{event.version}"]["payload"]

    jsonschema.validate(body["data"], schema, jsonschema.Draft202012Validator, format_checker=FORMATS)
    jsonschema.validate(body, payload, jsonschema.Draft202012Validator, format_checker=FORMATS)
    assert set(_formats(payload)) <= set(FORMATS.checkers)
    assert body["dataschema"] == f"https://portal.example.org/schemas/{event.schema_file}"


def _formats(schema: Any) -> list[str]:
    """The formats that a schema demands; a validator passes over those that it does not know."""
    if isinstance(schema, dict):
        own = [schema["format"]] if isinstance(schema.get("format"), str) else []
        return own + [each for value in schema.values() for each in _formats(value)]
    return [each for value in schema for each in _formats(value)] if isinstance(schema, list) else []


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_the_sdk_of_cloudevents_for_python_takes_every_event(event: Event):
    read = JSONFormat().read(CloudEvent, published(event))

    assert read.get_type() == event.type
    assert read.get_dataschema() == f"https://portal.example.org/schemas/{event.schema_file}"
    assert read.get_extension("organisationkey") == "harbor"
    assert read.get_extension("subjectversion") == 7
    assert read.get_source() == f"https://portal.example.org/portico/{event.service}"


def test_an_event_is_known_by_its_headers_alone():
    """The names are those of the CloudEvents AMQP binding."""
    for event in EVENTS:
        sent = message(event)
        body = json.loads(sent.body)
        assert sent.headers == {f"{feed.HEADER}{name}": body[name] for name in feed.HEADERS}


@pytest.mark.full
def test_the_sdk_of_cloudevents_for_javascript_takes_every_event(tmp_path: Path):
    """It validates against the JSON Schema of CloudEvents, in which `dataschema` is an absolute address."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    script = (
        'const { CloudEvent } = require("cloudevents");'
        "const lines = require('fs').readFileSync(0, 'utf8').trim().split('\\n');"
        "console.log(lines.filter((line) => new CloudEvent(JSON.parse(line)).validate()).length);"
    )
    subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "cloudevents@10"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )

    done = subprocess.run(
        ["node", "-e", script],
        cwd=tmp_path,
        input=b"\n".join(map(published, EVENTS)),
        capture_output=True,
        check=False,
    )

    assert (done.stderr.decode(), done.stdout.decode().strip()) == ("", str(len(EVENTS)))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_with_sample_values_fits_its_frozen_schema(event: Event):
    data = event.schema.dump({name: sample(field) for name, field in event.schema.fields.items()})
    schema = json.loads((contracts.FOLDER / "schemas" / event.schema_file).read_text())

    jsonschema.validate(data, schema, jsonschema.Draft202012Validator)
    assert schema == data_schema(event)
    jsonschema.validate({**data, "added_later": 1}, schema)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (Id(), "Rosalind Quimby"),
        (Code(), "Rosalind Quimby"),
        (Code(), "r" * 65),
        (RecordNumber(), "CR-Rosalind"),
        (Digest(), "Rosalind Quimby"),
        (Digest(), "d" * 63),
        (Moment(), "on Monday"),
        (TimeZone(), "Rosalind Quimby"),
        (Count(), "three"),
        (Count(), -1),
    ],
)
def test_the_field_types_of_events_take_no_free_text(field: Any, text: Any):
    with pytest.raises(ValidationError):
        field.deserialize(text)


def test_every_event_has_a_channel_and_an_operation():
    document = json.loads((contracts.FOLDER / "asyncapi.json").read_text())
    names = {f"{event.service}.{event.name}.v{event.version}" for event in EVENTS}

    assert document["asyncapi"] == "3.0.0"
    read = {"partner_queue", "organisation_stream"}
    assert set(document["channels"]) == names | read
    assert set(document["operations"]) == {f"publish.{name}" for name in names} | {
        f"send.{name}" for name in read
    }
    for name in read:
        assert len(document["channels"][name]["messages"]) == len(names)
    for name in names:
        channel = document["channels"][name]
        (message,) = channel["messages"].values()
        payload = document["components"]["messages"][message["$ref"].rpartition("/")[2]]["payload"]
        assert payload["properties"]["type"] == {"const": f"portico.{name}"}
        jsonschema.Draft202012Validator.check_schema(payload)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_the_example_of_an_event_fits_its_schemas(event: Event):
    message = asyncapi(CONTRACTS)["components"]["messages"][f"{event.service}.{event.name}.v{event.version}"]
    [shown] = message["examples"]
    schema = json.loads((contracts.FOLDER / "schemas" / event.schema_file).read_text())

    assert shown["payload"] == example(event)
    for document, demanded in ((shown["payload"], message["payload"]), (shown["payload"]["data"], schema)):
        jsonschema.validate(document, demanded, jsonschema.Draft202012Validator, format_checker=FORMATS)
    event.schema.load(shown["payload"]["data"])


def test_the_document_says_where_and_with_what_rights_a_partner_reads():
    document = json.loads((contracts.FOLDER / "asyncapi.json").read_text())
    server = document["servers"]["broker"]

    assert (server["protocol"], server["pathname"]) == ("amqps", "/portico-feeds")
    assert document["components"]["securitySchemes"]["partner"]["type"] == "userPassword"
    for reference in _references(document):
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found
    for event in EVENTS:
        assert feed.routing_keys("harbor", [event.type]) == [event.routing_key("harbor")]
    assert set(feed.event_types()) == {event.type for event in EVENTS}


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for member in value.values() for each in _references(member)]
    return [each for member in value for each in _references(member)] if isinstance(value, list) else []


def test_a_routing_key_ends_with_the_organisation():
    for event in EVENTS:
        assert event.routing_key("harbor") == f"{event.name}.v{event.version}.harbor"
        assert event.binding_key == f"{event.name}.v{event.version}.*"
