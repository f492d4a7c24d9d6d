"""The checks of `make check`: they find nothing missing in this tree, and they name each planted fault."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from deploy.checks import declarations, refusals, tables
from deploy.checks.portico import Portico, portico
from deploy.checks.source import Module
from services.contracts.declare import Contract, Event, Operation, only_services
from tests.support.databases import migrated


@pytest.fixture(scope="module")
def tree() -> Portico:
    """This checkout."""
    return portico()


def operation(tree: Portico, address: str) -> Operation:
    return next(each for each in tree.all_operations if each.address == address)


def with_contract(tree: Portico, service: str, *, without: str = "", **changed: Operation | Event) -> Portico:
    """The tree with one service's contract changed: members removed or replaced."""

    def spoilt(contract: Contract) -> Contract:
        if contract.service != service:
            return contract
        other = copy.copy(contract)
        for members in ("operations", "events"):
            kept = {name: each for name, each in getattr(contract, members).items() if name != without}
            setattr(other, members, kept | {name: changed[name] for name in kept if name in changed})
        return other

    return dataclasses.replace(tree, contracts=tuple(map(spoilt, tree.contracts)))


def with_service(tree: Portico, service: str, service_class: type) -> Portico:
    return dataclasses.replace(tree, services={**tree.services, service: service_class})


def with_modules(tree: Portico, *more: Module, without: str = "") -> Portico:
    kept = [module for module in tree.modules if not (without and module.is_in(without))]
    return dataclasses.replace(tree, modules=(*kept, *more))


def with_routes(tree: Portico, routes: Iterable[Any]) -> Portico:
    return dataclasses.replace(tree, routes=tuple(routes))


def test_this_tree_has_all_that_its_declarations_need(tree: Portico):
    assert declarations.problems(tree) == []


def test_the_codes_of_this_tree_are_raised_and_can_be_reached(tree: Portico):
    assert refusals.problems(tree) == []


def test_the_migrations_of_this_tree_make_its_tables_on_sqlite(tree: Portico):
    assert tables.problems(tree) == []


def test_a_command_that_gives_rights_unmarked_or_to_anybody_is_named(tree: Portico):
    marked = operation(tree, "identity.set_security_level")

    unmarked = with_contract(tree, "identity", set_security_level=dataclasses.replace(marked, grants=None))
    careless = with_contract(
        tree, "identity", set_security_level=dataclasses.replace(marked, errors=("not_found",))
    )

    assert any(
        line.startswith("identity.set_security_level: security_level may give rights; declare `grants=…`")
        for line in declarations.problems(unmarked)
    )
    assert any(
        line.startswith("identity.set_security_level: it grants level and refuses nobody")
        for line in declarations.problems(careless)
    )


def test_an_operation_without_entrypoint_is_named(tree: Portico):
    spoilt = with_service(tree, "portals", type("Service", (), {"name": "portals"}))

    assert (
        "portals.configure_portal: no entrypoint; add `@serves(…) def configure_portal` to a class that "
        "services/portals/service.py inherits" in declarations.problems(spoilt)
    )


def test_an_entrypoint_in_a_class_that_the_service_does_not_inherit_is_named(tree: Portico):
    spoilt = with_service(tree, "portals", type("Service", (), {"name": "portals"}))

    assert any(
        "on_organisation_created is not reached" in problem for problem in declarations.problems(spoilt)
    )


def test_an_entrypoint_without_declaration_is_named(tree: Portico):
    spoilt = with_contract(tree, "portals", without="configure_portal")

    assert (
        "portals: configure_portal serves what no contract declares; declare it in services/contracts"
        in declarations.problems(spoilt)
    )


def test_a_method_whose_decorator_was_forgotten_is_named(tree: Portico):
    class Service(tree.services["portals"]):  # type: ignore[misc, name-defined]
        def on_people_parted(self, delivery: Any) -> None:
            """Nothing calls this."""

    assert declarations.problems(with_service(tree, "portals", Service)) == [
        "portals: the method on_people_parted is no entrypoint; decorate it with @serves(…) or @listens(…)"
    ]


def test_a_handler_of_an_event_that_does_not_exist_is_named(tree: Portico):
    spoilt = with_contract(tree, "identity", without="organisation_created.v1")

    assert (
        "portals: on_organisation_created listens to what no contract declares; declare the event, or remove "
        "on_organisation_created" in declarations.problems(spoilt)
    )


def test_an_operation_without_route_is_named(tree: Portico):
    spoilt = with_routes(tree, [each for each in tree.routes if each.operation.name != "configure_portal"])

    (problem,) = declarations.problems(spoilt)
    assert problem.startswith("portals.configure_portal: no route; add one to gateway/api, or declare")


def test_a_route_to_what_is_not_declared_is_named(tree: Portico):
    spoilt = with_contract(tree, "portals", without="configure_portal")
    route = next(each for each in tree.routes if each.operation.name == "configure_portal")

    assert (
        f"{route.method} {route.path}: its operation portals.configure_portal is not declared; remove the route"
        in declarations.problems(spoilt)
    )


