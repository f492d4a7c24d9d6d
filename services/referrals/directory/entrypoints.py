"""Entrypoints of the resource directory."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.referrals import directory, directory_exports, directory_imports, hsds
from services.referrals.authors import with_name_of
from services.referrals.directory import exporting, handlers, hsds_queries, importing, queries
from services.referrals.directory.name_index import names_of


class DirectoryEntrypoints:
    """What `Service` offers about the resource directory."""

    @serves(directory_imports.import_directory)
    def import_directory(self, call: Call) -> Any:
        return with_name_of(call, importing.start(call), "requested_by")

    @serves(directory_imports.get_directory_import)
    def get_directory_import(self, call: Call) -> Any:
        return with_name_of(call, call.read(importing.get_directory_import), "requested_by")

    @serves(directory_imports.list_directory_imports)
    def list_directory_imports(self, call: Call) -> Any:
        return with_name_of(call, call.read(importing.list_directory_imports), "requested_by")

    @serves(directory.search_resources)
    def search_resources(self, call: Call) -> Any:
        return call.read(queries.search_resources, names_of(call.runtime))

    @serves(directory.get_resource)
    def get_resource(self, call: Call) -> Any:
        return call.read(queries.get_resource)

    @serves(directory.describe_resource)
    def describe_resource(self, call: Call) -> Any:
        return call.read(queries.describe_resource)

    @serves(directory.list_resources)
    def list_resources(self, call: Call) -> Any:
        return call.read(queries.list_resources)

    @serves(directory.create_resource)
    def create_resource(self, call: Call) -> Any:
        return call.commit(handlers.create_resource)

    @serves(directory.edit_resource)
    def edit_resource(self, call: Call) -> Any:
        return call.commit(handlers.edit_resource)

    @serves(directory.set_resource_status)
    def set_resource_status(self, call: Call) -> Any:
        return call.commit(handlers.set_resource_status)

    @serves(directory.set_temporary_message)
    def set_temporary_message(self, call: Call) -> Any:
        return call.commit(handlers.set_temporary_message)

    @serves(directory_exports.export_directory)
    def export_directory(self, call: Call) -> Any:
        return with_name_of(call, exporting.start(call), "requested_by")

    @serves(directory_exports.get_directory_export)
    def get_directory_export(self, call: Call) -> Any:
        return with_name_of(call, call.read(exporting.get_directory_export), "requested_by")

    @serves(directory_exports.download_directory_export)
    def download_directory_export(self, call: Call) -> Any:
        return exporting.download(call)

    @serves(hsds.list_hsds_services)
    def list_hsds_services(self, call: Call) -> Any:
        return call.read(hsds_queries.list_hsds_services)

    @serves(hsds.get_hsds_service)
    def get_hsds_service(self, call: Call) -> Any:
        return call.read(hsds_queries.get_hsds_service)

    @serves(hsds.list_hsds_organizations)
    def list_hsds_organizations(self, call: Call) -> Any:
        return call.read(hsds_queries.list_hsds_organizations)
