"""Entrypoints of the resource directory."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.referrals import directory
from services.referrals.directory import handlers, queries
from services.referrals.directory.name_index import names_of


class DirectoryEntrypoints:
    """What `Service` offers about the resource directory."""

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

    @serves(directory.retire_resource)
    def retire_resource(self, call: Call) -> Any:
        return call.commit(handlers.retire_resource)

    @serves(directory.set_temporary_message)
    def set_temporary_message(self, call: Call) -> Any:
        return call.commit(handlers.set_temporary_message)
