"""Runs every check and prints all problems at once."""

from __future__ import annotations

import sys

from deploy import contracts
from deploy.checks import declarations, expansion, refusals, released, tables
from deploy.checks.portico import portico


def main() -> int:
    """Returns 1 if something is missing."""
    checked = portico()
    found = [
        *contracts.problems(contracts.files()),
        *declarations.problems(checked),
        *tables.problems(checked),
        *expansion.problems(),
        *released.problems(),
        *refusals.problems(checked),
    ]
    print("\n".join(found) or "Nothing is missing.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