def test_a_route_to_what_is_only_for_services_is_named(tree: Portico):
    configure = operation(tree, "portals.configure_portal")
    closed = dataclasses.replace(configure, access=only_services("identity"))
    problems = declarations.problems(with_contract(tree, "portals", configure_portal=closed))

    assert any("portals.configure_portal is not for clients; remove the route" in each for each in problems)


def test_an_operation_for_services_that_nobody_asks_is_named(tree: Portico):
    asked = operation(tree, "referrals.describe_resource")
    assert asked.access.services == ("identity",)

    assert (
        "referrals.describe_resource: nobody asks it; call it in services/ (identity), or remove it"
        in declarations.problems(with_modules(tree, without="services.identity"))
    )


def test_an_operation_of_the_gateway_that_it_does_not_ask_is_named(tree: Portico):
    problems = declarations.problems(with_modules(tree, without="gateway"))

    assert (
        "identity.issue_passports: no route, and the gateway does not ask it; add a route, or remove it"
        in problems
    )


def test_a_service_that_asks_what_it_may_not_is_named(tree: Portico):
    asked = "from services.contracts.referrals.directory import describe_resource\nprint(describe_resource)\n"
    module = Module("services.signing.planted", "services/signing/planted.py", asked)

    assert declarations.problems(with_modules(tree, module)) == [
        "referrals.describe_resource: signing asks it and may not; add signing to its `only_services(…)`"
    ]


def test_an_event_that_nobody_publishes_is_named(tree: Portico):
    assert (
        "portals.portal_configured.v1: never published; call `unit.publish(portal_configured, …)` in "
        "services/portals, or remove the event"
        in declarations.problems(with_modules(tree, without="services.portals"))
    )


def test_a_code_that_nobody_raises_is_named(tree: Portico):
    assert "not_signed: no code raises it; take it out of services/contracts/errors.py" in refusals.problems(
        with_modules(tree, without="services.signing")
    )


def test_a_refusal_that_a_language_does_not_tell_is_named(
    tree: Portico, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sentence = "The code is wrong or too old. Enter the number again to get another one."
    for name in ("pages.po", "refusals.po"):
        kept = tmp_path / "es" / name
        kept.parent.mkdir(exist_ok=True)
        kept.write_text((refusals.LOCALE / "es" / name).read_text().replace(sentence, "Something else."))
    monkeypatch.setattr(refusals, "LOCALE", tmp_path)

    assert refusals.problems(tree) == [
        f"notifications.confirm_my_text_number: {sentence!r} is told in English alone; add it to es/refusals.po"
    ]


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("portals.configure_portal", "document_encrypted"),
        ("referrals.set_capacity_settings", "queue_name_taken"),
        ("identity.log_out", "password_refused"),
        ("notifications.list_deliveries", "template_invalid"),
    ],
)
def test_a_declared_code_that_cannot_be_reached_is_named(tree: Portico, address: str, code: str):
    # In the declaration itself: the source refers to this object, and must not be taken to raise what it declares.
    declared = operation(tree, address)
    before = declared.errors
    object.__setattr__(declared, "errors", (*before, code))
    try:
        found = refusals.problems(tree)
    finally:
        object.__setattr__(declared, "errors", before)

    assert found == [
        f"{address}: declares {code}, which nothing it calls raises; raise it, or take it out of the declaration"
    ]


@pytest.fixture(params=["sqlite", "postgresql"])
def portals_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database of portals."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/portals.db"
    else:
        url = request.getfixturevalue("new_postgres_url")
    migrated("portals", url)
    return url


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DROP TABLE organisation_keys", "table organisation_keys is missing in the migrations"),
        ("CREATE TABLE planted (id VARCHAR(32) PRIMARY KEY)", "table planted is missing in the model"),
        (
            "ALTER TABLE portal_versions ADD COLUMN planted INTEGER",
            "column portal_versions.planted is missing in the model",
        ),
        (
            "ALTER TABLE portal_versions DROP COLUMN editors",
            "column portal_versions.editors is missing in the migrations",
        ),
        ("DROP INDEX ix_audit_at", "index audit.ix_audit_at (at) is missing in the migrations"),
        (
            "CREATE UNIQUE INDEX planted ON portal_versions (portal)",
            "index portal_versions.planted (portal) is missing in the model",
        ),
    ],
)
def test_a_table_that_the_migrations_do_not_make_is_named(portals_database: str, statement: str, named: str):
    assert tables.differences("portals", portals_database) == []
    engine = create_engine(portals_database)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()

    found = tables.differences("portals", portals_database)

    assert f"services/portals: {named}; {tables.WHAT_TO_DO.format(service='portals')}" in found


@pytest.mark.parametrize("service", ["identity", "referrals", "portals", "notifications", "signing"])
def test_the_migrations_of_this_tree_make_its_tables_on_postgresql(new_postgres_url: str, service: str):
    migrated(service, new_postgres_url)

    assert tables.differences(service, new_postgres_url) == []
