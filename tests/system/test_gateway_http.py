"""The running gateway over real HTTP, and nameko's shell for operators."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
import requests

from deploy.journey import a_pdf
from tests.support.eventually import eventually
from tests.support.stack import RunningStack

HEADERS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def send(portico: RunningStack, method: str, path: str, **options: Any) -> requests.Response:
    """One request as an outsider; `as_staff` sends staff's token."""
    headers = options.pop("headers", {})
    if options.pop("as_staff", False):
        headers = {"Authorization": f"Bearer {portico.staff.token}", **headers}
    return requests.request(method, portico.url + path, headers=headers, timeout=30, **options)


def test_it_is_ready_with_every_service(portico: RunningStack):
    answer = send(portico, "GET", "/readyz")

    assert answer.status_code == 200
    assert answer.json()["checks"] == dict.fromkeys(
        ("broker", "disk", "log", "identity", "referrals", "portals", "notifications", "signing"), True
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/me", 200),
        ("HEAD", "/v1/me", 200),
        ("GET", "/v1/queues/" + "e" * 32, 404),
        ("GET", "/v1/queues/not-an-id", 422),
        ("POST", "/v1/sessions", 422),
        ("GET", "/nowhere", 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404),
        ("DELETE", "/v1/queues", 405),
        ("OPTIONS", "/v1/queues", 200),
        ("GET", "/docs", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 404),
    ],
)
def test_every_answer_has_the_security_headers(portico: RunningStack, method: str, path: str, status: int):
    answer = send(portico, method, path, as_staff=True)

    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Correlation-Id"]
    assert not re.search("[0-9]", answer.headers.get("Server", "")), (
        "the server's version is nobody's business"
    )


