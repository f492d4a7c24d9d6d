"""Entrypoints of bulk jobs."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.referrals import bulk
from services.referrals.authors.names import with_name_of
from services.referrals.bulk import handlers, queries, work


class BulkEntrypoints:
    """What `Service` offers about bulk jobs."""

    @serves(bulk.start_bulk_assignment)
    def start_bulk_assignment(self, call: Call) -> Any:
        return with_name_of(call, work.start(call, handlers.start_bulk_assignment), "requested_by")

    @serves(bulk.start_bulk_status_change)
    def start_bulk_status_change(self, call: Call) -> Any:
        return with_name_of(call, work.start(call, handlers.start_bulk_status_change), "requested_by")

    @serves(bulk.start_bulk_reassignment)
    def start_bulk_reassignment(self, call: Call) -> Any:
        return with_name_of(call, work.start(call, handlers.start_bulk_reassignment), "requested_by")

    @serves(bulk.get_bulk_job)
    def get_bulk_job(self, call: Call) -> Any:
        return with_name_of(call, call.read(queries.get_bulk_job), "requested_by")

    @serves(bulk.list_bulk_jobs)
    def list_bulk_jobs(self, call: Call) -> Any:
        return with_name_of(call, call.read(queries.list_bulk_jobs), "requested_by")

    @serves(bulk.list_bulk_job_lines)
    def list_bulk_job_lines(self, call: Call) -> Any:
        return call.read(queries.list_bulk_job_lines)

    @serves(bulk.cancel_bulk_job)
    def cancel_bulk_job(self, call: Call) -> Any:
        return with_name_of(call, call.commit(handlers.cancel_bulk_job), "requested_by")
