"""Asks identity whether the sessions of open streams still hold. Streams keep none alive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from gateway.live.streams import Stream
from services.chassis import wire
from services.chassis.rpc_client import RpcClient
from services.contracts.errors import Refused
from services.contracts.identity.passports import MOST_PASSPORTS, issue_passports

CHECKED_EVERY_S = 60.0


class Sessions:
    """Asks by a client, in threads, so that the event loop waits for nobody."""

    def __init__(self, client: RpcClient) -> None:
        self._client = client

    async def end_those_that_ended(self, streams: Sequence[Stream]) -> None:
        """End the streams whose session no longer holds. Where identity does not answer, the next check will tell."""
        for first in range(0, len(streams), MOST_PASSPORTS):
            group = streams[first : first + MOST_PASSPORTS]
            try:
                holds = await self.hold([(each.token, each.client_address) for each in group])
            except Refused:
                return
            for stream, is_held in zip(group, holds, strict=True):
                if not is_held:
                    stream.end()

    async def hold(self, asked: Sequence[tuple[str, str | None]]) -> list[bool]:
        """Whether each of these sessions, used from this address, holds. Raises Refused if identity does not answer."""
        return await asyncio.get_running_loop().run_in_executor(None, self._ask, asked)

    def _ask(self, asked: Sequence[tuple[str, str | None]]) -> list[bool]:
        context = wire.CallContext(
            request_id=wire.new_id(), correlation_id=wire.new_id(), deadline=time.time() + 5
        )
        wanted = [
            {"token": token, "audience": "identity", "client_address": address, "is_background": True}
            for token, address in asked
        ]
        reply = self._client.call(issue_passports, {"asked": wanted}, context)
        return [each["passport"] is not None for each in reply["passports"]]