def test_an_unknown_address_is_a_problem(portico: RunningStack):
    answer = send(portico, "GET", "/v1/nowhere")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_method_that_is_not_allowed_names_those_that_are(portico: RunningStack):
    answer = send(portico, "DELETE", "/v1/queues", as_staff=True)

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/v1/me", "/v1/queues", "/v1/referrals", "/v1/documents", "/v1/deliveries"])
@pytest.mark.parametrize("token", [None, "x", "A" * 43, "A" * 5000])
def test_without_a_session_every_service_is_closed(portico: RunningStack, path: str, token: str | None):
    answer = send(portico, "GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})

    assert answer.status_code in ((401,) if token is None or len(token) < 1000 else (401, 422))
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="portico"'


@pytest.mark.parametrize(
    ("login", "organisation"),
    [("admin@harbor.example.org", "harbor"), ("nobody@example.org", "harbor"), ("x@example.org", "nowhere")],
)
def test_a_wrong_password_and_an_unknown_person_get_the_same_answer(
    portico: RunningStack, login: str, organisation: str
):
    credentials = {"organisation": organisation, "login": login, "password": "kettle-violet-wrong"}

    answer = send(portico, "POST", "/v1/sessions", json=credentials)

    problem = {name: value for name, value in answer.json().items() if name != "correlation_id"}
    assert answer.status_code == 401
    assert problem == {
        "type": "/problems/credentials_refused",
        "title": "Credentials refused",
        "status": 401,
        "code": "credentials_refused",
        "detail": problem["detail"],
    }
    assert not re.search("unknown|organisation|exist", problem["detail"].lower())
    assert login not in answer.text


def test_a_correlation_id_ties_the_gateways_log_to_that_of_the_last_service(portico: RunningStack):
    """It goes from the request through identity and its event to the mail that notifications sends."""
    wanted = "ward-7-intake-42"
    account = portico.admin.post(
        "/v1/accounts", email="tied@harbor.example.org", first_name="Tia", last_name="Field"
    )

    answer = send(
        portico,
        "POST",
        f"/v1/accounts/{account['id']}/invitations",
        headers={"X-Correlation-Id": wanted, "Authorization": f"Bearer {portico.admin.token}"},
    )

    assert (answer.status_code, answer.headers["X-Correlation-Id"]) == (202, wanted)
    eventually(lambda: _assert_logged(portico, "gateway", wanted, "request"))
    eventually(lambda: _assert_logged(portico, "notifications", wanted, "delivery_tried"), timeout_s=60)


def _assert_logged(portico: RunningStack, name: str, correlation_id: str, event: str) -> None:
    text = (portico.stack.folder / "log" / f"{name}.log").read_text()
    lines = [json.loads(line) for line in text.splitlines() if correlation_id in line]
    assert event in [line["event"] for line in lines if line["correlation_id"] == correlation_id]


def test_a_body_of_unknown_length_is_read(portico: RunningStack):
    pieces = iter([b'{"organisation": "harbor", "login": "x@example.org",', b' "password": "kettle-violet"}'])

    answer = send(portico, "POST", "/v1/sessions", data=pieces, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (401, "credentials_refused")


def test_a_body_that_is_too_large_is_refused_whether_or_not_its_length_is_told(portico: RunningStack):
    piece, told = b"x" * 65536, {"Content-Type": "application/json"}

    for body in (piece * 17, iter([piece] * 17)):
        answer = send(portico, "POST", "/v1/sessions", data=body, headers=told)
        assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")


def test_a_file_is_for_its_organisation_and_is_sent_so_that_it_cannot_run(portico: RunningStack):
    program = portico.journey().find_program("Community Pantry")
    recipient, _ = portico.create_provider("reader@provider.example.org", [program["id"]])
    form = {"title": "Plan of care", "recipient_account_id": recipient["id"]}
    content = a_pdf("CR-00000042")
    document = portico.staff.upload(
        "/v1/documents", content, "plan.pdf", "application/pdf", expect=201, **form
    )
    path = f"/v1/documents/{document['id']}/file"

    answer = send(portico, "GET", path, as_staff=True)

    assert answer.content == content
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["Cache-Control"] == "no-store"
    assert portico.stranger.get(path, expect=404)["code"] == "not_found"


@pytest.mark.seed("S0-24")
def test_a_contact_record_comes_as_a_pdf_and_no_copy_stays_on_the_way(portico: RunningStack):
    record = portico.staff.post("/v1/contact-records", last_name="Papadopoulou")
    path = f"/v1/contact-records/{record['id']}/pdf"

    answer = send(portico, "GET", path, as_staff=True)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-")
    name = f"contact-record-{record['number']}.pdf"
    assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert portico.stranger.get(path, expect=404)["code"] == "not_found"
    again = send(portico, "GET", path, as_staff=True)
    assert again.content == answer.content


def test_the_metrics_tell_routes_and_no_ids(portico: RunningStack):
    send(portico, "GET", "/v1/queues/" + "e" * 32, as_staff=True)

    text = requests.get(f"http://127.0.0.1:{portico.stack.ports.metrics}/metrics", timeout=30).text

    assert 'route="/v1/queues/<queue_id>",status="404"' in text
    assert not re.search("[0-9a-f]{32}", text)


def test_namekos_shell_can_ask_a_service(portico: RunningStack):
    command = [sys.executable, "-W", "ignore", "-c", "from nameko.cli.main import main; main()"]

    done = subprocess.run(
        [*command, "shell", "--broker", portico.stack.amqp_uri],
        input="print(n.rpc.referrals.check_health())\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert "'ok': True" in done.stdout
    assert "'database': True" in done.stdout


def test_namekos_shell_is_let_in_no_further_without_a_passport(portico: RunningStack):
    command = [sys.executable, "-W", "ignore", "-c", "from nameko.cli.main import main; main()"]

    done = subprocess.run(
        [*command, "shell", "--broker", portico.stack.amqp_uri],
        input="print(n.rpc.referrals.list_queues())\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode != 0
    assert "Refused A valid passport is needed." in done.stderr
