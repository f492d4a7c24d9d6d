"""Entrypoints of reports."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.notifications import reports
from services.notifications.reports import workflows


class ReportEntrypoints:
    """Entrypoints of reports."""

    @serves(reports.report_delivery)
    def report_delivery(self, call: Call) -> Any:
        """A provider reports what became of a message."""
        return workflows.report_delivery(call)

    @serves(reports.return_mail)
    def return_mail(self, call: Call) -> Any:
        """A mail came back."""
        return workflows.return_mail(call)

    @serves(reports.receive_text)
    def receive_text(self, call: Call) -> Any:
        """Somebody has answered a text message."""
        return workflows.receive_text(call)
