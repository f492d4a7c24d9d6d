"""Every page in every state in one browser: nothing that axe finds, nothing cut off, silent; in light, dark and forced colours.

`make test` looks at each page as it is normally and with errors. The long form looks at all states in all ways.
"""

from __future__ import annotations

import base64
import io
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from PIL import Image, ImageChops, ImageOps

from gateway.web import language
from gateway.web.page import Page
from gateway.web.states import MANY_ROWS, Screen, State
from services.contracts.portals import drafts, start_page
from tests.support.browser import PROGRAM, Browser
from tests.support.pages import follow, require_good, require_readable, require_whole
from tests.support.read_aloud import FOLDER, JOURNEYS, journey
from tests.support.shown_pages import Shown, ShownPages, address_of, served

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

PAGES = ShownPages()
EVERY = PAGES.every()
SCREENS = {each.page.address: each.page for each in EVERY}
PHONE = (320, 640)
DESK = (1280, 800)
# How people see a page beside the light phone: preferences, the window's size, and what is asked.
WAYS: tuple[tuple[dict[str, str], tuple[int, int], Callable[[Browser], None]], ...] = (
    ({"prefers_color_scheme": "dark"}, PHONE, require_readable),
    ({"forced_colors": "active"}, PHONE, require_readable),
    ({}, DESK, require_good),  # other elements than on a phone
    ({}, (800, 600), require_readable),  # a tablet
    ({}, (320, 256), require_readable),  # a window of 1280 pixels at 400 %
    ({}, (640, 320), require_readable),  # a phone that lies on its side
)
LEAST_PIXELS = 30  # a caret that blinks is fewer


@dataclass
class Show:
    """A browser, and the server of the pages in their states."""

    browser: Browser
    url: str

    def open(self, shown: Shown, **chosen: str) -> None:
        """Load a page in a state."""
        self.browser.send("Page.navigate", url=self.url + address_of(shown, **chosen))
        self.browser.wait_for("document.readyState === 'complete'")

    def look(self, shown: Shown, judge: Callable[[Browser], None] = require_good, **chosen: str) -> None:
        """Load a page in a state and judge it. Raises AssertionError with the state's name."""
        self.open(shown, **chosen)
        try:
            judge(self.browser)
        except AssertionError as error:
            raise AssertionError(f"{shown}: {error}") from error


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(PAGES) as url:
        yield url


@pytest.fixture
def show(chromium: Browser, url: str) -> Show:
    chromium.open_page(width=PHONE[0], height=PHONE[1])
    return Show(chromium, url)


# What a person may ask for who reads with difficulty (WCAG 2.2, 1.4.12).
_SPACED = (
    "* {line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important}"
    "p {margin-block-end: 2em !important}"
)


def space_out(browser: Browser) -> None:
    """Set the page's text with wide spaces between lines, paragraphs, letters and words."""
    browser.evaluate(
        f"document.adoptedStyleSheets = [new CSSStyleSheet()], document.adoptedStyleSheets[0].replaceSync({_SPACED!r})"
    )
    assert browser.evaluate("parseFloat(getComputedStyle(document.querySelector('h1')).letterSpacing)") > 0


def states(page: Page | Screen) -> list[Shown]:
    return [each for each in EVERY if each.page is page]


