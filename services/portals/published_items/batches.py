"""Many items at once, each published in a transaction of its own, so that nobody else waits for long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import merging, people
from services.contracts.portals import published_items as contract
from services.portals.published_items import fhir, handlers


def publish_items(call: Call) -> Any:
    """Publish items of several people, each for itself."""
    if call.is_repeated():
        return call.answer_again()
    given = call.request["items"]
    asked = sorted({each["person_id"] for each in given})
    found = call.ask(people.describe_people, {"person_ids": asked})["items"]
    known = {each["person_id"] for each in found}
    outcomes = [_published(call, each, is_known=each["person_id"] in known) for each in given]
    return call.commit(lambda _: _told(outcomes))


def publish_fhir_bundle(call: Call) -> Any:
    """Publish what a bundle says of a person. Raises Refused `not_found`, `invalid_request`."""
    if call.is_repeated():
        return call.answer_again()
    person_id = call.request["person_id"]
    read = fhir.read_bundle(call.request["bundle"], contract.MOST_AT_ONCE)
    call.ask(merging.describe_person, {"person_id": person_id})
    outcomes = [_published(call, {"person_id": person_id, **each}, is_known=True) for each in read.items]
    return call.commit(lambda _: _told(outcomes) | {"not_understood": read.not_understood})


def _published(call: Call, item: Mapping[str, Any], *, is_known: bool) -> dict[str, Any]:
    reference = {"source_reference": item["source_reference"]}
    if not is_known:
        rule = "There is no such person. Add the person first."
        return {**reference, **_refused([{"field": "person_id", "rule": rule}])}
    try:
        values = handlers.checked_values(item["kind"], item["values"])
        row, is_new = call.transact(lambda unit: _one(unit, call.request["source"], item, values))
    except Refused as refusal:
        if refusal.status >= 500:
            raise
        told = refusal.more.get("errors") or [{"field": refusal.field or "", "rule": refusal.detail}]
        return {**reference, **_refused(told)}
    outcome = contract.PUBLISHED if is_new else contract.UNCHANGED
    return {**reference, "outcome": outcome, "item_id": row["id"], "problems": []}


def _one(
    unit: UnitOfWork, source: str, item: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[dict[str, Any], bool]:
    before = handlers.named(unit, source, item["source_reference"])
    revision = before.revision if before else 0
    view = handlers.publish_item(
        unit,
        values,
        person_id=item["person_id"],
        kind=item["kind"],
        source=source,
        source_reference=item["source_reference"],
        valid_from=item["valid_from"],
        valid_until=item["valid_until"],
    )
    return view, view["revision"] != revision


def _refused(problems: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    return {"outcome": contract.REFUSED, "item_id": None, "problems": [dict(each) for each in problems]}


def _told(outcomes: list[dict[str, Any]]) -> dict[str, Any]:
    counted = Counter(each["outcome"] for each in outcomes)
    names = (contract.PUBLISHED, contract.UNCHANGED, contract.REFUSED)
    return {"outcomes": outcomes, **{name: counted[name] for name in names}}
