"""No page is a dead end: each leads on to where the person finds what was looked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from justhtml import JustHTML

from gateway.web.pages import PAGES as ALL
from gateway.web.states import State
from services.contracts.identity import passports, people
from services.contracts.portals import (
    configuration,
    consents,
    drafts,
    inbox,
    my_appointments,
    published_items,
    responses,
    start_page,
)
from tests.support.shown_pages import Shown, ShownPages, parsed

PAGES = ShownPages()
HARBOR_WORKS = {"name": "Works Health", "kind": "employee", "employer": "Harbor Works", "region": None}
ROSE, SELF = "1" * 32, "2" * 32


def shown(
    address: str,
    replies: Mapping[Any, Mapping[str, Any]],
    query: Mapping[str, str] | None = None,
    refused: Mapping[Any, str] | None = None,
) -> JustHTML:
    page = next(each for each in ALL if each.address == address)
    state = State("as told", replies=replies, query=query or {}, refused=refused or {})
    return parsed(PAGES.response(Shown(page, state), {}).text)


def links(page: JustHTML) -> dict[str, str]:
    """The links of the page's own part: where each leads, by its words."""
    return {each.to_text(): each.attrs["href"] for each in page.query("main a")}


def test_who_has_to_agree_first_goes_on_to_what_was_asked_for() -> None:
    home = next(each for each in ALL if each.address == "/portal/{portal}/support")
    refused = State("consents due", refused={configuration.get_portal_home: "consents_due"})
    answer = PAGES.response(Shown(home, refused), {})
    path, _, query = answer.headers["Location"].partition("?")
    assert path == "/consents"
    assert query.startswith("return_path=%2Fportal%2F")


