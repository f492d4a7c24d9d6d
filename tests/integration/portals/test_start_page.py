"""The start page of a portal for one person, in process on real databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.portals import configuration, consents, definitions
from services.contracts.portals import start_page as contract
from services.portals.start_page.queries import next_step
from tests.integration.portals.test_published_items import EMPLOYEE, OTHER, PERSON, portals, publish
from tests.support.in_process import InProcess, a_caller

__all__ = ["portals"]  # the fixture
ADMIN = a_caller("portal.configure", "consent.manage", "portal.manage_chart_tabs", id="9" * 32)
SUPERVISOR = a_caller(
    realm="employee",
    id="d" * 32,
    scope={
        "person_id": "4" * 32,
        "profiles": [
            {"person_id": each, "role": "supervisor", "permissions": []} for each in (PERSON, OTHER)
        ],
    },
)


def start(portals: InProcess, caller: Caller = EMPLOYEE, portal: str = "employee", *languages: str) -> Any:
    return portals.call(contract.get_portal_start, caller, portal=portal, languages=list(languages))


def change(portals: InProcess, portal: str = "employee", **content: Any) -> None:
    now = portals.call(configuration.get_portal_content, ADMIN, portal=portal)["version"]
    portals.call(configuration.change_portal_content, ADMIN, version=now, portal=portal, **content)


def test_it_has_the_whole_home_with_terms_and_nothing_that_waits(portals: InProcess) -> None:
    own = {"patient": {"singular": {"en": "client", "es": "cliente"}}, "portal": {"singular": "desk"}}
    change(portals, terms=own)
    shown = start(portals)
    home = portals.call(configuration.get_portal_home, EMPLOYEE, portal="employee")
    assert {name: shown[name] for name in home} == home
    assert shown["terms"] == {
        "patient": {"singular": "client", "plural": "clients"},
        "employer": {"singular": "employer", "plural": "employers"},
        "applicant": {"singular": "applicant", "plural": "applicants"},
        "supervisor": {"singular": "supervisor", "plural": "supervisors"},
        "portal": {"singular": "desk", "plural": "desks"},
    }
    in_spanish = start(portals, EMPLOYEE, "employee", "es")["terms"]
    assert in_spanish["patient"]["singular"] == "cliente"
    assert in_spanish["applicant"] == {"singular": "solicitante", "plural": "solicitantes"}
    assert (shown["consents_due"], shown["next_step"], shown["team"]) == (0, None, None)
    assert set(shown["waiting"].values()) == {0}


@pytest.mark.seed("S2-40")
def test_while_consents_are_due_it_says_so_and_shows_nothing_else(portals: InProcess) -> None:
    change(portals, resources=[{"title": "Panel", "links": []}], support=[{"name": "Nurse line"}])
    made = portals.call(consents.create_consent, ADMIN, title="Data", text="We keep it.")
    portals.call(consents.require_consents, ADMIN, portal="employee", consent_ids=[made["id"]])
    due = replace(EMPLOYEE, consents_due=True)
    shown = start(portals, due)
    assert (shown["consents_due"], shown["next_step"]) == (1, contract.SIGN_CONSENTS)
    for name in ("modules", "ticker", "resources", "support"):
        assert shown[name] == [], name
    assert shown["name"] == "Employee Portal", "whose page it is can be seen"
    with pytest.raises(Refused, match="consents_due"):
        portals.call(configuration.get_portal_home, due, portal="employee")
    given = {"consent_id": made["id"], "text_version": 1, "text_hash": made["text_hashes"]["en"]}
    signature = {"answer": "agree", "typed_name": "Ana", "is_ticked": True}
    portals.call(consents.sign_consent, due, **given, **signature)
    after = start(portals)
    assert (after["consents_due"], after["next_step"]) == (0, None)
    assert after["modules"]
    assert after["support"]


@pytest.mark.seed("S2-11", "S2-14")
def test_a_supervisor_sees_how_the_team_stands_where_the_portal_shows_it_and_it_is_audited(
    portals: InProcess,
) -> None:
    publish(portals, "work_status", {"status": "off_work"})
    publish(portals, "work_status", {"status": "full_duty"}, person_id=OTHER)
    for panel in ("Hearing", "Silica"):
        publish(portals, "surveillance", {"panel": panel, "status": "overdue"})
    publish(portals, "surveillance", {"panel": "Hearing", "status": "current"}, person_id=OTHER)

    def team() -> Any:
        return start(portals, SUPERVISOR, "supervisor")["team"]

    status = {"full_duty": 1, "restricted_duty": 0, "off_work": 1}
    assert team() == {"employees": 2, **status, "surveillance_due": None}
    assert {row.facts["person_id"] for row in portals.audit("team.read")} == {PERSON, OTHER}
    change(portals, "supervisor", modules=[{"code": "health_surveillance"}])
    assert team() == {"employees": 2, **dict.fromkeys(status), "surveillance_due": 1}
    assert start(portals, SUPERVISOR, "employee")["team"] is None
    with pytest.raises(Refused, match="not_found"):
        start(portals, EMPLOYEE, "supervisor")


def test_a_large_page_is_not_written_anew_at_every_read(
    portals: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = {"title": "Link", "url": "https://health.example.org"}
    change(portals, resources=[{"title": f"Panel {at}", "links": [link]} for at in range(300)])
    first = start(portals)
    for reply in (contract.get_portal_start.reply, configuration.get_portal_home.reply):
        monkeypatch.setattr(reply, "dump", lambda _: pytest.fail("the page was dumped again"))
    assert start(portals) == first


def test_a_portal_that_is_off_has_no_start_page(portals: InProcess) -> None:
    portals.call(definitions.change_portal, ADMIN, version=1, portal="employee", is_enabled=False)
    with pytest.raises(Refused, match="not_found"):
        start(portals)


@pytest.mark.parametrize(
    ("waiting", "due", "step"),
    [
        ({}, 0, None),
        ({"due_appointments": 1}, 0, contract.BOOK_APPOINTMENTS),
        ({"due_appointments": 1, "open_reviews": 1}, 0, contract.REVIEW_ANSWERS),
        ({"begun_questionnaires": 1, "open_reviews": 1}, 0, contract.FINISH_QUESTIONNAIRES),
        ({"begun_questionnaires": 1, "asked_questionnaires": 2}, 0, contract.ANSWER_QUESTIONNAIRES),
        ({"unread_messages": 3, "asked_questionnaires": 2}, 0, contract.READ_MESSAGES),
        ({"unread_messages": 3}, 1, contract.SIGN_CONSENTS),
    ],
)
def test_the_next_step_is_the_first_of_what_waits(
    waiting: dict[str, int], due: int, step: str | None
) -> None:
    assert next_step(due, waiting) == step


def test_a_large_team_costs_a_start_page_no_more_statements(portals: InProcess) -> None:
    """The bar of the page is 15 ms in the service: that the team was read is one statement, whoever belongs to it."""
    change(portals, "supervisor", modules=[{"code": "work_status"}, {"code": "health_surveillance"}])
    team = [{"person_id": f"{number:032x}", "role": "supervisor", "permissions": []} for number in range(20)]
    statements: list[str] = []

    def count(of: Caller) -> int:
        start(portals, of, "supervisor")  # what is kept of the page is made
        statements.clear()
        start(portals, of, "supervisor")
        return len(statements)

    event.listen(portals.database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    large = replace(SUPERVISOR, scope={**SUPERVISOR.scope, "profiles": team})
    assert count(large) == count(SUPERVISOR) <= 12
    assert {row.facts["person_id"] for row in portals.audit("team.read")} >= {
        each["person_id"] for each in team
    }
