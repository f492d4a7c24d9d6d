"""Other languages: each has every text of the pages for people outside the staff, whose choice stands on every page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import flask
import pytest
from babel.messages import pofile

from deploy import texts
from deploy.checks.refusals import plain, said
from gateway.web import language
from gateway.web.pages import PAGES as ALL_PAGES
from gateway.web.states import State
from services.contracts.declare import STAFF
from services.contracts.identity import passports, people
from services.contracts.identity.family import USUAL_RELATIONS
from services.contracts.portals import start_page
from services.contracts.portals.definitions import KINDS
from services.identity.realms.rules import DEFAULT_PORTAL_ROLES
from services.portals.configuration import modules
from services.portals.configuration.rules import DEFAULT_NAMES
from services.portals.message_types.rules import DEFAULT_TYPES
from services.referrals.queues.rules import DEFAULT_DECLINE_REASONS, DEFAULT_OUTCOMES, DEFAULT_STATUSES
from tests.support.shown_pages import Shown, ShownPages, parsed

ROOT = Path(language.__file__).parents[2]
LOCALE = Path(language.__file__).with_name("locale")
LANGUAGES = sorted(path.name for path in LOCALE.iterdir())
PAGES = ShownPages()
HERE = {"base_url": "https://localhost"}
# How the sentences of the library begin that checks requests.
_LIBRARYS = re.compile(
    r"^(Not a valid|Missing data|Field may|Invalid value|Shorter|Longer|Length must|Must be)"
)
_PLACE = re.compile(r"%\(\w+\)[sd]")


def said_in_code() -> Iterator[str]:
    """Each text of the services' code, numbers and values of f-strings as `%(n1)s` and so on."""
    for path in (ROOT / "services").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if (text := said(node)) is not None:
                yield text


@pytest.fixture
def page() -> Iterator[flask.Flask]:
    with PAGES.app.test_request_context("/sign-in", **HERE):
        yield PAGES.app


def test_spanish_is_there() -> None:
    assert "es" in language.languages()


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_text_of_the_pages_is_translated(code: str) -> None:
    path = LOCALE / code / "pages.po"
    assert path.read_bytes() == texts.written(code, texts.used()), "run `make texts`, then translate"
    assert texts.untranslated(path) == []


@pytest.mark.parametrize(
    "path", sorted(LOCALE.rglob("*.po")), ids=lambda path: f"{path.parent.name} {path.stem}"
)
def test_a_translation_has_the_values_of_its_text(path: Path) -> None:
    with path.open("rb") as file:
        for entry in pofile.read_po(file):
            texts_of = entry.id if isinstance(entry.id, tuple) else (entry.id,)
            said = entry.string if isinstance(entry.string, tuple) else (entry.string,)
            wanted = {place for each in texts_of for place in _PLACE.findall(each)}
            assert all(set(_PLACE.findall(each)) <= wanted for each in said), entry.id
            assert set(_PLACE.findall(said[-1])) == set(_PLACE.findall(texts_of[-1])), entry.id
            assert not entry.fuzzy


@pytest.mark.parametrize("code", LANGUAGES)
def test_what_services_say_is_said_by_one(code: str) -> None:
    in_code = {plain(each) for each in said_in_code()}
    with (LOCALE / code / "refusals.po").open("rb") as file:
        for entry in pofile.read_po(file):
            text = plain(str(entry.id))
            assert not entry.id or _LIBRARYS.match(text) or text in in_code, entry.id


def test_a_visitor_changes_the_language_on_any_page_without_a_script() -> None:
    http = PAGES.app.test_client()
    page = parsed(http.get("/find-my-portal", **HERE).text)
    button = page.query("footer form.languages button")[0]
    assert (button.attrs["value"], button.attrs["lang"], button.to_text()) == ("es", "es", "Español")
    given = {field.attrs["name"]: field.attrs["value"] for field in page.query("footer form.languages input")}
    answer = http.post(
        "/preferences", data=given | {"language": "es"}, headers={"Sec-Fetch-Site": "same-origin"}, **HERE
    )
    assert answer.location == "/find-my-portal"
    page = parsed(http.get("/find-my-portal", **HERE).text)
    assert page.query("html")[0].attrs["lang"] == "es"
    assert "¿Qué organizaciones le conocen?" in page.to_text()
    assert page.query("footer form.languages button")[0].to_text() == "English"


def test_a_browser_is_answered_in_its_language() -> None:
    http = PAGES.app.test_client()
    assert (
        'lang="es"' in http.get("/find-my-portal", headers={"Accept-Language": "es-MX,en;q=0.5"}, **HERE).text
    )
    assert 'lang="en"' in http.get("/find-my-portal", headers={"Accept-Language": "fr"}, **HERE).text


@pytest.mark.parametrize("realm", [*STAFF, "provider", "patient"])
def test_the_pages_of_staff_are_english(page: flask.Flask, realm: str) -> None:
    me = {"realm": realm, "language": "es"}
    assert language.of(me) == ("en" if realm in STAFF else "es")
    assert language.offered(me) == (("en",) if realm in STAFF else language.languages())


