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
from services.chassis.waiting import Waiting, refusal
from services.chassis.wire import CallContext
from services.contracts.errors import Refused
from services.contracts.identity.passports import MOST_PASSPORTS, issue_passports

LEAST_TIME_S = 0.5  # that a call gets, even if who leads has waited almost to the end


@dataclass(frozen=True)
class Asked:
    """A token, the service that its passport is for, and the request's context.

    `is_background`: a page asks by itself, so the session counts as idle.
    """

    token: str
    audience: str
    context: CallContext
    is_background: bool = False


class Passports:
    """Gets passports by a client, for at most so many requests at once."""

    def __init__(self, client: RpcClient, workers: int) -> None:
        self._client = client
        self._waiting = Waiting(workers)  # beside the client's, as one call serves many who wait
        self._groups: Grouping[Asked, dict[str, Any]] = Grouping(
            self._ask, self._refusal, MOST_PASSPORTS, self._is_hopeless
        )

    def issue(self, asked: Asked) -> dict[str, Any]:
        """The passport and whose it is. Raises Refused(unauthenticated), and what a call of identity raises."""
        with self._waiting.of("identity"):
            issued = self._groups.do(asked, asked.context.remaining_s() or 0.0)
        if issued["passport"] is None:
            raise Refused("unauthenticated", "The session has ended. Log in again.")
        return issued

    def _ask(self, group: Group[Asked, dict[str, Any]]) -> Sequence[dict[str, Any]]:
        members = group.gather()
        # The one who leads has waited longest, and must not wait for those who came later.
        deadline = max(members[0].context.deadline or 0.0, time.time() + LEAST_TIME_S)
        context = replace(members[0].context, client_address=None, deadline=deadline)
        asked = [
            {
                "token": each.token,
                "audience": each.audience,
                "client_address": each.context.client_address,
                **({"is_background": True} if each.is_background else {}),
            }
            for each in members
        ]
        issued: list[dict[str, Any]] = self._client.call(issue_passports, {"asked": asked}, context)[
            "passports"
        ]
        self._waiting.answered("identity")
        return issued

    def _is_hopeless(self) -> bool:
        return self._waiting.is_too_much("identity")

    def _refusal(self) -> Refused:
        if self._is_hopeless():
            return refusal("identity")
        return Refused("timeout", "The identity service did not answer in time.")
