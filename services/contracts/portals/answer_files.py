"""Files as answers to questionnaires: a PDF or a picture, screened before anybody can read it."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import PORTAL_REALMS, signed_in
from services.contracts.fields import Count, Flag, Id
from services.contracts.files import FileReference, UploadedFile
from services.contracts.identity.permissions import READ_ANSWERS
from services.contracts.portals import contract
from services.contracts.portals.questionnaire_form import MOST_ITEMS
from services.contracts.portals.responses import FileAnswer, MyResponse
from services.contracts.portals.screened_files import REFUSALS

_OWN = signed_in(*PORTAL_REALMS)
_SUPERVISORS = signed_in("employee")
# `question` is the number of the question among all items of the questionnaire, from 1.
_ONE: dict[str, Any] = {
    "response_id": Id(required=True),
    "question": fields.Integer(required=True, validate=validate.Range(1, MOST_ITEMS)),
}

get_my_file_question = contract.query(
    "get_my_file_question",
    "A question of the caller's draft that is answered by a file, with the file that is there.",
    request=_ONE,
    reply={
        "response_id": Id(required=True),
        "version": Count(required=True),
        "question": Count(required=True),
        "text": fields.String(required=True),
        "help": fields.String(required=True, allow_none=True),
        "is_required": Flag(required=True),
        "file": fields.Nested(FileAnswer, required=True, allow_none=True),
        "goes_back_to": fields.String(required=True),
    },
    access=_OWN,
    errors=("not_found", "response_submitted"),
)
add_answer_file = contract.command(
    "add_answer_file",
    "Answer a question with a file: a PDF, or a picture as JPEG or PNG, of at most 10 MB. It takes the place of the one before. "
    "It is screened first; a picture is written anew, so nothing but the picture is kept.",
    request={**_ONE, "document": fields.Nested(UploadedFile, required=True)},
    reply=MyResponse,
    access=_OWN,
    errors=("not_found", "response_submitted", *REFUSALS),
    expects_version=True,
    timeout_s=20,
)
remove_answer_file = contract.command(
    "remove_answer_file",
    "Take the file of an answer away again.",
    request=_ONE,
    reply=MyResponse,
    access=_OWN,
    errors=("not_found", "response_submitted"),
    expects_version=True,
)
open_my_answer_file = contract.query(
    "open_my_answer_file",
    "The file of an answer of the caller, in a draft or sent.",
    request=_ONE,
    reply=FileReference,
    access=_OWN,
    errors=("not_found",),
)
open_answer_file = contract.query(
    "open_answer_file",
    "The file of an answer that was sent. Opening it is audited.",
    request=_ONE,
    reply=FileReference,
    access=READ_ANSWERS,
    errors=("not_found",),
)
open_review_file = contract.query(
    "open_review_file",
    "The file of an employee's answer that the caller reviews. Opening it is audited.",
    request=_ONE,
    reply=FileReference,
    access=_SUPERVISORS,
    errors=("not_found",),
)
