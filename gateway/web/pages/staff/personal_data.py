"""What all services keep about one person: exports and erasures, with their progress."""

from __future__ import annotations

from typing import Any

from gateway.web.page import Action, Page, Read
from gateway.web.states import State
from services.contracts.identity import people, personal_data

_JOB = "/staff/people/{person_id}/data/{id}"
_RUNNING: dict[str, Any] = {
    "state": "running",
    "finished_at": None,
    "expires_at": None,
    "done": 2,
    "total": 5,
}
_EXPORTED: dict[str, Any] = {"kind": "export", "state": "finished", "done": 5, "total": 5}
_ERASED: dict[str, Any] = {"kind": "erasure", "state": "finished", "done": 5, "total": 5}

PAGES = (
    Page(
        "/staff/people/{person_id}/data",
        "staff/people/data.html",
        reads={
            "person": Read(people.get_person),
            "jobs": Read(personal_data.list_personal_data_jobs),
        },
        actions=(
            Action("export_person", personal_data.export_person, "The export has begun.", then=_JOB),
            Action("erase_person", personal_data.erase_person, "The erasure has begun.", then=_JOB),
        ),
        states=(State("proof", errors="one", refused={personal_data.erase_person: "proof_required"}),),
    ),
    Page(
        "/staff/people/{person_id}/data/{job_id}",
        "staff/people/data_job.html",
        reads={"job": Read(personal_data.get_personal_data_job)},
        states=(
            State("running", replies={personal_data.get_personal_data_job: _RUNNING}),
            State("exported", replies={personal_data.get_personal_data_job: _EXPORTED}),
            State("erased", replies={personal_data.get_personal_data_job: _ERASED}),
            State("expired", replies={personal_data.get_personal_data_job: _EXPORTED | {"state": "expired"}}),
            State("failed", replies={personal_data.get_personal_data_job: _EXPORTED | {"state": "failed"}}),
        ),
    ),
)
