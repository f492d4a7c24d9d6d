"""A mail server that keeps nothing: `python -m tests.load.mail_sink PORT DELAY_S`. It answers each mail after a delay."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from aiosmtpd.smtp import SMTP


class Sink:
    """Accepts every mail after a while; many wait at once."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        await asyncio.sleep(self._delay_s)
        return "250 OK"


async def serve(port: int, delay_s: float) -> None:
    """Serve until the process ends."""
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(Sink(delay_s)), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
