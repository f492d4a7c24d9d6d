"""The child process that writes a large export, so that seconds of computing do not block the service's callers.

It reads the service's database and puts the file into the store, so no large data passes between the two processes. Its
arguments are the organisation, the number of an open file for its progress, and its parent's process id. The addresses of database
and store may contain passwords, so they come in the environment. The result goes to standard output.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy.orm import Session

from services.chassis.blobs import EXPORTS, BlobStore, open_store
from services.chassis.database import Database
from services.chassis.settings import StoreSettings, load_settings
from services.contracts.errors import Refused
from services.referrals.hsds.queries import whole_directory

if TYPE_CHECKING:  # the child does without: it would cost it memory
    from services.chassis.runtime import Runtime

CHECKOUT = Path(__file__).resolve().parents[3]
MOST_BYTES = 2_000_000_000
CPU_S, MEMORY_BYTES = 900, 1024**3
_ADDRESS = "EXPORTED_DATABASE_URL"
_NUMBER = b"%-20d"
_STOPS_WITHIN_S = 5.0


class Writing:
    """A running child. Leaving the block ends it."""

    def __init__(self, runtime: Runtime, organisation_id: str) -> None:
        self._progress = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the block
        self._answer = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the block
        progress = self._progress.fileno()
        arguments = (organisation_id, progress, os.getpid())
        # The child's environment has what its database libraries and the store of files read, and nothing else.
        read = ("PG", "BLOB_S3_")
        ours = {name: value for name, value in os.environ.items() if name == "HOME" or name.startswith(read)}
        address = runtime.database.engine.url.render_as_string(hide_password=False)
        self._child = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-W", "ignore", "-m", __name__, *(str(each) for each in arguments)],
            stdin=subprocess.DEVNULL,
            stdout=self._answer,
            stderr=subprocess.DEVNULL,
            pass_fds=(progress,),
            env={
                **ours,
                "LC_ALL": "C.UTF-8",
                "PYTHONPATH": str(CHECKOUT),
                _ADDRESS: address,
                "BLOB_DIR": str(runtime.blobs.folder),
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_going_on():
            self._child.terminate()
            try:
                self._child.wait(_STOPS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._progress.close()
        self._answer.close()

    def is_going_on(self) -> bool:
        """Whether the child is still running."""
        return self._child.poll() is None

    def done(self) -> int:
        """The number of objects written so far."""
        return int(os.pread(self._progress.fileno(), 20, 0).strip() or 0)

    def result(self) -> tuple[str, int] | None:
        """SHA-256 and size of the file of a child that has ended; None where the child failed.

        Raises Refused(request_too_large) beyond 2 GB.
        """
        self._answer.seek(0)
        text = self._answer.read()
        if self._child.returncode != 0 or not text:
            return None
        said = json.loads(text)
        if said is None:
            raise Refused("request_too_large", f"At most {MOST_BYTES} bytes are exported.")
        return said["sha256"], said["size"]


def write(
    database: Database, store: BlobStore, organisation_id: str, note: Callable[[int], None]
) -> dict[str, Any] | None:
    """Write the export into the store; return its SHA-256 and size, or None where the file would be too large.

    `note(objects so far)` is called for every page.
    """
    done = 0

    def count() -> None:
        nonlocal done
        done += 1

    def read(query: Callable[[Session], Any]) -> Any:
        note(done)
        with database.reading(organisation_id) as session:
            return query(session)

    try:
        pieces = whole_directory(read, count)
        sha256, size = store.put_passing(organisation_id, pieces, MOST_BYTES, EXPORTS)
    except Refused as refusal:
        if refusal.code != "request_too_large":
            raise
        return None
    return {"sha256": sha256, "size": size}


def main(organisation_id: str, progress: int, parent: int) -> None:
    """Write the export and print the result. Stop when the parent has died, because another process starts over then."""

    def note(done: int) -> None:
        if os.getppid() != parent:
            sys.exit(1)
        os.pwrite(progress, _NUMBER % done, 0)

    database = Database(os.environ.pop(_ADDRESS), pool_size=1)
    said = write(database, open_store(load_settings(StoreSettings)), organisation_id, note)
    database.close()
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    os.nice(5)  # the service has priority
    # On SIGTERM the child exits in order, and so removes its unfinished file.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
