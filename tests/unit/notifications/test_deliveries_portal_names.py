"""What messages call a portal: asked once in a while, and never waited for."""

from __future__ import annotations

from typing import Any

from services.contracts.errors import Refused
from services.notifications.deliveries import portal_names
from services.notifications.deliveries.portal_names import KEPT_S, PortalNames

HARBOR = ("a" * 32, "employee", "en")
USUAL = {"portal_name": "Employee Portal", "product_name": "Portico"}


class Portals:
    """A stand-in for portals that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked, self.name = 0, "My Harbor"

    def __call__(self) -> Any:
        self.asked += 1
        if not self.name:
            raise Refused("service_unavailable", "Nobody answers.")
        return {"name": self.name, "product_name": "HarborCare"}


def test_a_wave_of_messages_asks_once_and_a_change_is_seen_in_a_moment() -> None:
    now, portals = [100.0], Portals()
    names = PortalNames(lambda: now[0])
    for _ in range(3):
        assert names.of(HARBOR, portals) == {"portal_name": "My Harbor", "product_name": "HarborCare"}
    assert portals.asked == 1
    portals.name = "Our Harbor"
    now[0] += KEPT_S - 1
    assert names.of(HARBOR, portals)["portal_name"] == "My Harbor"
    now[0] += 1
    assert names.of(HARBOR, portals)["portal_name"] == "Our Harbor"
    for other in (("b" * 32, "employee", "en"), ("a" * 32, "patient", "en"), ("a" * 32, "employee", "es")):
        names.of(other, portals)
    assert portals.asked == 5


def test_while_portals_does_not_answer_the_last_names_hold_or_the_usual_ones() -> None:
    now, portals = [100.0], Portals()
    names = PortalNames(lambda: now[0])
    portals.name = ""
    assert names.of(HARBOR, portals) == USUAL
    assert names.of(HARBOR, portals) == USUAL
    assert portals.asked == 1
    portals.name = "My Harbor"
    now[0] += KEPT_S
    names.of(HARBOR, portals)
    portals.name = ""
    now[0] += KEPT_S
    assert names.of(HARBOR, portals)["portal_name"] == "My Harbor"


def test_staff_have_no_portal() -> None:
    portals = Portals()
    named = {"portal_name": "Portico", "product_name": "Portico"}
    assert PortalNames().of(("a" * 32, "staff", "en"), portals) == named
    assert PortalNames().of(("a" * 32, "None", None), portals) == named
    assert portals.asked == 0


def test_only_so_many_names_are_kept(monkeypatch: Any) -> None:
    monkeypatch.setattr(portal_names, "_MOST", 2)
    names, portals = PortalNames(lambda: 0.0), Portals()
    for organisation in ("a", "b", "c"):
        names.of((organisation * 32, "employee", "en"), portals)
    assert len(names._kept) == 1
