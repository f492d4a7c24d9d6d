"""A1: every operation of the OpenAPI document, with what its schema allows and what it forbids, as each kind of caller.

schemathesis makes the requests, and judges the answers by the document.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy import partners, topology
from deploy.demo import SAMPLE
from deploy.journey import Journey
from tests.support import fuzzing
from tests.support.stack import RunningStack

CHECKOUT = Path(__file__).resolve().parents[2]
SETTINGS = Path(fuzzing.__file__).with_suffix(".toml")
KEY = "meadow"
ADDRESS = "198.51.100.7"
CALLERS = ("admin", "staff", "provider", "nobody")
# The callers take turns, so that two of them ask for each operation. It takes 20 s; four would take 34 s.
SHORT = ("--phases", "fuzzing", "--max-examples", "2", "--no-shrink")
LONG = ("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "100")


@dataclass(frozen=True)
class Fuzzed:
    """What `fuzzing` needs to know: the database and the organisation, and the account of each caller."""

    place: dict[str, str]
    accounts: dict[str, str]


def fuzzed_organisation(portico: RunningStack) -> Fuzzed:
    """An organisation of its own, with some work, so that requests find something and spoil nothing."""
    portico.create_organisation(KEY)
    topology.declare(portico.stack.amqp_uri, topology.internal([KEY]))
    topology.declare(portico.stack.feed_amqp_uri, topology.feed([KEY]))
    assert portico.stack.broker is not None
    partners.connect(portico.stack.broker, [KEY])
    admin = portico.log_in(KEY, f"admin@{KEY}.example.org")
    journey = Journey(portico.url, portico.stack.mail_url, KEY, admin, admin)
    journey.import_directory(SAMPLE.read_bytes())
    program = journey.find_program("Night Shelter")
    journey.create_queue([program])
    journey.set_capacity(program, 20)
    provider = journey.create_provider("Pat", program)
    record = journey.enter_record()
    journey.assign(record, program)
    journey.send_document(record, provider)
    staff = admin.post("/v1/accounts", email=f"staff@{KEY}.example.org", first_name="Sam", last_name="Field")
    organisation = admin.get("/v1/organisation")
    accounts = {"admin": admin.get("/v1/me"), "staff": staff, "provider": provider}
    return Fuzzed(
        {
            fuzzing.DATABASE: portico.stack.database_url("identity"),
            fuzzing.ORGANISATION: str(organisation["id"]),
        },
        {name: str(account["id"]) for name, account in accounts.items()} | {"nobody": fuzzing.NOBODY},
    )


@pytest.fixture(scope="module")
def fuzzed(portico: RunningStack) -> Fuzzed:
    return fuzzed_organisation(portico)


@pytest.mark.fault("A1")
def test_every_operation_answers_as_the_document_says(
    portico: RunningStack, fuzzed: Fuzzed, tmp_path: Path
) -> None:
    assert violations(portico, fuzzed, CALLERS, tmp_path, SHORT) == ""


@pytest.mark.full
@pytest.mark.timeout(7200)
@pytest.mark.fault("A1")
@pytest.mark.parametrize("caller", CALLERS)
def test_every_operation_answers_any_request_as_the_document_says(
    portico: RunningStack, fuzzed: Fuzzed, tmp_path: Path, caller: str
) -> None:
    assert violations(portico, fuzzed, (caller,), tmp_path, LONG) == ""


def violations(
    portico: RunningStack, fuzzed: Fuzzed, callers: Sequence[str], folder: Path, options: Sequence[str]
) -> str:
    """What schemathesis reports. Empty if every answer was as the document says."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS)),
        *("run", f"{portico.url}/openapi.json", "--no-color", *options),
        # An address of its own: wrong passwords are counted by address.
        *("--header", f"X-Forwarded-For: {ADDRESS}"),
    ]
    of_hooks = {
        "SCHEMATHESIS_HOOKS": fuzzing.__name__,
        "PYTHONPATH": str(CHECKOUT),
        fuzzing.ACCOUNTS: " ".join(fuzzed.accounts[each] for each in callers),
        **fuzzed.place,
    }
    env = os.environ | of_hooks
    run = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return "" if run.returncode == 0 else run.stdout + run.stderr