@pytest.mark.parametrize(
    ("asked_for", "leads_to"),
    [
        ("/portal/works?a=b", "/portal/works?a=b"),
        (None, "/"),
        ("//evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_who_has_agreed_goes_on_to_the_portal_and_to_no_other_site(
    asked_for: str | None, leads_to: str
) -> None:
    given = {consents.list_my_consents: {"items": {"is_due": False, "language": "en"}, "are_due": False}}
    page = shown("/consents", given, {"return_path": asked_for} if asked_for else None)
    assert links(page)["Go on to your portal"] == leads_to


@pytest.mark.parametrize(("kind", "is_led"), [("family", True), ("patient", False)])
def test_a_family_is_led_to_its_profiles_where_it_has_nothing_of_its_own(kind: str, is_led: bool) -> None:
    home = {configuration.get_portal_home: {"kind": kind}}
    away = {
        my_appointments.get_my_scheduling: "scheduling_not_offered",
        published_items.list_my_items: "not_found",
    }
    for place in ("appointments", "record"):
        page = shown(f"/portal/{{portal}}/{place}", home, refused=away)
        assert ("/family" in links(page).values()) == is_led, place


def test_a_family_that_has_published_items_of_its_own_sees_them() -> None:
    page = shown("/portal/{portal}/record", {configuration.get_portal_home: {"kind": "family"}})
    assert any(each.endswith("/my-record") for each in links(page).values())


@pytest.mark.parametrize(
    ("others", "is_told"),
    [
        ({}, True),
        ({"employer": "Another"}, False),
        ({"region": "North"}, False),
        ({"name": "Works Night Shift"}, False),
    ],
)
def test_portals_that_look_alike_are_told_apart(others: Mapping[str, str], is_told: bool) -> None:
    two = [{**HARBOR_WORKS, "portal": "works"}, {**HARBOR_WORKS, **others, "portal": "works-code"}]
    page = shown("/portal", {configuration.list_my_portals: {"items": two}})
    assert [each.to_text() for each in page.query(".tiles code")] == (
        ["works", "works-code"] if is_told else []
    )


@pytest.mark.parametrize(("problems", "leads_to"), [((1, 0, 2), "1"), ((0, 2, 1), "2"), ((0, 0, 0), None)])
def test_answers_that_were_begun_are_gone_on_with(problems: tuple[int, ...], leads_to: str | None) -> None:
    steps = [
        {"number": at, "title": f"Part {at}", "problems": missing, "answered": 0, "asked": 2}
        for at, missing in enumerate(problems, start=1)
    ]
    reply = {"steps": steps, "submitted_at": None}
    page = shown("/portal/{portal}/responses/{response_id}/review", {responses.get_my_response: reply})
    found = [each.attrs["href"].rpartition("/")[2] for each in page.query("main a.btn-primary")]
    assert found == ([leads_to] if leads_to else [])


@pytest.mark.parametrize(("whom", "is_told"), [(ROSE, True), (SELF, False)])
def test_who_writes_about_one_person_reads_about_whom(whom: str, is_told: bool) -> None:
    rules = {"person_ids": [whom], "own_id": SELF, "left": 3, "before_writing": None}
    names = {"items": [{"person_id": whom, "first_name": "Rose", "last_name": "Ash"}]}
    page = shown(
        "/portal/{portal}/messages/new", {inbox.get_writing_rules: rules, people.list_my_profiles: names}
    )
    assert ("About Rose Ash" in page.query("main")[0].to_text()) == is_told


def test_the_front_door_of_the_local_stack_leads_to_what_needs_no_log_in() -> None:
    page = parsed(PAGES.app.test_client().get("/", base_url="https://localhost").text)
    assert links(page)["Open: The caught mails"] == "http://localhost:8401"
    assert len(page.query("main dl")) == 2


@pytest.mark.parametrize(
    ("code", "own", "heading"),
    [
        ("forbidden", {"heading": "Not your page", "text": "Ask the clinic."}, "Not your page"),
        ("forbidden", {"heading": None, "text": None}, "You cannot do this here"),
        # What a conversation says that is not there is no matter of the portal.
        ("not_found", {"heading": "Not your page", "text": "Ask the clinic."}, "This page cannot be found"),
    ],
)
def test_a_page_that_is_not_open_has_the_portals_own_words(
    code: str, own: Mapping[str, Any], heading: str
) -> None:
    told = {configuration.get_public_portal: {"no_permission": own}}
    page = shown("/portal/{portal}/messages", told, refused={inbox.list_my_threads: code})
    assert page.query("h1")[0].to_text() == heading
    assert ("Ask the clinic." in page.query("main")[0].to_text()) == (heading == "Not your page")


def test_to_whom_no_portal_is_open_the_organisation_says_what_to_do() -> None:
    notice = {"heading": "Not open yet", "text": "Ask the clinic."}
    page = shown("/portal", {configuration.list_my_portals: {"items": [], "notice": notice}})
    assert page.query("h1")[0].to_text() == "Not open yet"
    assert "Ask the clinic." in page.query("main")[0].to_text()


@pytest.mark.parametrize(
    ("address", "query", "told"),
    [
        ("/portal/{portal}", {}, ["At the start."]),
        ("/portal/{portal}/support", {}, ["Call us."]),
        ("/portal/{portal}/questionnaires", {}, ["Answer all."]),
        ("/portal/{portal}/questionnaires", {"module": "report_injury"}, ["Say what happened."]),
        ("/portal/{portal}/resources", {}, []),
    ],
)
def test_a_page_has_the_help_of_its_module(address: str, query: Mapping[str, str], told: list[str]) -> None:
    texts = {
        "start": "At the start.", "support": "Call us.", "questionnaire": "Answer all.", "report_injury": "Say what happened.",
    }  # fmt: skip
    help_texts = {code: {"html": f"<em>{text}</em>"} for code, text in texts.items()}
    home = {"help": help_texts, "consents_due": 0, "goes_on_to": None}
    replies = {configuration.get_portal_home: home, start_page.get_portal_start: home}
    page = shown(address, replies, query)
    assert [each.to_text() for each in page.query(".page-help p em")] == told


def test_a_sample_of_the_start_page_has_its_help() -> None:
    help_texts = {"start": {"html": "At the start."}, "support": {"html": "Call us."}}
    page = shown("/staff/portals/{portal}/sample", {drafts.get_portal_sample: {"help": help_texts}})
    assert [each.to_text() for each in page.query(".page-help p")] == ["At the start."]


def test_the_page_of_work_status_says_one_that_holds() -> None:
    times = ("2026-03-05T12:00:00+00:00", "2026-03-04T12:00:00+00:00")
    held = [
        {"id": SELF, "kind": "work_status", "values": {"note": note}, "published_at": at}
        for note, at in zip(("Well.", "Rest."), times, strict=True)
    ]
    listed = {"items": held, "next": None, "person_id": SELF, "kinds": ["work_status"]}
    earlier = {"items": held[1:], "person_id": SELF}
    page = shown(
        "/portal/{portal}/work-status",
        {published_items.list_my_items: listed, published_items.list_my_earlier_work_status: earlier},
    )
    assert page.query("main")[0].to_text().count("Rest.") == 1
    assert [each.to_text() for each in page.query("main section.published dd")] == ["Well."]


def test_who_has_sent_a_questionnaire_reads_the_organisations_own_words() -> None:
    own = {"title": "Thanks", "heading": "Thank you", "text": "We look at it."}
    replies = {
        configuration.get_portal_home: {"notices": {"confirmation": own}},
        responses.get_my_response: {"title": "Hearing", "submitted_at": "2026-03-04T12:00:00+00:00"},
    }
    page = shown("/portal/{portal}/responses/{response_id}/sent", replies)
    assert page.query("h1")[0].to_text() == "Thank you"
    assert page.query("title")[0].to_text().startswith("Thanks")
    assert "We look at it." in page.query("main")[0].to_text()
    assert "Hearing" in page.query("main")[0].to_text()


@pytest.mark.parametrize(("realm", "told"), [("patient", "go there"), ("employee", "stands in your record")])
def test_only_a_patients_own_address_is_where_messages_go(realm: str, told: str) -> None:
    replies = {
        passports.describe_me: {"realm": realm},
        people.get_my_settings: {"editable_fields": ["email"], "changes_are_requests": False, "sources": {}},
    }
    page = shown("/account/settings", replies)
    assert told in page.query("main form")[0].to_text()
