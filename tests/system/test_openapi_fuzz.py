"""A1: every operation of the OpenAPI document, with what its schema allows and what it forbids, as each kind of caller.

schemathesis makes the requests, and judges the answers by the document.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from deploy import feed, topology
from deploy.demo import SAMPLE
from deploy.journey import Journey
from tests.support import fuzzing
from tests.support.stack import RunningStack

KEY = "meadow"
CALLERS = ("admin", "staff", "provider", "none")
# A valid request may be refused for what the database holds, so a refusal of one is no failure.
CHECKS = ("--checks", "all", "--exclude-checks", "positive_data_acceptance")
SHORT = ("--phases", "fuzzing", "--max-examples", "3")
LONG = ("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "100")


def fuzzed_organisation(portico: RunningStack) -> dict[str, dict[str, str]]:
    """An organisation of its own with some work, and what `fuzzing` needs to know of each caller."""
    portico.create_organisation(KEY)
    topology.declare(portico.stack.amqp_uri, topology.internal([KEY]))
    topology.declare(portico.stack.feed_amqp_uri, topology.feed([KEY]))
    assert portico.stack.broker is not None
    feed.connect(portico.stack.broker, [KEY])
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
    return {
        name: {
            fuzzing.DATABASE: portico.stack.database_url("identity"),
            fuzzing.ORGANISATION: organisation["id"],
            fuzzing.ACCOUNT: account["id"],
        }
        for name, account in accounts.items()
    } | {"none": {}}


@pytest.fixture(scope="module")
def callers(portico: RunningStack) -> dict[str, dict[str, str]]:
    return fuzzed_organisation(portico)


def violations(portico: RunningStack, caller: str, known: dict[str, str], *options: str) -> str:
    """What schemathesis reports. Empty if every answer was as the document says."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{portico.url}/openapi.json", "--no-color"),
        *("--seed", "1", "--generation-database", "none", "--continue-on-failure", "--warnings", "off"),
        *("--header", f"X-Forwarded-For: 198.51.100.{1 + CALLERS.index(caller)}", *CHECKS, *options),
    ]
    env = os.environ | {"SCHEMATHESIS_HOOKS": "tests.support.fuzzing"} | known
    found = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    return "" if found.returncode == 0 else found.stdout + found.stderr
