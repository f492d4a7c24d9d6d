"""Commands on files as answers, each one transaction."""

from __future__ import annotations

from typing import Any

from services.chassis import wire
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.portals.answer_files import queries
from services.portals.responses import queries as responses
from services.portals.responses import sending
from services.portals.responses.handlers import draft_of
from services.portals.responses.models import AnswerFile, Response
from services.portals.screened_files.taking_in import Kept


def add_answer_file(
    unit: UnitOfWork, caller: Caller, kept: Kept, *, response_id: str, question: int
) -> dict[str, Any]:
    """Answer a question with a file that is in the store. Raises Refused `not_found`, `response_submitted`."""
    row = draft_of(unit, caller, response_id)
    name = queries.asked(unit.session, row, question)["id"]
    file = AnswerFile(id=wire.new_id(), response_id=row.id, sha256=kept.sha256, added_at=unit.now)
    unit.add(file)
    unit.session.flush()
    given = {"file_id": file.id, "size": kept.size, "media_type": kept.media_type}
    return _saved(unit, row, name, row.answers | {name: given}, "response.file_added")


def remove_answer_file(
    unit: UnitOfWork, caller: Caller, *, response_id: str, question: int
) -> dict[str, Any]:
    """Take the file of an answer away. Raises Refused `not_found`, `response_submitted`."""
    row = draft_of(unit, caller, response_id)
    name = queries.asked(unit.session, row, question)["id"]
    left = {item: answer for item, answer in row.answers.items() if item != name}
    return _saved(unit, row, name, left, "response.file_removed")


def _saved(
    unit: UnitOfWork, row: Response, name: str, answers: dict[str, Any], action: str
) -> dict[str, Any]:
    row.answers, row.saved_at = answers, unit.now
    row.version += 1
    sending.drop_files(unit, row)
    unit.audit(action, "response", row.id)
    goes_on_to = queries.section_of(unit.session, row, name)
    return responses.work_view(unit.session, row, goes_on_to=goes_on_to)
