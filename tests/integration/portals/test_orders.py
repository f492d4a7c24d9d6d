"""Supervisors order something for employees and see how far it is, in process on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.portals import (
    configuration,
    definitions,
    orders,
    portal_queue,
    published_items,
    supervision,
)
from tests.support.in_process import BAYSIDE, a_caller
from tests.support.portal_desk import ANA, BEN, EVE, PortalDesk

CONFIGURES = a_caller("portal.configure", id="9" * 32)
PUBLISHES = a_caller("published_item.publish", id="8" * 32)


def a_supervisor(*people: str, own: str = BEN, **more: Any) -> Caller:
    """An employee who supervises these people."""
    profiles = [{"person_id": each, "role": "supervisor", "permissions": []} for each in people]
    return a_caller(
        realm="employee", id=more.pop("id", "f" * 32), scope={"person_id": own, "profiles": profiles}, **more
    )


ANAS = a_supervisor(ANA, EVE)


def item(desk: PortalDesk, name: str = "Audiogram", **more: Any) -> Any:
    return desk(orders.create_order_item, CONFIGURES, name=name, **more)


def place(desk: PortalDesk, ordered: Any, caller: Caller = ANAS, person_id: str = ANA, **more: Any) -> Any:
    return desk(orders.place_order, caller, person_id=person_id, order_item_id=ordered["id"], **more)


def mine(desk: PortalDesk, caller: Caller = ANAS, **request: Any) -> Any:
    return desk(orders.list_my_orders, caller, **request)


def queued(desk: PortalDesk) -> list[Any]:
    return list(desk(portal_queue.list_queue, order="newest", limit=200)["items"])


def publish(desk: PortalDesk, person_id: str = ANA, **values: Any) -> Any:
    given = {"name": "Spirometry", "state": "open"} | values
    return desk(published_items.publish_item, PUBLISHES, person_id=person_id, kind="order", values=given)


@pytest.mark.seed("S2-22")
def test_a_supervisor_orders_from_the_picklist_for_an_employee_and_it_stands_in_the_queue(
    portal_desk: PortalDesk,
) -> None:
    desk = portal_desk
    audiogram = item(desk, explanation="Hearing test")
    offered = desk(orders.list_offered_orders, ANAS)["items"]
    assert offered == [{"id": audiogram["id"], "name": "Audiogram", "explanation": "Hearing test"}]

    placed = place(desk, audiogram, note="Before the new machine comes.")

    assert (placed["name"], placed["state"], placed["person_id"]) == ("Audiogram", "open", ANA)
    (entry,) = queued(desk)
    assert (entry["type"], entry["person_id"], entry["type_name"]) == (
        "employee_order",
        ANA,
        "Employee Order",
    )
    assert desk.item(entry)["text"] == "Audiogram\n\nBefore the new machine comes."
    (told,) = desk.events(orders.order_placed)
    assert told == {
        "order_id": placed["id"],
        "order_item_id": audiogram["id"],
        "person_id": ANA,
        "account_id": ANAS.id,
        "message_type": "employee_order",
    }
    assert [row.facts["order_item_id"] for row in desk.portals.audit("order.placed")] == [audiogram["id"]]


@pytest.mark.seed("S2-22")
def test_only_for_employees_whom_one_supervises(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    audiogram = item(desk)
    assert desk.refused(lambda: place(desk, audiogram, person_id=BEN)) == ("not_found", "person_id")
    own = a_caller(
        realm="employee",
        scope={"person_id": ANA, "profiles": [{"person_id": ANA, "role": "self", "permissions": []}]},
    )
    assert desk.refused(lambda: place(desk, audiogram, own)) == ("not_found", "person_id")
    assert desk.refused(lambda: place(desk, audiogram, a_caller(realm="patient")))[0] == "forbidden"
    assert desk(orders.list_offered_orders, own) == {"items": []}
    assert queued(desk) == []


def test_what_is_not_offered_or_is_anothers_cannot_be_ordered(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    audiogram = item(desk)
    changed = desk(
        orders.change_order_item,
        CONFIGURES,
        order_item_id=audiogram["id"],
        version=1,
        name="Audiogram",
        is_offered=False,
    )
    assert (changed["is_offered"], changed["version"]) == (False, 2)
    assert desk.refused(lambda: place(desk, audiogram)) == ("not_found", "order_item_id")
    assert desk(orders.list_offered_orders, ANAS) == {"items": []}
    elsewhere = a_caller("portal.configure", organisation=BAYSIDE)
    foreign = desk(orders.create_order_item, elsewhere, name="Audiogram")
    assert desk.refused(lambda: place(desk, foreign)) == ("not_found", "order_item_id")


def test_the_same_order_is_not_placed_twice_while_it_is_open(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    audiogram, drug_screen = item(desk), item(desk, "Drug screen")
    place(desk, audiogram)
    (first,) = queued(desk)
    assert desk.refused(lambda: place(desk, audiogram)) == ("order_open", "order_item_id")
    place(desk, drug_screen)
    place(desk, audiogram, person_id=EVE)
    place(desk, audiogram, a_supervisor(ANA, id="7" * 32))
    desk.dismiss(desk.item(first))
    assert place(desk, audiogram)["state"] == "open"


@pytest.mark.seed("S2-86")
def test_order_status_shows_own_orders_and_those_of_panels_and_no_others(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    place(desk, item(desk, "Audiogram"))
    desk.clock.shift(60)
    place(desk, item(desk, "Drug screen"))
    place(desk, item(desk, "X-ray"), a_supervisor(ANA, id="7" * 32))  # of another supervisor
    publish(desk, name="Spirometry", panel="Silica", due_on="2026-04-01")
    publish(desk, name="Biopsy")  # on no panel
    publish(desk, BEN, name="Not hers", panel="Silica")

    shown = mine(desk)
    assert [(each["name"], each["state"]) for each in shown["items"]] == [
        ("Drug screen", "open"),
        ("Audiogram", "open"),
    ]
    assert shown["of_panels"] == [
        {"person_id": ANA, "name": "Spirometry", "state": "open", "panel": "Silica", "due_on": "2026-04-01"}
    ]
    entries = {entry["text"]: entry for entry in map(desk.item, queued(desk))}
    desk.dismiss(entries["Drug screen"], "completed")
    desk.dismiss(entries["Audiogram"], "not_completed")
    publish(desk, name="Old spirometry", panel="Silica", state="completed")
    states = {each["name"]: each["state"] for each in mine(desk)["items"]}
    assert states == {"Drug screen": "completed", "Audiogram": "cancelled"}
    assert [each["name"] for each in mine(desk, state="completed")["items"]] == ["Drug screen"]
    assert [each["name"] for each in mine(desk, state="completed")["of_panels"]] == ["Old spirometry"]
    assert mine(desk, state="open")["items"] == []
    read = {row.object_id for row in desk.portals.audit("orders.read")}
    assert read == {ANA}


@pytest.mark.seed("S2-86")
def test_orders_of_somebody_who_is_supervised_no_longer_are_not_shown(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    audiogram = item(desk)
    place(desk, audiogram)
    place(desk, audiogram, person_id=EVE)
    assert [each["person_id"] for each in mine(desk, person_id=EVE)["items"]] == [EVE]
    assert [each["person_id"] for each in mine(desk, a_supervisor(EVE))["items"]] == [EVE]
    assert desk.refused(lambda: mine(desk, a_supervisor(EVE), person_id=ANA)) == ("not_found", "person_id")
    assert mine(desk, a_supervisor())["items"] == []


def test_an_order_of_a_panel_is_shown_however_many_others_there_are(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    publish(desk, name="Spirometry", panel="Silica")
    for number in range(205):
        desk.clock.shift(1)
        publish(desk, name=f"Order {number}")
    assert [each["name"] for each in mine(desk)["of_panels"]] == ["Spirometry"]
    assert mine(desk, state="completed")["of_panels"] == []


def test_orders_come_in_pages(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    for number in range(5):
        place(desk, item(desk, f"Item {number}"))
        desk.clock.shift(1)
    publish(desk, panel="Silica")
    first = mine(desk, limit=3)
    rest = mine(desk, limit=3, after=first["next"])
    names = [each["name"] for each in (*first["items"], *rest["items"])]
    assert names == [f"Item {number}" for number in (4, 3, 2, 1, 0)]
    assert (rest["next"], len(first["of_panels"]), rest["of_panels"]) == (None, 1, [])
    listed = desk(orders.list_order_items, CONFIGURES, limit=2)
    more = desk(orders.list_order_items, CONFIGURES, limit=5, after=listed["next"])
    assert [each["name"] for each in (*listed["items"], *more["items"])] == [
        f"Item {number}" for number in range(5)
    ]


def test_a_name_of_the_picklist_is_taken_once(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    audiogram, other = item(desk), item(desk, "Drug screen")
    assert desk.refused(lambda: item(desk, "AUDIOGRAM")) == ("order_item_taken", "name")

    def rename(name: str, version: int = 1) -> Any:
        return desk(
            orders.change_order_item, CONFIGURES,
            order_item_id=other["id"], version=version, name=name, is_offered=True,
        )  # fmt: skip

    assert desk.refused(lambda: rename("audiogram")) == ("order_item_taken", "name")
    assert desk.refused(lambda: rename("Urine", 7))[0] == "version_conflict"
    place(desk, other)
    assert rename("Urine drug screen")["name"] == "Urine drug screen"
    assert [each["name"] for each in mine(desk)["items"]] == ["Drug screen"]  # as it was ordered
    assert audiogram["version"] == 1


def test_orders_follow_merges_and_back(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    place(desk, item(desk))
    desk.people.tell_merge(desk.portals, EVE, ANA)
    assert [each["person_id"] for each in mine(desk)["items"]] == [EVE]
    desk.people.tell_undoing(desk.portals, EVE, ANA)
    assert [each["person_id"] for each in mine(desk)["items"]] == [ANA]


@pytest.mark.seed("S2-133")
def test_a_portal_of_supervisors_that_is_off_or_far_away_does_nothing(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    audiogram = item(desk)
    place(desk, audiogram)

    def change_portal(**changes: Any) -> None:
        now = desk(definitions.describe_portal, CONFIGURES, portal="supervisor")["version"]
        desk(definitions.change_portal, CONFIGURES, portal="supervisor", version=now, **changes)

    def tries(**origin: Any) -> list[Any]:
        ask = {"person_id": EVE, "order_item_id": audiogram["id"], **origin}
        return [
            desk(orders.list_offered_orders, ANAS, **origin)["items"],
            desk(orders.list_my_orders, ANAS, **origin)["items"],
            desk(supervision.list_team_work_status, ANAS, **origin)["items"],
            desk.refused(lambda: desk(orders.place_order, ANAS, **ask)),
            desk.refused(lambda: desk(supervision.get_employee_items, ANAS, person_id=ANA, **origin)),
        ]

    nothing = [[], [], [], ("not_found", "person_id"), ("not_found", "person_id")]
    change_portal(networks=["192.0.2.0/24"])
    assert tries(client_address="198.51.100.1") == nothing
    assert len(desk(orders.list_my_orders, ANAS, client_address="192.0.2.1")["items"]) == 1
    change_portal(networks=[], is_enabled=False)
    assert tries() == nothing
    change_portal(is_enabled=True)
    assert place(desk, audiogram, person_id=EVE)["state"] == "open"


@pytest.mark.parametrize("name", ["\ufdfa" * 60, "\u00df" * 60])
def test_a_name_may_be_longer_as_it_is_compared(portal_desk: PortalDesk, name: str) -> None:
    assert item(portal_desk, name)["name"] == name


def test_without_the_module_orders_nothing_is_ordered(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    audiogram = item(desk)
    now = desk(configuration.get_portal_content, CONFIGURES, portal="supervisor")["version"]
    desk(
        configuration.change_portal_content, CONFIGURES,
        portal="supervisor", version=now, modules=[{"code": "work_status"}],
    )  # fmt: skip
    assert desk(orders.list_offered_orders, ANAS) == {"items": []}
    assert desk.refused(lambda: place(desk, audiogram)) == ("not_found", "order_item_id")
    assert queued(desk) == []


@pytest.mark.parametrize("portal_desk", ["postgresql"], indirect=True)
def test_of_two_that_get_one_name_at_once_one_is_told(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    made = [item(desk, "First"), item(desk, "Second")]

    def rename(each: Any) -> str:
        request = {"order_item_id": each["id"], "version": 1, "name": "Same", "is_offered": True}
        try:
            desk(orders.change_order_item, CONFIGURES, **request)
        except Refused as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(rename, made)) == ["done", "order_item_taken"]
