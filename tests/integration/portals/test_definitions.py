"""The portals of an organisation, in process on real databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.identity import organisations
from services.contracts.portals import configuration
from services.contracts.portals import definitions as contract
from tests.support.in_process import BAYSIDE, HARBOR, InProcess, a_caller

ADMIN = a_caller("portal.configure")


def an_employee(*roles: str) -> Caller:
    """Somebody with these roles, who supervises an employee, too."""
    profiles = [{"person_id": "e" * 32, "role": role, "permissions": []} for role in (*roles, "supervisor")]
    return a_caller(realm="employee", id="d" * 32, scope={"profiles": profiles})


@pytest.fixture(params=["sqlite", "postgresql"])
def portals(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[InProcess]:
    is_file = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/portals.db" if is_file else request.getfixturevalue("postgres_database")
    process = InProcess("portals", url, tmp_path)
    process.deliver(organisations.organisation_created, {"organisation_id": HARBOR[0]}, organisation=HARBOR)
    yield process
    process.close()


def change(portals: InProcess, portal: str, version: int = 1, **changes: Any) -> Any:
    return portals.call(contract.change_portal, ADMIN, version=version, portal=portal, **changes)


def mine(portals: InProcess, caller: Caller) -> list[str]:
    return [each["portal"] for each in portals.call(configuration.list_my_portals, caller)["items"]]


def code_of(refused: pytest.ExceptionInfo[Refused]) -> tuple[str, str | None]:
    return refused.value.code, refused.value.field


@pytest.mark.seed("S2-44")
def test_from_the_start_there_is_one_portal_of_each_kind_and_all_but_optional_ones_are_on(
    portals: InProcess,
) -> None:
    items = portals.call(contract.list_portals, ADMIN)["items"]
    assert {each["kind"]: each["is_enabled"] for each in items} == {
        "provider": True,
        "family": True,
        "patient": True,
        "employee": True,
        "supervisor": True,
        "signing": True,
        "applicant": False,
        "one_time_code": False,
    }


def test_the_employee_and_the_supervisor_portal_are_disabled_each_for_itself(portals: InProcess) -> None:
    employee = an_employee("self")
    assert mine(portals, employee) == ["employee", "supervisor"]
    change(portals, "employee", is_enabled=False)
    assert mine(portals, employee) == ["supervisor"]
    with pytest.raises(Refused) as refused:
        portals.call(configuration.get_portal, employee, portal="employee")
    assert code_of(refused) == ("not_found", "portal")
    with pytest.raises(Refused) as refused:
        portals.call(configuration.get_public_portal, organisation="harbor", portal="employee")
    assert code_of(refused) == ("not_found", "portal")
    change(portals, "employee", 2, is_enabled=True)
    change(portals, "supervisor", is_enabled=False)
    assert mine(portals, employee) == ["employee"]
    assert portals.call(configuration.get_portal, employee, portal="employee")["kind"] == "employee"


def test_who_supervises_nobody_is_not_offered_the_portal_of_supervisors(portals: InProcess) -> None:
    own = {"person_id": "e" * 32, "role": "self", "permissions": []}
    worker = a_caller(realm="employee", id="d" * 32, scope={"profiles": [own]})
    assert mine(portals, worker) == ["employee"]
    assert mine(portals, an_employee("self")) == ["employee", "supervisor"]


@pytest.mark.seed("S2-35", "S2-83")
def test_who_has_no_team_opens_the_portal_of_supervisors_by_an_allowed_role_only(portals: InProcess) -> None:
    own = {"person_id": "e" * 32, "role": "self", "permissions": []}
    worker = a_caller(realm="employee", id="d" * 32, scope={"profiles": [own]})
    patient = a_caller(realm="patient", id="d" * 32, scope={"profiles": [own]})

    def opened(caller: Caller) -> str:
        return str(portals.call(configuration.get_portal_home, caller, portal="supervisor")["kind"])

    def refused(caller: Caller) -> str:
        with pytest.raises(Refused) as refusal:
            opened(caller)
        assert code_of(refusal) == ("not_found", "portal")
        return refusal.value.detail

    assert opened(an_employee()) == "supervisor"
    assert "nobody is on your team" in refused(worker)
    assert refused(patient) == "There is no such portal."
    changed = change(portals, "supervisor", security_roles=["self"])
    assert opened(worker) == "supervisor"
    change(portals, "supervisor", changed["version"], security_roles=["clinic"])
    assert refused(worker) == refused(an_employee()) == "There is no such portal."


@pytest.mark.seed("S2-83", "S2-133")
def test_outside_its_networks_the_portal_of_supervisors_is_not_there_for_anybody(portals: InProcess) -> None:
    own = {"person_id": "e" * 32, "role": "self", "permissions": []}
    worker = a_caller(realm="employee", id="d" * 32, scope={"profiles": [own]})
    change(portals, "supervisor", networks=["192.0.2.0/24"])

    def refused(caller: Caller, address: str) -> str:
        with pytest.raises(Refused) as refusal:
            portals.call(configuration.get_portal_home, caller, portal="supervisor", client_address=address)
        return refusal.value.detail

    for caller in (an_employee(), worker):  # with a team, and without
        assert refused(caller, "198.51.100.1") == "There is no such portal."
    assert "nobody is on your team" in refused(worker, "192.0.2.1")


@pytest.mark.seed("S2-35", "S2-36")
def test_chosen_security_roles_get_in_and_without_a_choice_every_role(portals: InProcess) -> None:
    assert mine(portals, an_employee()) == ["employee", "supervisor"]
    changed = change(portals, "supervisor", security_roles=["occupational", "occupational", "clinic"])
    assert changed["security_roles"] == ["clinic", "occupational"]
    assert mine(portals, an_employee("self", "occupational")) == ["employee", "supervisor"]
    assert mine(portals, an_employee("self")) == ["employee"]
    with pytest.raises(Refused) as refused:
        portals.call(configuration.get_portal, an_employee("self"), portal="supervisor")
    assert code_of(refused) == ("not_found", "portal")
    with pytest.raises(Refused) as refused:
        change(portals, "provider", security_roles=["clinic"])
    assert code_of(refused) == ("invalid_request", "security_roles")
    # Who configures portals sees what they look like.
    assert portals.call(configuration.get_portal, ADMIN, portal="supervisor")["version"] == 1


@pytest.mark.seed("S2-122", "S2-138")
def test_several_portals_of_a_kind_each_with_its_own_look(portals: InProcess) -> None:
    made = portals.call(
        contract.create_portal, ADMIN, portal="north-plant", kind="employee", employer="North", region="MA"
    )
    assert (made["is_enabled"], made["employer"], made["region"], made["realm"]) == (
        False,
        "North",
        "MA",
        "employee",
    )
    assert portals.events(contract.portal_created)[-1]["data"] == {
        "portal": "north-plant",
        "kind": "employee",
    }
    assert "north-plant" not in mine(portals, an_employee())
    change(portals, "north-plant", is_enabled=True, region=None)
    [north] = [
        each
        for each in portals.call(configuration.list_my_portals, an_employee())["items"]
        if each["portal"] == "north-plant"
    ]
    assert (north["employer"], north["region"]) == ("North", None)
    assert mine(portals, an_employee()) == ["employee", "north-plant", "supervisor"]
    named = {"en": "North {{ term.portal }}", "es": "Salud Norte"}
    look = {"name": named, "colour": "#112233", "ticker": []}
    portals.call(configuration.configure_portal, ADMIN, version=1, portal="north-plant", **look)
    for language, name in (("en", "North portal"), ("es", "Salud Norte")):
        offered = portals.call(configuration.list_my_portals, an_employee(), languages=[language])["items"]
        assert {each["portal"]: each["name"] for each in offered}["north-plant"] == name
    portals.call(
        configuration.configure_portal,
        ADMIN,
        version=2,
        portal="north-plant",
        **look | {"name": "North Health"},
    )
    public = portals.call(configuration.get_public_portal, organisation="harbor", portal="north-plant")
    assert (public["name"], public["realm"]) == ("North Health", "employee")
    assert (
        portals.call(configuration.get_portal, an_employee(), portal="employee")["name"] == "Employee Portal"
    )
    again = portals.call(contract.describe_portal, ADMIN, portal="north-plant")
    assert (again["version"], again["employer"], again["region"]) == (2, "North", None)
    # The one that all share belongs to no employer, and stays when an employer's own is switched off.
    assert portals.call(contract.describe_portal, ADMIN, portal="employee")["employer"] is None
    change(portals, "north-plant", 2, is_enabled=False)
    assert mine(portals, an_employee()) == ["employee", "supervisor"]


@pytest.mark.seed("S2-110")
def test_an_address_belongs_to_one_portal_of_the_organisation(portals: InProcess) -> None:
    new = {"kind": "applicant", "employer": None, "region": None}
    portals.call(contract.create_portal, ADMIN, portal="join-us", **new)
    for taken in ("join-us", "employee"):
        with pytest.raises(Refused) as refused:
            portals.call(contract.create_portal, ADMIN, portal=taken, **new)
        assert code_of(refused) == ("suffix_taken", "portal")
    for wrong in ("a", "00", "Join", "-join", "join-", "join us", "j" * 41, "join\n"):
        with pytest.raises(Refused) as refused:
            portals.call(contract.create_portal, ADMIN, portal=wrong, **new)
        assert code_of(refused) == ("invalid_request", "portal")
    elsewhere = a_caller("portal.configure", organisation=BAYSIDE)
    assert portals.call(contract.create_portal, elsewhere, portal="join-us", **new)["portal"] == "join-us"


@pytest.mark.parametrize("operation", ["list_portals", "describe_portal", "create_portal", "change_portal"])
def test_only_staff_who_may_configure_portals_see_and_change_them(portals: InProcess, operation: str) -> None:
    requests: dict[str, dict[str, Any]] = {
        "list_portals": {},
        "describe_portal": {"portal": "employee"},
        "create_portal": {"portal": "other", "kind": "employee"},
        "change_portal": {"portal": "employee", "is_enabled": False},
    }
    for caller in (a_caller(), a_caller("portal.configure", realm="provider"), an_employee()):
        with pytest.raises(Refused) as refused:
            portals.call(getattr(contract, operation), caller, version=1, **requests[operation])
        assert refused.value.code == "forbidden"


def test_a_portal_that_is_not_there_or_of_somebody_else_is_not_found(portals: InProcess) -> None:
    elsewhere = a_caller("portal.configure", organisation=BAYSIDE)
    portals.call(contract.create_portal, elsewhere, portal="theirs", kind="employee")
    for call in (
        lambda: portals.call(contract.describe_portal, ADMIN, portal="theirs"),
        lambda: change(portals, "theirs", is_enabled=True),
        lambda: portals.call(configuration.get_portal, ADMIN, portal="theirs"),
        lambda: portals.call(
            configuration.configure_portal, ADMIN, version=1, portal="theirs", name="x", colour="#fff"
        ),
    ):
        with pytest.raises(Refused) as refused:
            call()
        assert code_of(refused) == ("not_found", "portal")


def test_an_old_version_changes_nothing_and_two_at_once_make_one_change(portals: InProcess) -> None:
    change(portals, "employee", employer="First")
    with pytest.raises(Refused) as refused:
        change(portals, "employee", employer="Second")
    assert refused.value.code == "version_conflict"
    outcomes: list[str] = []

    def attempt(employer: str) -> None:
        try:
            change(portals, "family", employer=employer)
            outcomes.append(employer)
        except Refused as refusal:
            outcomes.append(refusal.code)

    threads = [threading.Thread(target=attempt, args=(name,)) for name in ("a", "b")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert outcomes.count("version_conflict") == 1
    kept = portals.call(contract.describe_portal, ADMIN, portal="family")
    assert kept["employer"] in outcomes
    assert kept["version"] == 2
