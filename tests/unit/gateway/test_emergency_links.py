"""A page that is closed to a member of staff leads to emergency access, if that person may ask for it."""

from __future__ import annotations

from typing import Any

import flask
import pytest

from gateway.web.emergency import PLACES, address_of
from services.contracts.errors import Refused
from services.contracts.identity import passports
from services.contracts.identity.audit import EMERGENCY_OBJECTS
from services.contracts.referrals import records
from tests.unit.gateway.test_preferences import ME

ID = "0123456789abcdef0123456789abcdef"
STAFF = {"permissions": ["access.break_glass"]}


def test_each_kind_of_object_has_its_page() -> None:
    assert set(PLACES) == set(EMERGENCY_OBJECTS)


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("rest", ["", "/contacts"])
def test_a_page_of_an_object_leads_to_emergency_access(kind: str, rest: str) -> None:
    assert (
        address_of(f"{PLACES[kind]}{ID}{rest}", STAFF)
        == f"/staff/emergency/new?object_type={kind}&object_id={ID}"
    )


@pytest.mark.parametrize(
    ("path", "me"),
    [
        (f"/staff/people/{ID}", None),
        (f"/staff/people/{ID}", {"permissions": ["person.read"]}),
        ("/staff/people/new", STAFF),
        (f"/staff/queues/{ID}", STAFF),
        (f"/portal/people/{ID}", STAFF),
    ],
)
def test_other_pages_and_people_get_no_link(path: str, me: dict[str, list[str]] | None) -> None:
    assert address_of(path, me) is None


@pytest.mark.parametrize(
    ("code", "permissions", "is_shown"),
    [
        ("not_found", ["access.break_glass"], True),
        ("forbidden", ["access.break_glass"], True),
        ("service_unavailable", ["access.break_glass"], False),
        ("not_found", [], False),
    ],
)
def test_the_page_that_refuses_shows_the_link(
    services: Any, app: flask.Flask, code: str, permissions: list[str], is_shown: bool
) -> None:
    kept = {"realm": "staff", "permissions": permissions, "language": None, "appearance": None}
    services.answers[passports.describe_me.address] = ME | kept
    services.answers[records.get_contact_record.address] = Refused(code, "It is closed.")
    browser = app.test_client()
    browser.set_cookie("__Host-session", "one", secure=True)
    html = browser.get(f"/staff/records/{ID}", base_url="https://localhost").text
    assert (f"object_type=contact_record&amp;object_id={ID}" in html) == is_shown
