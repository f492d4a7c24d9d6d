"""Entrypoints of exports."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.referrals import directory_exports
from services.referrals.authors.names import with_name_of
from services.referrals.directory_exports import jobs


class DirectoryExportEntrypoints:
    """What `Service` offers about exports of the directory."""

    @serves(directory_exports.export_directory)
    def export_directory(self, call: Call) -> Any:
        return with_name_of(call, jobs.start(call), "requested_by")

    @serves(directory_exports.get_directory_export)
    def get_directory_export(self, call: Call) -> Any:
        return with_name_of(call, call.read(jobs.get_directory_export), "requested_by")

    @serves(directory_exports.download_directory_export)
    def download_directory_export(self, call: Call) -> Any:
        return jobs.download(call)
