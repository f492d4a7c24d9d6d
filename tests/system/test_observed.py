"""What an operator sees of a running system: one correlation id through all processes, the watch's metrics, the status."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx

from deploy import status
from deploy.layout import CHECKOUT
from tests.support.eventually import eventually
from tests.support.stack import RunningStack


def _lines(portico: RunningStack, process: str, correlation_id: str) -> list[dict[str, object]]:
    """The lines of a process's log with this correlation id."""
    text = (portico.stack.folder / "log" / f"{process}.log").read_text(errors="replace")
    return [json.loads(line) for line in text.splitlines() if correlation_id in line and line.startswith("{")]


def test_one_correlation_id_leads_from_the_request_to_the_last_handler(portico: RunningStack) -> None:
    """From HTTP over a call to identity, its event, the handler in notifications, the call for the address, to the mail."""
    correlation_id = "corr-observed-0001"
    account = portico.admin.post(
        "/v1/accounts", email="observed@shelter.example.org", first_name="Olu", last_name="Watched"
    )
    with httpx.Client(base_url=portico.url) as http:
        answer = http.post(
            f"/v1/accounts/{account['id']}/invitations",
            headers={"Authorization": f"Bearer {portico.admin.token}", "X-Correlation-Id": correlation_id},
            json={},
        )
    assert answer.is_success, answer.text
    assert answer.headers["X-Correlation-Id"] == correlation_id

    def followed() -> None:
        seen = {
            process: [line.get("event") for line in _lines(portico, process, correlation_id)]
            for process in ("gateway", "identity", "notifications")
        }
        assert "request" in seen["gateway"], seen
        assert "served" in seen["identity"], seen
        assert "handled" in seen["notifications"], seen
        assert "delivery_tried" in seen["notifications"], seen

    eventually(followed, timeout_s=60)


def test_the_watch_measures_every_queue_and_the_status_reads_it(portico: RunningStack) -> None:
    ports = portico.stack.ports

    def measured() -> None:
        watch = status.seen("watch", ports.watch)
        consumers = watch.by("portico_watched_queue_consumers", "queue")
        assert consumers.get("rpc-identity") == 1, consumers
        assert not [queue for queue, count in consumers.items() if count == 0]
        assert "portico.parked" in watch.by("portico_watched_queue_depth", "queue")
        assert 0 < watch.total("portico_disk_free_ratio") < 1
        assert "measure_feed" in watch.by("portico_watch_last_seconds", "thing")

    eventually(measured, timeout_s=60)
    done = subprocess.run(
        [sys.executable, "-m", "deploy.status"],
        env=portico.stack.operator_env(),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    for process in ("gateway", "live", "watch", *status.SERVICES):
        assert f"\n{process} " in done.stdout, done.stdout + done.stderr
    assert "not ready" not in done.stdout


def test_the_watch_reads_the_stream_as_a_user_that_may_read_nothing_else(portico: RunningStack) -> None:
    portico.subscribe("watched", "harbor")

    def reached() -> None:
        watch = status.seen("watch", portico.stack.ports.watch)
        assert watch.by("portico_stream_reaches_back_seconds", "organisation").get("harbor", 0.0) > 0

    eventually(reached, timeout_s=40)


def test_another_system_reads_fhir_with_a_token_of_oauth(portico: RunningStack) -> None:
    client = portico.admin.post("/v1/api-clients", name="FHIR reader", scopes=["referral.read"])
    with httpx.Client(base_url=portico.url) as system:
        announced = system.get("/fhir/R4/.well-known/smart-configuration").json()["token_endpoint"]
        path = announced.removeprefix(portico.stack.public_url)
        opened = system.post(
            path,
            data={"grant_type": "client_credentials", "scope": "system/Task.rs"},
            auth=(client["id"], client["secret"]),
        ).json()
        system.headers["Authorization"] = f"{opened['token_type']} {opened['access_token']}"
        assert system.get("/fhir/R4/Task").json()["resourceType"] == "Bundle"
        assert system.get("/v1/accounts").status_code == 403
        refused = system.post(path, data={"grant_type": "client_credentials"}, auth=(client["id"], "wrong"))
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
