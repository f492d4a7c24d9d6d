"""Pages of questionnaires: where they are offered, and what leads to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from justhtml import JustHTML

from gateway.web.pages import PAGES as ALL
from gateway.web.states import State
from services.contracts.portals import configuration, questionnaires, responses, start_page
from tests.support.shown_pages import Shown, ShownPages, parsed

PAGES = ShownPages()
OFFERING = "/staff/portals/{portal}/questionnaires"


def shown(
    address: str, replies: Mapping[Any, Mapping[str, Any]], query: Mapping[str, str] | None = None
) -> JustHTML:
    page = next(each for each in ALL if each.address == address)
    state = State("as told", replies=replies, query=query or {})
    return parsed(PAGES.response(Shown(page, state), {}).text)


def test_where_a_questionnaire_stands_is_offered_once_each() -> None:
    page = shown(
        OFFERING, {questionnaires.get_offered_questionnaires: {"items": {"module": "report_injury"}}}
    )
    for select in page.query("select"):
        if select.attrs["name"].endswith(".module"):
            choices = [each.to_text() for each in select.query("option")]
            assert choices == ["Questionnaires", "Report a work injury or illness"]


@pytest.mark.parametrize("missing", [[], [{"code": "questionnaire", "name": "Questionnaire"}]])
def test_who_offers_what_nobody_finds_is_told_and_led_on(missing: list[Any]) -> None:
    page = shown(OFFERING, {questionnaires.get_offered_questionnaires: {"missing_modules": missing}})
    [main] = page.query("main")
    links = [each for each in main.query("a") if each.attrs["href"].endswith("/modules")]
    assert ("People do not find these yet" in main.to_text()) == bool(missing)
    assert len(links) == len(missing)


def test_who_published_a_questionnaire_is_led_to_the_portals() -> None:
    address = "/staff/questionnaires/{questionnaire_id}"
    for version in (None, 2):
        page = shown(address, {questionnaires.get_questionnaire: {"published_version": version}})
        leads = any(each.attrs["href"] == "/staff/portals" for each in page.query("main a"))
        assert leads == (version is not None)


def test_where_an_item_is_asked_is_said_by_name() -> None:
    reply = {
        "variants": {"code": "us-ca", "name": "California"},
        "flat": {"jurisdictions": ["us-ca", "other"]},
    }
    page = shown("/staff/questionnaires/{questionnaire_id}", {questionnaires.get_questionnaire: reply})
    [outline] = page.query(".outline")
    assert "California" in outline.to_text()
    assert "Somewhere else" in outline.to_text()
    assert "us-ca" not in outline.to_text()


def test_the_tile_of_injuries_opens_their_questionnaires_alone() -> None:
    tile = {"code": "report_injury", "name": "Report an injury", "tab_colour": None}
    page = shown("/portal/{portal}", {start_page.get_portal_start: {"modules": tile, "consents_due": 0}})
    links = {each.attrs["href"] for each in page.query(".tiles a") if "Report an injury" in each.to_text()}
    assert [each.rpartition("/")[2] for each in links] == ["questionnaires?module=report_injury"]
    asked = []
    call = PAGES.services.call

    def noting(operation: Any, arguments: Mapping[str, Any], context: Any) -> Any:
        if operation is responses.list_my_questionnaires:
            asked.append(arguments.get("module"))
        return call(operation, arguments, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PAGES.services, "call", noting)
        page = shown(
            "/portal/{portal}/questionnaires",
            {configuration.get_portal_home: {"modules": tile}},
            query={"module": "report_injury"},
        )
    assert asked == ["report_injury"]
    assert page.query("h1")[0].to_text() == "Report an injury"
