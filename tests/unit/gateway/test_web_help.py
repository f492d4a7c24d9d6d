"""The help pages: every link leads to a page that there is, every page leads to its help, and a search finds both."""

from __future__ import annotations

import re
from pathlib import Path

import flask
import pytest
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException

from gateway.web import help_tasks
from gateway.web import page as declarations
from gateway.web.help_tasks import TASKS, Task
from gateway.web.pages import PAGES

LINK = re.compile(r'href="(/[^"#?]*)')
FOUND = re.compile(r'<li><a href="/help/([a-z-]+)">')
ENTRANCES = (
    "/sign-in",
    "/sign-in/step",
    "/at/harbor",
    "/at/harbor/provider",
    "/find-my-portal",
    "/credentials",
    "/verify-email",
    "/patient-access",
    "/pickup-code",
)


@pytest.fixture
def http(app: flask.Flask) -> FlaskClient:
    return app.test_client()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_help_page_leads_to_pages_that_there_are(app: flask.Flask, http: FlaskClient, task: Task) -> None:
    answer = http.get(task.address)
    assert answer.status_code == 200
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    links = set(LINK.findall(main)) - {"/help"}
    assert links, "help leads into the product or to other help"
    assert all(any(link == other.address for other in TASKS) for link in links if link.startswith("/help/"))
    paths = app.url_map.bind("localhost")
    for link in links:
        try:
            endpoint, _ = paths.match(link)
        except HTTPException:
            pytest.fail(f"{task.name} leads to {link}, where nothing is")
        assert endpoint.startswith("page ")


@pytest.mark.parametrize("address", [*ENTRANCES, *(page.address for page in PAGES)])
def test_a_page_leads_to_the_help_beside_it(address: str) -> None:
    assert help_tasks.beside(re.sub("{.*?}", "4" * 32, address)).startswith("/help/")


def test_the_longest_beginning_of_an_address_tells_the_help() -> None:
    assert help_tasks.beside("/provider/referrals") == "/help/find-referral"
    assert help_tasks.beside(f"/provider/referrals/{'4' * 32}") == "/help/referral-status"
    assert help_tasks.beside("/providers") == "/help"


def test_every_text_of_help_is_one_of_a_task() -> None:
    folder = Path(declarations.__file__).parent / "templates/help/tasks"
    assert {f"help/tasks/{path.name}" for path in folder.iterdir()} == {task.template for task in TASKS}


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("forgot my password", None),
        ("forgotten password", "forgotten-password"),
        ("Electronically sign", None),
        ("sign document", "sign-document"),
        ("beds", "capacity"),
        ("CAPACITY schedule", "schedule-capacity"),
        ("authenticator", "second-factor"),
        ("90 minutes", "expired-link"),
        ("decline", "decline-document"),
        ("pick-up code", "pickup-code"),
        ("help-seeker status", "referral-status"),
    ],
)
def test_a_search_finds_the_task(http: FlaskClient, asked: str, first: str | None) -> None:
    found = FOUND.findall(http.get("/help", query_string={"q": asked}).text)
    assert found, "with no page of these words, all are listed"
    assert first is None or found[0] == first


def test_what_nobody_wrote_about_lists_all_and_nothing_that_was_asked_is_markup(http: FlaskClient) -> None:
    page = http.get("/help", query_string={"q": "<script>zebra"}).text
    assert "Nothing here has these words" in page
    assert "<script>zebra" not in page
    assert len(FOUND.findall(page)) == len(TASKS)
    assert http.get("/help/nothing").status_code == 404


@pytest.mark.seed("S2-139")
def test_the_help_for_a_roll_out_has_who_tells_approves_and_trains_whom_and_when(http: FlaskClient) -> None:
    text = " ".join(http.get("/help/portal-go-live").text.split())
    for point in (
        "Six weeks before", "who approves them", "Four weeks before", "a course in your learning system", "Two weeks before",
        "announce the portal by e-mail, intranet and notice board", "On the day", "Two weeks after", "send a reminder",
    ):  # fmt: skip
        assert point in text, point
    # Whoever searches for it finds it, and the pages of portals lead there.
    for words in ("roll-out", "communication", "timeline", "training"):
        assert "/help/portal-go-live" in http.get("/help", query_string={"q": words}).text, words
    assert help_tasks.beside("/staff/portals/employee") == "/help/portal-go-live"
