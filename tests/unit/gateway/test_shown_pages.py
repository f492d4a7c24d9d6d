"""Every page in every state, without a browser: valid HTML, one heading, nothing inline, no text that stays English."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from justhtml import Node

from gateway.web import language
from gateway.web.states import MANY_ROWS, NORMAL, State
from services.contracts.identity import passports
from services.contracts.portals import consents
from services.contracts.referrals import capacity, directory
from tests.support.shown_pages import Shown, ShownPages, parsed

PAGES = ShownPages()
EVERY = PAGES.every()
# Of 200 rows the parser reads for seconds.
SEEN = [
    pytest.param(each, id=str(each), marks=[pytest.mark.full] if each.state is MANY_ROWS else [])
    for each in EVERY
]
# Text of these is no text of the page: what people and programs have written, moments and codes.
NOT_OURS = ("bdi", "time", "code", "script")
BRACKETED = re.compile(r"\[[^\[\]]*\]")
WORD = re.compile(r"[A-Za-z]{2,}")


@pytest.mark.parametrize("shown", SEEN)
def test_a_page_is_valid_and_has_one_heading_and_nothing_inline(shown: Shown) -> None:
    response = PAGES.response(shown, {})
    page = parsed(response.text)

    assert [str(error) for error in page.errors] == []
    assert (response.status_code >= 400) == bool(expected_refusal(shown)), response.status_code
    (heading,) = page.query("h1")
    title = page.query("title")[0].to_text()
    assert title.removeprefix("Error: ").startswith(heading.to_text()), title
    assert title.startswith("Error: ") == bool(page.query(".error-summary"))
    ids = [element.attrs["id"] for element in page.query("[id]")]
    assert sorted(set(ids)) == sorted(ids)
    assert not page.query("[style], style")
    assert [name for element in page.query("*") for name in element.attrs if name.startswith("on")] == []
    assert all("src" in script.attrs for script in page.query("script"))
    for link in page.query(".error-summary a"):
        assert link.attrs["href"].removeprefix("#") in ids, link.to_html()
    # A refused form is shown again with what was typed. What has no field any more would be told apart.
    assert "This is what you typed." not in response.text
    assert "None" not in [
        text.strip() for element in page.query("main p, main dd, main td") for text in own_texts(element)
    ]


def expected_refusal(shown: Shown) -> bool:
    """Whether the page comes with a status of refusal. The page that asks for a proof does not."""
    is_read_refused = shown.action is None and bool(shown.state.refused) and "unknown" not in shown.state.name
    is_proof = "proof_required" in shown.state.refused.values()
    return (is_read_refused or shown.action is not None) and not is_proof


@pytest.mark.parametrize("shown", [each for each in EVERY if each.state.rows <= NORMAL.rows], ids=str)
def test_no_text_of_a_page_stays_english(shown: Shown) -> None:
    page = parsed(PAGES.response(shown, {"language": language.LONG}).text)
    (root,) = page.query("html")
    assert (root.attrs["lang"], root.attrs["dir"]) == (language.LONG, "ltr")
    assert WORD.findall(without_translated("\n".join(own_texts(root)))) == []


@pytest.mark.parametrize("shown", [each for each in EVERY if each.state.name == "normal"], ids=str)
def test_a_page_is_mirrored_where_people_write_from_right_to_left(shown: Shown) -> None:
    html = PAGES.response(shown, {"language": language.MIRRORED}).text
    assert f'<html lang="{language.MIRRORED}" dir="rtl"' in html
    assert "bootstrap.rtl.css" in html


def own_texts(node: Node) -> Iterator[str]:
    """The texts of the page itself, also those that only assistive technology reads."""
    if node.name in NOT_OURS or (node.attrs or {}).get("translate") == "no":
        return
    for name in ("alt", "aria-label", "placeholder", "title"):
        if (node.attrs or {}).get(name):
            yield str(node.attrs[name])
    for child in node.children or ():
        if child.name == "#text":
            yield str(child.data or "")
        else:
            yield from own_texts(child)


def without_translated(text: str) -> str:
    """What is left of a text without the parts that a catalogue would translate, and without what was made up."""
    for each in sorted({*PAGES.made_up, "Portico"}, key=len, reverse=True):
        text = text.replace(each, "")
    while (shorter := BRACKETED.sub("", text)) != text:
        text = shorter
    return text


def test_what_is_chosen_is_ticked_whether_it_is_a_number_or_a_word() -> None:
    (kit,) = [each for each in EVERY if str(each) == "/kit, normal"]
    boxes = parsed(PAGES.response(kit, {}).text).query("#plain-form input[name=ticked][type=checkbox]")
    assert [(box.attrs["value"], "checked" in box.attrs) for box in boxes] == [("1", False), ("2", True)]


@pytest.mark.parametrize("address", ["/patient", "/family", "/account", "/staff"])
def test_a_page_of_no_portal_is_headed_with_the_organisation_of_its_person(address: str) -> None:
    (page,) = [each.page for each in EVERY if str(each) == f"{address}, normal"]
    told = {passports.describe_me: {"organisation_name": "Harbor County"}}
    shown = parsed(PAGES.response(Shown(page, State("as told", replies=told)), {}).text)
    assert shown.query(".brand")[0].to_text() == "Harbor County"
    assert shown.query("title")[0].to_text().endswith(" Harbor County")


@pytest.mark.parametrize(
    ("permissions", "heading"),
    [
        (["capacity.read", "directory.read"], "Capacity of Night Shelter"),
        (["capacity.read"], "Capacity of a program"),
    ],
)
def test_the_page_of_a_program_without_capacity_names_it_to_who_may_read_the_directory(
    permissions: list[str], heading: str
) -> None:
    (page,) = [each.page for each in EVERY if str(each) == "/staff/capacity/{program_id}, normal"]
    replies = {
        passports.describe_me: {"permissions": permissions},
        directory.get_resource: {"name": "Night Shelter"},
        capacity.list_capacities: {"items": []},
    }
    shown = parsed(PAGES.response(Shown(page, State("as told", replies=replies)), {}).text)
    assert shown.query("h1")[0].to_text() == heading


@pytest.mark.parametrize("address", ["/staff/portals/{portal}", "/staff/portals/{portal}/sample"])
def test_a_page_of_staff_about_a_portal_is_none_of_the_portal(address: str) -> None:
    (page,) = [each.page for each in EVERY if str(each) == f"{address}, normal"]
    told = {passports.describe_me: {"organisation_name": "Harbor County", "realm": "staff"}}
    shown = parsed(PAGES.response(Shown(page, State("as told", replies=told)), {}).text)
    assert shown.query(".brand")[0].to_text() == "Harbor County"
    assert not shown.query(".account-menu input[name=portal]"), "they sign out of no portal"


@pytest.mark.parametrize("realm", ["provider", "patient"])
def test_a_page_of_the_console_is_for_staff_whatever_may_be_read_there(realm: str) -> None:
    (page,) = [each.page for each in EVERY if str(each) == "/staff/referrals, normal"]
    told = {passports.describe_me: {"realm": realm}}
    response = PAGES.response(Shown(page, State("as told", replies=told)), {})
    assert response.status_code == 403


@pytest.mark.parametrize(("address", "methods"), [("{consent_id}", ["get", "post"]), ("new", ["post"])])
def test_a_language_is_added_to_a_consent_before_its_text_is_written(
    address: str, methods: list[str]
) -> None:
    """The form that adds one reads the page anew: what is typed into the other is not kept."""
    (page,) = [each.page for each in EVERY if str(each) == f"/staff/consents/{address}, normal"]
    state = State("as told", replies={consents.get_consent: {"is_retired": False}})
    shown = parsed(PAGES.response(Shown(page, state), {}).text)
    assert [form.attrs["method"] for form in shown.query("main form")][:2] == methods
