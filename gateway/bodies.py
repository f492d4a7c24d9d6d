"""Reads the body of a request before a worker is taken, within limits of size, time and rate."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from services.chassis.blobs import no_room
from services.contracts.errors import Refused

Receive = Callable[[], Awaitable[Mapping[str, Any]]]

FIRST_S = 10.0  # time that any body may take
LEAST_RATE = 4096  # bytes a second that a body must bring beyond that time
IN_MEMORY = 16 * 1024  # what is larger lies in a file

# Writes to a slow disk must not stop the event loop.
_writers = ThreadPoolExecutor(2, thread_name_prefix="body-writer")


async def read_body(receive: Receive, length: int | None, most_bytes: int) -> IO[bytes]:
    """The body, from its beginning. `length` is what the client announced.

    Raises Refused(request_too_large), Refused(request_too_slow), or Refused(malformed_request) for a body that ends early.
    """
    if length is not None and length > most_bytes:
        raise _too_large(most_bytes)
    pieces = _Pieces()
    started = asyncio.get_running_loop().time()
    is_complete = length == 0
    try:
        while not is_complete:
            async with asyncio.timeout_at(started + FIRST_S + pieces.size / LEAST_RATE):
                message = await receive()
            await pieces.add(message, most_bytes)
            is_complete = pieces.size == length or not message["more_body"]
    except TimeoutError:
        pieces.close()
        raise Refused("request_too_slow", "The body came too slowly. Send it again.") from None
    except BaseException:
        pieces.close()
        raise
    return pieces.whole()


def _too_large(most_bytes: int) -> Refused:
    return Refused("request_too_large", f"The body is larger than {most_bytes} bytes.")


class _Pieces:
    """What has come of a body: in memory, or in a file that has no name and ends with it."""

    def __init__(self) -> None:
        self.size = 0
        self._file: IO[bytes] = io.BytesIO()

    async def add(self, message: Mapping[str, Any], most_bytes: int) -> None:
        if message["type"] != "http.request":
            raise Refused("malformed_request", "The body ended before it was complete.")
        piece: bytes = message["body"]
        self.size += len(piece)
        if self.size > most_bytes:
            raise _too_large(most_bytes)
        if self.size <= IN_MEMORY:
            self._file.write(piece)
        else:
            try:
                await asyncio.get_running_loop().run_in_executor(_writers, self._write, piece)
            except OSError as error:
                raise no_room() from error

    def _write(self, piece: bytes) -> None:
        if isinstance(self._file, io.BytesIO):
            in_memory, self._file = self._file, tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close` or its reader
            self._file.write(in_memory.getbuffer())
        self._file.write(piece)

    def whole(self) -> IO[bytes]:
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        self._file.close()
