"""A request costs one call to identity, and a public one none."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.api import ROUTES
from gateway.routes import Route
from tests.unit.gateway.conftest import TOKEN


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation.name)
def test_letting_a_request_in_takes_at_most_one_call(http: FlaskClient, services: Any, route: Route) -> None:
    path = re.sub(r"\{\w+\}", "1" * 32, route.path)
    http.open(
        path, method=route.method, headers={**TOKEN, "If-Match": '"1"'}, json={} if route.takes_body else None
    )

    called = [operation.name for operation, _, _ in services.calls]
    known = [] if route.operation.access.kind == "public" else ["issue_passports"]
    assert [name for name in called if name != route.operation.name] == known
    assert len(called) <= len(known) + 1
