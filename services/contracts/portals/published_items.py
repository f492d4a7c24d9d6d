"""Published items: what a portal shows of a person, published by staff or by an upstream system over HTTP."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import PORTAL_REALMS, STAFF, Reply, Request, page_of, permission, signed_in
from services.contracts.fields import (
    CalendarMoment,
    Code,
    Count,
    Day,
    EmailAddress,
    Flag,
    Id,
    Moment,
    Telephone,
    Text,
    one_of,
)
from services.contracts.identity.paging import PAGE
from services.contracts.portals import contract
from services.contracts.portals.definitions import Suffix

PUBLISH = "published_item.publish"


def _text(most: int = 200, **options: Any) -> fields.String:
    return Text(most=most, **(options or {"load_default": None, "allow_none": True}))


def _needed(most: int = 200) -> fields.String:
    return Text(required=True, most=most)


def _day() -> fields.Date:
    return Day(load_default=None, allow_none=True)


def _period() -> dict[str, Any]:
    return {"from_on": _day(), "until_on": _day()}


# The values of each kind of item.
VALUES: dict[str, dict[str, Any]] = {
    "work_status": {
        "status": one_of(("full_duty", "restricted_duty", "off_work"), required=True),
        "note": _text(2000),
        **_period(),
    },
    "restriction": {"restriction": _needed(1000), **_period()},
    "lost_time": {"days": Count(required=True, most=36_525), **_period()},
    "order": {
        "name": _needed(),
        "state": one_of(("open", "completed", "cancelled"), required=True),
        "due_on": _day(),
        # The health surveillance panel that it belongs to: then supervisors see it, too (S2-86).
        "panel": _text(),
    },
    "due_item": {"name": _needed(), "due_on": _day()},
    "certification": {"name": _needed(), "issued_on": _day(), "expires_on": _day()},
    "surveillance": {
        "panel": _needed(),
        "status": one_of(("current", "due", "overdue"), required=True),
        "next_due_on": _day(),
    },
    "case": {"stage": _needed(100), "opened_on": _day(), "narrative": _text(10_000)},
    "document": {
        "title": _needed(),
        "document_type": Code(required=True),
        "dated_on": _day(),
        "text": _text(50_000),
    },
    "result": {
        "name": _needed(),
        "value": _needed(500),
        "unit": _text(40),
        "range": _text(100),
        "taken_on": _day(),
    },
    "allergy": {"substance": _needed(), "reaction": _text(500), "severity": _text(40)},
    "medication": {"name": _needed(), "dose": _text(), **_period()},
    "immunisation": {"vaccine": _needed(), "given_on": _day(), "next_due_on": _day()},
    "vital": {"name": _needed(), "value": _needed(100), "unit": _text(40), "taken_on": _day()},
    "report": {"title": _needed(), "text": _needed(50_000), "dated_on": _day()},
    "contact": {
        "name": _needed(),
        "role": _text(100),
        "telephone": Telephone(load_default=None, allow_none=True),
        "email": EmailAddress(load_default=None, allow_none=True),
    },
    "visit": {"title": _needed(), "starts_at": Moment(required=True), "place": _text()},
    "care_plan": {"title": _needed(), "text": _needed(50_000), **_period()},
    "care_note": {"text": _needed(50_000), "author": _text(100), "written_on": _day()},
    "invoice": {
        "number": _needed(40),
        "amount": fields.String(
            required=True,
            validate=validate.Regexp(
                r"\d{1,12}(\.\d{1,2})?\Z", error="An amount such as 120.50 is expected."
            ),
        ),
        "currency": fields.String(
            required=True,
            validate=validate.Regexp(r"[A-Z]{3}\Z", error="A currency such as USD is expected (ISO 4217)."),
        ),
        "state": one_of(("open", "paid", "cancelled"), required=True),
        "due_on": _day(),
    },
    # Supervisors see it only where whoever publishes it says so (S2-11).
    "custom": {
        "label": _needed(100),
        "value": _needed(2000),
        "for_supervisors": Flag(load_default=False),
    },
}
KINDS = tuple(VALUES)
SCHEMAS: dict[str, Request] = {
    kind: type(f"{kind.title().replace('_', '')}Values", (Request,), dict(members))()
    for kind, members in VALUES.items()
}
_FORMS = fields.Dict(keys=fields.String(), values=fields.Raw(allow_none=True), required=True)


class Item(Reply):
    """A published item. `values` has the members of its kind."""

    id = Id(required=True)
    person_id = Id(required=True)
    kind = one_of(KINDS, required=True)
    values = _FORMS
    revision = Count(required=True)
    published_at = Moment(required=True)
    valid_from = Moment(required=True, allow_none=True)
    valid_until = Moment(required=True, allow_none=True)


class StaffItem(Item):
    """An item as staff see it. `source` is the system that it comes from, `source_reference` its name there."""

    source = Code(required=True)
    source_reference = fields.String(required=True, allow_none=True)
    withdrawn_at = Moment(required=True, allow_none=True)


class EarlierRevision(Reply):
    """An item as it was before."""

    revision = Count(required=True)
    values = _FORMS
    published_at = Moment(required=True)


class StaffItemWithHistory(StaffItem):
    """An item with all that it was before, newest first."""

    earlier = fields.List(fields.Nested(EarlierRevision), required=True)


class MyItems(Reply):
    """A page of items of a person, and the kinds that the caller may see."""

    person_id = Id(required=True)
    items = fields.List(fields.Nested(Item), required=True)
    next = fields.String(required=True, allow_none=True)
    kinds = fields.List(fields.String(), required=True)


publish_item = contract.command(
    "publish_item",
    "Show something to a person in their portal. The same source and source_reference make a new revision, and the same content "
    "changes nothing.",
    request={
        "person_id": Id(required=True),
        "kind": one_of(KINDS, required=True),
        "values": fields.Dict(
            keys=fields.String(validate=validate.Length(max=40)),
            values=fields.Raw(allow_none=True),
            required=True,
            validate=validate.Length(max=20),
        ),
        "source": Code(load_default="portico"),
        "source_reference": Text(load_default=None, allow_none=True, most=100),
        "valid_from": CalendarMoment(load_default=None, allow_none=True),
        "valid_until": CalendarMoment(load_default=None, allow_none=True),
    },
    reply=StaffItem,
    access=permission(PUBLISH, realms=STAFF),
    errors=("not_found", "conflict"),
    status=201,
)

MOST_AT_ONCE = 100
PUBLISHED, UNCHANGED, REFUSED = "published", "unchanged", "refused"
_SOURCE = Code(required=True)


class GivenItem(Request):
    """An item of a batch. Its name in the source is needed: by it a batch that is sent again changes nothing."""

    person_id = Id(required=True)
    kind = one_of(KINDS, required=True)
    values = fields.Dict(
        keys=fields.String(validate=validate.Length(max=40)),
        values=fields.Raw(allow_none=True),
        required=True,
        validate=validate.Length(max=20),
    )
    source_reference = Text(required=True, most=100)
    valid_from = Moment(load_default=None, allow_none=True)
    valid_until = Moment(load_default=None, allow_none=True)


class ItemProblem(Reply):
    """What is wrong with an item, by the path of the member."""

    field = fields.String(required=True)
    rule = fields.String(required=True)


class ItemOutcome(Reply):
    """What became of one item of a batch."""

    source_reference = fields.String(required=True)
    outcome = one_of((PUBLISHED, UNCHANGED, REFUSED), required=True)
    item_id = Id(required=True, allow_none=True)
    problems = fields.List(fields.Nested(ItemProblem), required=True)


_OUTCOMES: dict[str, Any] = {
    "published": Count(required=True),
    "unchanged": Count(required=True),
    "refused": Count(required=True),
    "outcomes": fields.List(fields.Nested(ItemOutcome), required=True),
}

publish_items = contract.command(
    "publish_items",
    f"Publish up to {MOST_AT_ONCE} items, each for itself: one that is refused keeps no other back. The outcomes come in the order "
    "of the items, so a source with more goes on from there.",
    request={
        "source": _SOURCE,
        "items": fields.List(
            fields.Nested(GivenItem), required=True, validate=validate.Length(min=1, max=MOST_AT_ONCE)
        ),
    },
    reply=_OUTCOMES,
    access=permission(PUBLISH, realms=STAFF),
    errors=("conflict",),
    timeout_s=30,
)

publish_fhir_bundle = contract.command(
    "publish_fhir_bundle",
    f"Publish what a FHIR R4 Bundle of up to {MOST_AT_ONCE} entries says of a person: observations, allergies, medications and "
    "immunizations. What is not understood is named, with its place in the bundle.",
    request={"person_id": Id(required=True), "source": _SOURCE, "bundle": fields.Dict(required=True)},
    reply={**_OUTCOMES, "not_understood": fields.List(fields.Nested(ItemProblem), required=True)},
    access=permission(PUBLISH, realms=STAFF),
    errors=("not_found", "conflict"),
    timeout_s=30,
)

withdraw_item = contract.command(
    "withdraw_item",
    "Take an item back. Its person does not see it any more; staff still do.",
    request={"item_id": Id(required=True)},
    reply=StaffItem,
    access=permission(PUBLISH, realms=STAFF),
    errors=("not_found",),
)

list_items = contract.query(
    "list_items",
    "What is published of a person, newest first, with what was withdrawn.",
    request={
        "person_id": Id(required=True),
        "kind": one_of(KINDS, load_default=None, allow_none=True),
        **PAGE,
    },
    reply=page_of(StaffItem),
    access=permission(PUBLISH, realms=STAFF),
)

get_item = contract.query(
    "get_item",
    "One published item with its earlier revisions. Reading it is audited.",
    request={"item_id": Id(required=True)},
    reply=StaffItemWithHistory,
    access=permission(PUBLISH, realms=STAFF),
    errors=("not_found",),
)

list_my_items = contract.query(
    "list_my_items",
    "What is published of the caller, or of a person whose profile is open to the caller: the kinds that the role may see, and "
    "documents of the types that the portal shows.",
    request={
        "portal": Suffix(
            load_default=None,
            allow_none=True,
            metadata={"description": "by default all that admit the caller"},
        ),
        "person_id": Id(load_default=None, allow_none=True),
        "kind": one_of(KINDS, load_default=None, allow_none=True),
        "except_kind": one_of(KINDS, load_default=None, allow_none=True),
        **PAGE,
    },
    reply=MyItems,
    access=signed_in(*PORTAL_REALMS),
    errors=("not_found",),
)


class EarlierStatus(Reply):
    """A work status that holds no longer."""

    values = _FORMS
    published_at = Moment(required=True)


list_my_earlier_work_status = contract.query(
    "list_my_earlier_work_status",
    "The newest 200 work statuses of the caller that hold no longer: their time is over, or a newer one or revision is there.",
    request={},
    reply={
        "person_id": Id(required=True),
        "items": fields.List(fields.Nested(EarlierStatus), required=True),
    },
    access=signed_in(*PORTAL_REALMS),
    errors=("not_found",),
)

item_published = contract.event(
    "item_published",
    "Something was published to a person's portal, or a new revision of it.",
    data={"person_id": Id(required=True), "kind": Code(required=True), "revision": Count(required=True)},
)

item_withdrawn = contract.event(
    "item_withdrawn",
    "A published item was taken back.",
    data={"person_id": Id(required=True), "kind": Code(required=True)},
)
