"""Drafts of portals, in process: editing, the sample, publishing, versions, files."""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.identity import organisations
from services.contracts.portals import configuration, definitions
from services.contracts.portals import drafts as contract
from tests.support.in_process import BAYSIDE, HARBOR, InProcess, a_caller

ADMIN = a_caller("portal.configure", "portal.manage_chart_tabs")
SECOND = a_caller("portal.configure", "portal.manage_chart_tabs", id="e" * 32)
TEAM = [{"person_id": "e" * 32, "role": "supervisor", "permissions": []}]
EMPLOYEE = a_caller(realm="employee", id="d" * 32, scope={"profiles": TEAM})
NOON = datetime.datetime(2026, 3, 2, 12, 0, tzinfo=datetime.UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[InProcess]:
    """The service on either database."""
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/y.db" if is_sqlite else request.getfixturevalue("new_postgres_url")
    process = InProcess("portals", url, tmp_path)
    yield process
    process.close()


@pytest.fixture
def portals(tmp_path: Path) -> Iterator[InProcess]:
    process = InProcess("portals", f"sqlite:///{tmp_path}/portals.db", tmp_path)
    yield process
    process.close()


def draft(portals: InProcess, caller: Caller = ADMIN, portal: str = "employee") -> Any:
    return portals.call(contract.get_portal_draft, caller, portal=portal)


def change(portals: InProcess, caller: Caller = ADMIN, portal: str = "employee", **changes: Any) -> Any:
    version = draft(portals, caller, portal)["version"]
    return portals.call(contract.change_portal_draft, caller, version=version, portal=portal, **changes)


def publish(portals: InProcess, caller: Caller = ADMIN, at: Any = None, portal: str = "employee") -> Any:
    version = draft(portals, caller, portal)["version"]
    request = {"portal": portal, "publish_at": at.isoformat() if at else None}
    return portals.call(contract.publish_portal_draft, caller, version=version, **request)


def cancel(portals: InProcess, caller: Caller = ADMIN) -> Any:
    version = draft(portals)["version"]
    return portals.call(contract.cancel_publication, caller, version=version, portal="employee")


def home(portals: InProcess, portal: str = "employee", *languages: str) -> Any:
    return portals.call(configuration.get_portal_home, EMPLOYEE, portal=portal, languages=list(languages))


def sample(portals: InProcess, portal: str = "employee", *languages: str) -> Any:
    return portals.call(contract.get_portal_sample, ADMIN, portal=portal, languages=list(languages))


def versions(portals: InProcess, **more: Any) -> Any:
    return portals.call(contract.list_portal_versions, ADMIN, portal="employee", **more)


def code_of(work: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(Refused) as refused:
        work(*arguments, **named)
    return refused.value.code


FIELDS: dict[str, Any] = {
    "name": "North Portal",
    "colour": "#123456",
    "ticker": [{"text": "**Closed** on Monday"}],
    "product_name": "North Health",
    "description": "For each patient.",
    "terms": {"patient": {"singular": "colleague"}},
    "columns": 3,
    "modules": [{"code": "support", "name": "Ask us", "tab_colour": "#146c43"}],
    "support": [{"name": "Nurse line"}],
    "resources": [{"title": "Guides", "links": [{"title": "Lifting", "url": "https://a.example"}]}],
    "labels": {"news": "Notices"},
    "has_message_center": False,
    "editable_sections": ["allergies"],
}


@pytest.mark.seed("S2-47")
def test_a_sample_shows_the_unsaved_configuration_exactly_as_it_will_be_shown(both: InProcess) -> None:
    before = home(both)
    assert sample(both) == before
    changed = change(both, **FIELDS)
    assert changed["is_drafted"]
    shown = sample(both)
    assert home(both) == before  # nobody else sees it
    assert shown["name"] == "North Portal"
    assert shown["description"] == "For each colleague."
    assert shown["modules"][0]["tab_colour"] == "#146c43"
    assert shown["labels"] == {"news": "Notices"}
    assert shown["ticker"][0]["html"] == "<strong>Closed</strong> on Monday"
    assert publish(both)["number"] == 2
    assert home(both) == shown
    assert not draft(both)["is_drafted"]
    for stranger in (EMPLOYEE, a_caller()):
        request = {"portal": "employee", "languages": []}
        assert code_of(both.call, contract.get_portal_sample, stranger, **request) == "forbidden"


@pytest.mark.seed("S2-45")
def test_each_portal_has_a_draft_of_its_own(portals: InProcess) -> None:
    change(portals, product_name="Employees")
    change(portals, portal="supervisor", product_name="Supervisors")
    change(portals, portal="applicant", product_name="Applicants")
    publish(portals, portal="supervisor")
    assert home(portals)["product_name"] == "Portico"
    assert home(portals, "supervisor")["product_name"] == "Supervisors"
    drafted = {each: draft(portals, portal=each) for each in ("employee", "supervisor", "applicant")}
    assert [each["product_name"] for each in drafted.values()] == ["Employees", "Supervisors", "Applicants"]
    assert [each["is_drafted"] for each in drafted.values()] == [True, False, True]
    # Another organisation has drafts of its own.
    assert not draft(portals, a_caller("portal.configure", "portal.manage_chart_tabs", organisation=BAYSIDE))[
        "is_drafted"
    ]


def test_a_draft_tells_how_it_differs_and_which_colours_are_hard_to_read(portals: InProcess) -> None:
    change(portals, name="Portal", ticker=[{"text": "One"}])
    publish(portals)
    told = change(
        portals,
        name={"en": "Portal", "es": "Puerta"},
        colour="#FFEE00",
        ticker=[],
        modules=[{"code": "support", "tab_colour": "#ffff00"}],
        support=[{"name": "Nurse"}],
    )
    found = {each["path"]: (each["before"], each["after"]) for each in told["differences"]}
    assert found["colour"] == ("#1a5fb4", "#ffee00")
    assert found["ticker.0.text"] == ("One", None)
    assert found["name.es"] == (None, "Puerta")
    assert found["support.0.name"] == (None, "Nurse")
    assert found["modules.0.code"] == ("my_appointments", "support")
    assert "terms" not in found
    assert [each["path"] for each in told["warnings"]] == ["colour", "modules.0.tab_colour"]
    assert "1.2 to 1" in told["warnings"][0]["text"]
    version = told["version"]
    gone = portals.call(contract.discard_portal_draft, ADMIN, version=version, portal="employee")
    assert (gone["differences"], gone["warnings"], gone["is_drafted"]) == ([], [], False)


def test_of_two_editors_the_second_is_told_and_loses_nothing(both: InProcess) -> None:
    version = draft(both)["version"]
    outcomes: list[str] = []
    together = threading.Barrier(4)

    def edit(number: int) -> None:
        together.wait(10)
        try:
            request = {"portal": "employee", "product_name": f"Editor {number}"}
            both.call(contract.change_portal_draft, ADMIN, version=version, **request)
            outcomes.append("changed")
        except Refused as refusal:
            outcomes.append(refusal.code)

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["changed", *["version_conflict"] * 3]
    # What was published and drafted anew is another draft, also if it was changed as often.
    seen = draft(both)["version"]
    publish(both)
    change(both, description="Anew")
    request = {"portal": "employee", "description": "Late"}
    assert (
        code_of(both.call, contract.change_portal_draft, ADMIN, version=seen, **request) == "version_conflict"
    )
    assert draft(both)["description"] == "Anew"


def test_every_earlier_version_is_kept_and_can_be_taken_back(portals: InProcess) -> None:
    for number in range(2, 5):
        change(portals, product_name=f"Version {number}")
        assert publish(portals)["number"] == number
    listed = versions(portals, limit=2)
    assert [(each["number"], each["is_shown"]) for each in listed["items"]] == [(4, True), (3, False)]
    assert listed["items"][0]["published_by"] == ADMIN.id
    assert [each["number"] for each in versions(portals, after=listed["next"])["items"]] == [2]

    def restore(number: int) -> Any:
        request = {"version": draft(portals)["version"], "portal": "employee", "number": number}
        return portals.call(contract.restore_portal_version, ADMIN, **request)

    assert restore(2)["product_name"] == "Version 2"
    assert home(portals)["product_name"] == "Version 4"
    assert publish(portals)["number"] == 5
    assert home(portals)["product_name"] == "Version 2"
    assert restore(1)["product_name"] is None  # the default
    assert code_of(restore, 99) == "not_found"


def test_a_publication_waits_for_its_time_and_can_be_taken_back(portals: InProcess) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        change(portals, product_name="Later")
        assert code_of(publish, portals, at=NOON - datetime.timedelta(hours=1)) == "invalid_request"
        waiting = publish(portals, at=NOON + datetime.timedelta(hours=1))
        assert (waiting["is_shown"], waiting["is_scheduled"]) == (False, True)
        assert home(portals)["product_name"] == "Portico"
        assert draft(portals)["scheduled"]["number"] == 2
        change(portals, columns=4)
        assert code_of(publish, portals) == "publication_scheduled"
        cancel(portals)
        assert draft(portals)["product_name"] == "Later"  # what is drafted builds on it
        assert code_of(cancel, portals) == "not_found"
        publish(portals, at=NOON + datetime.timedelta(hours=2))
        clock.move_to(NOON + datetime.timedelta(hours=2))
        shown = home(portals)
        assert (shown["product_name"], shown["columns"]) == ("Later", 4)
        assert draft(portals)["scheduled"] is None


def test_a_second_person_publishes_where_the_portal_needs_it(portals: InProcess) -> None:
    def settings(caller: Caller, *, needed: bool) -> Any:
        version = portals.call(definitions.describe_portal, ADMIN, portal="employee")["version"]
        request = {"portal": "employee", "needs_approval": needed}
        return portals.call(definitions.change_portal, caller, version=version, **request)

    settings(ADMIN, needed=True)
    change(portals, product_name="First")
    assert not draft(portals)["may_publish"]
    assert code_of(publish, portals) == "approval_required"
    request = {"version": 1, "portal": "employee", "columns": 1}
    assert code_of(portals.call, configuration.change_portal_content, ADMIN, **request) == "approval_required"
    assert code_of(settings, ADMIN, needed=False) == "forbidden"
    change(portals, SECOND, columns=3)  # who changes it has written it, too
    assert code_of(publish, portals, SECOND) == "approval_required"
    third = a_caller("portal.configure", "portal.manage_chart_tabs", id="f" * 32)
    assert draft(portals, third)["may_publish"]
    publish(portals, third)
    assert home(portals)["product_name"] == "First"
    change(portals, product_name="Next")
    publish(portals, SECOND)  # has not changed this draft
    # What is taken back before its time is the draft of those who have drafted it, whoever takes it back.
    change(portals, product_name="Later")
    publish(portals, SECOND, at=datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1))
    cancel(portals, third)
    assert draft(portals)["product_name"] == "Later"
    assert code_of(publish, portals) == "approval_required"
    assert code_of(publish, portals, third) == "approval_required"
    publish(portals, SECOND)
    manager = a_caller("portal.configure", "portal.manage_chart_tabs", "organisation.manage")
    assert settings(manager, needed=False)["needs_approval"] is False


def test_nothing_is_published_where_nothing_is_drafted(portals: InProcess) -> None:
    assert code_of(publish, portals) == "nothing_to_publish"


def test_what_is_exported_and_imported_is_identical(both: InProcess) -> None:
    later = {"from_at": "2026-01-01T10:00:00+01:00", "until_at": "2027-01-01T00:00:00Z"}
    own = {**FIELDS, "description": {"en": "For all", "es": "Para todos"}}
    change(both, **{**own, "ticker": [{"text": "*News*", **later}, {"text": {"de": "Neu"}}]})
    exported = both.call(contract.export_portal, ADMIN, portal="employee")
    both.call(definitions.create_portal, ADMIN, portal="north", kind="employee")

    def take(file: Any, portal: str = "north") -> Any:
        content = file if isinstance(file, bytes) else json.dumps(file).encode()
        version = draft(both, portal=portal)["version"]
        request = {"portal": portal, "document": both.upload(content)}
        return both.call(contract.import_portal, ADMIN, version=version, **request)

    taken = take(exported)
    assert taken["is_drafted"]
    assert both.call(contract.export_portal, ADMIN, portal="north") == exported
    assert {**sample(both, "north"), "portal": "employee"} == sample(both)
    for wrong in (b"not JSON", b"[]", b"{}", {**exported, "format": "other"}, {**exported, "kind": "family"}):
        assert code_of(take, wrong) == "invalid_request"
    # Half of a surrogate pair, in a text or in a name, is nothing that can be kept; it is told where it stands.
    halves = {
        "document.settings.product_name": {"product_name": "\ud800"},
        "document.settings": {"\ud800": 1},
    }
    for path, half in halves.items():
        with pytest.raises(Refused) as refused:
            take({**exported, "settings": {**exported["settings"], **half}})
        assert [each["field"] for each in refused.value.more["errors"]] == [path]
    bad = {"columns": 9, "product_name": "n" * 26, "modules": [{"code": "orders"}], "surprise": 1}
    with pytest.raises(Refused) as refused:
        take({**exported, "settings": {**exported["settings"], **bad}})
    told = {each["field"] for each in refused.value.more["errors"]}
    assert told == {
        "settings.columns",
        "settings.product_name",
        "settings.modules.0.code",
        "settings.surprise",
    }
    assert both.call(contract.export_portal, ADMIN, portal="north") == exported


def test_a_draft_is_refused_with_every_problem_at_once(portals: InProcess) -> None:
    with pytest.raises(Refused) as refused:
        change(
            portals,
            terms={"patient": {"singular": "[x]", "plural": {"es": "a_b"}}},
            is_single_function=True,
            modules=[{"code": "orders"}, {"code": "support", "header": "H"}],
            ticker=[{"text": "x", "from_at": "2026-02-01T00:00:00Z", "until_at": "2026-01-01T00:00:00Z"}],
        )
    assert {each["field"] for each in refused.value.more["errors"]} == {
        "terms.patient.singular",
        "terms.patient.plural",
        "is_single_function",
        "modules.0.code",
        "modules.1.header",
        "ticker.0.until_at",
    }
    assert not draft(portals)["is_drafted"]


NO_IMAGE = "ab" * 16
# Members that their own type refuses, parts that do not fit together, and what the organisation does not have.
MUCH_THAT_IS_WRONG: dict[str, tuple[Any, dict[str, Any]]] = {
    "name": ("n" * 61, {"name": "n" * 61}),
    "colour": ("blue", {"colour": "blue"}),
    "columns": (9, {"columns": 9}),
    "modules": (
        [
            {"code": "support", "name": "n" * 61, "header": "H"},
            {"code": "orders"},
            {"code": "Not a code"},
            {"code": "my_appointments", "appointments": {"days_past": -1, "lead_days": 61}},
        ],
        {
            "modules.0.name": "n" * 61,
            "modules.0.header": "H",
            "modules.1.code": "orders",
            "modules.2.code": "Not a code",
            "modules.3.appointments.days_past": -1,
            "modules.3.appointments.lead_days": 61,
        },
    ),
    "is_single_function": (True, {"is_single_function": True}),
    "terms": ({"patient": {"singular": "a_b"}}, {"terms.patient.singular": "a_b"}),
    "logout_address": ("https://elsewhere.example", {"logout_address": "https://elsewhere.example"}),
    "logo": (
        {"image_id": NO_IMAGE, "alternative_text": "a" * 201},
        {"logo.image_id": NO_IMAGE, "logo.alternative_text": "a" * 100},
    ),
    "surprise": (1, {"surprise": 1}),
}


def test_what_is_wrong_with_single_members_and_with_the_whole_is_told_at_once_with_its_value(
    both: InProcess,
) -> None:
    given = {name: value for name, (value, _) in MUCH_THAT_IS_WRONG.items()}
    expected = {path: value for _, told in MUCH_THAT_IS_WRONG.values() for path, value in told.items()}
    content = {name: value for name, value in given.items() if name not in ("name", "colour")}

    def told(call: Callable[[], Any]) -> dict[str, Any]:
        with pytest.raises(Refused) as refused:
            call()
        assert all(each["rule"] for each in refused.value.more["errors"])
        return {each["field"]: each["value"] for each in refused.value.more["errors"]}

    assert told(lambda: change(both, **given)) == {path: str_of(value) for path, value in expected.items()}
    direct = configuration.change_portal_content
    of_content = {path: value for path, value in expected.items() if path not in ("name", "colour")}
    assert told(lambda: both.call(direct, ADMIN, version=1, portal="employee", **content)) == {
        path: str_of(value) for path, value in of_content.items()
    }
    exported = both.call(contract.export_portal, ADMIN, portal="employee")
    file = json.dumps({**exported, "settings": given}).encode()
    taken = {"portal": "employee", "document": both.upload(file)}
    assert told(lambda: both.call(contract.import_portal, ADMIN, version=1, **taken)) == {
        f"settings.{path}": str_of(value) for path, value in expected.items()
    }
    assert not draft(both)["is_drafted"]


def str_of(value: Any) -> Any:
    """A value as a refusal tells it: of a long text the beginning."""
    return value[:100] if isinstance(value, str) else value


def test_a_change_that_is_published_at_once_is_in_the_draft_as_well(portals: InProcess) -> None:
    change(portals, product_name="Drafted")
    request = {"version": 1, "portal": "employee", "columns": 4}
    portals.call(configuration.change_portal_content, ADMIN, **request)
    assert (home(portals)["columns"], home(portals)["product_name"]) == (4, "Portico")
    assert (draft(portals)["columns"], draft(portals)["product_name"]) == (4, "Drafted")


def test_who_changes_at_once_what_is_drafted_as_well_has_written_the_draft_too(portals: InProcess) -> None:
    """So that who may publish it alone later has not entered it unseen."""
    change(portals, SECOND, product_name="Drafted")
    assert draft(portals)["may_publish"]
    portals.call(configuration.change_portal_content, ADMIN, version=1, portal="employee", columns=4)
    version = portals.call(definitions.describe_portal, ADMIN, portal="employee")["version"]
    request = {"portal": "employee", "needs_approval": True}
    portals.call(definitions.change_portal, ADMIN, version=version, **request)
    assert code_of(publish, portals) == "approval_required"
    third = a_caller("portal.configure", "portal.manage_chart_tabs", id="f" * 32)
    publish(portals, third)


def test_texts_are_read_in_the_language_of_the_reader_with_a_fallback(portals: InProcess) -> None:
    change(
        portals,
        description={"en": "For each patient", "es": "Para cada paciente"},
        product_name={"en": "Health", "es": "Salud"},
        terms={"patient": {"singular": {"en": "client", "es": "cliente"}}},
        ticker=[{"text": {"es": "*Hoy*", "en": "*Today*"}}],
    )
    for languages, description, product, news in (
        (("es-MX",), "Para cada cliente", "Salud", "<em>Hoy</em>"),
        (("fr", "es"), "Para cada cliente", "Salud", "<em>Hoy</em>"),
        (("fr",), "For each client", "Health", "<em>Today</em>"),
        ((), "For each client", "Health", "<em>Today</em>"),
    ):
        shown = sample(portals, "employee", *languages)
        assert (shown["description"], shown["product_name"]) == (description, product)
        assert shown["ticker"][0]["html"] == news
    with pytest.raises(Refused) as refused:
        change(portals, product_name={"en": "ok", "es": "n" * 26})
    assert refused.value.field == "product_name"


@pytest.mark.seed("S2-132")
def test_signing_out_leads_only_to_a_page_of_a_host_that_the_organisation_allows(portals: InProcess) -> None:
    manager = a_caller("portal.configure", "portal.manage_chart_tabs", "organisation.manage")
    portals.deliver(organisations.organisation_created, {"organisation_id": HARBOR[0]})
    bye = "https://www.harbor.example.org/bye"
    with pytest.raises(Refused) as refused:
        change(portals, logout_address=bye)
    assert refused.value.field == "logout_address"
    request = {"hosts": ["www.harbor.example.org"], "version": 1}
    assert code_of(portals.call, definitions.set_portal_hosts, ADMIN, **request) == "forbidden"
    assert portals.call(definitions.set_portal_hosts, manager, **request)["version"] == 2
    for other in ("https://evil.example/bye", "https://www.harbor.example.org@evil.example/"):
        assert code_of(change, portals, logout_address=other) == "invalid_request"
    change(portals, logout_address=bye)
    publish(portals)
    entrance = {"organisation": "harbor", "portal": "employee", "languages": []}
    assert portals.call(configuration.get_public_portal, **entrance)["logout_address"] == bye
    portals.call(definitions.set_portal_hosts, manager, hosts=[], version=2)
    assert portals.call(configuration.get_public_portal, **entrance)["logout_address"] is None


@pytest.mark.seed("S2-133")
def test_a_portal_of_a_network_is_reached_from_there_alone(portals: InProcess) -> None:
    def set_networks(*networks: str) -> Any:
        version = portals.call(definitions.describe_portal, ADMIN, portal="employee")["version"]
        request = {"portal": "employee", "networks": list(networks)}
        return portals.call(definitions.change_portal, ADMIN, version=version, **request)

    with pytest.raises(Refused) as refused:
        set_networks("192.0.2.0/24", "the office")
    assert refused.value.field == "networks.1"
    set_networks("192.0.2.7/24", "2001:db8::/32")
    request = {"portal": "employee", "languages": []}

    def mine(address: str | None) -> list[str]:
        found = portals.call(configuration.list_my_portals, EMPLOYEE, client_address=address)
        return [each["portal"] for each in found["items"]]

    for within in ("192.0.2.200", "2001:db8::1"):
        portals.call(configuration.get_portal_home, EMPLOYEE, client_address=within, **request)
        assert "employee" in mine(within)
    for outside in ("192.0.3.1", "2001:db9::1", None):
        home_at = (portals.call, configuration.get_portal_home, EMPLOYEE)
        assert code_of(*home_at, client_address=outside, **request) == "not_found"
        assert "employee" not in mine(outside)
    set_networks()
    assert "employee" in mine("192.0.3.1")


@pytest.mark.seed("S2-58")
def test_the_messages_of_the_ticker_need_the_permission_to_manage_chart_tabs(portals: InProcess) -> None:
    configurer = a_caller("portal.configure", id="f" * 32)
    news = [{"text": "Closed"}]

    def refused(call: Callable[[], Any]) -> tuple[str, str | None]:
        with pytest.raises(Refused) as refusal:
            call()
        return refusal.value.code, refusal.value.field

    forbidden = ("forbidden", "ticker")
    assert refused(lambda: change(portals, configurer, ticker=news)) == forbidden
    direct = {"portal": "employee", "name": "Portal", "colour": "#fff"}
    assert (
        refused(
            lambda: portals.call(configuration.configure_portal, configurer, version=1, ticker=news, **direct)
        )
        == forbidden
    )
    assert change(portals, ADMIN, ticker=news)["ticker"][0]["text"] == "Closed"
    # Everything else may be changed, and the messages stay.
    assert len(change(portals, configurer, name="Other", ticker=news)["ticker"]) == 1
    exported = portals.call(contract.export_portal, ADMIN, portal="employee")
    exported["settings"]["ticker"] = []
    file = {"portal": "employee", "document": portals.upload(json.dumps(exported).encode())}
    version = draft(portals)["version"]
    assert (
        refused(lambda: portals.call(contract.import_portal, configurer, version=version, **file))
        == forbidden
    )
    default = {"portal": "employee", "number": 1}
    assert (
        refused(lambda: portals.call(contract.restore_portal_version, configurer, version=version, **default))
        == forbidden
    )
    assert portals.call(contract.import_portal, ADMIN, version=version, **file)["ticker"] == []
