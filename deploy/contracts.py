"""`python -m deploy.contracts`: write the files that derive from the declarations.

These are the frozen event schemas, the AsyncAPI document, and the lists in the READMEs of the services.

`--check` writes nothing and fails when a file is out of date, or when a frozen schema would change in a way that breaks a
subscriber: a member removed, changed, or no longer required. Declare such a change as a new version beside the old.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from deploy import readmes
from services.contracts.asyncapi import asyncapi, data_schema
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import Contract

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "services" / "contracts"


def files(contracts: tuple[Contract, ...] = CONTRACTS) -> dict[Path, str]:
    """Every derived file and its intended content."""
    found = {**readmes.files(), FOLDER / "asyncapi.json": _text(asyncapi(contracts))}
    for contract in contracts:
        for event in contract.events.values():
            found[FOLDER / "schemas" / event.schema_file] = _text(data_schema(event))
    return found


def breaking(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The changes from `before` to `after` that would break a subscriber."""
    old, new = before.get("properties", {}), after.get("properties", {})
    problems = [f"{name} is gone" for name in old if name not in new]
    problems += [f"{name} has changed" for name in old if name in new and old[name] != new[name]]
    problems += [
        f"{name} is no longer always there"
        for name in before.get("required", [])
        if name not in after.get("required", [])
    ]
    return problems


def problems(wanted: dict[Path, str]) -> list[str]:
    """Files that are missing, out of date or incompatible, and lists without a place."""
    found = readmes.problems()
    for path, text in wanted.items():
        if not path.exists():
            found.append(f"{path.relative_to(ROOT)}: missing; run `make contracts`")
        elif path.read_text() != text:
            found.append(f"{path.relative_to(ROOT)}: out of date; run `make contracts`")
            if path.parent.name == "schemas":
                found += [
                    f"{path.name}: {what}; declare a new version"
                    for what in breaking(json.loads(path.read_text()), json.loads(text))
                ]
    found += [
        f"{path.name}: no such event is declared any more"
        for path in (FOLDER / "schemas").glob("*.json")
        if path not in wanted
    ]
    return found


def main(check: bool) -> int:
    """Write the files unless `check` is set; then report all problems."""
    wanted = files()
    if not check:
        for path, text in wanted.items():
            broken = (
                breaking(json.loads(path.read_text()), json.loads(text))
                if path.exists() and path.parent.name == "schemas"
                else []
            )
            if broken:
                sys.exit(f"{path.name} is frozen: {'; '.join(broken)}. Declare a new version.")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    found = problems(wanted)
    print("\n".join(found) or f"{len(wanted)} contract files are up to date")
    return 1 if found else 0


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
