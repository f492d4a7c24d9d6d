"""What a supervisor sees of an employee, in process on real databases."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.passports import Caller
from services.contracts.declare import Operation
from services.contracts.errors import Refused
from services.contracts.portals import configuration, definitions, published_items, supervision
from services.portals.supervision.queries import _seen
from tests.integration.portals.test_published_items import (
    OTHER,
    PERSON,
    SAMPLES,
    STAFF,
    portals,
    publish,
    refusal,
    seen,
)
from tests.support.in_process import InProcess, a_caller

__all__ = ["portals"]  # the fixture
ALL = ["profile.view_documents", "profile.view_vitals", "profile.view_medications"]


def a_supervisor(role: str = "supervisor", realm: str = "employee") -> Caller:
    profile = {"person_id": PERSON, "role": role, "permissions": ALL}
    return a_caller(realm=realm, id="d" * 32, scope={"person_id": OTHER, "profiles": [profile]})


def an_employee() -> Caller:
    own = {"person_id": PERSON, "role": "self", "permissions": ALL}
    return a_caller(realm="employee", id="e" * 32, scope={"person_id": PERSON, "profiles": [own]})


def test_a_supervisor_sees_a_closed_list_of_related_employees_only(portals: InProcess) -> None:
    for kind, values in SAMPLES.items():
        publish(portals, kind, values)
    publish(portals, "case", {"stage": "Closed", "narrative": "fell from a ladder"})
    badge = {"label": "Badge colour", "value": "green"}
    publish(portals, "custom", badge | {"for_supervisors": True})
    publish(portals, "custom", {"label": "Private", "value": "blue"})
    shown = portals.call(supervision.get_employee_items, a_supervisor(), person_id=PERSON)
    period = {"from_on": None, "until_on": None}
    assert shown == {
        "person_id": PERSON,
        "work_status": [{"status": "restricted_duty", **period}],
        "restriction": [{"restriction": "No ladders", **period}],
        "lost_time": [{"days": 3, **period}],
        "surveillance": [{"panel": "Hearing", "status": "due", "next_due_on": None}],
        "case": [{"stage": "Closed"}, {"stage": "Open"}],
        "document": [],  # a supervisor's portal names the types that it shows
        "custom": [badge],  # what was not published for supervisors is not theirs
        "earlier_work_status": [],
    }
    audited = [row for row in portals.audit("items.read") if row.actor_id == a_supervisor().id]
    assert [row.object_id for row in audited] == [PERSON]


def test_who_supervises_somebody_else_or_nobody_sees_nothing(portals: InProcess) -> None:
    publish(portals)

    def look(caller: Caller, person_id: str = PERSON) -> tuple[str, str | None]:
        return refusal(lambda: portals.call(supervision.get_employee_items, caller, person_id=person_id))

    assert look(a_supervisor(), OTHER) == ("not_found", "person_id")
    assert look(a_supervisor(role="self")) == ("not_found", "person_id")
    assert look(a_caller(realm="employee")) == ("not_found", "person_id")
    assert look(a_supervisor(realm="family"))[0] == "forbidden"


def test_a_supervisor_does_not_see_the_record_of_an_employee_whatever_the_role_may(
    portals: InProcess,
) -> None:
    publish(portals, "vital", SAMPLES["vital"])
    assert refusal(lambda: seen(portals, a_supervisor(), person_id=PERSON)) == ("not_found", "person_id")


def test_the_current_work_status_comes_first_and_earlier_ones_are_there_without_their_notes(
    portals: InProcess,
) -> None:
    for status in ("off_work", "restricted_duty", "full_duty"):
        publish(portals, "work_status", {"status": status, "note": "a diagnosis"}, source_reference="w")
    shown = portals.call(supervision.get_employee_items, a_supervisor(), person_id=PERSON)
    assert [each["status"] for each in shown["work_status"]] == ["full_duty"]
    assert [each["status"] for each in shown["earlier_work_status"]] == ["restricted_duty", "off_work"]
    assert "diagnosis" not in str(shown)
    # The employee sees the notes, and a status whose time is over, too; what was withdrawn nobody sees.
    past = "2020-01-01T00:00:00+00:00"
    publish(portals, "work_status", {"status": "restricted_duty"}, valid_until=past)
    wrong = publish(portals, "work_status", {"status": "off_work"}, source_reference="wrong")
    publish(portals, "work_status", {"status": "off_work", "note": "x"}, source_reference="wrong")
    portals.call(published_items.withdraw_item, STAFF, item_id=wrong["id"])
    mine = portals.call(published_items.list_my_earlier_work_status, an_employee())["items"]
    assert [(each["values"]["status"], each["values"]["note"]) for each in mine] == [
        ("restricted_duty", None),
        ("restricted_duty", "a diagnosis"),
        ("off_work", "a diagnosis"),
    ]
    blind = {"person_id": PERSON, "role": "self", "permissions": ["profile.view_vitals"]}
    unseen = a_caller(realm="employee", id="e" * 32, scope={"person_id": PERSON, "profiles": [blind]})
    assert portals.call(published_items.list_my_earlier_work_status, unseen)["items"] == []
    shown = portals.call(supervision.get_employee_items, a_supervisor(), person_id=PERSON)
    assert len(shown["earlier_work_status"]) == 3


def test_a_work_status_that_a_newer_one_has_followed_is_an_earlier_one(portals: InProcess) -> None:
    for status in ("off_work", "restricted_duty", "full_duty"):
        publish(portals, "work_status", {"status": status})  # without an end, and no revision of another
    shown = portals.call(supervision.get_employee_items, a_supervisor(), person_id=PERSON)
    mine = portals.call(published_items.list_my_earlier_work_status, an_employee())["items"]
    assert [each["status"] for each in shown["work_status"]] == ["full_duty"]
    for earlier in (shown["earlier_work_status"], [each["values"] for each in mine]):
        assert [each["status"] for each in earlier] == ["restricted_duty", "off_work"]


@given(
    kind=st.sampled_from(sorted(supervision.SEEN)),
    secret=st.text(min_size=12, alphabet="qxzjkv"),
)
@settings(max_examples=100)
def test_no_member_that_the_view_does_not_name_is_shown(kind: str, secret: str) -> None:
    named = supervision.SEEN[kind]().fields
    values = {
        name: (SAMPLES[kind].get(name) if name in named else secret) for name in published_items.VALUES[kind]
    }
    assert secret not in str(_seen(kind, values))


ADMIN = a_caller("portal.configure", id="9" * 32)


def show_documents(portals: InProcess, portal: str, types: list[str] | None) -> None:
    now = portals.call(configuration.get_portal_content, ADMIN, portal=portal)["version"]
    portals.call(configuration.change_portal_content, ADMIN, version=now, portal=portal, document_types=types)


@pytest.mark.seed("S2-6", "S2-140")
def test_each_portal_shows_documents_of_its_own_types_and_no_others(portals: InProcess) -> None:
    for kind in ("fitness", "lab_letter"):
        publish(portals, "document", {"title": kind, "document_type": kind, "text": "private"})

    def of_employee(**request: Any) -> list[str]:
        return sorted(each["values"]["title"] for each in seen(portals, kind="document", **request))

    def of_supervisor() -> list[Any]:
        return list(
            portals.call(supervision.get_employee_items, a_supervisor(), person_id=PERSON)["document"]
        )

    assert of_employee() == ["fitness", "lab_letter"]
    assert of_supervisor() == []
    show_documents(portals, "employee", ["lab_letter"])
    show_documents(portals, "supervisor", ["fitness"])
    assert of_employee() == ["lab_letter"]
    assert of_employee(portal="employee") == ["lab_letter"]
    assert of_supervisor() == [{"title": "fitness", "document_type": "fitness", "dated_on": None}]
    publish(portals)  # what is no document has no type
    assert {each["kind"] for each in seen(portals)} == {"document", "restriction"}
    show_documents(portals, "employee", [])
    assert of_employee() == []
    show_documents(portals, "employee", None)
    assert of_employee() == ["fitness", "lab_letter"]


@pytest.mark.seed("S2-88")
def test_the_team_is_listed_with_the_current_work_status_of_each(portals: InProcess) -> None:
    team = a_caller(
        realm="employee",
        id="d" * 32,
        scope={
            "profiles": [
                {"person_id": each, "role": "supervisor", "permissions": []} for each in (PERSON, OTHER)
            ]
        },
    )

    def listed(caller: Caller = team) -> dict[str, Any]:
        answer = portals.call(supervision.list_team_work_status, caller)
        return {each["person_id"]: (each["status"], each["until_on"]) for each in answer["items"]}

    assert listed() == {PERSON: (None, None), OTHER: (None, None)}
    publish(portals, "work_status", {"status": "off_work", "note": "surgery"}, source_reference="a")
    publish(
        portals, "work_status", {"status": "restricted_duty", "until_on": "2030-01-02"}, source_reference="a"
    )
    assert listed() == {PERSON: ("restricted_duty", "2030-01-02"), OTHER: (None, None)}
    earlier = portals.call(supervision.get_employee_items, team, person_id=PERSON)["earlier_work_status"]
    assert [each["status"] for each in earlier] == ["off_work"]
    assert "surgery" not in str(earlier)
    assert listed(a_caller(realm="employee")) == {}
    assert listed(a_supervisor()).keys() == {PERSON}
    assert refusal(lambda: listed(a_supervisor(realm="family")))[0] == "forbidden"
    assert {row.facts["person_id"] for row in portals.audit("team.read")} == {PERSON, OTHER}


def test_the_work_status_is_only_seen_where_the_portal_shows_it(portals: InProcess) -> None:
    publish(portals, "work_status", {"status": "off_work"}, source_reference="a")
    publish(portals, "work_status", {"status": "full_duty"}, source_reference="a")
    modules(portals)  # without Work Status
    assert portals.call(supervision.list_team_work_status, a_supervisor())["items"] == []
    shown = portals.call(supervision.get_employee_items, a_supervisor(), person_id=PERSON)
    assert (shown["work_status"], shown["earlier_work_status"]) == ([], [])
    # A portal of employees that shows it is none of supervisors.
    now = portals.call(configuration.get_portal_content, ADMIN, portal="employee")["version"]
    shows = {"portal": "employee", "modules": [{"code": "work_status"}]}
    portals.call(configuration.change_portal_content, ADMIN, version=now, **shows)
    assert portals.call(supervision.list_team_work_status, a_supervisor())["items"] == []


@pytest.mark.seed("S2-14", "S2-84", "S2-85")
@pytest.mark.parametrize(
    ("module", "listed", "kind"),
    [
        ("health_surveillance", supervision.list_team_surveillance, "surveillance"),
        ("case_review_status", supervision.list_team_cases, "case"),
    ],
)
def test_a_module_lists_what_it_names_of_related_employees_and_only_where_it_is_shown(
    portals: InProcess, module: str, listed: Operation, kind: str
) -> None:
    found = {
        "surveillance": [
            {"panel": "Silica", "status": "current"},
            {"panel": "Hearing", "status": "due", "next_due_on": "2030-01-02"},
        ],
        "case": [{"stage": "Closed", "narrative": "fell"}, {"stage": "Under review", "narrative": "cut"}],
    }
    for each, values in ((each, values) for each, every in found.items() for values in every):
        publish(portals, each, values)
    publish(portals, kind, found[kind][0], person_id=OTHER)
    publish(portals, "vital", SAMPLES["vital"])
    assert portals.call(listed, a_supervisor()) == {"items": [], "is_cut": False}
    show(portals, {"code": module})
    seen_of_kind = {
        "surveillance": [
            {"panel": "Hearing", "status": "due", "next_due_on": "2030-01-02"},
            {"panel": "Silica", "status": "current", "next_due_on": None},
        ],
        "case": [{"stage": "Under review"}, {"stage": "Closed"}],
    }[kind]
    rows = [{"person_id": PERSON, **each} for each in seen_of_kind]
    assert portals.call(listed, a_supervisor()) == {"items": rows, "is_cut": False}
    assert {row.facts["person_id"] for row in portals.audit("team.read")} == {PERSON}
    assert portals.call(listed, a_caller(realm="employee"))["items"] == []
    assert refusal(lambda: portals.call(listed, a_supervisor(realm="family")))[0] == "forbidden"


def show(portals: InProcess, *chosen: dict[str, Any]) -> None:
    now = portals.call(configuration.get_portal_content, ADMIN, portal="supervisor")["version"]
    shown = {"portal": "supervisor", "modules": list(chosen)}
    portals.call(configuration.change_portal_content, ADMIN, version=now, **shown)


def modules(portals: InProcess, *chosen: str) -> None:
    show(portals, {"code": "reports", "reports": list(chosen)} if chosen else {"code": "orders"})


def a_report(portals: InProcess, name: str, caller: Caller | None = None) -> Any:
    return portals.call(
        supervision.get_team_report, caller or a_supervisor(), portal="supervisor", report=name
    )


@pytest.mark.seed("S2-5", "S2-21", "S2-93")
def test_five_reports_are_computed_of_related_employees_and_only_those_that_were_chosen(
    portals: InProcess,
) -> None:
    publish(portals, "work_status", {"status": "restricted_duty", "from_on": "2026-03-01", "note": "surgery"})
    publish(portals, "restriction", {"restriction": "No ladders", "until_on": "2026-04-01"})
    publish(portals, "surveillance", {"panel": "Hearing", "status": "overdue", "next_due_on": "2026-02-01"})
    publish(portals, "surveillance", {"panel": "Silica", "status": "current"})
    for days in (3, 4):
        publish(portals, "lost_time", {"days": days})
    publish(
        portals, "order", {"name": "Audiogram", "state": "open", "panel": "Hearing", "due_on": "2026-03-09"}
    )
    publish(portals, "order", {"name": "Biopsy", "state": "open"})
    publish(portals, "restriction", {"restriction": "Not hers"}, person_id=OTHER)
    modules(portals, "work_statuses", "restrictions", "surveillance_due", "lost_days", "orders")

    def told(name: str) -> list[dict[str, Any]]:
        return [
            {key: each for key, each in row.items() if each not in (None, [])}
            for row in a_report(portals, name)["rows"]
        ]

    assert a_report(portals, "lost_days")["name"] == "Lost days"
    [status] = told("work_statuses")
    assert status == {
        "person_id": PERSON,
        "status": "restricted_duty",
        "from_on": "2026-03-01",
        "restrictions": ["No ladders"],
        "surveillance": [
            {"panel": "Silica", "status": "current", "next_due_on": None},
            {"panel": "Hearing", "status": "overdue", "next_due_on": "2026-02-01"},
        ],
    }
    assert told("restrictions") == [{"person_id": PERSON, "text": "No ladders", "until_on": "2026-04-01"}]
    assert told("surveillance_due") == [
        {"person_id": PERSON, "text": "Hearing", "status": "overdue", "until_on": "2026-02-01"}
    ]
    assert told("lost_days") == [{"person_id": PERSON, "days": 7}]
    assert told("orders") == [
        {"person_id": PERSON, "text": "Audiogram", "status": "open", "until_on": "2026-03-09"}
    ]
    everything = str(
        [told(name) for name in ("work_statuses", "restrictions", "surveillance_due", "lost_days", "orders")]
    )
    for private in ("surgery", "Biopsy", "Not hers"):
        assert private not in everything

    modules(portals, "lost_days")
    assert told("lost_days")
    for other in ("restrictions", "salaries"):
        assert refusal(lambda other=other: a_report(portals, other)) == ("not_found", "report")
    modules(portals)
    assert refusal(lambda: a_report(portals, "lost_days")) == ("not_found", "report")


def test_who_supervises_nobody_gets_empty_reports(portals: InProcess) -> None:
    publish(portals, "lost_time", {"days": 3})
    modules(portals, "lost_days", "work_statuses")
    own = {"person_id": OTHER, "role": "clinic", "permissions": []}
    nobody = a_caller(realm="employee", id="e" * 32, scope={"profiles": [own]})
    with pytest.raises(Refused, match="not_found"):
        a_report(portals, "lost_days", nobody)
    # A role that the portal names lets in who has no team.
    configures, role = a_caller("portal.configure"), {"version": 1, "security_roles": ["clinic"]}
    portals.call(definitions.change_portal, configures, portal="supervisor", **role)
    assert a_report(portals, "lost_days", nobody)["rows"] == []
    assert a_report(portals, "work_statuses", nobody)["rows"] == []
    assert portals.audit("team.read") == []  # nobody's


def test_many_items_of_one_kind_push_none_of_another_kind_out(portals: InProcess) -> None:
    publish(portals, "work_status", {"status": "off_work"})
    for number in range(201):
        publish(portals, "restriction", {"restriction": f"Restriction {number}"})
    shown = portals.call(supervision.get_employee_items, a_supervisor(), person_id=PERSON)
    assert [each["status"] for each in shown["work_status"]] == ["off_work"]
    assert len(shown["restriction"]) == 200


def test_without_an_open_portal_nothing_published_is_told(portals: InProcess) -> None:
    publish(portals)
    for portal in ("employee", "supervisor"):
        now = portals.call(definitions.describe_portal, ADMIN, portal=portal)["version"]
        portals.call(definitions.change_portal, ADMIN, portal=portal, version=now, is_enabled=False)
    assert refusal(lambda: seen(portals)) == ("not_found", None)
