"""A2 and A11 at their full figures: every operation by every kind of caller, and a thousand passports that do not hold."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from gateway.api import ROUTES
from services.chassis import wire
from services.chassis.rpc_client import RpcClient
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import all_operations
from services.contracts.errors import Refused
from tests.support.stack import RunningStack
from tests.system.test_permissions import STAFF_LEVELS, _holds, _passports, _send, tokens

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(3600),
    pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning"),
]
__all__ = ["tokens"]  # a fixture
FORGED = 1000
ENDS_SESSIONS = ("log_out", "sign_out")


@pytest.mark.fault("A2")
def test_every_operation_answers_every_caller_as_declared(
    portico: RunningStack, tokens: dict[str, str]
) -> None:
    """Also who administers another organisation: what is asked for does not exist there."""
    cells: Counter[str] = Counter()
    wrong = []
    everybody = {**tokens, "nobody": None, "another organisation": str(portico.stranger.token)}
    for route in ROUTES:
        operation = route.operation
        for caller, token in everybody.items():
            if operation.name in ENDS_SESSIONS and caller in (
                *STAFF_LEVELS,
                "provider_portal_user",
                "another organisation",
            ):
                continue
            status = _send(portico, route, token).status_code
            role = "admin" if caller == "another organisation" else caller
            if operation.access.kind == "public":
                fits = status not in (403, 500)
            elif role in (*STAFF_LEVELS, "provider_portal_user"):
                fits = status not in (401, 403, 500) if _holds(role, operation) else status == 403
            else:
                fits = status == 401
            cells[str(status)] += 1
            if not fits:
                wrong.append((operation.address, caller, status))
    print(
        f"A2: {sum(cells.values())} cells of {len(ROUTES)} operations, {dict(cells)}, {len(wrong)} not as declared"
    )
    assert wrong == []


@pytest.fixture
def client(portico: RunningStack) -> Iterator[RpcClient]:
    client = RpcClient(portico.stack.amqp_uri, "forger")
    client.start()
    yield client
    client.close()


@pytest.mark.fault("A11")
def test_a_thousand_passports_that_do_not_hold_open_nothing(portico: RunningStack, client: RpcClient) -> None:
    closed = [each for each in all_operations(CONTRACTS) if each.access.kind != "public"]
    chance = random.Random(11)  # the same ones in each run
    refusals: Counter[str] = Counter()
    accepted = []
    while sum(refusals.values()) + len(accepted) < FORGED:
        operation = chance.choice(closed)
        for kind, passport in _passports(portico, operation).items():
            try:
                client.call(operation, {}, wire.CallContext(wire.new_id(), passport=passport))
            except Refused as refusal:
                refusals[refusal.code] += 1
                if refusal.code in ("unauthenticated", "passport_expired", "forbidden"):
                    continue
            accepted.append((operation.address, kind))
    print(f"A11: attempted {sum(refusals.values())} accepted {len(accepted)}, {dict(refusals)}")
    assert accepted == []
