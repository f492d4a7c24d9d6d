"""The Applicant Portal: a short session by first and last name, its questionnaires, and sending them to the employer."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import PUBLIC, Reply
from services.contracts.fields import Code, Count, Flag, Id, Moment, Secret, Text
from services.contracts.portals import contract
from services.contracts.portals.configuration import LANGUAGES, ConfirmationShown
from services.contracts.portals.definitions import Suffix
from services.contracts.portals.questionnaire_form import MOST_ITEMS, VariantShown
from services.contracts.portals.responses import MOST_SECTIONS, Answer, MyResponse

# A session ends after so long without a request; what was not sent is wiped (S2-99).
IDLE_MINUTES = 10
TRIES, TRIES_MINUTES = 10, 10


class ApplicantTask(Reply):
    """A questionnaire of an application, with how far it is."""

    questionnaire_id = Id(required=True)
    title = fields.String(required=True)
    instructions = fields.String(required=True, allow_none=True)
    variants = fields.List(fields.Nested(VariantShown), required=True)
    response_id = Id(required=True, allow_none=True)
    is_complete = Flag(required=True)


class Application(Reply):
    """What an applicant has to fill in. It is sent when every task is complete."""

    portal = Suffix(required=True)
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    ends_at = Moment(required=True)
    tasks = fields.List(fields.Nested(ApplicantTask), required=True)
    can_be_sent = Flag(required=True)


_TOKEN: dict[str, Any] = {"token": Secret(required=True, validate=validate.Length(max=100))}
_ONE = {**_TOKEN, "response_id": Id(required=True)}
_SECTION = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, MOST_SECTIONS))

get_applicant_portal = contract.query(
    "get_applicant_portal",
    "What an applicant sees first: title, colour, instructions and what will be asked. `address` can be handed out (S2-104). "
    "`confirmation`: what the organisation says once an application is sent.",
    request={"organisation": Code(required=True), "portal": Suffix(required=True), **LANGUAGES},
    reply={
        "name": fields.String(required=True),
        "colour": fields.String(required=True),
        "instructions": fields.String(required=True, allow_none=True),
        "questionnaires": fields.List(fields.String(), required=True),
        "address": fields.String(required=True),
        "confirmation": fields.Nested(ConfirmationShown, required=True),
    },
    access=PUBLIC,
    errors=("not_found",),
)
start_application = contract.command(
    "start_application",
    "Begin an application by first and last name only. Its token lives in the browser; nobody finds the application by the name.",
    request={
        "organisation": Code(required=True),
        "portal": Suffix(required=True),
        "first_name": Text(required=True, most=100),
        "last_name": Text(required=True, most=100),
    },
    reply={"token": Secret(required=True), "ends_at": Moment(required=True)},
    access=PUBLIC,
    errors=("not_found", "too_many_requests"),
    status=201,
    keeps_answer=False,
)
get_application = contract.query(
    "get_application",
    "An application with its questionnaires.",
    request=_TOKEN,
    reply=Application,
    access=PUBLIC,
    errors=("application_ended",),
)
start_application_response = contract.command(
    "start_application_response",
    "Begin a questionnaire of an application. Only those of the portal's picklist are asked (S2-108).",
    request={
        **_TOKEN,
        "questionnaire_id": Id(required=True),
        "jurisdiction": Code(load_default=None, allow_none=True),
    },
    reply=MyResponse,
    access=PUBLIC,
    errors=("application_ended", "not_found", "conflict"),
    status=201,
)
get_application_response = contract.query(
    "get_application_response",
    "Answers of an application, with one section.",
    request={**_ONE, "section": _SECTION},
    reply=MyResponse,
    access=PUBLIC,
    errors=("application_ended", "not_found"),
)
save_application_answers = contract.command(
    "save_application_answers",
    "Save answers of an application. With `is_checked` wrong ones are refused, each beside its field.",
    request={
        **_ONE,
        "section": _SECTION,
        "answers": fields.List(
            fields.Nested(Answer), load_default=list, validate=validate.Length(max=MOST_ITEMS)
        ),
        "is_checked": Flag(load_default=False),
    },
    reply=MyResponse,
    access=PUBLIC,
    errors=("application_ended", "not_found", "conflict"),
    expects_version=True,
)
send_application = contract.command(
    "send_application",
    "Send all questionnaires to the employer. It drafts an account that cannot log in, in the department of applicants (S2-102).",
    request=_TOKEN,
    reply={
        "number": fields.String(required=True),
        "sent_at": Moment(required=True),
        "questionnaires": Count(required=True),
    },
    access=PUBLIC,
    errors=("application_ended", "conflict"),
)
end_application = contract.command(
    "end_application",
    "End an application that is not sent, and wipe everything that was entered.",
    request=_TOKEN,
    reply={},
    access=PUBLIC,
    errors=("application_ended", "conflict"),
)

applicant_registered = contract.event(
    "applicant_registered",
    "Somebody has begun an application (S2-111).",
    data={"application_id": Id(required=True), "portal": Code(required=True)},
)
applicant_submitted = contract.event(
    "applicant_submitted",
    "An application was sent; a person with a drafted account is there (S2-111).",
    data={
        "application_id": Id(required=True),
        "portal": Code(required=True),
        "person_id": Id(required=True),
        "account_id": Id(required=True),
    },
)
