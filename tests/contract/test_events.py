"""Events are promises: their schemas are frozen on disk, and no member can hold free text."""

from __future__ import annotations

import copy
import datetime
import json
from typing import Any

import jsonschema
import pytest
from marshmallow import ValidationError, fields

from deploy import contracts
from services.contracts.asyncapi import data_schema
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import Contract, Event
from services.contracts.fields import Code, Count, Digest, Flag, Id, Ids, Moment, RecordNumber, Secret, Text

EVENTS = [event for contract in CONTRACTS for event in contract.events.values()]
SAMPLES: dict[type, Any] = {
    Id: "a" * 32,
    Code: "enrolled",
    RecordNumber: "CR-00000042",
    Moment: datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC),
    Count: 3,
    Flag: True,
    Ids: ["b" * 32],
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
    assert set(document["channels"]) == names
    assert set(document["operations"]) == {f"publish.{name}" for name in names}
    for name, channel in document["channels"].items():
        (message,) = channel["messages"].values()
        payload = document["components"]["messages"][message["$ref"].rpartition("/")[2]]["payload"]
        assert payload["properties"]["type"] == {"const": f"portico.{name}"}
        jsonschema.Draft202012Validator.check_schema(payload)


def test_a_routing_key_ends_with_the_organisation():
    for event in EVENTS:
        assert event.routing_key("harbor") == f"{event.name}.v{event.version}.harbor"
        assert event.binding_key == f"{event.name}.v{event.version}.*"
