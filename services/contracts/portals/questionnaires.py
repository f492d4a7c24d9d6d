"""Questionnaires: drafts, published versions that never change, FHIR R4, and which of them a portal offers."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import Reply, Request, page_of
from services.contracts.fields import Code, Count, Flag, Id, Moment, Text, number_of, one_of
from services.contracts.identity.paging import PAGE
from services.contracts.identity.permissions import MANAGE_QUESTIONNAIRES
from services.contracts.portals import contract
from services.contracts.portals.definitions import Suffix
from services.contracts.portals.questionnaire_form import (
    ALL,
    ANY,
    DEEPEST,
    ITEM_MEMBERS,
    LONGEST_ITEM_NAME,
    MOST_ITEMS,
    SETTINGS,
    ConditionShown,
    ItemShown,
    NoticeShown,
    ObservationShown,
    VariantShown,
)

DRAFT, PUBLISHED, RETIRED = "draft", "published", "retired"
STATES = (DRAFT, PUBLISHED, RETIRED)
UP, DOWN = "up", "down"
# The modules of a portal that lead to a questionnaire.
QUESTIONNAIRE, REPORT_INJURY = "questionnaire", "report_injury"
MODULES = (QUESTIONNAIRE, REPORT_INJURY)
MOST_OFFERED = 100


class DraftProblem(Reply):
    """What has to be mended before a draft can be published, and where."""

    path = fields.String(required=True)
    rule = fields.String(required=True)


class EditedItem(ItemShown):
    """An item of a draft, with its place among its neighbours."""

    is_read_only = Flag(required=True)
    conditions = fields.List(fields.Nested(ConditionShown), required=True)
    needs = one_of((ALL, ANY), required=True)
    observation = fields.Nested(ObservationShown, required=True, allow_none=True)
    jurisdictions = fields.List(fields.String(), required=True)
    path = fields.String(required=True)
    parent = fields.String(required=True, allow_none=True)
    is_first = Flag(required=True)
    is_last = Flag(required=True)


_ITEMS = fields.List(fields.Dict(), required=True)
_VARIANTS = fields.List(fields.Nested(VariantShown), required=True)


class QuestionnaireRow(Reply):
    """A questionnaire of a list."""

    id = Id(required=True)
    version = Count(required=True)
    title = fields.String(required=True)
    state = one_of(STATES, required=True)
    published_version = Count(required=True, allow_none=True)
    has_changes = Flag(required=True)
    changed_at = Moment(required=True)


class Questionnaire(QuestionnaireRow):
    """A questionnaire as it is edited. `items` is the tree; `flat` has the same in the order in which they are asked."""

    instructions = fields.String(required=True, allow_none=True)
    variants = _VARIANTS
    needs_supervisor_review = Flag(required=True)
    supervisor_orders = fields.List(Id(), required=True)
    notices = fields.List(fields.Nested(NoticeShown), required=True)
    items = _ITEMS
    flat = fields.List(fields.Nested(EditedItem), required=True)
    problems = fields.List(fields.Nested(DraftProblem), required=True)


class QuestionnaireVersion(Reply):
    """A published version. It never changes."""

    questionnaire_id = Id(required=True)
    number = Count(required=True)
    title = fields.String(required=True)
    instructions = fields.String(required=True, allow_none=True)
    variants = _VARIANTS
    items = _ITEMS
    published_at = Moment(required=True)


class NotSupportedHere(Reply):
    """Something of an imported questionnaire that is kept and has no effect here."""

    path = fields.String(required=True)
    what = fields.String(required=True)


class OfferedQuestionnaire(Request):
    """A questionnaire of a portal's picklist.

    Answers are filed under an order item, as a document type, in a chart tab (S2-106).
    """

    questionnaire_id = Id(required=True)
    module = one_of(MODULES, load_default=QUESTIONNAIRE)
    order_item = Text(load_default=None, allow_none=True, most=100)
    document_type = Code(load_default=None, allow_none=True)
    chart_tab = Text(load_default=None, allow_none=True, most=100)


class OfferedReply(Reply):
    """An entry of a portal's picklist."""

    questionnaire_id = Id(required=True)
    title = fields.String(required=True)
    module = fields.String(required=True)
    order_item = fields.String(required=True, allow_none=True)
    document_type = fields.String(required=True, allow_none=True)
    chart_tab = fields.String(required=True, allow_none=True)


class MissingModule(Reply):
    """A module that leads to what is offered, and that the portal does not show: people do not find it."""

    code = one_of(MODULES, required=True)
    name = fields.String(required=True)


_PICKLIST = {
    "portal": Suffix(required=True),
    "version": Count(required=True),
    "items": fields.List(fields.Nested(OfferedReply), required=True),
    "missing_modules": fields.List(fields.Nested(MissingModule), required=True),
}
_ONE: dict[str, Any] = {"questionnaire_id": Id(required=True)}
_ITEM = Text(required=True, most=LONGEST_ITEM_NAME)
_CHANGES: dict[str, Any] = {"access": MANAGE_QUESTIONNAIRES, "reply": Questionnaire, "expects_version": True}

