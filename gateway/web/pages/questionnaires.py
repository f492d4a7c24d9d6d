"""Questionnaires as a person answers them: section by section, a check of all answers, done; and as a supervisor reviews them."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from services.contracts.identity import employees, people
from services.contracts.portals import answer_files, configuration, responses

_HOME = {"portal": Read(configuration.get_portal_home)}
_PORTAL = "/portal/{portal}"
_RESPONSE = f"{_PORTAL}/responses/{{response_id}}"
_MINE = {**_HOME, "response": Read(responses.get_my_response)}
_START = Action(
    "start_response",
    responses.start_response,
    "Your answers are saved as you go on. You can stop and come back.",
    then=f"{_PORTAL}/responses/{{id}}/{{goes_on_to}}",
)
_PEOPLE = {
    "profiles": Read(people.list_my_profiles, without=("forbidden",)),
    "team": Read(employees.list_my_employees, without=("forbidden",)),
}
_OFFERED = Read(responses.list_my_questionnaires, query=("person_id", "module"), without=("not_found",))
_ONE_ITEM = {"number": 2, "title": "About you", "help": None}

PAGES = (
    Page(
        f"{_PORTAL}/questionnaires",
        "portals/questionnaires.html",
        reads={
            **_HOME,
            **_PEOPLE,
            "offered": _OFFERED,
            "sent": Read(responses.list_my_responses, query=("after",)),
        },
        actions=(_START,),
    ),
    Page(
        f"{_PORTAL}/questionnaires/{{questionnaire_id}}",
        "portals/questionnaire.html",
        reads={**_HOME, "offered": _OFFERED},
        actions=(_START,),
    ),
    Page(
        f"{_RESPONSE}/sections/{{section}}",
        "portals/section.html",
        reads=_MINE,
        actions=(
            Action(
                "save_answers",
                responses.save_answers,
                "Saved.",
                then=f"{_RESPONSE}/{{goes_on_to}}",
                given={"is_checked": True},
            ),
        ),
        sample={responses.get_my_response: {"step": _ONE_ITEM}},
    ),
    Page(
        f"{_RESPONSE}/files/{{question}}",
        "portals/file.html",
        reads={**_HOME, "asked": Read(answer_files.get_my_file_question)},
        actions=(
            Action(
                "add_answer_file",
                answer_files.add_answer_file,
                "Your file is added.",
                then=f"{_RESPONSE}/{{goes_on_to}}",
            ),
            Action(
                "remove_answer_file",
                answer_files.remove_answer_file,
                "Your file is taken away.",
                then=f"{_RESPONSE}/{{goes_on_to}}",
            ),
        ),
    ),
    Page(
        f"{_RESPONSE}/review",
        "portals/review_answers.html",
        reads=_MINE,
        actions=(
            Action(
                "submit_response",
                responses.submit_response,
                "Your answers are sent.",
                then=f"{_RESPONSE}/sent",
            ),
            Action(
                "discard_response",
                responses.discard_response,
                "The answers are thrown away.",
                then=f"{_PORTAL}/questionnaires",
            ),
        ),
    ),
    Page(f"{_RESPONSE}/saved", "portals/saved_answers.html", reads=_MINE),
    Page(f"{_RESPONSE}/sent", "portals/sent_answers.html", reads=_MINE),
    Page(
        f"{_PORTAL}/reviews",
        "portals/reviews.html",
        reads={**_HOME, **_PEOPLE, "reviews": Read(responses.list_reviews, query=("after",))},
    ),
    Page(
        f"{_PORTAL}/reviews/{{response_id}}",
        "portals/review.html",
        reads={**_HOME, **_PEOPLE, "review": Read(responses.get_review)},
        actions=(
            Action("mark_reviewed", responses.mark_reviewed, "It is noted that you have reviewed this."),
        ),
    ),
)
