"""Addresses that an agency withholds, in the spellings in which its resources repeat them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.referrals.directory.withheld import Place, as_withheld, place_of, withheld_places

PRIVATE = {
    "PhysicalAddress1": "12 Hidden Street",
    "PhysicalCity": "Saltmarsh",
    "PhysicalPostalCode": "20001",
}


def is_withheld(private: dict[str, str], **address: Any) -> bool:
    places = [place_of(each.key) for each in withheld_places(private)]
    return "physical_address" not in as_withheld({"physical_address": address}, places)


@pytest.mark.fault("A27")
@pytest.mark.parametrize(
    "address",
    [
        {"line1": "12 Hidden Str"},
        {"line1": "12 HIDDEN ST., Floor 2"},
        {"line1": "No. 12 Hidden Street"},
        {"line1": "#12 Hidden Street"},
        {"line1": "Hidden Street 12"},
        {"line1": "Hidden Street No. 12"},
        {"line1": "Harbor House", "line2": "12 Hidden Street"},
        {"line1": "Hidden Street", "line2": "12"},
        {"line1": "12 Hidden Street", "city": "Saltmarsh", "postal_code": "20001-1234"},
        {"line1": "12 Hidden Street", "city": "Saltmarch", "postal_code": "20001"},
    ],
)
def test_a_private_street_is_withheld_in_every_spelling(address: dict[str, Any]) -> None:
    assert is_withheld(PRIVATE, **address)
    private = {"PhysicalAddress": json.dumps({"city": "Saltmarsh", "postal_code": "20001"} | address)}
    assert is_withheld(private, line1="12 Hidden Street", city="Saltmarsh", postal_code="20001")


@pytest.mark.parametrize(
    "address",
    [
        {"line1": "13 Hidden Street"},
        {"line1": "12 Open Street"},
        {"line1": "1 Quay Street", "line2": "Suite 12"},
        {"line1": "12 Hidden Street", "city": "Oslo"},
        {"line1": "12 Hidden Street", "city": "Saltmarsh", "postal_code": "20002"},
    ],
)
def test_another_street_is_shown(address: dict[str, Any]) -> None:
    assert not is_withheld(PRIVATE, **address)
    assert not is_withheld({**PRIVATE, "PhysicalAddress2": "Suite 12"}, **address)


HIDDEN_AT = Place("", "", "", 37.9, -122.4)


@pytest.mark.fault("A27")
@pytest.mark.parametrize(
    ("position", "is_shown"),
    [
        ({"latitude": 37.9005, "longitude": -122.4005}, False),
        ({"latitude": 37.902, "longitude": -122.4}, True),
        ({"latitude": 37.9, "longitude": -122.402}, True),
        ({"latitude": 37.9}, True),
        ({"longitude": -122.4}, True),
    ],
)
def test_a_position_within_a_hundred_metres_of_a_private_one_is_withheld(
    position: dict[str, float], is_shown: bool
) -> None:
    """Also where another private place has no position."""
    shown = as_withheld(position, [Place("12 hidden street"), HIDDEN_AT])
    assert shown == position if is_shown else set(shown) == {"private"}
