"""A page whose answer takes long is there before it: its late part is asked for when the page is shown."""

from __future__ import annotations

import dataclasses

from gateway.auth import BACKGROUND
from gateway.web.pages import PAGES as PAGES_OF_ALL
from gateway.web.states import NORMAL
from services.contracts.referrals import reports
from tests.support.shown_pages import Shown, ShownPages, parsed

PAGES = ShownPages()
(STATISTICS,) = (page for page in PAGES_OF_ALL if page.address == "/staff/reports/statistics")
FIRST = Shown(STATISTICS, dataclasses.replace(NORMAL, query={"group_by": "queue"}, is_whole=False))
HEADING = "Time in status"


def test_the_page_is_shown_without_what_takes_long_and_the_browser_asks_for_it_in_the_background() -> None:
    first = PAGES.response(FIRST, {}).text
    assert HEADING not in first
    (part,) = parsed(first).query("#numbers")
    assert part.attrs["data-refresh"] == "now"
    # Where the answer is refused, the whole page says why.
    assert part.attrs["data-whole"] == "/staff/reports/statistics?group_by=queue&whole=1"
    assert "The numbers are being added up." in part.to_text()

    then = PAGES.response(FIRST, {}, headers={BACKGROUND: "1"}).text
    (part,) = parsed(then).query("#numbers")
    assert HEADING in part.to_text()
    assert not {"data-refresh", "data-whole"} & set(part.attrs)


def test_what_comes_late_is_not_read_before_the_page_is_shown() -> None:
    state = dataclasses.replace(FIRST.state, refused={reports.get_statistics: "service_unavailable"})
    assert PAGES.response(Shown(STATISTICS, state), {}).status_code == 200
    assert PAGES.response(Shown(STATISTICS, state), {}, headers={BACKGROUND: "1"}).status_code == 503


def test_a_browser_without_scripts_is_led_to_the_whole_page() -> None:
    first = PAGES.response(FIRST, {}).text
    assert (
        '<meta http-equiv="refresh" content="0; url=/staff/reports/statistics?group_by=queue&amp;whole=1">'
        in first
    )
    whole = PAGES.response(dataclasses.replace(FIRST, state=NORMAL), {}).text
    assert HEADING in parsed(whole).query("#numbers")[0].to_text()
    assert 'http-equiv="refresh"' not in whole
