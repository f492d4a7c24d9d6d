"""A stand-in for identity's answers about people with two records."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from services.contracts.errors import Refused
from services.contracts.identity.merging import people_merged, people_unmerged

MERGE = "f" * 32


class MergedPeople:
    """Which record was merged into which. `known` are the people that exist; with None everybody exists."""

    def __init__(self, known: Collection[str] | None = None) -> None:
        self._known = known
        self._kept: dict[str, str] = {}

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to `describe_person`."""
        person_id = request["person_id"]
        if self._known is not None and person_id not in self._known:
            raise Refused("not_found", "There is no such person.", "person_id")
        person_id = self._survivor(person_id)
        merged = sorted(each for each in self._kept if self._survivor(each) == person_id)
        return {"person_id": person_id, "merged_ids": merged}

    def _survivor(self, person_id: str) -> str:
        while person_id in self._kept:
            person_id = self._kept[person_id]
        return person_id

    def merge(self, kept_id: str, merged_id: str) -> None:
        """Let `merged_id` stand for `kept_id`, without an event."""
        self._kept[merged_id] = kept_id

    def undo(self, merged_id: str) -> None:
        """Let it stand for itself again, without an event."""
        del self._kept[merged_id]

    def answer(self, service: Any) -> MergedPeople:
        """Answer to this service in process in the place of identity."""
        service.answers["identity.describe_person"] = self.describe
        return self

    def tell_merge(self, service: Any, kept_id: str, merged_id: str) -> None:
        """Merge, and let the service hear of it."""
        self.merge(kept_id, merged_id)
        tell_merged(service, kept_id, merged_id)

    def tell_undoing(self, service: Any, kept_id: str, merged_id: str) -> None:
        """Undo a merge, and let the service hear of it."""
        self.undo(merged_id)
        tell_unmerged(service, kept_id, merged_id)


def tell_merged(service: Any, kept_id: str, merged_id: str, **more: Any) -> None:
    """Deliver the event of a merge."""
    data = {"merge_id": MERGE, "kept_id": kept_id, "merged_id": merged_id}
    service.deliver(people_merged, data, **more)


def tell_unmerged(service: Any, kept_id: str, merged_id: str, **more: Any) -> None:
    """Deliver the event of a merge that was taken back."""
    data = {"merge_id": MERGE, "kept_id": kept_id, "merged_id": merged_id}
    service.deliver(people_unmerged, data, **more)
