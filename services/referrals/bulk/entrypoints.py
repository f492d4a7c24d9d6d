"""Entrypoints of work on many records or referrals."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts import referrals_bulk as contract
from services.referrals.bulk import handlers, queries, work


class BulkEntrypoints:
    """What `Service` offers about work on many at once."""

    @serves(contract.start_bulk_assignment)
    def start_bulk_assignment(self, call: Call) -> Any:
        return work.start(call, handlers.start_bulk_assignment)

    @serves(contract.start_bulk_status_change)
    def start_bulk_status_change(self, call: Call) -> Any:
        return work.start(call, handlers.start_bulk_status_change)

    @serves(contract.start_bulk_reassignment)
    def start_bulk_reassignment(self, call: Call) -> Any:
        return work.start(call, handlers.start_bulk_reassignment)

    @serves(contract.get_bulk_job)
    def get_bulk_job(self, call: Call) -> Any:
        return call.read(queries.get_bulk_job)

    @serves(contract.list_bulk_jobs)
    def list_bulk_jobs(self, call: Call) -> Any:
        return call.read(queries.list_bulk_jobs)

    @serves(contract.list_bulk_job_lines)
    def list_bulk_job_lines(self, call: Call) -> Any:
        return call.read(queries.list_bulk_job_lines)

    @serves(contract.cancel_bulk_job)
    def cancel_bulk_job(self, call: Call) -> Any:
        return call.commit(handlers.cancel_bulk_job)
