"""Who is refused is told what is missing, in the order: who, what may it, is it well formed, which version."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from marshmallow import fields

from services.chassis.operations import admit, load, require_version
from services.chassis.passports import REALM_OF_SYSTEMS, Caller, Link
from services.chassis.wire import CallContext
from services.contracts.declare import SIGNED_IN, Contract, Request, only_services, permission
from services.contracts.errors import Refused
from services.contracts.fields import Day, Moment

contract = Contract("toys", "")
EDIT = contract.command(
    "edit_toy",
    "",
    request={
        "name": fields.String(required=True),
        "made_on": Day(),
        "lent_at": Moment(),
        "parts": fields.List(fields.Nested({"number": fields.Integer()})),
    },
    reply={},
    access=permission("toy.edit", realms=("staff", "api")),
    expects_version=True,
)
ASK = contract.query("ask_toy", "", request={}, reply={}, access=SIGNED_IN)
COUNT = contract.query("count_toys", "", request={}, reply={}, access=only_services("referrals"))


class Verifier:
    def __init__(
        self, kind: str = "account", caller_id: str = "c" * 32, realm: str = "staff", *held: str
    ) -> None:
        self.caller = Caller(kind, caller_id, "a" * 32, "harbor", realm, frozenset(held))

    def verify(self, _passport: str | None) -> Caller:
        return self.caller


def why(operation: Any, verifier: Verifier) -> tuple[str, dict[str, Any]]:
    with pytest.raises(Refused) as refused:
        admit(operation, verifier, "passport")
    assert refused.value.code == "forbidden"
    return refused.value.detail, refused.value.more


def test_a_missing_permission_is_named() -> None:
    told = (
        "This needs the permission toy.edit, which neither your role nor your switches give.",
        {"permission": "toy.edit"},
    )
    assert why(EDIT, Verifier("account", "c" * 32, "staff", "toy.read")) == told
    assert admit(EDIT, Verifier("account", "c" * 32, "staff", "toy.edit"), "passport")


def test_a_realm_that_an_operation_is_not_for_is_told_those_it_is_for() -> None:
    assert why(EDIT, Verifier("account", "c" * 32, "provider", "toy.edit")) == (
        "Only people of these realms may do this: staff, api.",
        {"realms": ["staff", "api"]},
    )


def test_an_api_client_is_told_that_an_operation_is_for_people() -> None:
    assert why(ASK, Verifier("account", "c" * 32, REALM_OF_SYSTEMS)) == (
        "This is for people, not for API clients.",
        {},
    )
    assert admit(ASK, Verifier("account", "c" * 32, "staff"), "passport")


@pytest.mark.parametrize("verifier", [Verifier("account", "referrals"), Verifier("service", "signing")])
def test_only_the_services_that_are_named_call_what_is_theirs(verifier: Verifier) -> None:
    assert why(COUNT, verifier)[0] == "Only services of Portico call this."
    assert admit(COUNT, Verifier("service", "referrals"), "passport")


@pytest.mark.parametrize("operation", [EDIT, ASK])
def test_a_service_calls_nothing_that_is_for_people(operation: Any) -> None:
    assert (
        why(operation, Verifier("service", "referrals", "staff", "toy.edit"))[0]
        == "Services of Portico do not call this."
    )


@pytest.mark.parametrize(
    ("arguments", "field", "rule"),
    [
        ({"name": "x", "nmae": "y"}, "nmae", "Not known here. Possible: lent_at, made_on, name, parts."),
        ({"name": "x", "made_on": "28/11/2026"}, "made_on", "A day such as 2026-11-28 is expected."),
        (
            {"name": "x", "lent_at": "yesterday"},
            "lent_at",
            "A time with its zone, such as 2026-11-28T09:30:00+01:00, is expected.",
        ),
    ],
)
def test_a_wrong_member_is_told_what_is_possible(arguments: dict[str, Any], field: str, rule: str) -> None:
    with pytest.raises(Refused) as refused:
        load(EDIT.request, arguments)
    assert refused.value.more["errors"] == [{"field": field, "rule": rule}]


def test_a_request_without_members_knows_none() -> None:
    with pytest.raises(Refused, match="invalid_request") as refused:
        load(ASK.request, {"x": 1})
    assert refused.value.detail == "x: Not known here. Possible: none."
    assert Request.from_dict({})().error_messages["unknown"].endswith("none.")


def test_a_change_without_a_version_is_refused_and_nothing_else() -> None:
    with pytest.raises(Refused, match="version_required"):
        require_version(EDIT, CallContext("r"))
    require_version(EDIT, CallContext("r", expected_version=0))
    require_version(ASK, CallContext("r"))


LEND = contract.command(
    "lend_toy",
    "",
    request={"toy_id": fields.String(required=True)},
    reply={},
    access=permission("toy.edit"),
)


def by_link(operation: Any, arguments: dict[str, Any], *operations: str) -> str:
    """How a caller who came by the link of a mail to lend one toy is answered."""
    verifier = Verifier("account", "c" * 32, "staff", "toy.edit")
    link = Link(frozenset(operations), "toy_id", "1" * 32, "v1")
    verifier.caller = replace(verifier.caller, link=link)
    try:
        admit(operation, verifier, "passport", arguments)
    except Refused as refused:
        return refused.code
    return "admitted"


def test_a_link_admits_its_operations_on_its_object_only():
    assert by_link(LEND, {"toy_id": "1" * 32}, "toys.lend_toy") == "admitted"
    assert by_link(LEND, {"toy_id": "2" * 32}, "toys.lend_toy") == "forbidden"
    assert by_link(LEND, {"toy_id": "1" * 32}, "toys.edit_toy") == "forbidden"
    assert by_link(ASK, {}, "toys.ask_toy") == "forbidden"  # it names no object
    assert by_link(EDIT, {"toy_id": "1" * 32}, "toys.lend_toy") == "forbidden"


def test_a_link_holds_for_one_state_of_its_object():
    caller = Caller("account", "c" * 32, link=Link(frozenset(), "toy_id", "1" * 32, "v1"))
    caller.require_state("v1")
    with pytest.raises(Refused) as refused:
        caller.require_state("v2")
    assert refused.value.code == "link_refused"
    Caller("account", "c" * 32).require_state("v2")  # who has signed in sees it as it is
