"""Operations are declared once: routes, OpenAPI and error codes follow from the declarations completely."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema_specifications import REGISTRY
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.schemas import schema_v31
from referencing.jsonschema import DRAFT202012

from gateway.api import ROUTES
from gateway.documentation import openapi
from gateway.routes import Route
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import COMMON_ERRORS, PUBLIC, Contract, Operation, all_operations
from services.contracts.errors import CODES, Refused
from services.contracts.fields import Id, Secret
from services.contracts.notifications.templates import preview_message_template
from services.contracts.portals import fhir as portals_fhir
from services.contracts.referrals.fhir import fhir_search
from services.contracts.referrals.fhir_exports import export_fhir

OPERATIONS = all_operations(CONTRACTS)
HAS_A_ROUTE = [op for op in OPERATIONS if op.is_routed and op.access.kind != "services"]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi(ROUTES)


class SpecValidator(OpenAPIV31SpecValidator):
    """Searches the schemas for anchors once. The library does so at every reference, 3,000 times here."""

    schema_validator = Draft202012Validator(
        dict(schema_v31),
        registry=REGISTRY.with_resource(
            schema_v31["$id"], DRAFT202012.create_resource(dict(schema_v31))
        ).crawl(),
    )


def test_the_openapi_document_is_valid(document: dict[str, Any]):
    assert [error.message for error in SpecValidator(document).iter_errors()] == []


@pytest.mark.parametrize(
    "spoilt",
    [
        {"openapi": "3.1.0", "info": {"title": "x"}, "paths": {}},
        {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {"/{id}": {"get": {}}}},
    ],
    ids=["a title without a version", "a path with a parameter that is not declared"],
)
def test_an_invalid_openapi_document_would_be_seen(spoilt: dict[str, Any]):
    assert [error.message for error in SpecValidator(spoilt).iter_errors()] != []


def test_every_route_is_documented_with_its_answers(document: dict[str, Any]):
    for route in ROUTES:
        described = document["paths"][route.path][route.method.lower()]
        assert described["operationId"] == route.name
        assert str(route.operation.status) in described["responses"]
        promised = {str(CODES[code]) for code in route.operation.codes}
        assert promised <= set(described["responses"])
    assert sum(map(len, document["paths"].values())) == len(ROUTES)


def test_what_needs_a_version_says_so(document: dict[str, Any]):
    for route in ROUTES:
        described = document["paths"][route.path][route.method.lower()]
        headers = {
            each["name"]: each["required"] for each in described["parameters"] if each["in"] == "header"
        }
        assert ("If-Match" in headers) == route.operation.takes_version
        assert headers.get("If-Match", False) == route.operation.expects_version
        assert ("428" in described["responses"]) == route.operation.expects_version
        assert ("412" in described["responses"]) == route.operation.takes_version


def test_what_changes_something_that_has_a_version_honours_if_match():
    changes = [each for each in HAS_A_ROUTE if each.kind == "command" and each.status != 201]
    ignoring = {each.name for each in changes if "version" in each.reply.fields and not each.takes_version}
    assert ignoring == set()


def test_only_what_is_public_is_documented_as_open(document: dict[str, Any]):
    opened = {
        described["operationId"]
        for methods in document["paths"].values()
        for described in methods.values()
        if described.get("security") == []
    }

    assert opened == {operation.name for operation in HAS_A_ROUTE if operation.access == PUBLIC}
    assert document["security"] == [{"session": []}, {"cookie": []}]


def test_what_is_for_some_realms_only_says_so(document: dict[str, Any]):
    for route in ROUTES:
        described = document["paths"][route.path][route.method.lower()]["description"]
        realms = route.operation.access.realms
        assert f"realms: {', '.join(realms)}." in described if realms else "realms" not in described


def test_operation_names_are_unique_over_all_services():
    names = [operation.name for operation in OPERATIONS]

    assert len(names) == len(set(names))


FHIR_SEARCHES = (fhir_search, *(search for _, search in portals_fhir.OPERATIONS.values()))


@pytest.mark.parametrize("operation", HAS_A_ROUTE, ids=lambda operation: operation.address)
def test_a_routed_operation_has_one_route(operation: Operation):
    # FHIR offers each search at a second address, by POST.
    names = [route.name for route in ROUTES if route.operation is operation]
    assert sorted(names) == [operation.name, *[f"{operation.name}_by_post"] * (operation in FHIR_SEARCHES)]


def test_no_other_operation_has_a_route():
    assert {route.operation.address for route in ROUTES} == {operation.address for operation in HAS_A_ROUTE}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_fits_its_operation(route: Route):
    members = set(route.operation.request.fields)

    assert set(route.parameters) <= members
    assert route.uploads is None or route.uploads in members
    # Opening a file is audited, but remains a GET. A secret does not belong into an address,
    # and a letter does not fit into one.
    reads = route.operation.kind == "query" or route.downloads is not None
    has_body = _carries_a_secret(route) or route.operation is preview_message_template
    has_body = has_body or route.name != route.operation.name
    # FHIR's guide orders an export by GET; a page of somebody else cannot send the header that an order needs.
    reads = reads or route.operation is export_fhir
    assert (route.method == "GET") == (reads and not has_body)


def _carries_a_secret(route: Route) -> bool:
    # A calendar program knows the address alone (decision 0016).
    return not route.is_calendar and any(
        isinstance(field, Secret) for field in route.operation.request.fields.values()
    )


def test_no_two_routes_share_an_address():
    addresses = [(route.method, route.path) for route in ROUTES]

    assert len(addresses) == len(set(addresses))


def test_every_declared_error_code_is_known():
    for operation in OPERATIONS:
        assert set(operation.errors) <= set(CODES), operation.address
    assert set(COMMON_ERRORS) <= set(CODES)


def test_an_unknown_error_code_cannot_be_declared():
    with pytest.raises(ValueError, match="unknown error codes"):
        Contract("toy", "Toy.").query(
            "look", "Look.", request={}, reply={}, access=PUBLIC, errors=("nonsense",)
        )


def test_an_unknown_error_code_cannot_be_raised():
    with pytest.raises(ValueError, match="unknown error code"):
        Refused("nonsense", "It is not in the list.")


def test_an_operation_cannot_be_declared_twice():
    contract = Contract("toy", "Toy.")
    contract.query("look", "Look.", request={}, reply={}, access=PUBLIC)

    with pytest.raises(ValueError, match="declared twice"):
        contract.command("look", "Look again.", request={"id": Id()}, reply={}, access=PUBLIC)


def test_a_request_refuses_members_that_are_not_declared():
    for operation in OPERATIONS:
        errors = operation.request.validate({"organisation_id": "x", "is_admin": True})
        undeclared = {"organisation_id", "is_admin"} - set(operation.request.fields)
        assert undeclared <= set(errors), operation.address
