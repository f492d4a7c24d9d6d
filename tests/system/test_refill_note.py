"""The sample record system that helps with refill requests: event in, item over HTTP, link back (S3-3, S3-4)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.stack import RunningStack

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "examples" / "refill_note.py"
HOST = "records.example.org"


@pytest.mark.seed("S3-3", "S3-4")
def test_a_refill_request_opens_a_note_with_the_prescription_in_another_system(
    portico: RunningStack, tmp_path: Path
) -> None:
    admin = portico.admin
    settings = admin.get("/v1/portal-queue-settings")
    admin.send(
        "PATCH",
        "/v1/portal-queue-settings",
        200,
        json={"result_hosts": [HOST]},
        headers={"If-Match": f'"{settings["version"]}"'},
    )
    person = admin.post("/v1/people", first_name="Rea", last_name="Fill", kinds=["patient"])
    item = admin.post(
        "/v1/portal-queue", person_id=person["id"], type="refill_request", text="The blue inhaler, please."
    )
    client = admin.post("/v1/api-clients", name="Record system", scopes=["portal_queue.work"])
    given = {
        "--uri": portico.subscribe("record-system", "harbor"),
        "--url": portico.url,
        "--client": client["id"],
        "--secret": client["secret"],
        "--records": f"https://{HOST}",
        "--notes": str(tmp_path),
        "--count": "1",
        "--seconds": "60",
    }
    command = [sys.executable, str(EXAMPLE), *(word for pair in given.items() for word in pair)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().strip() == "listening"
        admin.act(f"/v1/portal-queue/{item['id']}/helper-action", version=item["version"])

        def finished() -> dict[str, Any]:
            found: dict[str, Any] = admin.get(f"/v1/portal-queue/{item['id']}")
            assert found["action_state"] == "finished"
            return found

        shown = eventually(finished, timeout_s=30)
        assert process.wait(timeout=30) == 0
    (note,) = tmp_path.glob("*.json")
    assert json.loads(note.read_text()) == {
        "person_id": person["id"],
        "requested": "The blue inhaler, please.",
        "prescription": "to be reviewed",
    }
    assert shown["result_link"] == f"https://{HOST}/encounters/{note.stem}"
    assert shown["state"] == "open"
    steps = {each["step"]: each["actor_id_name"] for each in shown["steps"]}
    assert steps["action_finished"] == "Record system"
