"""Asks identity for the passports of requests, for several simultaneous requests in one call.

Identity is asked for every request, so a revocation takes effect with the next one. A request that comes while a call is
under way joins the following call, so a crowd asks as often as identity answers.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.chassis.grouping import Group, Grouping
from services.chassis.rpc_client import RpcClient
from services.chassis.wire import CallContext
from services.contracts.errors import Refused
from services.contracts.identity.passports import MOST_PASSPORTS, issue_passports


@dataclass(frozen=True)
class Asked:
    """A token, the service that its passport is for, and the request's context."""

    token: str
    audience: str
    context: CallContext


class Passports:
    """Gets passports by a client."""

    def __init__(self, client: RpcClient) -> None:
        self._client = client
        self._groups: Grouping[Asked, dict[str, Any]] = Grouping(self._ask, _too_late, MOST_PASSPORTS)

    def issue(self, asked: Asked) -> dict[str, Any]:
        """The passport and whose it is. Raises Refused(unauthenticated), and what a call of identity raises."""
        issued = self._groups.do(asked, asked.context.remaining_s() or 0.0)
        if issued["passport"] is None:
            raise Refused("unauthenticated", "The session has ended. Log in again.")
        return issued

    def _ask(self, group: Group[Asked, dict[str, Any]]) -> Sequence[dict[str, Any]]:
        members = group.gather()
        deadline = max(each.context.deadline or time.time() for each in members)
        context = replace(members[0].context, client_address=None, deadline=deadline)
        asked = [
            {"token": each.token, "audience": each.audience, "client_address": each.context.client_address}
            for each in members
        ]
        issued: list[dict[str, Any]] = self._client.call(issue_passports, {"asked": asked}, context)[
            "passports"
        ]
        return issued


def _too_late() -> Refused:
    return Refused("timeout", "The identity service did not answer in time.")
