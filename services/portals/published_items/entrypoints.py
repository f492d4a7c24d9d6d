"""Entrypoints of published items."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import merging
from services.contracts.portals import published_items
from services.portals.published_items import batches, handlers, queries


class PublishedItemsEntrypoints:
    """Entrypoints of published items."""

    @serves(published_items.publish_item)
    def publish_item(self, call: Call) -> Any:
        """Show something to a person in their portal."""
        values = handlers.checked_values(call.request["kind"], call.request["values"])
        call.ask(merging.describe_person, {"person_id": call.request["person_id"]})
        return call.commit(handlers.publish_item, values)

    @serves(published_items.publish_items)
    def publish_items(self, call: Call) -> Any:
        """Publish many items."""
        return batches.publish_items(call)

    @serves(published_items.publish_fhir_bundle)
    def publish_fhir_bundle(self, call: Call) -> Any:
        """Publish what a FHIR bundle says of a person."""
        return batches.publish_fhir_bundle(call)

    @serves(published_items.withdraw_item)
    def withdraw_item(self, call: Call) -> Any:
        """Take an item back."""
        return call.commit(handlers.withdraw_item)

    @serves(published_items.list_items)
    def list_items(self, call: Call) -> Any:
        """What is published of a person."""
        person_id = call.request["person_id"]
        answer = call.read(queries.list_items)
        call.note_reading("items.read", "person", person_id, person_id=person_id)
        return answer

    @serves(published_items.get_item)
    def get_item(self, call: Call) -> Any:
        """One published item with its earlier revisions."""
        answer = call.read(queries.get_item)
        call.note_reading("item.read", "published_item", answer["id"], person_id=answer["person_id"])
        return answer

    @serves(published_items.list_my_earlier_work_status)
    def list_my_earlier_work_status(self, call: Call) -> Any:
        """The caller's work statuses that hold no longer."""
        answer = call.read(queries.list_my_earlier_work_status)
        call.note_reading("items.read", "person", answer["person_id"], person_id=answer["person_id"])
        return answer

    @serves(published_items.list_my_items)
    def list_my_items(self, call: Call) -> Any:
        """What is published of the caller, or of a person whose profile is open to the caller."""
        answer = call.read(queries.list_my_items)
        call.note_reading("items.read", "person", answer["person_id"], person_id=answer["person_id"])
        return answer
