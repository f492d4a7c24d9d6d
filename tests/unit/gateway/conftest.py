"""The gateway over a client that remembers what it was asked."""

from __future__ import annotations

import ipaddress
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
from services.contracts import identity
from services.contracts.declare import Operation

HARBOR = "a" * 32
TOKEN = {"Authorization": "Bearer opaque-token"}


@dataclass
class FakeClient:
    """Remembers calls. `answers` maps an operation's address to its reply, or to an error that is raised."""

    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[Operation, Mapping[str, Any], CallContext]] = field(default_factory=list)
    is_connected: bool = True

    def call(self, operation: Operation, arguments: Mapping[str, Any], context: CallContext) -> Any:
        self.calls.append((operation, arguments, context))
        answer = self.answers.get(operation.address, {})
        if isinstance(answer, Exception):
            raise answer
        return answer

    def made(self, operation: Operation) -> tuple[Mapping[str, Any], CallContext]:
        """Arguments and context of the one call of this operation."""
        ((arguments, context),) = [(args, ctx) for called, args, ctx in self.calls if called is operation]
        return arguments, context


@pytest.fixture
def services() -> FakeClient:
    passport = {"passport": "signed", "account_id": "c" * 32, "organisation_id": HARBOR}
    return FakeClient({identity.issue_passport.address: passport})


@pytest.fixture
def blobs(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def app(services: FakeClient, blobs: Path) -> flask.Flask:
    settings = SimpleNamespace(
        max_upload_bytes=2000,
        blob_dir=str(blobs),
        rpc_timeout_s=5.0,
        trusted_proxies=(ipaddress.ip_network("10.0.0.0/8"),),
        public_url=None,
    )
    return create_app(settings, services)  # type: ignore[arg-type]


@pytest.fixture
def http(app: flask.Flask) -> FlaskClient:
    return app.test_client()
