"""Commands on published items, each one transaction."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from services.chassis import wire
from services.chassis.operations import load
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.portals import published_items as contract
from services.portals.configuration.handlers import note_document_type
from services.portals.published_items import queries
from services.portals.published_items.models import ItemRevision, PublishedItem


def publish_item(
    unit: UnitOfWork,
    values: Mapping[str, Any],
    *,
    person_id: str,
    kind: str,
    source: str,
    source_reference: str | None,
    valid_from: datetime.datetime | None,
    valid_until: datetime.datetime | None,
) -> dict[str, Any]:
    """Publish an item, or a new revision of the one that the source names. `values` are those of `checked_values`.

    Raises Refused `conflict` where the source has given the name to an item of another person or kind, or to a withdrawn one.
    """
    valid = {"valid_from": valid_from, "valid_until": valid_until}
    row = named(unit, source, source_reference)
    if row is None:
        row = PublishedItem(
            id=wire.new_id(), person_id=person_id, first_person_id=person_id, kind=kind, values=dict(values), source=source,
            source_reference=source_reference, revision=1, published_at=unit.now, withdrawn_at=None, **valid,
        )  # fmt: skip
        unit.add(row)
        try:
            unit.session.flush()
        except IntegrityError:
            raise Refused(
                "conflict",
                "The source publishes this item twice at this moment. Send it again.",
                retry_after_s=1,
            ) from None
    elif (row.person_id, row.kind) != (person_id, kind):
        raise Refused(
            "conflict",
            "This source has named an item of another person or kind so. Withdraw that one, or give another source_reference.",
            field="source_reference",
        )
    elif row.withdrawn_at is not None:
        raise Refused(
            "conflict",
            "This item was withdrawn. Publish it under another source_reference.",
            "source_reference",
        )
    elif (row.values, row.valid_from, row.valid_until) == (dict(values), valid_from, valid_until):
        return queries.view(row)
    else:
        unit.add(
            ItemRevision(
                item_id=row.id, revision=row.revision, values=row.values, published_at=row.published_at
            )
        )
        row.values, row.published_at = dict(values), unit.now
        row.valid_from, row.valid_until = valid_from, valid_until
        row.revision += 1
    if kind == "document":
        note_document_type(unit, values["document_type"])
    facts: dict[str, Any] = {"person_id": person_id, "kind": kind, "revision": row.revision}
    unit.audit("item.published", "published_item", row.id, source=source, **facts)
    unit.publish(contract.item_published, row.id, facts)
    return queries.view(row)


def withdraw_item(unit: UnitOfWork, *, item_id: str) -> dict[str, Any]:
    """Take an item back; again changes nothing. Raises Refused `not_found`."""
    statement = select(PublishedItem).filter_by(id=item_id).with_for_update()
    row = unit.session.scalars(statement).one_or_none() or queries.found(unit.session, item_id)
    if row.withdrawn_at is None:
        row.withdrawn_at = unit.now
        facts: dict[str, Any] = {"person_id": row.person_id, "kind": row.kind}
        unit.audit("item.withdrawn", "published_item", row.id, **facts)
        unit.publish(contract.item_withdrawn, row.id, facts)
    return queries.view(row)


def checked_values(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of an item as JSON, checked as its kind asks. Raises Refused `invalid_request` with every problem."""
    schema = contract.SCHEMAS[kind]
    return dict(schema.dump(load(schema, values, "values")))


def named(unit: UnitOfWork, source: str, source_reference: str | None) -> PublishedItem | None:
    """The item that the source has named so, locked; None where there is none."""
    if source_reference is None:
        return None
    statement = (
        select(PublishedItem).filter_by(source=source, source_reference=source_reference).with_for_update()
    )
    return unit.session.scalars(statement).one_or_none()
