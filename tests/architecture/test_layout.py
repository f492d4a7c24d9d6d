"""One subject, one name, four places: contract, service, routes, tests. A service's root holds only wiring."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.api import ROUTES
from services.contracts.catalogue import SERVICES

CHECKOUT = Path(__file__).resolve().parents[2]
ROOT_FILES = {"__init__.py", "service.py", "settings.py", "models.py", "README.md"}
# The chassis serves the trail of each service: it has a contract and routes, but no folder in the service.
OF_THE_CHASSIS = {"audit"}
# Folders that several subjects of a service use, without operations.
WITHOUT_CONTRACT = {
    ("identity", "registry"): "who is who: rows that several subjects look up",
    ("identity", "secrets"): "passwords, tokens and the vault",
    ("notifications", "secrets"): "secrets of webhooks and codes, derived from a key",
    ("identity", "housekeeping"): "what is forgotten after its time",
    ("referrals", "access"): "what a caller may see and do",
    ("referrals", "authors"): "who did something, by name",
    ("referrals", "calendar"): "days and weeks in an organisation's time zone",
    **dict.fromkeys(
        ((each, "personal_data") for each in ("referrals", "portals", "notifications", "signing")),
        "what stays of a person who is erased",
    ),
    ("portals", "merged_people"): "what is kept of people follows merges",
    ("portals", "working_days"): "on which days an organisation works, and holidays",
    ("portals", "screened_files"): "files that people add are taken in",
    ("portals", "people"): "what identity knows of people and of authors",
    ("signing", "pdf"): "reading, drawing and signing of PDFs",
    ("notifications", "channels"): "the ways that messages leave by",
}


def subjects(root: Path, service: str) -> set[str]:
    """The subjects in a service's contract: modules that declare operations or events."""
    folder = root / "services" / "contracts" / service
    declares = re.compile(r"\bcontract\.(command|query|event)\(")
    return {
        path.stem
        for path in folder.glob("*.py")
        if path.stem != "__init__" and declares.search(path.read_text())
    }


def folders(root: Path, service: str) -> set[str]:
    """Subject folders of a service."""
    return {
        path.name
        for path in (root / "services" / service).iterdir()
        if path.is_dir() and path.name not in ("migrations", "__pycache__")
    }


def misplaced(root: Path, service: str) -> Iterator[str]:
    """What is not in the place that its name says, one sentence each."""
    for path in sorted((root / "services" / service).iterdir()):
        if path.is_file() and path.name not in ROOT_FILES:
            yield f"services/{service}/{path.name}: a service's root holds only wiring; move it into its subject's folder"
    declared, made = subjects(root, service), folders(root, service)
    for subject in sorted(declared - made):
        yield f"services/contracts/{service}/{subject}.py has no folder services/{service}/{subject}/"
    for subject in sorted(made - declared):
        if (service, subject) not in WITHOUT_CONTRACT:
            yield f"services/{service}/{subject}/ has no contract services/contracts/{service}/{subject}.py"
    routes = {path.stem for path in (root / "gateway" / "api" / service).glob("*.py")} - {"__init__"}
    for subject in sorted(routes - declared - OF_THE_CHASSIS):
        yield f"gateway/api/{service}/{subject}.py has no contract services/contracts/{service}/{subject}.py"
    yield from misnamed_tests(root, service, declared, made)


def misnamed_tests(root: Path, service: str, declared: set[str], made: set[str]) -> Iterator[str]:
    """Subjects without a test, and tests that begin with no subject."""
    tests = [path.stem for path in (root / "tests" / "integration" / service).glob("test_*.py")]
    for subject in sorted(declared):
        if not any(name == f"test_{subject}" or name.startswith(f"test_{subject}_") for name in tests):
            yield f"tests/integration/{service}/ has no test_{subject}….py"
    known = declared | made | {"service"}
    for name in sorted(tests):
        if not any(name == f"test_{each}" or name.startswith(f"test_{each}_") for each in known):
            yield f"tests/integration/{service}/{name}.py begins with no subject of {service}"


@pytest.mark.parametrize("service", SERVICES)
def test_each_subject_has_one_name_in_four_places(service: str):
    assert list(misplaced(CHECKOUT, service)) == []


def test_routes_lie_with_the_subject_that_declares_their_operation():
    strangers = []
    for route in ROUTES:
        operation = route.operation
        table = CHECKOUT / "gateway" / "api" / operation.service
        declared = {
            path.stem
            for path in (CHECKOUT / "services" / "contracts" / operation.service).glob("*.py")
            if re.search(rf'\(\s*"{operation.name}"', path.read_text())
        } or OF_THE_CHASSIS
        routed = {
            path.stem for path in table.glob("*.py") if re.search(rf"\b{operation.name}\b", path.read_text())
        } or OF_THE_CHASSIS
        if declared != routed:
            strangers.append(
                f"{operation.address}: declared in {sorted(declared)}, routed in {sorted(routed)}"
            )

    assert strangers == []


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("services/toys/handlers.py", "a service's root holds only wiring"),
        ("services/toys/dolls/__init__.py", "has no contract services/contracts/toys/dolls.py"),
        ("gateway/api/toys/dolls.py", "gateway/api/toys/dolls.py has no contract"),
        ("tests/integration/toys/test_dolls.py", "begins with no subject of toys"),
    ],
)
def test_what_is_misplaced_is_named(tmp_path: Path, planted: str, told: str):
    for place, text in (
        ("services/contracts/toys/trains.py", 'contract.query("list_trains")'),
        ("services/toys/trains/__init__.py", ""),
        ("gateway/api/toys/trains.py", ""),
        ("tests/integration/toys/test_trains_at_night.py", ""),
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    assert list(misplaced(tmp_path, "toys")) == []

    (tmp_path / planted).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / planted).write_text("")

    (problem,) = misplaced(tmp_path, "toys")
    assert told in problem


@pytest.mark.parametrize("missing", ["services/toys/trains", "tests/integration/toys/test_trains.py"])
def test_what_is_missing_is_named(tmp_path: Path, missing: str):
    for place, text in (
        ("services/contracts/toys/trains.py", 'contract.event("train_left")'),
        ("services/toys/trains/__init__.py", ""),
        ("tests/integration/toys/test_trains.py", ""),
    ):
        if not place.startswith(missing):
            (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / place).write_text(text)
    (tmp_path / "services/toys").mkdir(exist_ok=True)
    (tmp_path / "gateway/api/toys").mkdir(parents=True)
    (tmp_path / "tests/integration/toys").mkdir(parents=True, exist_ok=True)

    (problem,) = misplaced(tmp_path, "toys")
    assert "trains" in problem
