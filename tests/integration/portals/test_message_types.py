"""Message types in process: what every organisation has, what it changes, and what portals send and receive."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.portals import configuration, drafts, inbox, messages
from services.contracts.portals import message_types as contract
from tests.support.in_process import BAYSIDE, a_caller
from tests.support.portal_desk import ANA, EVE, STAFF, PortalDesk, a_person

VIEWER = a_caller("portal.view_preliminary_documents")
MANAGER = a_caller("portal.view_preliminary_documents", "portal.manage_chart_tabs")
ELSEWHERE = a_caller("portal.view_preliminary_documents", organisation=BAYSIDE)
DEFAULT = [
    "my_medical_information",
    "request_an_appointment",
    "travel_questionnaire",
    "ask_a_clinical_question",
    "request_an_accommodation",
    "report_injury_or_illness",
]
NAMES = [
    "My Medical Information",
    "Request an Appointment",
    "Travel Questionnaire",
    "Ask a Clinical Question",
    "Request an Accommodation",
    "Report Injury or Illness",
]
WORKER = a_person(EVE, realm="employee", id="f" * 32)
TEAM = {"person_id": EVE, "role": "supervisor", "permissions": []}
SUPERVISOR = a_person(ANA, realm="employee", id="e" * 32, scope={"profiles": [TEAM]})
OWN_TYPE = {
    "name": "Parking",
    "item_kind": "request",
    "department": "Facilities",
    "sent_from": ["employee", "supervisor"],
    "is_received": True,
    "is_enabled": True,
}


def codes(types: list[Any]) -> list[str]:
    return [each["code"] for each in types]


def choice(desk: PortalDesk, portal: str = "employee") -> Any:
    return desk(contract.get_portal_message_types, VIEWER, portal=portal)


def choose(desk: PortalDesk, portal: str = "employee", **lists: list[str]) -> Any:
    now = choice(desk, portal)
    request = {name: codes(now[name]) for name in ("sending", "receiving")} | lists
    return desk(
        contract.choose_portal_message_types, MANAGER, portal=portal, version=now["version"], **request
    )


def offered(desk: PortalDesk, caller: Any = WORKER, portal: str = "employee") -> list[str]:
    return codes(desk(inbox.get_writing_rules, caller, portal=portal)["types"])


def change(desk: PortalDesk, code: str, **changes: Any) -> Any:
    now = desk(contract.get_message_type, VIEWER, code=code)
    members = {name: value for name, value in now.items() if name not in ("code", "version")}
    return desk(
        contract.change_message_type, MANAGER, code=code, version=now["version"], **(members | changes)
    )


@pytest.mark.seed("S2-78")
@pytest.mark.seed("S2-134")
def test_an_employee_may_send_six_types_until_somebody_chooses(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    sending = choice(desk)["sending"]
    assert (codes(sending), [each["name"] for each in sending]) == (DEFAULT, NAMES)
    assert offered(desk) == DEFAULT
    for code in DEFAULT:
        desk(inbox.send_my_message, WORKER, portal="employee", type=code, text="Please")
    other = {"portal": "employee", "type": "refill_request", "text": "Please"}
    assert desk.refused(lambda: desk(inbox.send_my_message, WORKER, **other)) == (
        "message_type_not_offered",
        "type",
    )
    assert desk.refused(lambda: desk(inbox.get_writing_rules, WORKER, portal="patient"))[0] == "not_found"
    assert "refill_request" in offered(desk, a_person(), "patient")


@pytest.mark.seed("S2-79")
def test_a_type_is_taken_off_a_portal_and_added_back(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    fewer = [each for each in DEFAULT if each != "travel_questionnaire"]
    chosen = choose(desk, sending=fewer)
    assert (codes(chosen["sending"]), chosen["version"]) == (fewer, 2)
    assert offered(desk) == fewer
    assert "travel_questionnaire" in codes(chosen["can_be_sent"])
    trip = {"portal": "employee", "type": "travel_questionnaire", "text": "Peru"}
    assert desk.refused(lambda: desk(inbox.send_my_message, WORKER, **trip))[0] == "message_type_not_offered"
    assert (
        codes(choose(desk, sending=[*fewer, "travel_questionnaire"])["sending"])[-1] == "travel_questionnaire"
    )
    assert desk(inbox.send_my_message, WORKER, **trip)["type"] == "travel_questionnaire"
    stale = {"portal": "employee", "version": 1, "sending": [], "receiving": []}
    assert (
        desk.refused(lambda: desk(contract.choose_portal_message_types, MANAGER, **stale))[0]
        == "version_conflict"
    )
    wrong = ["refill_request", "nothing_such", DEFAULT[0], DEFAULT[0]]
    problems = desk.refused(lambda: choose(desk, sending=wrong, receiving=["request_an_appointment"]))
    assert problems == ("invalid_request", "sending.0")
    assert [each["portal"] for each in desk.events(contract.portal_message_types_chosen)] == ["employee"] * 2


@pytest.mark.seed("S2-94")
def test_a_supervisor_portal_has_types_of_its_own(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    request = {"portal": "supervisor", "text": "Please"}
    # Not one of the modules that it has from the start: without it nothing is offered or sent.
    ask = {"type": "report_injury_or_illness", **request}
    assert offered(desk, SUPERVISOR, "supervisor") == []
    assert (
        desk.refused(lambda: desk(inbox.send_my_message, SUPERVISOR, **ask))[0] == "message_type_not_offered"
    )
    designer = a_caller("portal.configure")
    now = desk(configuration.get_portal_content, designer, portal="supervisor")["version"]
    modules = {"modules": [{"code": "send_message"}], "version": now}
    desk(configuration.change_portal_content, designer, portal="supervisor", **modules)
    usual = offered(desk, SUPERVISOR, "supervisor")
    assert usual == ["request_an_appointment", "request_an_accommodation", "report_injury_or_illness"]
    choose(desk, "supervisor", sending=["report_injury_or_illness"])
    assert offered(desk, SUPERVISOR, "supervisor") == ["report_injury_or_illness"]
    assert offered(desk) == DEFAULT
    sent = desk(inbox.send_my_message, SUPERVISOR, type="report_injury_or_illness", **request)
    assert sent["type_name"] == "Report Injury or Illness"
    refused = desk.refused(
        lambda: desk(inbox.send_my_message, SUPERVISOR, type="request_an_appointment", **request)
    )
    assert refused[0] == "message_type_not_offered"
    choose(desk, "supervisor", sending=["request_an_appointment", "report_injury_or_illness"])
    assert desk(inbox.send_my_message, SUPERVISOR, type="request_an_appointment", **request)
    _its_module_has_words_of_its_own(desk)


def _its_module_has_words_of_its_own(desk: PortalDesk) -> None:
    """A name of at most 60 characters, a header and instructions."""
    words = {"name": "N" * 60, "header": "Ask occupational health", "instructions": "Say which employee."}
    designer = a_caller("portal.configure")

    def save(**changed: str) -> Any:
        modules = [{"code": "send_message", **words, **changed}]
        return desk(
            configuration.change_portal_content, designer, portal="supervisor", version=2, modules=modules
        )

    assert desk.refused(lambda: save(name="N" * 61)) == ("invalid_request", "modules.0.name")
    save()
    (shown,) = desk(configuration.get_portal_home, SUPERVISOR, portal="supervisor")["modules"]
    assert {name: shown[name] for name in words} == words


@pytest.mark.seed("S2-50")
def test_one_permission_sees_what_may_be_received_and_another_configures_it(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    usual = ["travel_questionnaire", "ask_a_clinical_question", "general_message"]
    assert codes(choice(desk, "patient")["receiving"]) == usual
    for caller in (STAFF, a_caller("portal.manage_chart_tabs"), a_person()):
        seen = desk.refused(lambda caller=caller: desk(contract.list_message_types, caller))
        assert seen[0] == "forbidden"
    request = {"portal": "patient", "version": 1, "sending": [], "receiving": ["general_message"]}
    assert (
        desk.refused(lambda: desk(contract.choose_portal_message_types, VIEWER, **request))[0] == "forbidden"
    )
    question = {"person_id": ANA, "type": "ask_a_clinical_question", "text": "How are you?"}
    assert desk(messages.start_message, **question)["type"] == "ask_a_clinical_question"
    for portal in ("patient", "family", "employee", "supervisor"):
        choose(desk, portal, receiving=["general_message"])
    assert desk.refused(lambda: desk(messages.start_message, **question)) == (
        "message_type_not_offered",
        "type",
    )
    assert desk(messages.start_message, person_id=ANA, text="Hello")["type"] == "general_message"


@pytest.mark.seed("S2-20")
@pytest.mark.seed("S2-68")
def test_a_type_that_is_switched_off_is_offered_by_no_portal(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    asked = {"portal": "employee", "type": "request_an_appointment", "text": "Monday"}
    assert desk(inbox.send_my_message, WORKER, **asked)["state"] == "received"
    off = change(desk, "request_an_appointment", is_enabled=False)
    assert (off["is_enabled"], off["version"]) == (False, 2)
    assert "request_an_appointment" not in offered(desk)
    assert desk.refused(lambda: desk(inbox.send_my_message, WORKER, **asked))[0] == "message_type_not_offered"
    assert len(desk.queue()) == 1, "what was sent before stays"
    change(desk, "request_an_appointment", is_enabled=True, name="Ask for a visit")
    assert desk(inbox.send_my_message, WORKER, **asked)["type_name"] == "Ask for a visit"
    assert desk.events(contract.message_type_changed)[0]["type"] == "request_an_appointment"


@pytest.mark.seed("S2-68")
def test_a_draft_by_which_people_ask_for_appointments_needs_the_message_type(portal_desk: PortalDesk) -> None:
    desk, designer = portal_desk, a_caller("portal.configure")
    asking = [{"code": "my_appointments"}]

    def drafted(modules: list[dict[str, Any]], portal: str = "employee") -> Any:
        version = desk(drafts.get_portal_draft, designer, portal=portal)["version"]
        given = {"portal": portal, "version": version, "modules": modules}
        return desk(drafts.change_portal_draft, designer, **given)

    assert drafted(asking)["warnings"] == []
    change(desk, "request_an_appointment", is_enabled=False)
    draft = drafted(asking)
    path = "modules.0.appointments.booking_mode"
    assert [each["path"] for each in draft["warnings"]] == [path]
    publish = {"portal": "employee", "version": draft["version"]}
    refused = desk.refused(lambda: desk(drafts.publish_portal_draft, designer, **publish))
    assert refused == ("invalid_request", path)
    shown = desk(configuration.get_portal_content, designer, portal="employee")["version"]
    at_once = {"portal": "employee", "version": shown, "modules": asking}
    refused = desk.refused(lambda: desk(configuration.change_portal_content, designer, **at_once))
    assert refused == ("invalid_request", path), "what is published at once needs it, too"
    for_team = drafted([{"code": "supervisor_scheduling"}], "supervisor")
    assert [each["path"] for each in for_team["warnings"]] == ["modules.0.code"]
    other = drafted([{"code": "my_appointments", "appointments": {"booking_mode": "none"}}])
    assert other["warnings"] == []
    desk(drafts.publish_portal_draft, designer, portal="employee", version=other["version"])


def test_an_organisation_adds_types_of_its_own(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    made = desk(contract.create_message_type, MANAGER, code="parking", **OWN_TYPE)
    assert (made["version"], made["service_hours"], made["helper_action"]) == (1, 72, "none")
    taken = ("message_type_taken", "code")
    for code in ("parking", "refill_request"):
        request = OWN_TYPE | {"code": code}
        assert (
            desk.refused(lambda request=request: desk(contract.create_message_type, MANAGER, **request))
            == taken
        )
    assert "parking" not in offered(desk)
    choose(desk, sending=["parking"])
    desk(inbox.send_my_message, WORKER, portal="employee", type="parking", text="A space")
    assert desk.queue(department="Facilities")
    assert "parking" in codes(desk(contract.list_message_types, VIEWER)["items"])
    assert "parking" not in codes(desk(contract.list_message_types, ELSEWHERE)["items"])
    assert desk.refused(lambda: desk(contract.get_message_type, ELSEWHERE, code="parking"))[0] == "not_found"
    unknown = {"portal": "nowhere"}
    assert desk.refused(lambda: desk(contract.get_portal_message_types, VIEWER, **unknown))[0] == "not_found"
    assert desk(configuration.list_my_portals, WORKER)["items"]
