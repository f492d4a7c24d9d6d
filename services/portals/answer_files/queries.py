"""Queries of files as answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.portals import responses as contract
from services.portals.questionnaires import answering
from services.portals.responses import answers as drafts
from services.portals.responses import queries as responses
from services.portals.responses.models import AnswerFile, Response
from services.portals.screened_files import rules


def get_my_file_question(
    session: Session, caller: Caller, *, response_id: str, question: int
) -> dict[str, Any]:
    """A question that is answered by a file. Raises Refused `not_found`, `response_submitted`."""
    row = responses.find_draft(session, caller, response_id)
    item = asked(session, row, question)
    given = row.answers.get(item["id"])
    return {
        "response_id": row.id,
        "version": row.version,
        "question": question,
        "text": item["text"],
        "help": item["help"],
        "is_required": item["is_required"],
        "file": None if given is None else answering.file_shown(question, given),
        "goes_back_to": section_of(session, row, item["id"]),
    }


def asked(session: Session, row: Response, question: int) -> Mapping[str, Any]:
    """The item with this number, which is answered by a file. Raises Refused `not_found`."""
    _, form = responses.version_of(session, row)
    item = answering.file_question(form, question)
    if item is None:
        raise Refused("not_found", "There is no question here that is answered by a file.", "question")
    return item


def section_of(session: Session, row: Response, name: str) -> str:
    """The section in which an item is asked now, as `goes_on_to`; the check of all answers where it is not asked."""
    _, form = responses.version_of(session, row)
    steps = drafts.steps_of(answering.standing(form, row.answers, row.jurisdiction), row.answers)
    found = (step["number"] for step in steps if name in {item["id"] for item in step["items"]})
    number = next(found, None)
    return contract.REVIEW if number is None else f"sections/{number}"


def open_my_answer_file(session: Session, caller: Caller, *, response_id: str, question: int) -> Any:
    """The file of an answer of the caller. Raises Refused `not_found`."""
    return _opened(session, responses.find_mine(session, caller, response_id), question)


def open_answer_file(session: Session, _caller: Caller, *, response_id: str, question: int) -> Any:
    """The file of an answer that was sent. Raises Refused `not_found`."""
    return _opened(session, responses.find_sent(session, response_id), question)


def open_review_file(session: Session, caller: Caller, *, response_id: str, question: int) -> Any:
    """The file of an answer that the caller reviews. Raises Refused `not_found`."""
    return _opened(session, responses.find_review(session, caller, response_id), question)


def _opened(session: Session, row: Response, question: int) -> dict[str, Any]:
    """Where the bytes are, and whose answer it is."""
    item = asked(session, row, question)
    given = row.answers.get(item["id"])
    if given is None:
        raise Refused("not_found", "This question is not answered by a file.", "question")
    sha256 = session.scalars(select(AnswerFile.sha256).where(AnswerFile.id == given["file_id"])).one()
    return {
        "sha256": sha256,
        "file_name": rules.file_name(item["text"], given["media_type"]),
        "media_type": given["media_type"],
        "person_id": row.person_id,
    }


def files_in_use(session: Session, sha256s: Collection[str]) -> set[str]:
    """Those of these files that an answer names."""
    return set(session.scalars(select(AnswerFile.sha256).where(AnswerFile.sha256.in_(sha256s))))
