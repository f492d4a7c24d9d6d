"""Entrypoints of merges of people."""

from __future__ import annotations

from services.chassis.events import IncomingEvent, listens
from services.contracts.identity import merging
from services.portals.merged_people import handlers


class MergedPeopleEntrypoints:
    """What `Service` inherits."""

    @listens(merging.people_merged)
    def on_people_merged(self, incoming: IncomingEvent) -> None:
        """Everything follows the kept record."""
        _follow(incoming)

    @listens(merging.people_unmerged)
    def on_people_unmerged(self, incoming: IncomingEvent) -> None:
        """Everything goes back."""
        _follow(incoming)


def _follow(incoming: IncomingEvent) -> None:
    standings = [
        incoming.ask(merging.describe_person, {"person_id": incoming.data[name]})
        for name in ("kept_id", "merged_id")
    ]
    incoming.apply(handlers.follow_people, standings)
