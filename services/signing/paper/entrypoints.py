"""Entrypoints of the way by paper."""

from __future__ import annotations

from typing import Any

from services.chassis.events import IncomingEvent, listens
from services.chassis.operations import Call, serves
from services.contracts.notifications.deliveries import fax_failed, fax_sent
from services.contracts.signing import paper
from services.signing.paper import handlers, workflows


class PaperEntrypoints:
    """Entrypoints of the way by paper."""

    @serves(paper.open_cover_sheet)
    def open_cover_sheet(self, call: Call) -> Any:
        return workflows.open_cover_sheet(call)

    @serves(paper.recognise_scan)
    def recognise_scan(self, call: Call) -> Any:
        return workflows.recognise_scan(call)

    @serves(paper.open_scan_page)
    def open_scan_page(self, call: Call) -> Any:
        return workflows.open_scan_page(call)

    @serves(paper.attach_recognised_scan)
    def attach_recognised_scan(self, call: Call) -> Any:
        return workflows.attach_recognised_scan(call)

    @serves(paper.attach_signed_copy)
    def attach_signed_copy(self, call: Call) -> Any:
        return workflows.attach_signed_copy(call)

    @serves(paper.decline_on_paper)
    def decline_on_paper(self, call: Call) -> Any:
        return call.commit(handlers.decline_on_paper)

    @serves(paper.open_original_file)
    def open_original_file(self, call: Call) -> Any:
        return call.commit(handlers.open_original_file)

    @serves(paper.describe_fax)
    def describe_fax(self, call: Call) -> Any:
        return workflows.describe_fax(call)

    @listens(fax_sent)
    def on_fax_sent(self, incoming: IncomingEvent) -> None:
        incoming.apply(handlers.fax_sent)

    @listens(fax_failed)
    def on_fax_failed(self, incoming: IncomingEvent) -> None:
        incoming.apply(handlers.fax_failed)
