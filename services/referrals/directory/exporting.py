"""The directory as a file: written page by page where it is fetched from within minutes and swept away then; noted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork
from services.referrals.directory.hsds_queries import whole_directory

MOST_BYTES = 2_000_000_000


def export_directory(call: Call) -> Any:
    """Write the directory and say where it lies. Raises Refused(request_too_large) beyond 2 GB."""

    def read(query: Callable[[Session], Any]) -> Any:
        time.sleep(0)  # a page is some tens of milliseconds of computing: others go between two
        with call.runtime.database.reading(call.organisation_id) as session:
            return query(session)

    sha256, size = call.runtime.blobs.put_passing(call.organisation_id, whole_directory(read), MOST_BYTES)

    def note(unit: UnitOfWork, request: Any) -> dict[str, Any]:
        unit.audit("directory.exported", "directory", unit.organisation_id or "", size=size)
        name = f"directory-{unit.now:%Y%m%d}.{request['format']}.json"
        return {"sha256": sha256, "size": size, "media_type": "application/json", "file_name": name}

    return call.commit(note)