@pytest.mark.parametrize(
    ("status", "says"), [(413, "The file is too large."), (408, "It is not known"), (502, "It is not known")]
)
def test_an_answer_to_a_file_that_is_no_page_leaves_the_form_as_it_is(
    show: Show, status: int, says: str
) -> None:
    browser = show.browser
    (several,) = [each for each in EVERY if str(each) == "/staff/documents/send, to_several"]
    show.open(several)
    browser.evaluate("document.getElementById('send_document-title').value = 'Plan of care'")
    browser.evaluate(
        "XMLHttpRequest.prototype.open = function (_, address) { this.asked = address; };"
        "XMLHttpRequest.prototype.send = function () { Object.defineProperties(this, {"
        f"status: {{value: {status}}}, responseText: {{value: '{{}}'}}, responseURL: {{value: this.asked.href}}"
        "}); this.dispatchEvent(new Event('load')); };"
        "document.querySelector('[data-sending]').closest('form').requestSubmit()"
    )
    told = browser.evaluate("document.querySelector('[data-quarter]')?.textContent")
    assert (told or "").startswith(says), told
    assert browser.evaluate("document.getElementById('send_document-title').value") == "Plan of care"
    assert browser.evaluate("document.querySelectorAll('form[data-sent]').length") == 0
    require_good(browser)


@pytest.mark.parametrize("address", SCREENS)
def test_a_page_is_good_on_a_phone_normally_and_with_errors(show: Show, address: str) -> None:
    seen = states(SCREENS[address])
    refused = [each for each in seen if each.action]
    show.look(seen[0])
    space_out(show.browser)
    require_whole(show.browser)
    many = [each for each in refused if each.state.errors == "many"]
    for shown in (many or refused)[:1]:
        show.look(shown)


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("address", SCREENS)
def test_a_page_is_good_in_every_state_and_to_every_eye(show: Show, address: str) -> None:
    for shown in states(SCREENS[address]):
        show.look(shown)
        for ways, size, judge in WAYS:
            show.browser.show_as(**ways)
            show.browser.resize(*size)
            # Two hundred rows have the colours of three, and axe takes a quarter of a minute for them.
            show.look(shown, require_whole if shown.state is MANY_ROWS else judge)
        show.browser.show_as()
        show.browser.resize(*PHONE)
        for made_up in (language.LONG, language.MIRRORED):
            show.look(shown, require_whole, language=made_up)


# What people print: a referral, a record, answers to a questionnaire, the dashboard and reports, a document with its certificate.
PRINTED = (
    "/provider/referrals/{referral_id}",
    "/staff/referrals/{referral_id}",
    "/staff/records/{contact_record_id}",
    "/staff/questionnaire-responses/{response_id}",
    "/portal/{portal}/reviews/{response_id}",
    "/portal/{portal}/my-record",
    "/portal/{portal}/reports/{report}",
    "/staff/reports",
    "/staff/reports/programs",
    "/staff/reports/statistics",
    "/staff/documents/{document_id}",
    "/staff/documents/plans-of-care",
)


@pytest.mark.parametrize("address", PRINTED)
def test_a_page_is_whole_on_paper_and_without_controls(show: Show, address: str) -> None:
    show.open(states(SCREENS[address])[0])
    told = (
        "[...document.querySelectorAll('main :is(dt, dd, td, th, caption, time, .timeline p)')]"
        ".filter(it => !it.closest('form') && it.getClientRects().length)"
    )
    controls = (
        "[...document.querySelectorAll('button, .btn, label, footer a')].map(it => it.textContent.trim())"
    )
    unwanted = show.browser.evaluate(controls)
    assert unwanted
    show.browser.send("Emulation.setEmulatedMedia", media="print")
    show.browser.evaluate("document.querySelectorAll('.visually-hidden').forEach(it => it.remove())")
    wanted = show.browser.evaluate(f"{told}.map(it => it.innerText)")
    assert wanted
    breaks = "[...document.querySelectorAll('tr')].filter(it => getComputedStyle(it).breakInside !== 'avoid').length"
    assert show.browser.evaluate(breaks) == 0, "a row may be torn apart"
    show.browser.show_as()
    printed = base64.b64decode(show.browser.send("Page.printToPDF", generateTaggedPDF=True)["data"])
    assert re.search(r"^Tagged: +yes$", of_pdf("pdfinfo", printed, "-"), re.MULTILINE)
    text = of_pdf("pdftotext", printed, "-raw", "-", "-")
    words = "".join(text.split())
    assert [each for each in wanted if "".join(each.split()) not in words] == []
    lines = {line.strip() for line in text.splitlines()} - set(wanted)
    assert lines & set(unwanted) == set()


