"""Import rules. Each rule holds in this tree, and each is broken once to prove that it is checked."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("services", "gateway", "deploy")
NOT_SERVICES = {"contracts", "chassis", "decisions"}

SERVICES_APART = "A service never imports another service"
CONTRACTS_ARE_DATA = "Contracts are data"
CHASSIS_IS_BLIND = "The chassis knows no service"
GATEWAY_IS_THIN = "The gateway knows contracts and the way to call, no service, no database"
RULES_ARE_PURE = "Rules know no framework"
IDENTITY_IN_LAYERS = "Subjects of identity build on those below them"
REFERRALS_IN_LAYERS = "Subjects of referrals build on those below them"

PORTALS_IN_LAYERS = "Subjects of portals build on those below them"

VIOLATIONS = [
    (
        PORTALS_IN_LAYERS,
        "services/portals/definitions/rules.py",
        "from services.portals.configuration import rules",
    ),
    (SERVICES_APART, "services/identity/secrets/tokens.py", "import services.referrals.models"),
    (SERVICES_APART, "services/signing/pdf/pages.py", "from services.portals import rules"),
    (CONTRACTS_ARE_DATA, "services/contracts/errors.py", "import kombu"),
    (CONTRACTS_ARE_DATA, "services/contracts/fields.py", "from services.chassis import wire"),
    (CHASSIS_IS_BLIND, "services/chassis/blobs.py", "import services.identity.secrets.tokens"),
    (CHASSIS_IS_BLIND, "services/chassis/wire.py", "import gateway.settings"),
    (GATEWAY_IS_THIN, "gateway/auth.py", "import sqlalchemy"),
    (GATEWAY_IS_THIN, "gateway/api/portals/configuration.py", "from services.portals import rules"),
    (GATEWAY_IS_THIN, "gateway/routes.py", "import services.chassis.database"),
    (RULES_ARE_PURE, "services/signing/documents/rules.py", "import sqlalchemy"),
    (RULES_ARE_PURE, "services/referrals/capacity/rules.py", "from sqlalchemy.orm import Session"),
    (RULES_ARE_PURE, "services/portals/configuration/rules.py", "import services.chassis.unit_of_work"),
    (
        IDENTITY_IN_LAYERS,
        "services/identity/patients/enrolment.py",
        "import services.identity.people.handlers",
    ),
    (IDENTITY_IN_LAYERS, "services/identity/employees/rules.py", "import services.identity.patients.rules"),
    (IDENTITY_IN_LAYERS, "services/identity/models.py", "import services.identity.realms.rules"),
    (
        REFERRALS_IN_LAYERS,
        "services/referrals/records/queries.py",
        "import services.referrals.assignments.rules",
    ),
    (REFERRALS_IN_LAYERS, "services/referrals/capacity/rules.py", "import services.referrals.records.rules"),
    (REFERRALS_IN_LAYERS, "services/referrals/models.py", "import services.referrals.queues.rules"),
]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """The checker's verdict on the tree in `folder`, with that folder's pyproject.toml."""
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
    ]
    return subprocess.run(
        [*command, "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages and the rules, for a fault."""
    folder = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(CHECKOUT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="module")
def broken_rules(copy: Path) -> dict[str, str]:
    """What the checker says of each broken rule when all forbidden imports are in the copy. One run takes a second."""
    verdict = lint_imports(copy)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr  # before, the copy keeps every rule
    for _, module, line in VIOLATIONS:
        with (copy / module).open("a") as file:
            file.write(f"\n{line}\n")
    verdict = lint_imports(copy)
    assert verdict.returncode == 1, verdict.stdout + verdict.stderr
    said = verdict.stdout.partition("Broken contracts")[2]
    # A rule's name stands between the end of what was said before and a line of dashes.
    _, *named = re.split(r"^(.+)\n-+\n", said, flags=re.MULTILINE)
    return dict(zip(named[0::2], named[1::2], strict=True))


def imported_by(line: str) -> str:
    """The module that a line imports, as the checker names it: a package from outside as a whole."""
    module = line.split()[1]
    return module if module.partition(".")[0] in PACKAGES else module.partition(".")[0]


def test_the_tree_keeps_every_rule():
    verdict = lint_imports(CHECKOUT)

    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert "0 broken" in verdict.stdout


@pytest.mark.parametrize(
    ("rule", "module", "line"), VIOLATIONS, ids=[f"{module}: {line}" for _, module, line in VIOLATIONS]
)
def test_a_forbidden_import_breaks_its_rule(broken_rules: dict[str, str], rule: str, module: str, line: str):
    importing = module.removesuffix(".py").replace("/", ".")

    assert re.search(rf"^[- ] +{importing} -> {imported_by(line)}\b", broken_rules[rule], re.MULTILINE)


def test_every_rule_is_broken_once_above():
    assert {rule["name"] for rule in _rules()} == {rule for rule, _, _ in VIOLATIONS}


def test_every_service_is_named_in_the_rules():
    services = {
        f"services.{path.name}"
        for path in (CHECKOUT / "services").iterdir()
        if (path / "__init__.py").exists() and path.name not in NOT_SERVICES
    }
    rules = {rule["name"]: rule for rule in _rules()}

    assert set(rules[SERVICES_APART]["modules"]) == services
    assert services <= set(rules[CHASSIS_IS_BLIND]["forbidden_modules"])
    assert services <= set(rules[GATEWAY_IS_THIN]["forbidden_modules"])


def _rules() -> list[dict[str, list[str]]]:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    return list(settings["tool"]["importlinter"]["contracts"])
