"""Files as answers in several steps: screened outside of any transaction, then recorded.

A crash in between leaves a file to which nothing refers; it is deleted later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.portals.answer_files import handlers, queries
from services.portals.responses import queries as responses
from services.portals.screened_files import taking_in


def add_answer_file(call: Call) -> Any:
    """Screen an uploaded file, keep it, and answer a question with it."""
    if call.is_repeated():
        return call.answer_again()
    call.check(_require_question, call.request["response_id"], call.request["question"])
    kept = taking_in.take_in(
        call.runtime.blobs, str(call.organisation_id), call.request["document"]["sha256"]
    )
    return call.commit(handlers.add_answer_file, call.caller, kept)


def open_file(call: Call, query: Callable[..., Any]) -> Any:
    """Where the bytes of a file are. That somebody opened it is audited."""
    with call.reading(call.organisation_id) as session:
        found = query(session, call.caller, **call.request)
    call.note_reading(
        "response.file_opened", "response", call.request["response_id"], person_id=found["person_id"]
    )
    return call.operation.reply.dump(found)


def _require_question(session: Session, caller: Caller, response_id: str, question: int) -> None:
    queries.asked(session, responses.find_draft(session, caller, response_id), question)
