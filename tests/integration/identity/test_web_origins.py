"""Web frontends elsewhere: which origins an organisation may name, and whose an origin is."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine

from services.contracts.identity import web_origins
from tests.integration.identity.conftest import Identity

PORTAL = "https://portal.example.org"


def name(identity: Identity, admin: Any, *origins: str) -> Any:
    version = identity.call(web_origins.get_web_origins, admin)["version"]
    return identity.call(web_origins.set_web_origins, admin, version=version, origins=list(origins))


def owners(identity: Identity, origin: str) -> list[str]:
    found: list[str] = identity.call(web_origins.find_web_origin, origin=origin)["organisation_ids"]
    return found


def test_an_origin_is_that_of_the_organisations_that_name_it(either: Identity) -> None:
    admin = either.admin()
    named = name(either, admin, "HTTPS://Portal.example.org:443", "https://b.example.org:8443", PORTAL)
    assert named["origins"] == ["https://b.example.org:8443", PORTAL]
    assert owners(either, PORTAL) == [either.harbor.organisation_id]
    bayside = either.an_organisation("bayside")
    name(either, either.admin("bayside"), PORTAL)
    assert owners(either, PORTAL) == sorted([either.harbor.organisation_id, bayside.organisation_id])
    assert name(either, admin, "http://localhost:5173")["origins"] == ["http://localhost:5173"]
    assert owners(either, PORTAL) == [bayside.organisation_id]
    assert owners(either, "https://portal.example.org.evil.example") == []
    rows = either.audit("organisation.web_origins_changed")
    assert [row.facts for row in rows] == [
        {"before": 0, "after": 2},
        {"before": 0, "after": 1},
        {"before": 2, "after": 1},
    ]


def test_saving_the_same_list_again_changes_nothing(identity: Identity) -> None:
    admin = identity.admin()
    version = name(identity, admin, PORTAL)["version"]
    assert name(identity, admin, PORTAL)["version"] == version
    assert len(identity.audit("organisation.web_origins_changed")) == 1


@pytest.mark.parametrize(
    "origin",
    [
        "*", "https://*.example.org", "null", "http://portal.example.org", "https://portal.example.org/", "portal.example.org",
        "https://user@portal.example.org", "https://portal.example.org/path", "ftp://portal.example.org",
        "https://portal.example.org:123456", f"https://{'a' * 250}.org", "",
    ],
)  # fmt: skip
def test_what_is_no_exact_origin_of_https_is_refused(identity: Identity, origin: str) -> None:
    admin = identity.admin()
    version = identity.call(web_origins.get_web_origins, admin)["version"]
    refused = identity.refused(web_origins.set_web_origins, admin, version=version, origins=[origin])
    assert refused.code == "invalid_request"
    assert refused.field.startswith("origins")


def test_twenty_origins_are_named_by_who_has_proven_it(identity: Identity) -> None:
    admin = identity.admin()
    many = [f"https://{number}.example.org" for number in range(20)]
    version = name(identity, admin, *many)["version"]
    refused = identity.refused(web_origins.set_web_origins, admin, version=version, origins=[*many, PORTAL])
    assert (refused.code, refused.field) == ("invalid_request", "origins")
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)):
        refused = identity.refused(web_origins.set_web_origins, admin, version=version, origins=[])
        assert refused.code == "proof_required"
    outdated = identity.refused(web_origins.set_web_origins, admin, version=version - 1, origins=[])
    assert outdated.code == "version_conflict"
