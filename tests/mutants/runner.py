"""Runs tests again and again, each time in a child of a process that has imported the libraries already.

Reads one JSON object a line, `{"tests": […], "timeout_s": …}`, and answers `{"noticed": …, "by": …}`. The project's own modules,
except for the contracts, are imported by the child only, so each child sees the files as they are then.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import sys
import traceback
from typing import Any

import pytest

CONTRACTS = "services.contracts.catalogue"  # declarations, which no area mutates, take longest to import
LIBRARIES = [
    "alembic.command",
    "argon2",
    "asn1crypto.cms",
    "authlib.jose",
    "bidi",
    "cryptography.x509",
    "eventlet.green",
    "flask",
    "hypothesis",
    "jsonschema",
    "kombu.connection",
    "marshmallow",
    "nameko.extensions",
    "orjson",
    "phonenumbers",
    "pikepdf",
    "psycopg2",
    "pyhanko.sign.signers",
    "pyhanko.sign.validation",
    "rapidfuzz",
    "reportlab.pdfgen.canvas",
    "requests",
    "sqlalchemy.orm",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "structlog",
    "time_machine",
]


class FirstFailure:
    """pytest plugin: the first test that failed."""

    def __init__(self) -> None:
        self.test = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the first one."""
        if report.failed and not self.test:
            self.test = report.nodeid


def _child(tests: list[str], answer: int) -> None:
    os.setsid()
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    first = FirstFailure()
    code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests], plugins=[first]))
    # 1: a test failed; 2 to 4: the tests could not even be collected.
    told = {"code": code, "noticed": code in (1, 2, 3, 4), "by": first.test or f"pytest ended with {code}"}
    os.write(answer, json.dumps(told).encode())


def _attempt(tests: list[str], timeout_s: float) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _child(tests, writing)
        except BaseException:
            os.write(writing, json.dumps({"noticed": True, "by": traceback.format_exc(limit=-2)}).encode())
        finally:
            os._exit(0)
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], timeout_s)
    told = os.read(reading, 65536) if ready else json.dumps({"noticed": True, "by": "time"}).encode()
    os.close(reading)
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child, signal_number)
        except ProcessLookupError:
            break
    os.waitpid(child, 0)
    return json.loads(told) if told else {"noticed": True, "by": "the process died"}


def main() -> None:
    """Answer until the input ends."""
    for library in [*LIBRARIES, CONTRACTS]:
        importlib.import_module(library)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(_attempt(asked["tests"], asked["timeout_s"])), flush=True)


if __name__ == "__main__":
    main()