def of_pdf(program: str, printed: bytes, *arguments: str) -> str:
    """What a program says of a PDF."""
    ran = subprocess.run([program, *arguments], input=printed, capture_output=True, check=True)
    return ran.stdout.decode()


@pytest.mark.parametrize("name", JOURNEYS)
def test_a_journey_is_read_aloud_as_it_was_found_good(show: Show, name: str) -> None:
    assert journey(show.browser, show.url, name) == (FOLDER / f"{name}.txt").read_text(), (
        "the pages are read in another way: run `python -m tests.support.read_aloud`, and read what has changed"
    )


@pytest.mark.parametrize("way", [{"forced_colors": "active"}, {"prefers_color_scheme": "dark"}, {}], ids=str)
def test_focus_choice_and_error_are_told_apart(show: Show, way: dict[str, str]) -> None:
    browser = show.browser
    show.open(next(each for each in EVERY if str(each) == "/kit, errors"))
    browser.show_as(**way)
    for change in (
        "document.querySelector('main .btn-primary').focus()",
        "document.querySelector('main a[href]').focus()",
        "document.querySelector('#refused-yes').focus()",
        "document.querySelector('#refused-yes').checked = true",
        "document.querySelector('#refused-radio').checked = true",
        "document.querySelector('#refused-text').removeAttribute('aria-invalid')",
        "document.querySelector('#refused-choice').removeAttribute('aria-invalid')",
        "document.querySelector('main .nav-link[href$=kit]').removeAttribute('aria-current')",
    ):
        element, _, what = change.partition("').")
        element += "')"
        browser.evaluate("document.activeElement.blur()")
        before = picture_of(browser, element)
        # By a script the focus is shown as to somebody who uses the keyboard.
        browser.evaluate(change.replace("focus()", "focus({focusVisible: true})"))
        assert differing(before, picture_of(browser, element)) >= LEAST_PIXELS, f"{what} of {element}"


STILL_MS = 400
MARGIN = 8  # around an element, where its outline is


def test_news_pass_by_until_they_are_paused_and_stand_still_for_who_wants_no_movement(show: Show) -> None:
    browser = show.browser
    start = states(SCREENS["/portal/{portal}"])[0]

    def is_moving() -> bool:
        before = picture_of(browser, "document.querySelector('.ticker ul')")
        at = browser.evaluate("performance.now()")
        browser.wait_for(f"performance.now() > {at + STILL_MS}")
        return differing(before, picture_of(browser, "document.querySelector('.ticker ul')")) >= LEAST_PIXELS

    show.open(start)
    assert not is_moving()
    browser.show_as(prefers_reduced_motion="no-preference")
    show.open(start)
    right = "document.querySelector('.ticker {}').getBoundingClientRect().right"
    browser.wait_for(f"{right.format('li.now')} < {right.format('ul')}")  # the whole message is seen
    assert is_moving()
    follow(browser, "Pause")
    browser.evaluate("document.activeElement.blur()")  # it stands still while it has the focus, too
    assert not is_moving()


class Coloured(ShownPages):
    """The start page of a portal and the sample of its draft, in these colours, light and dark."""

    def __init__(self, colours: list[str]) -> None:
        super().__init__()
        without = {"waiting": None, "team": None}  # which only a person has
        module = {"code": "support", "name": "Ask us", "tab_colour": "#146c43", "questionnaire_id": None}
        self.pairs = [
            (
                appearance,
                Shown(
                    SCREENS["/staff/portals/{portal}/sample"],
                    State(
                        f"{colour} {appearance}",
                        query={"appearance": appearance},
                        replies={drafts.get_portal_sample: {"colour": colour, "modules": [module]}},
                    ),
                ),
                Shown(
                    SCREENS["/portal/{portal}"],
                    State(
                        colour,
                        replies={
                            start_page.get_portal_start: {"colour": colour, "modules": [module], **without}
                        },
                    ),
                ),
            )
            for colour in colours
            for appearance in ("light", "dark")
        ]

    def every(self) -> list[Shown]:
        return [each for _, *both in self.pairs for each in both]


