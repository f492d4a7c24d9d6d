"""Checks that every declaration has its entrypoint, its route or caller, or its publisher, and the reverse."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping

from deploy.checks.portico import Portico
from deploy.checks.source import Module
from services.chassis.events import Listens
from services.chassis.operations import Serves
from services.chassis.topology import entrypoints
from services.contracts.audit import checkpoint_event
from services.contracts.declare import Event, Operation
from services.contracts.identity.accounts import ProviderSwitches

# Operations for services that do not call them yet, with the reason.
AWAITED: Mapping[str, str] = {}

# Members of a request by which a command gives rights, and what a command that gives them refuses with.
RIGHTS = frozenset(
    {"security_level", "role", "allowed_roles", "permissions", "scopes", *ProviderSwitches().fields}
)
REFUSALS_OF_RIGHTS = frozenset({"right_not_held", "scope_refused"})


def problems(portico: Portico) -> list[str]:
    """What is missing, one sentence each."""
    return [
        *_operations_without_entrypoint(portico),
        *_entrypoints_without_declaration(portico),
        *_methods_that_nothing_reaches(portico),
        *_routes(portico),
        *_questions_that_nobody_asks(portico),
        *_events_that_nobody_publishes(portico),
        *_rights_that_anybody_gives(portico),
    ]


def _operations_without_entrypoint(portico: Portico) -> Iterator[str]:
    for service, operations in portico.operations.items():
        served = {
            entrypoint.operation for entrypoint in entrypoints(portico.services[service], Serves).values()
        }
        for operation in operations:
            if operation not in served:
                yield (
                    f"{operation.address}: no entrypoint; add `@serves(…) def {operation.name}` to a class that "
                    f"services/{service}/service.py inherits"
                )


def _entrypoints_without_declaration(portico: Portico) -> Iterator[str]:
    for service, service_class in portico.services.items():
        for name, entrypoint in entrypoints(service_class, Serves).items():
            if entrypoint.operation not in portico.operations[service]:
                yield f"{service}: {name} serves what no contract declares; declare it in services/contracts"
            elif entrypoint.operation.name != name:
                yield f"{service}: {name} serves {entrypoint.operation.name}; give the method that name"
        for name, entrypoint in entrypoints(service_class, Listens).items():
            if entrypoint.event not in portico.events:
                yield f"{service}: {name} listens to what no contract declares; declare the event, or remove {name}"
            elif name != f"on_{entrypoint.event.name}":
                yield f"{service}: {name} listens to {entrypoint.event.name}; name it on_{entrypoint.event.name}"


def _methods_that_nothing_reaches(portico: Portico) -> Iterator[str]:
    """Undecorated methods of a service's class, and decorated methods of classes that the service does not inherit."""
    for service, service_class in portico.services.items():
        for name, method in inspect.getmembers(service_class, inspect.isfunction):
            if not name.startswith("_") and not hasattr(method, "nameko_entrypoints"):
                yield f"{service}: the method {name} is no entrypoint; decorate it with @serves(…) or @listens(…)"
        reached = {*entrypoints(service_class, Serves), *entrypoints(service_class, Listens)}
        for module in portico.of(f"services.{service}"):
            for reference in module.references:
                if reference.entrypoint and reference.entrypoint.name not in reached:
                    yield (
                        f"{module.path}:{reference.line}: {reference.entrypoint.name} is not reached; let the class in "
                        f"services/{service}/service.py inherit this one"
                    )


def _routes(portico: Portico) -> Iterator[str]:
    routed = {route.operation.address: route for route in portico.routes}
    declared = {operation.address: operation for operation in portico.all_operations}
    for address, operation in declared.items():
        if _is_for_clients(operation) and address not in routed:
            yield (
                f"{address}: no route; add one to gateway/api, or declare `only_services(…)` or `is_routed=False` "
                "where no client asks"
            )
    for address, route in routed.items():
        if address not in declared:
            yield f"{route.method} {route.path}: its operation {address} is not declared; remove the route"
        elif not _is_for_clients(declared[address]):
            yield f"{route.method} {route.path}: {address} is not for clients; remove the route, or declare it so"


def _questions_that_nobody_asks(portico: Portico) -> Iterator[str]:
    """Operations without a route must be called by those that their declaration admits, and by nobody else."""
    for operation in portico.all_operations:
        if _is_for_clients(operation):
            continue
        if operation.access.kind != "services":
            if not _names(portico.of("gateway"), operation):
                yield f"{operation.address}: no route, and the gateway does not ask it; add a route, or remove it"
            continue
        askers = [name for name in portico.services if _names(portico.of(f"services.{name}"), operation)]
        strangers = set(askers) - {operation.service, *operation.access.services}
        for asker in sorted(strangers):
            yield f"{operation.address}: {asker} asks it and may not; add {asker} to its `only_services(…)`"
        if set(operation.access.services) & set(askers):
            if operation.address in AWAITED:
                yield f"{operation.address}: it is asked now; take it out of AWAITED in deploy/checks/declarations.py"
        elif operation.address not in AWAITED:
            allowed = ", ".join(operation.access.services)
            yield f"{operation.address}: nobody asks it; call it in services/ ({allowed}), or remove it"


def _events_that_nobody_publishes(portico: Portico) -> Iterator[str]:
    by_the_chassis = (
        {checkpoint_event(service).type for service in portico.services}
        if _names(portico.of("services.chassis"), checkpoint_event)
        else set()
    )
    for event in portico.events:
        if event.type not in by_the_chassis and not _names(portico.of(f"services.{event.service}"), event):
            yield (
                f"{event.service}.{event.name}.v{event.version}: never published; call `unit.publish({event.name}, …)` "
                f"in services/{event.service}, or remove the event"
            )


def _rights_that_anybody_gives(portico: Portico) -> Iterator[str]:
    """Commands that give rights must say so, and refuse what the caller does not hold. Emergency access gives more, aloud."""
    for operation in portico.all_operations:
        gives = sorted(RIGHTS & set(operation.request.fields))
        may_give = operation.kind == "command" and not (operation.access.permission or ".read").endswith(
            ".read"
        )
        if operation.grants is None:
            if gives and may_give:
                yield (
                    f"{operation.address}: {', '.join(gives)} may give rights; declare `grants=…`, and refuse what the "
                    "caller does not hold with services/identity/realms/granting.py"
                )
        elif operation.grants != "emergency" and REFUSALS_OF_RIGHTS.isdisjoint(operation.errors):
            yield (
                f"{operation.address}: it grants {operation.grants} and refuses nobody; declare and raise "
                "`right_not_held` with services/identity/realms/granting.py"
            )


def _is_for_clients(operation: Operation) -> bool:
    return operation.is_routed and operation.access.kind != "services"


def _names(modules: list[Module], target: Operation | Event | object) -> bool:
    """Whether the code refers to `target` outside the decorator of its entrypoint."""
    return any(
        reference.target is target and not reference.entrypoint
        for module in modules
        for reference in module.references
    )
