"""Entrypoints of the follow-up."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.signing import follow_up
from services.signing.follow_up import handlers


class FollowUpEntrypoints:
    """Entrypoints of the follow-up."""

    @serves(follow_up.remind_signer)
    def remind_signer(self, call: Call) -> Any:
        return call.commit(handlers.remind_signer)
