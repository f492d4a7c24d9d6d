"""Entrypoints of imports."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.referrals import directory_imports
from services.referrals.authors.names import with_name_of
from services.referrals.directory_imports import jobs


class DirectoryImportEntrypoints:
    """What `Service` offers about imports of a directory."""

    @serves(directory_imports.import_directory)
    def import_directory(self, call: Call) -> Any:
        return with_name_of(call, jobs.start(call), "requested_by")

    @serves(directory_imports.apply_directory_import)
    def apply_directory_import(self, call: Call) -> Any:
        return with_name_of(call, jobs.apply(call), "requested_by")

    @serves(directory_imports.get_directory_import)
    def get_directory_import(self, call: Call) -> Any:
        return with_name_of(call, call.read(jobs.get_directory_import), "requested_by")

    @serves(directory_imports.list_directory_imports)
    def list_directory_imports(self, call: Call) -> Any:
        return with_name_of(call, call.read(jobs.list_directory_imports), "requested_by")
