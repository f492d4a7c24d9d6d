"""Entrypoints of decisions."""

from __future__ import annotations

from typing import Any

from services.chassis.events import IncomingEvent, listens
from services.chassis.operations import Call, serves
from services.contracts.portals import consents
from services.contracts.signing import decisions
from services.signing.decisions import handlers, queries, sealing


class DecisionEntrypoints:
    """Entrypoints of decisions."""

    @serves(decisions.list_my_decisions)
    def list_my_decisions(self, call: Call) -> Any:
        return call.read(queries.list_my_decisions)

    @serves(decisions.open_decision_file)
    def open_decision_file(self, call: Call) -> Any:
        return call.commit(handlers.open_decision_file)

    @listens(consents.consent_signed)
    def on_consent_signed(self, incoming: IncomingEvent) -> None:
        _hear(incoming)

    @listens(consents.consent_withdrawn)
    def on_consent_withdrawn(self, incoming: IncomingEvent) -> None:
        _hear(incoming)


def _hear(incoming: IncomingEvent) -> None:
    incoming.apply(handlers.hear_of_consents)
    incoming.runtime.loops.wake(sealing.LOOP)