def test_who_has_chosen_no_language_gets_the_browsers(page: flask.Flask) -> None:
    with page.test_request_context("/", headers={"Accept-Language": "es"}):
        assert language.of({"realm": "patient", "language": None}) == "es"
        assert language.of({"realm": "staff", "language": None}) == "en"


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("Missing data for required field.", "Hace falta."),
        ("Longer than maximum length 80.", "Como máximo 80 caracteres."),
        ("Length must be between 3 and 64.", "Entre 3 y 64 caracteres."),
        ("100 % of nothing that is known", "100 % of nothing that is known"),
        ("Nobody has translated this.", "Nobody has translated this."),
    ],
)
def test_what_a_service_says_is_told_in_the_language_of_the_page(
    page: flask.Flask, sentence: str, told: str
) -> None:
    flask.g.language = "es"
    assert language.told(sentence) == told


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("Not a valid integer.", "A whole number is expected."),
        ("Longer than maximum length 80.", "At most 80 characters fit."),
        (
            "Must be greater than or equal to 0 and less than or equal to 5.",
            "A number from 0 to 5 is expected.",
        ),
        ("Nobody else says this of 3.", "Nobody else says this of 3."),
    ],
)
def test_the_words_of_a_library_are_told_in_plain_english(
    page: flask.Flask, sentence: str, told: str
) -> None:
    flask.g.language = "en"
    assert language.told(sentence) == told


@pytest.mark.parametrize(
    ("code", "entered", "told"),
    [
        ("es", "daughter", "hija"),
        ("es", "Foster Mother", "madre de acogida"),
        ("es", "Godmother of Ann", "Godmother of Ann"),
        ("en", "Daughter", "Daughter"),
        (language.LONG, "daughter", "daughter"),
    ],
)
def test_what_a_contact_is_to_a_client_is_told_in_the_language_of_the_page(
    page: flask.Flask, code: str, entered: str, told: str
) -> None:
    flask.g.language = code
    profile = next(each for each in ALL_PAGES if each.address == "/family/{person_id}")
    contact = {"first_name": "Una", "last_name": "Marsh", "relation": entered}
    replies = {people.get_my_profile: {"contacts": [contact]}, passports.describe_me: {"realm": "family"}}
    shown = PAGES.response(Shown(profile, State("as told", replies=replies)), {"language": code})
    assert f"<bdi>{told}</bdi>" in shown.text


def usual_names() -> set[str]:
    """What services call portals, their modules and reports, types of messages, roles and contacts, until somebody says it
    otherwise."""
    of_modules = {name for kind in KINDS for name in modules.possible(kind).values()}
    of_roles = {name for name, _permissions in DEFAULT_PORTAL_ROLES.values()}
    of_referrals = {each.label for each in (*DEFAULT_STATUSES, *DEFAULT_OUTCOMES, *DEFAULT_DECLINE_REASONS)}
    of_types = {each.name for each in DEFAULT_TYPES.values()}
    return (
        of_modules
        | of_roles
        | of_types
        | of_referrals
        | {*USUAL_RELATIONS}
        | {*DEFAULT_NAMES.values(), *modules.EMPLOYER_REPORTS.values()}
    )


@pytest.mark.parametrize(
    ("code", "zone", "shown"),
    [
        ("en", "America/Los_Angeles", "11:00\u202fAM PST"),
        ("es", "America/Los_Angeles", "11:00 hora estándar del Pacífico"),
        ("en", "Europe/Madrid", "8:00\u202fPM Central European Standard Time"),
        ("es", "UTC", "19:00 UTC"),
    ],
)
def test_a_time_at_a_place_names_its_zone_in_words(
    page: flask.Flask, code: str, zone: str, shown: str
) -> None:
    flask.g.language = code
    assert parsed(str(language.clock("2026-12-04T19:00:00+00:00", zone))).to_text() == shown


@pytest.mark.parametrize("code", LANGUAGES)
def test_what_has_its_usual_name_has_one_in_each_language(page: flask.Flask, code: str) -> None:
    flask.g.language = code
    same = {"Supervisor"}  # in Spanish, too
    assert {each for each in usual_names() - same if language.usual(each) == each} == set()
    assert language.usual("Our Own Portal") == "Our Own Portal"


def test_a_portal_shows_usual_names_in_the_language_and_own_ones_as_they_are() -> None:
    tiles = [
        {"code": code, "name": name, "tab_colour": None, "questionnaire_id": None}
        for code, name in (("my_appointments", "My Appointments"), ("send_message", "Write to Ann"))
    ]
    home = next(each for each in ALL_PAGES if each.address == "/portal/{portal}")
    shows = {"name": "Patient Portal", "modules": tiles, "labels": {}, "consents_due": 0}
    replies = {start_page.get_portal_start: shows}
    shown = Shown(home, State("as told", replies=replies | {passports.describe_me: {"realm": "patient"}}))
    for code, usual, brand in (
        ("es", "Mis citas", "Portal de pacientes"),
        ("en", "My Appointments", "Patient Portal"),
    ):
        page = parsed(PAGES.response(shown, {"language": code}).text)
        assert [each.to_text() for each in page.query(".tiles strong")][:2] == [usual, "Write to Ann"]
        assert page.query("title")[0].to_text().endswith(f" {brand}")


def test_what_is_told_in_spanish_of_the_librarys_words_is_told_in_plain_english(page: flask.Flask) -> None:
    with (LOCALE / "es" / "refusals.po").open("rb") as file:
        said = [str(entry.id) for entry in pofile.read_po(file) if _LIBRARYS.match(str(entry.id))]
    assert len(said) > 10
    said.remove("Missing data for required field.")  # which a page says with the field's name
    assert [each for each in said if language.catalogue("en").gettext(each) == each] == []