@pytest.mark.parametrize(
    "count", [1, pytest.param(200, marks=[pytest.mark.full, pytest.mark.timeout(1800)])], ids=str
)
def test_the_sample_of_a_colour_is_the_published_page_point_by_point(chromium: Browser, count: int) -> None:
    chance = random.Random(19)
    pages = Coloured([f"#{chance.randrange(1 << 24):06x}" for _ in range(count)])
    chromium.open_page()
    chromium.send("Emulation.setScrollbarsHidden", hidden=True)  # a phone's lies over the page
    with served(pages) as url:
        show = Show(chromium, url)
        for appearance, sample, published in pages.pairs:
            # The sample has a frame; so much narrower is the window of the published page.
            chromium.show_as()
            chromium.resize(SAMPLE_WIDTH, 900)
            show.open(sample)
            frame = chromium.evaluate(
                "(it => it.getBoundingClientRect().width - parseFloat(getComputedStyle(it.firstElementChild).width))"
                "(document.querySelector('.sample'))"
            )
            seen = [
                picture_on_points(chromium, f"document.querySelector('.sample {each}')") for each in SAMPLED
            ]
            chromium.show_as(prefers_color_scheme=appearance)
            chromium.resize(SAMPLE_WIDTH - round(frame), 900)
            show.open(published)
            for before, each in zip(seen, SAMPLED, strict=True):
                after = picture_on_points(chromium, f"document.querySelector('main {each}')")
                assert before.size == after.size, (str(sample), each)
                differs = ImageChops.difference(before, after)
                points = sum(differs.convert("L").histogram()[1:])
                most = max(high for _, high in differs.getextrema())
                are_one = points <= CORNER_POINTS and most <= CORNER_SHADE
                assert are_one, (str(sample), each, points, most)
                assert len(before.getcolors(1 << 20)) > 2, each  # something is there


SAMPLED = (".welcome", ".tiles", ".ticker")
SAMPLE_WIDTH = 552
# Round corners are drawn in other shades where they begin between two points.
CORNER_POINTS, CORNER_SHADE = 24, 12


_TO_A_WHOLE_POINT = """(it => {
  it.style.position = "relative";
  it.style.top = `${-((it.getBoundingClientRect().y + scrollY) % 1)}px`;
})"""


def picture_on_points(browser: Browser, element: str) -> Image.Image:
    """An element alone that begins on a whole point: in between, texts and curves are drawn in another way."""
    browser.evaluate(f"{_TO_A_WHOLE_POINT}({element})")
    return ImageOps.crop(picture_of(browser, element), MARGIN)  # not what is around it


def picture_of(browser: Browser, element: str) -> Image.Image:
    """An element with what is around it."""
    browser.evaluate(f"{element}.scrollIntoView({{block: 'center'}})")
    left, top, width, height = browser.evaluate(
        f"(it => [it.x + scrollX, it.y + scrollY, it.width, it.height])({element}.getBoundingClientRect())"
    )
    box = {
        "x": left - MARGIN,
        "y": top - MARGIN,
        "width": width + 2 * MARGIN,
        "height": height + 2 * MARGIN,
    }
    sent = browser.send(
        "Page.captureScreenshot", format="png", clip={**box, "scale": 1}, captureBeyondViewport=True
    )
    return Image.open(io.BytesIO(base64.b64decode(sent["data"]))).convert("RGB")


def differing(one: Image.Image, other: Image.Image) -> int:
    """How many points of two pictures differ plainly."""
    assert one.size == other.size
    grey = ImageChops.difference(one, other).convert("L")
    return sum(grey.histogram()[64:])
