"""Start pages that are rendered once: what is kept is never old, never another's, and never too much."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine

from services.chassis import wire
from services.contracts.errors import Refused
from services.contracts.portals import configuration as contract
from services.contracts.portals import definitions, drafts
from services.portals.configuration import homes, rendering
from services.portals.configuration.homes import Homes, Kept
from tests.support.bars import hold_at_best
from tests.support.in_process import BAYSIDE, HARBOR, InProcess, a_caller

START = datetime.datetime(2026, 3, 4, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
ADMIN = {
    key: a_caller("portal.configure", "portal.manage_chart_tabs", organisation=key)
    for key in (HARBOR, BAYSIDE)
}
EMPLOYEE = {key: a_caller(organisation=key, realm="employee", id="d" * 32) for key in (HARBOR, BAYSIDE)}
SLOWEST_S, MOST_TIMES = 0.015, 2.0


@pytest.fixture
def portals(tmp_path: Path) -> Iterator[InProcess]:
    process = InProcess("portals", f"sqlite:///{tmp_path}/portals.db", tmp_path)
    yield process
    process.close()


def change(portals: InProcess, key: Any = HARBOR, portal: str = "employee", **changes: Any) -> None:
    version = portals.call(contract.get_portal_content, ADMIN[key], portal=portal)["version"]
    portals.call(contract.change_portal_content, ADMIN[key], version=version, portal=portal, **changes)


def home(portals: InProcess, key: Any = HARBOR, portal: str = "employee", *languages: str) -> Any:
    return portals.call(contract.get_portal_home, EMPLOYEE[key], portal=portal, languages=list(languages))


@pytest.mark.seed("S2-28")
def test_the_next_read_shows_what_was_published_of_this_portal_in_this_language(portals: InProcess) -> None:
    portals.call(definitions.create_portal, ADMIN[HARBOR], portal="north", kind="employee")
    for name in ("one", "two"):
        change(portals, product_name={"en": f"{name} in English", "es": f"{name} in Spanish"})
        change(portals, BAYSIDE, product_name=f"{name} of Bayside")
        change(portals, portal="north", product_name=f"{name} of the north")
        for _ in range(2):
            assert home(portals)["product_name"] == f"{name} in English"
            assert home(portals, HARBOR, "employee", "es")["product_name"] == f"{name} in Spanish"
            assert home(portals, BAYSIDE)["product_name"] == f"{name} of Bayside"
    # A portal that is off now is not found, whatever is kept of it.
    portals.call(definitions.change_portal, ADMIN[HARBOR], portal="employee", version=1, is_enabled=False)
    with pytest.raises(Refused) as refused:
        home(portals)
    assert refused.value.code == "not_found"
    # Who configures portals sees the other one, which is still off.
    seen = portals.call(contract.get_portal_home, ADMIN[HARBOR], portal="north", languages=[])
    assert seen["product_name"] == "two of the north"


def test_a_version_and_a_message_of_the_ticker_come_and_go_by_the_clock(portals: InProcess) -> None:
    with time_machine.travel(START, tick=False) as clock:
        until, begins = (START + HOUR).isoformat(), (START + 3 * HOUR).isoformat()
        change(portals, product_name="Old")
        version = portals.call(contract.get_portal_content, ADMIN[HARBOR], portal="employee")["version"]
        look = {"name": "Ours", "colour": "#1a5fb4", "ticker": [{"text": "**Now**", "until_at": until}]}
        portals.call(contract.configure_portal, ADMIN[HARBOR], version=version, portal="employee", **look)
        draft = portals.call(drafts.get_portal_draft, ADMIN[HARBOR], portal="employee")
        changed = portals.call(
            drafts.change_portal_draft,
            ADMIN[HARBOR],
            version=draft["version"],
            portal="employee",
            product_name="New",
        )
        portals.call(
            drafts.publish_portal_draft,
            ADMIN[HARBOR],
            version=changed["version"],
            portal="employee",
            publish_at=begins,
        )
        assert [each["html"] for each in home(portals)["ticker"]] == ["<strong>Now</strong>"]
        clock.shift(HOUR)
        assert (home(portals)["ticker"], home(portals)["product_name"]) == ([], "Old")
        clock.shift(2 * HOUR)
        assert home(portals)["product_name"] == "New"


def test_a_version_is_rendered_once_in_each_language(
    portals: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[Any] = []
    render = rendering.home

    def counted(*given: Any) -> Any:
        rendered.append(given[2])
        return render(*given)

    monkeypatch.setattr(rendering, "home", counted)
    monkeypatch.setattr(homes, "_HOMES", Homes())
    change(portals, product_name="Ours")
    for languages in ((), ("es",), (), ("es",)):
        home(portals, HARBOR, "employee", *languages)
    assert rendered == [[], ["es"]]


def test_what_is_kept_together_has_only_so_many_parts() -> None:
    pages = Homes(most_parts=10)
    rendered: list[str] = []

    def read(name: str, parts: int) -> None:
        pages.of((name,), lambda: rendered.append(name) or Kept({}, {}, parts))  # type: ignore[func-returns-value]

    read("a", 4)
    read("b", 4)
    read("a", 4)
    assert rendered == ["a", "b"]
    read("c", 4)  # the one that was not read for longest goes
    read("a", 4)
    read("b", 4)
    assert rendered == ["a", "b", "c", "b"]
    read("huge", 11)  # it is answered, and not kept
    read("huge", 11)
    assert rendered == ["a", "b", "c", "b", "huge", "huge"]


def test_a_start_page_with_all_that_it_can_have_costs_hardly_more_than_the_usual_one(
    portals: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bar of the start page, in CPU time of the service: 100 modules and 1,000 panels at most twice the defaults."""
    monkeypatch.setattr(contract.get_portal_home.reply, "validate", lambda _: {})  # what only tests do

    def cost() -> float:
        took = []
        for _ in range(40):
            started = time.process_time()
            wire.encode(home(portals, HARBOR, "employee", "en"))
            took.append(time.process_time() - started)
        return sorted(took)[len(took) // 2]

    usual = home(portals)
    before = cost()
    modules = [{"code": each["code"]} for each in usual["modules"]]
    more = [{"code": "questionnaire", "name": f"Form {number}"} for number in range(100 - len(modules))]
    link = {"title": "Read", "url": "https://health.example.org/a"}
    panels = [{"title": f"Panel {number}", "links": [link]} for number in range(1000)]
    change(portals, modules=[*modules, *more], resources=panels)
    whole = home(portals, HARBOR, "employee", "en")
    assert (len(whole["modules"]), len(whole["resources"])) == (100, 1000)

    def measure() -> None:
        after = cost()
        print(f"usual {before * 1000:.2f} ms, with everything {after * 1000:.2f} ms")
        assert after <= MOST_TIMES * before
        assert after <= SLOWEST_S

    hold_at_best(measure)
