"""Entrypoints of the dashboard, the statistics and their settings."""

from __future__ import annotations

from typing import Any

import eventlet.tpool

from services.chassis.operations import Call, serves
from services.contracts.referrals import reports
from services.referrals.reports import dashboard, reading, settings
from services.referrals.reports.export import csv_of
from services.referrals.reports.statistics import page_of, statistics_of

_MOST_BYTES = 50_000_000


class ReportEntrypoints:
    """What `Service` offers about counts and statistics."""

    @serves(reports.get_dashboard)
    def get_dashboard(self, call: Call) -> Any:
        return call.read(dashboard.get_dashboard)

    @serves(reports.list_program_demand)
    def list_program_demand(self, call: Call) -> Any:
        return call.read(dashboard.list_program_demand)

    @serves(reports.get_statistics)
    def get_statistics(self, call: Call) -> Any:
        found = _read_statistics(call)
        whole = eventlet.tpool.execute(statistics_of, found)
        page = page_of(whole, after=call.request["after"], limit=call.request["limit"])
        return call.operation.reply.dump(page)

    @serves(reports.export_statistics)
    def export_statistics(self, call: Call) -> Any:
        found = _read_statistics(call)
        content = eventlet.tpool.execute(lambda: csv_of(statistics_of(found)))
        sha256, _ = call.runtime.blobs.put_passing(call.organisation_id or "", [content], _MOST_BYTES)
        name = f"statistics-{found.from_on}-{found.to_on}.csv"
        return {"sha256": sha256, "media_type": "text/csv", "file_name": name}

    @serves(reports.get_report_settings)
    def get_report_settings(self, call: Call) -> Any:
        return call.read(settings.get_report_settings)

    @serves(reports.set_report_settings)
    def set_report_settings(self, call: Call) -> Any:
        return call.commit(settings.set_report_settings)


def _read_statistics(call: Call) -> reading.Found:
    with call.runtime.database.reading(call.organisation_id) as session:
        return reading.read(
            session,
            call.caller,
            from_on=call.request["from_on"],
            to_on=call.request["to_on"],
            group_by=call.request["group_by"],
            queue_id=call.request["queue_id"],
            agency_id=call.request["agency_id"],
            program_id=call.request["program_id"],
            suppress_below=call.request["suppress_below"],
        )
