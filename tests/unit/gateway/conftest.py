"""The gateway with a client that remembers its calls."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from services.chassis.wire import CallContext
from services.contracts.declare import Operation
from services.contracts.identity import passports
from services.contracts.identity.web_origins import find_web_origin
from tests.support.gateway_app import gateway_app

HARBOR = "a" * 32
NO_ORIGIN = {"organisation_ids": []}
TOKEN = {"Authorization": "Bearer opaque-token"}


@dataclass
class FakeClient:
    """Remembers calls. `answers` maps an operation's address to its reply, a function of its arguments, or an error."""

    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[Operation, Mapping[str, Any], CallContext]] = field(default_factory=list)
    is_connected: bool = True

    def call(self, operation: Operation, arguments: Mapping[str, Any], context: CallContext) -> Any:
        self.calls.append((operation, arguments, context))
        answer = self.answers.get(operation.address, NO_ORIGIN if operation is find_web_origin else {})
        if isinstance(answer, Exception):
            raise answer
        return answer(arguments) if callable(answer) else answer

    def made(self, operation: Operation) -> tuple[Mapping[str, Any], CallContext]:
        """Arguments and context of the one call of this operation."""
        ((arguments, context),) = [(args, ctx) for called, args, ctx in self.calls if called is operation]
        return arguments, context


class _OfThisTest:
    """The client of the running test. All tests share one application, as making it takes longer than most tests."""

    def __init__(self) -> None:
        self.client = FakeClient()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


@dataclass(frozen=True)
class _Shared:
    app: flask.Flask
    client: _OfThisTest
    blobs: Path


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> _Shared:
    blobs = tmp_path_factory.mktemp("gateway") / "blobs"
    client = _OfThisTest()
    return _Shared(gateway_app(blobs, client), client, blobs)


@pytest.fixture
def services(_shared: _Shared) -> FakeClient:
    passport = {"passport": "signed", "organisation_id": HARBOR}
    _shared.client.client = FakeClient({passports.issue_passports.address: {"passports": [passport]}})
    return _shared.client.client


@pytest.fixture
def blobs(_shared: _Shared) -> Path:
    shutil.rmtree(_shared.blobs, ignore_errors=True)
    return _shared.blobs


@pytest.fixture
def app(_shared: _Shared, services: FakeClient, blobs: Path) -> flask.Flask:
    return _shared.app


@pytest.fixture
def http(app: flask.Flask) -> FlaskClient:
    return app.test_client()
