"""Entrypoints of files in conversations."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import message_files as contract
from services.portals.message_files import queries, workflows


class MessageFilesEntrypoints:
    """What `Service` inherits."""

    @serves(contract.send_my_file)
    def send_my_file(self, call: Call) -> Any:
        return workflows.send_my_file(call)

    @serves(contract.open_my_message_file)
    def open_my_message_file(self, call: Call) -> Any:
        return workflows.open_file(call, queries.open_my_message_file)

    @serves(contract.send_file_to_person)
    def send_file_to_person(self, call: Call) -> Any:
        return workflows.send_file_to_person(call)

    @serves(contract.open_message_file)
    def open_message_file(self, call: Call) -> Any:
        return workflows.open_file(call, queries.open_message_file)
