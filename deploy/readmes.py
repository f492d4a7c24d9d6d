"""The generated lists in a service's README: operations, events, tables. `make contracts` writes them.

A list stands between `<!-- generated: offers -->` and `<!-- end -->`, likewise `publishes`, `listens` and `tables`. The
rest of a README is written by hand and stays.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.chassis.events import Listens
from services.chassis.models import STANDARD_ROWS, base_of
from services.chassis.topology import entrypoints
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import Contract, Operation

ROOT = Path(__file__).resolve().parents[1]
END = "<!-- end -->"
LISTS = ("offers", "publishes", "listens", "tables")


def files() -> dict[Path, str]:
    """Every service's README and its intended content."""
    return {path: filled(path.read_text(), lists(contract)) for path, contract in _readmes()}


def problems() -> list[str]:
    """Lists that have no place in their README, one sentence each."""
    return [
        f"{path.relative_to(ROOT)}: no list `{name}`; write {_begin(name)} and {END} on lines where it shall stand"
        for path, _ in _readmes()
        for name in LISTS
        if _begin(name) not in path.read_text()
    ]


def filled(text: str, texts: dict[str, str]) -> str:
    """A README with new lists."""
    for name, written in texts.items():
        place = re.compile(f"{re.escape(_begin(name))}.*?{re.escape(END)}", re.DOTALL)
        filling = f"{_begin(name)}\n{written}\n{END}".replace(
            "\\", r"\\"
        )  # `sub` reads backslashes as escapes
        text = place.sub(filling, text)
    return text


def lists(contract: Contract) -> dict[str, str]:
    """The four lists of a service, as Markdown."""
    service_class = importlib.import_module(f"services.{contract.service}.service").Service
    handled = entrypoints(service_class, Listens).values()
    heard = sorted((entrypoint.event for entrypoint in handled), key=lambda event: event.type)
    return {
        "offers": "\n".join(_offers(contract)),
        "publishes": _events(contract.events.values(), lambda event: f"{event.name}.v{event.version}"),
        "listens": _events(heard, lambda event: f"{event.service}.{event.name}.v{event.version}"),
        "tables": _tables(base_of(contract.service)),
    }


def _readmes() -> Iterator[tuple[Path, Contract]]:
    for contract in CONTRACTS:
        yield ROOT / "services" / contract.service / "README.md", contract


def _begin(name: str) -> str:
    return f"<!-- generated: {name} -->"


def _offers(contract: Contract) -> Iterator[str]:
    """A table of the operations, by subject."""
    subjects = _subjects(contract)
    yield "| Operation | Who | What |"
    yield "|---|---|---|"
    for subject in sorted(set(subjects.values())):
        if subject:
            yield f"| **{subject}** | | |"
        for operation in contract.operations.values():
            if subjects[operation.name] == subject:
                yield f"| `{operation.name}` | {_access(operation)} | {_cell(operation.summary)} |"


def _subjects(contract: Contract) -> dict[str, str]:
    """The subject of each operation, by name: the module of the contract that declares it."""
    package = importlib.import_module(f"services.contracts.{contract.service}")
    found = dict.fromkeys(contract.operations, "audit")  # declared for all services at once
    for each in pkgutil.iter_modules(getattr(package, "__path__", ())):
        module = importlib.import_module(f"{package.__name__}.{each.name}")
        for value in vars(module).values():
            if isinstance(value, Operation) and value.service == contract.service:
                found[value.name] = each.name
    return found


def _access(operation: Operation) -> str:
    access = operation.access
    if access.kind != "permission":
        return str(access).replace("_", " ")
    return (
        f"`{access.permission}`, {' and '.join(access.realms)} only"
        if access.realms
        else f"`{access.permission}`"
    )


def _events(events: Any, name: Any) -> str:
    return "\n".join(f"- `{name(event)}`: {event.summary}" for event in events) or "Nothing."


def _tables(base: Any) -> str:
    shared = {row.__tablename__ for row in STANDARD_ROWS}
    names = sorted(set(base.metadata.tables) - shared)
    of_all = ", ".join(f"`{name}`" for name in sorted(shared))
    return f"{', '.join(f'`{name}`' for name in names)}; and those of every service: {of_all}."


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
