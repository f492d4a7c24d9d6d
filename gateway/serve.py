"""Serves an application with granian, in one process with an event loop.

Granian itself limits the time that a client may take for a request's headers, or be idle between two requests.
"""

from __future__ import annotations

import resource

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

HEADERS_WITHIN_MS = 30_000
MOST_CONNECTIONS = 10_000
BUFFER_BYTES = 64 * 1024  # of a connection; a request's headers must fit
OTHER_FILES = 500  # that the process has open


def serve(factory: str, interface: Interfaces, host: str, port: int, ends_within_s: int) -> None:
    """Serve what `factory` ("module:function") makes until a signal comes, and end within so many seconds."""
    Granian(
        factory,
        factory=True,
        interface=interface,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADERS_WITHIN_MS, max_buffer_size=BUFFER_BYTES, keep_alive=True
        ),
        websockets=False,
        address=host,
        port=port,
        workers=1,
        backlog=2048,
        backpressure=_allow_connections(),
        respawn_failed_workers=True,
        workers_kill_timeout=ends_within_s,
        log_level=LogLevels.warning,
    ).serve()


def _allow_connections() -> int:
    """How many connections there may be: each is an open file, and the system limits those."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OTHER_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(1, allowed - OTHER_FILES)