list_questionnaires = contract.query(
    "list_questionnaires",
    "The questionnaires, newest first.",
    request={"state": one_of(STATES, load_default=None, allow_none=True), **PAGE},
    reply=page_of(QuestionnaireRow),
    access=MANAGE_QUESTIONNAIRES,
)
get_questionnaire = contract.query(
    "get_questionnaire",
    "A questionnaire as it is edited, with everything that has to be mended before it can be published.",
    request=_ONE,
    reply=Questionnaire,
    access=MANAGE_QUESTIONNAIRES,
    errors=("not_found",),
)
get_questionnaire_version = contract.query(
    "get_questionnaire_version",
    "A published version of a questionnaire.",
    request={**_ONE, "number": number_of(1_000_000, required=True)},
    reply=QuestionnaireVersion,
    access=MANAGE_QUESTIONNAIRES,
    errors=("not_found",),
)
create_questionnaire = contract.command(
    "create_questionnaire",
    "Begin a questionnaire. Nobody sees it before it is published and a portal offers it.",
    request={"title": Text(required=True, most=200)},
    reply=Questionnaire,
    access=MANAGE_QUESTIONNAIRES,
    status=201,
)
change_questionnaire = contract.command(
    "change_questionnaire",
    "Change the title of the draft and what holds for the whole of it. Only what is given changes, each list as a whole.",
    request={**_ONE, "title": Text(most=200), **SETTINGS},
    errors=("not_found", "questionnaire_retired", "questionnaire_not_found"),
    **_CHANGES,
)
replace_questionnaire_items = contract.command(
    "replace_questionnaire_items",
    f"Replace all items of the draft: at most {MOST_ITEMS}, {DEEPEST} deep. Every problem is told with its path.",
    request={
        **_ONE,
        "items": fields.List(fields.Dict(), required=True, validate=validate.Length(max=MOST_ITEMS)),
    },
    errors=("not_found", "questionnaire_retired"),
    **_CHANGES,
)
add_questionnaire_item = contract.command(
    "add_questionnaire_item",
    "Add an item at the end, or at the end of a section. Without a name of its own it gets one.",
    request={
        **_ONE,
        "item": Text(load_default=None, allow_none=True, most=LONGEST_ITEM_NAME),
        "parent": Text(load_default=None, allow_none=True, most=LONGEST_ITEM_NAME),
        **ITEM_MEMBERS,
    },
    errors=("not_found", "questionnaire_retired"),
    status=201,
    **_CHANGES,
)
change_questionnaire_item = contract.command(
    "change_questionnaire_item",
    "Replace what an item says and asks. The items within it stay.",
    request={**_ONE, "item": _ITEM, **ITEM_MEMBERS},
    errors=("not_found", "questionnaire_retired"),
    **_CHANGES,
)
move_questionnaire_item = contract.command(
    "move_questionnaire_item",
    "Move an item up or down among its neighbours. At the end of its section it stays.",
    request={**_ONE, "item": _ITEM, "direction": one_of((UP, DOWN), required=True)},
    errors=("not_found", "questionnaire_retired"),
    **_CHANGES,
)
remove_questionnaire_item = contract.command(
    "remove_questionnaire_item",
    "Take an item out of the draft, with those within it.",
    request={**_ONE, "item": _ITEM},
    errors=("not_found", "questionnaire_retired"),
    **_CHANGES,
)
publish_questionnaire = contract.command(
    "publish_questionnaire",
    "Publish the draft as a version that never changes. Every problem of the draft is told at once.",
    request=_ONE,
    errors=("not_found", "questionnaire_retired", "questionnaire_unchanged"),
    **_CHANGES,
)
retire_questionnaire = contract.command(
    "retire_questionnaire",
    "Retire a questionnaire. No portal offers it any longer; what was answered stays readable.",
    request=_ONE,
    errors=("not_found", "questionnaire_retired"),
    **_CHANGES,
)
import_questionnaire = contract.command(
    "import_questionnaire",
    "Make a draft of a FHIR R4 Questionnaire. What has no effect here is kept for the export, and named.",
    request={"resource": fields.Dict(required=True)},
    reply={
        "questionnaire": fields.Nested(Questionnaire, required=True),
        "not_supported": fields.List(fields.Nested(NotSupportedHere), required=True),
    },
    access=MANAGE_QUESTIONNAIRES,
    status=201,
)
export_questionnaire = contract.query(
    "export_questionnaire",
    "A questionnaire as FHIR R4 Questionnaire: the draft, or the published version of this number.",
    request={**_ONE, "number": number_of(1_000_000, load_default=None, allow_none=True)},
    reply={"resource": fields.Dict(required=True)},
    access=MANAGE_QUESTIONNAIRES,
    errors=("not_found",),
)
get_offered_questionnaires = contract.query(
    "get_offered_questionnaires",
    "The picklist of a portal: the questionnaires that it offers, in their order.",
    request={"portal": Suffix(required=True)},
    reply=_PICKLIST,
    access=MANAGE_QUESTIONNAIRES,
    errors=("not_found",),
)
offer_questionnaires = contract.command(
    "offer_questionnaires",
    "Set the picklist of a portal, in its order. Only published questionnaires can be offered.",
    request={
        "portal": Suffix(required=True),
        "items": fields.List(
            fields.Nested(OfferedQuestionnaire), required=True, validate=validate.Length(max=MOST_OFFERED)
        ),
    },
    reply=_PICKLIST,
    access=MANAGE_QUESTIONNAIRES,
    errors=("not_found", "questionnaire_not_found", "questionnaire_not_published"),
    expects_version=True,
)

questionnaire_published = contract.event(
    "questionnaire_published",
    "A version of a questionnaire was published.",
    data={"questionnaire_id": Id(required=True), "number": Count(required=True)},
)
questionnaire_retired = contract.event(
    "questionnaire_retired",
    "A questionnaire was retired.",
    data={"questionnaire_id": Id(required=True)},
)
