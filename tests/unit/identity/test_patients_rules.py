"""Portal status, colours, usernames and the four identifying data."""

from __future__ import annotations

import datetime

import pytest

from services.identity.patients import rules
from services.identity.registry import usernames

NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
BORN = datetime.date(1980, 2, 29)
ON_FILE = rules.Identifying("Ana@Example.org", "O'Brien-Ortiz", BORN, "K1A 0B6")


@pytest.mark.parametrize(
    ("enabled", "email", "postal_code", "last_login_at", "status", "colour"),
    [
        (False, "a@b.example", "02139", None, "inactive", "red"),
        (False, "a@b.example", "02139", NOW, "inactive", "red"),
        (True, None, "02139", NOW, "inactive", "grey"),
        (True, "a@b.example", "", NOW, "inactive", "grey"),
        (True, "a@b.example", "02139", None, "unactivated", "yellow"),
        (True, "a@b.example", "02139", NOW, "active", "green"),
    ],
)
@pytest.mark.seed("S3-20")
def test_the_status_follows_from_access_record_and_last_log_in(
    *,
    enabled: bool,
    email: str | None,
    postal_code: str | None,
    last_login_at: datetime.datetime | None,
    status: str,
    colour: str,
) -> None:
    reasons = rules.reasons_inactive(is_enabled=enabled, email=email, postal_code=postal_code)
    found = rules.portal_status(reasons, last_login_at)
    assert (found, rules.colour(found, reasons)) == (status, colour)


def test_case_spaces_and_punctuation_do_not_matter() -> None:
    assert rules.Identifying("ana@example.ORG ", "obrien ortiz", BORN, "k1a0b6").matches(ON_FILE)


@pytest.mark.parametrize(
    "on_file",
    [
        rules.Identifying(None, "Ortiz", BORN, "02139"),
        rules.Identifying("a@b.example", "Ortiz", None, "02139"),
        rules.Identifying("a@b.example", "Ortiz", BORN, None),
    ],
)
def test_what_is_not_on_file_matches_nothing(on_file: rules.Identifying) -> None:
    assert not on_file.matches(on_file)


@pytest.mark.parametrize("login", ["ana", "ana.o-1@example.org", "7ana"])
def test_a_username_is_what_people_type(login: str) -> None:
    assert usernames.is_username(login)
    assert usernames.has_username(login)


@pytest.mark.parametrize("login", ["an", "-ana", "ana o", "ana/", "a" * 65, "äna", ""])
def test_other_logins_are_no_usernames(login: str) -> None:
    assert not usernames.is_username(login)


def test_the_login_that_stands_for_none_can_never_be_chosen() -> None:
    nothing = usernames.no_username("a" * 32)
    assert not usernames.has_username(nothing)
    assert not usernames.is_username(nothing)
