"""A request with too many parts is refused before its schema looks at each of them."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import fields, validate

from services.chassis.operations import load
from services.chassis.request_size import MOST_PARTS, MOST_UNKNOWN, MOST_WITHOUT_LIMIT
from services.contracts.declare import Request
from services.contracts.errors import Refused

looked_at: list[Any] = []


class Looked(fields.Integer):
    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        looked_at.append(value)
        return super()._deserialize(value, attr, data, **kwargs)


class Row(Request):
    tags = fields.List(Looked(), validate=validate.Length(max=150))
    by_name = fields.Dict(keys=fields.String(), values=Looked())


class Given(Request):
    name = fields.String()
    numbers = fields.List(Looked(), validate=validate.Length(max=3, error="Three at most."))
    others = fields.List(Looked())
    rows = fields.List(fields.Nested(Row), validate=validate.Length(max=500))
    row = fields.Nested(Row, allow_none=True)
    named = fields.Dict(keys=fields.String(), values=fields.List(Looked(), validate=validate.Length(max=2)))
    anything = fields.Dict()


@pytest.fixture(autouse=True)
def _nothing_looked_at() -> None:
    looked_at.clear()


@pytest.mark.fault("A1")
@pytest.mark.parametrize(
    ("given", "field", "rule"),
    [
        ({"numbers": [0] * 4}, "numbers", "Three at most."),
        ({"numbers": [{}] * 300_000}, "numbers", "Three at most."),
        ({"others": [0] * (MOST_WITHOUT_LIMIT + 1)}, "others", f"At most {MOST_WITHOUT_LIMIT}"),
        ({"rows": [{}] * 501}, "rows", "Longer than maximum length 500."),
        ({"rows": [{}, {"tags": [0] * 151}]}, "rows.1.tags", "Longer than maximum length 150."),
        ({"row": {"tags": [0] * 151}}, "row.tags", "Longer than maximum length 150."),
        ({"row": {"by_name": dict.fromkeys(map(str, range(1001)), 0)}}, "row.by_name", "At most 1000"),
        ({"named": {"a": [0, 0, 0]}}, "named.a", "Longer than maximum length 2."),
        ({"named": dict.fromkeys(map(str, range(1001)), ())}, "named", "At most 1000"),
        ({"rows": [{"tags": [0] * 150}] * 150}, "rows.132.tags", f"More than {MOST_PARTS} parts in all."),
        (dict.fromkeys(map(str, range(MOST_UNKNOWN + 8)), 0), "0", "Not known here"),
        ({"row": dict.fromkeys(map(str, range(90_000)), 0)}, "row.0", "Not known here"),
    ],
)
def test_too_much_is_refused_at_its_place_and_no_part_looked_at(
    given: dict[str, Any], field: str, rule: str
) -> None:
    with pytest.raises(Refused, match="invalid_request") as refusal:
        load(Given(), given)

    assert [each["field"] for each in refusal.value.more["errors"]] == [field]
    assert refusal.value.more["errors"][0]["rule"].startswith(rule)
    assert looked_at == []


@pytest.mark.parametrize(
    "given",
    [
        {"numbers": [1, 2, 3], "others": [0] * MOST_WITHOUT_LIMIT, "row": None},
        {"rows": [{"tags": [0] * 150}] * 100},
        {"named": {"a": [1, 2]}, "anything": dict.fromkeys(map(str, range(5000)), [0] * 9)},
    ],
)
def test_what_a_schema_takes_is_read_as_it_is(given: dict[str, Any]) -> None:
    assert load(Given(), given) == given


def test_a_part_of_another_kind_is_left_to_the_schema() -> None:
    with pytest.raises(Refused) as refusal:
        load(Given(), {"numbers": "xxxx", "rows": [5], "row": [1], "named": [0], "name": 5, "what": 1})

    assert {each["field"] for each in refusal.value.more["errors"]} == {
        "numbers", "rows.0", "row", "named", "name", "what"
    }  # fmt: skip
