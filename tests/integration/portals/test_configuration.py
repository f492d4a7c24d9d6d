"""The configuration of a portal, in process on real databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.chassis import migrate
from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.identity import organisations
from services.contracts.portals import configuration as contract
from services.contracts.portals import definitions
from tests.support.in_process import BAYSIDE, HARBOR, InProcess, a_caller, a_service

ADMIN = a_caller("portal.configure", "portal.manage_chart_tabs")
PROVIDER = a_caller(realm="provider", id="d" * 32)
MESSAGES = [{"text": "**Closed** on Monday"}, {"text": "[News](https://harbor.example/news)"}]


@pytest.fixture
def portals(tmp_path: Path) -> Iterator[InProcess]:
    process = InProcess("portals", f"sqlite:///{tmp_path}/portals.db", tmp_path)
    yield process
    process.close()


def configure(
    portals: InProcess, version: int | None, caller: Caller = ADMIN, key: str | None = None, **changed: Any
) -> Any:
    request = {"portal": "provider", "name": "Partners", "colour": "#fff", "ticker": MESSAGES} | changed
    return portals.call(contract.configure_portal, caller, version=version, key=key, **request)


def shown(portals: InProcess, caller: Caller = PROVIDER) -> Any:
    return portals.call(contract.get_portal, caller, portal="provider")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_migrations_make_the_tables_that_the_code_uses(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/x.db" if kind == "sqlite" else request.getfixturevalue("postgres_database")
    migrate.upgrade("portals", url)
    assert migrate.differences("portals", url) == []
    migrate.downgrade("portals", url)


@pytest.mark.seed("S2-54")
def test_a_portal_nobody_configured_has_a_name_a_blue_and_version_one(portals: InProcess) -> None:
    assert shown(portals) == {
        "portal": "provider",
        "kind": "provider",
        "version": 1,
        "name": "Provider Portal",
        "colour": "#1a5fb4",
        "ticker": [],
    }


@pytest.mark.seed("S2-28")
@pytest.mark.seed("S2-57")
def test_a_change_shows_at_the_next_read_with_the_messages_in_their_order(portals: InProcess) -> None:
    changed = configure(portals, 1)
    assert changed["version"] == 2
    assert shown(portals) == changed
    assert [message["text"] for message in changed["ticker"]] == [message["text"] for message in MESSAGES]


@pytest.mark.seed("S2-59")
def test_the_ticker_is_kept_as_written_and_served_without_foreign_markup(portals: InProcess) -> None:
    text = "<script>alert(1)</script> *soon*"
    assert configure(portals, 1, ticker=[{"text": text}])["ticker"] == [
        {
            "text": text,
            "html": "&lt;script&gt;alert(1)&lt;/script&gt; <em>soon</em>",
            "plain": "<script>alert(1)</script> soon",
        }
    ]


@pytest.mark.seed("S2-62")
@pytest.mark.parametrize("version", [1, 3])
def test_a_change_from_an_outdated_version_is_refused(portals: InProcess, version: int) -> None:
    configure(portals, 1)
    with pytest.raises(Refused) as refusal:
        configure(portals, version, name="Other")
    assert refusal.value.code == "version_conflict"
    assert shown(portals)["name"] == "Partners"


def test_a_change_without_a_version_is_refused(portals: InProcess) -> None:
    with pytest.raises(Refused) as refusal:
        configure(portals, None)
    assert refusal.value.code == "version_required"


@pytest.mark.seed("S2-58")
def test_only_who_may_configure_portals_changes_the_messages(portals: InProcess) -> None:
    with pytest.raises(Refused) as refusal:
        configure(portals, 1, PROVIDER)
    assert refusal.value.code == "forbidden"
    assert shown(portals)["version"] == 1


@pytest.mark.seed("S2-54")
@pytest.mark.parametrize("colour", ["blue", "#12", "#12345", "#gggggg", "#fff;}", "#ffffff\n", "fff"])
def test_a_colour_that_is_no_hex_code_is_refused(portals: InProcess, colour: str) -> None:
    with pytest.raises(Refused) as refusal:
        configure(portals, 1, colour=colour)
    assert (refusal.value.code, refusal.value.field) == ("invalid_request", "colour")


def test_an_organisation_never_sees_or_changes_anothers_portal(portals: InProcess) -> None:
    configure(portals, 1)
    stranger = a_caller("portal.configure", "portal.manage_chart_tabs", organisation=BAYSIDE)
    assert shown(portals, stranger)["name"] == "Provider Portal"
    assert configure(portals, 1, stranger, name="Bay")["version"] == 2
    assert shown(portals)["name"] == "Partners"


def test_a_change_is_audited_and_told_without_its_text(portals: InProcess) -> None:
    configure(portals, 1)
    (row,) = portals.audit("portal.configured")
    assert row.actor_id == ADMIN.id
    assert row.facts == {"portal": "provider", "version": 2}
    (event,) = portals.events(contract.portal_configured)
    assert event["data"] == {"portal": "provider", "version": 2}


def test_the_same_request_again_changes_nothing_and_gets_the_same_answer(portals: InProcess) -> None:
    first = configure(portals, 1, key="once")
    assert configure(portals, 1, key="once") == first
    assert len(portals.events()) == 1


def test_a_log_in_page_gets_the_name_and_colour_of_its_organisation_only(portals: InProcess) -> None:
    portals.deliver(organisations.organisation_created, {"organisation_id": HARBOR[0]}, organisation=HARBOR)
    portals.deliver(organisations.organisation_created, {"organisation_id": BAYSIDE[0]}, organisation=BAYSIDE)
    configure(portals, 1)
    public = portals.call(contract.get_public_portal, organisation="harbor", portal="provider")
    assert public == {
        "portal": "provider",
        "kind": "provider",
        "realm": "provider",
        "name": "Partners",
        "colour": "#fff",
        "logout_address": None,
        "sign_in": {"instructions": None, "links": {}},
        "no_permission": {"heading": None, "text": None},
        "logo": None,
        "welcome_image": None,
    }
    other = portals.call(contract.get_public_portal, organisation="bayside", portal="provider")
    assert other["name"] == "Provider Portal"


def test_an_unknown_organisation_has_no_log_in_page(portals: InProcess) -> None:
    with pytest.raises(Refused) as refusal:
        portals.call(contract.get_public_portal, organisation="nowhere", portal="provider")
    assert refusal.value.code == "not_found"


def test_an_organisation_told_of_twice_is_kept_once(portals: InProcess) -> None:
    for _ in range(2):
        portals.deliver(organisations.organisation_created, {"organisation_id": HARBOR[0]})
    public = portals.call(contract.get_public_portal, organisation="harbor", portal="provider")
    assert public["portal"] == "provider"


@pytest.mark.seed("S2-62")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_of_several_changes_at_once_exactly_one_wins(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/y.db" if kind == "sqlite" else request.getfixturevalue("new_postgres_url")
    process = InProcess("portals", url, tmp_path)
    for version in range(1, 6):  # the first change makes the row, the later ones find it
        assert sorted(changed_at_once(process, version)) == ["changed", *["version_conflict"] * 5]
        assert shown(process)["version"] == version + 1
    process.close()


def changed_at_once(process: InProcess, version: int) -> list[str]:
    """The answers to six people who change the same version at the same moment."""
    outcomes: list[str] = []
    together = threading.Barrier(6)

    def attempt(number: int) -> None:
        together.wait(10)
        try:
            configure(process, version, name=f"Portal {number}")
            outcomes.append("changed")
        except Refused as refusal:
            outcomes.append(refusal.code)

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


@pytest.mark.seed("S2-38")
def test_messages_learn_what_the_first_portal_of_a_realm_calls_itself_and_the_product(
    portals: InProcess,
) -> None:
    notifications = a_service("notifications")

    def named(realm: str, *languages: str) -> Any:
        request = {"realm": realm, "languages": list(languages)}
        return portals.call(contract.describe_portal_names, notifications, **request)

    assert named("employee") == {"name": "Employee Portal", "product_name": "Portico"}
    changed = {"product_name": {"en": "HarborCare", "es": "Cuidado"}}
    portals.call(contract.change_portal_content, ADMIN, portal="employee", version=1, **changed)
    assert named("employee", "es")["product_name"] == "Cuidado"
    assert named("employee", "en")["product_name"] == "HarborCare"
    # Of another kind or by its suffix later, a portal is not the first; nor is one that is off.
    portals.call(definitions.create_portal, ADMIN, portal="a-team", kind="supervisor")
    portals.call(definitions.change_portal, ADMIN, portal="a-team", version=1, is_enabled=True)
    portals.call(contract.change_portal_content, ADMIN, portal="a-team", version=1, product_name="Team")
    assert named("employee", "en")["product_name"] == "HarborCare"
    portals.call(definitions.change_portal, ADMIN, portal="employee", version=1, is_enabled=False)
    assert named("employee") == {"name": "Supervisor Portal", "product_name": "Team"}
    portals.call(definitions.change_portal, ADMIN, portal="a-team", version=2, is_enabled=False)
    assert named("employee") == {"name": "Supervisor Portal", "product_name": "Portico"}
    portals.call(definitions.change_portal, ADMIN, portal="family", version=1, is_enabled=False)
    with pytest.raises(Refused) as refused:
        named("family")
    assert (refused.value.code, refused.value.field) == ("not_found", "realm")
    with pytest.raises(Refused) as refused:
        portals.call(contract.describe_portal_names, a_service("signing"), realm="family")
    assert refused.value.code == "forbidden"
