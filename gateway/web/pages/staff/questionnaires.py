"""The editor of questionnaires: items one by one, conditions, preview, publishing; where they are offered; what was answered."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from gateway.web.states import State
from services.contracts.portals import definitions, questionnaires, responses

_ONE = "/staff/questionnaires/{questionnaire_id}"
_READ = {"questionnaire": Read(questionnaires.get_questionnaire)}
_PUBLISHED = Read(questionnaires.list_questionnaires, given={"state": "published", "limit": 200})

PAGES = (
    Page(
        "/staff/questionnaires",
        "staff/questionnaires/list.html",
        reads={"questionnaires": Read(questionnaires.list_questionnaires, query=("state", "after"))},
    ),
    Page(
        "/staff/questionnaires/new",
        "staff/questionnaires/new.html",
        actions=(
            Action(
                "create_questionnaire",
                questionnaires.create_questionnaire,
                "The questionnaire is there. Add what it asks.",
                then="/staff/questionnaires/{id}",
            ),
        ),
    ),
    Page(
        _ONE,
        "staff/questionnaires/questionnaire.html",
        reads=_READ,
        actions=(
            Action("move_questionnaire_item", questionnaires.move_questionnaire_item, "The item is moved."),
            Action(
                "remove_questionnaire_item",
                questionnaires.remove_questionnaire_item,
                "The item is taken out.",
            ),
            Action(
                "publish_questionnaire",
                questionnaires.publish_questionnaire,
                "The questionnaire is published. Choose below which portals offer it.",
            ),
            Action(
                "retire_questionnaire",
                questionnaires.retire_questionnaire,
                "The questionnaire is retired.",
                then="/staff/questionnaires",
            ),
        ),
    ),
    Page(
        f"{_ONE}/new-item",
        "staff/questionnaires/new_item.html",
        reads=_READ,
        actions=(
            Action(
                "add_questionnaire_item",
                questionnaires.add_questionnaire_item,
                "The item is added.",
                then=_ONE,
            ),
        ),
    ),
    Page(
        f"{_ONE}/item",
        "staff/questionnaires/item.html",
        reads=_READ,
        actions=(
            Action(
                "change_questionnaire_item",
                questionnaires.change_questionnaire_item,
                "The item is saved.",
                then=_ONE,
            ),
        ),
        states=(State("an item", query={"item": "lanternwick"}),),
    ),
    Page(
        f"{_ONE}/settings",
        "staff/questionnaires/settings.html",
        reads={**_READ, "others": _PUBLISHED},
        actions=(
            Action(
                "change_questionnaire",
                questionnaires.change_questionnaire,
                "The settings are saved.",
                then=_ONE,
            ),
        ),
    ),
    Page(f"{_ONE}/preview", "staff/questionnaires/preview.html", reads=_READ),
    Page(
        "/staff/portals/{portal}/questionnaires",
        "staff/portals/questionnaires.html",
        reads={
            "portal": Read(definitions.describe_portal),
            "offered": Read(questionnaires.get_offered_questionnaires),
            "published": _PUBLISHED,
        },
        actions=(
            Action(
                "offer_questionnaires",
                questionnaires.offer_questionnaires,
                "The portal is saved. It offers these questionnaires from now on.",
            ),
        ),
    ),
    Page(
        "/staff/people/{person_id}/questionnaires",
        "staff/questionnaires/responses.html",
        reads={"responses": Read(responses.list_responses, query=("after",))},
    ),
    Page(
        "/staff/questionnaire-responses/{response_id}",
        "staff/questionnaires/response.html",
        reads={"response": Read(responses.get_response)},
    ),
    Page(
        "/staff/answer-notices",
        "staff/questionnaires/notices.html",
        reads={"notices": Read(responses.list_answer_notices, query=("department", "after"))},
        actions=(Action("close_answer_notice", responses.close_answer_notice, "The notice is closed."),),
    ),
)
