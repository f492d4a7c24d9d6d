"""The gateway with a client that remembers its calls."""

from __future__ import annotations

import ipaddress
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from gateway.app import create_app
from services.chassis.wire import CallContext
from services.contracts.declare import Operation
from services.contracts.identity import passports
from services.contracts.identity.web_origins import find_web_origin

HARBOR = "a" * 32
MAX_STORED_BYTES = 10_000
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
    settings = SimpleNamespace(
        max_upload_bytes=2000,
        max_stored_bytes=MAX_STORED_BYTES,
        unused_files_kept_hours=24,
        blob_dir=str(blobs),
        blob_s3_bucket=None,
        rpc_timeout_s=5.0,
        gateway_threads=64,
        trusted_proxies=(ipaddress.ip_network("10.0.0.0/8"),),
        public_url=None,
        gateway_serves="all",
        pages_key_file=None,
        demo_front_door_file=None,
        live_url=None,
    )
    client = _OfThisTest()
    return _Shared(create_app(settings, client), client, blobs)  # type: ignore[arg-type]


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
