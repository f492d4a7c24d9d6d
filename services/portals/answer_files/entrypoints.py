"""Entrypoints of files as answers."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import answer_files as contract
from services.portals.answer_files import handlers, queries, workflows


class AnswerFilesEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_my_file_question)
    def get_my_file_question(self, call: Call) -> Any:
        return call.read(queries.get_my_file_question)

    @serves(contract.add_answer_file)
    def add_answer_file(self, call: Call) -> Any:
        return workflows.add_answer_file(call)

    @serves(contract.remove_answer_file)
    def remove_answer_file(self, call: Call) -> Any:
        return call.commit(handlers.remove_answer_file, call.caller)

    @serves(contract.open_my_answer_file)
    def open_my_answer_file(self, call: Call) -> Any:
        return workflows.open_file(call, queries.open_my_answer_file)

    @serves(contract.open_answer_file)
    def open_answer_file(self, call: Call) -> Any:
        return workflows.open_file(call, queries.open_answer_file)

    @serves(contract.open_review_file)
    def open_review_file(self, call: Call) -> Any:
        return workflows.open_file(call, queries.open_review_file)
