"""What the gateway answers: headers on everything, one shape of errors, correlation ids in answers and logs."""

from __future__ import annotations

import re
import unittest.mock
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from werkzeug.exceptions import default_exceptions

from gateway import answers, documentation, health
from services.chassis import metrics
from services.contracts.errors import CODES, Refused
from services.contracts.identity import accounts
from services.contracts.referrals import queues
from tests.support.recorder import recorded

ACCOUNT = "/v1/accounts/" + "d" * 32
TOKEN = {"Authorization": "Bearer opaque-token"}
HEADERS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
TRACE = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"


def test_a_refusal_is_a_problem_with_code_sentence_and_field(http: FlaskClient, services: Any):
    services.answers["referrals.create_queue"] = Refused(
        "invalid_request", "name: Too long.", "name", errors=[{"field": "name", "rule": "Too long."}]
    )

    answer = http.post("/v1/queues", json={"name": "x" * 999}, headers=TOKEN)

    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert answer.json == {
        "type": "/problems/invalid_request",
        "title": "Invalid request",
        "status": 422,
        "code": "invalid_request",
        "detail": "name: Too long.",
        "field": "name",
        "errors": [{"field": "name", "rule": "Too long."}],
        "correlation_id": answer.headers["X-Correlation-Id"],
    }


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_its_status(http: FlaskClient, services: Any, code: str):
    services.answers["referrals.list_queues"] = Refused(code, "No.")

    answer = http.get("/v1/queues", headers=TOKEN)

    assert (answer.status_code, answer.json["code"], answer.json["status"]) == (
        CODES[code],
        code,
        CODES[code],
    )


def test_a_refusal_that_passes_says_when_to_come_back(http: FlaskClient, services: Any):
    services.answers["referrals.list_queues"] = Refused("service_unavailable", "Away.", retry_after_s=7)

    answer = http.get("/v1/queues", headers=TOKEN)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer", "Bearer   "])
def test_without_a_token_the_answer_is_401_and_says_how_to_log_in(
    http: FlaskClient, services: Any, header: str | None
):
    answer = http.get("/v1/queues", headers={} if header is None else {"Authorization": header})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="portico"'
    assert services.calls == []


def test_a_fault_of_ours_is_told_without_what_was_in_it(http: FlaskClient, services: Any):
    services.answers["referrals.list_queues"] = RuntimeError("Rosalind Quimby")

    answer = http.get("/v1/queues", headers=TOKEN)

    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "Rosalind" not in answer.text


@pytest.mark.fault("A6")
def test_a_log_that_fails_changes_no_answer_and_a_fault_is_never_the_callers(
    http: FlaskClient, monkeypatch: Any
):
    """Logs do not raise. Whatever else fails after the answer was made is a fault of ours."""

    def fail(*_arguments: Any, **_more: Any) -> None:
        raise OSError("Rosalind Quimby")

    monkeypatch.setattr(answers, "note", fail)
    answer = http.get("/v1/queues", headers=TOKEN)

    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "Rosalind" not in answer.text


@pytest.mark.fault("A6")
@pytest.mark.parametrize(("given", "status"), [(418, 400), (422, 400), (500, 500), (501, 500), (503, 500)])
def test_an_error_of_the_library_that_is_not_ours_to_tell_keeps_its_side(
    app: flask.Flask, given: int, status: int
):
    with app.test_request_context("/v1/queues"):
        answer = app.handle_user_exception(default_exceptions[given]())

    assert app.make_response(answer).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/queues", 200),
        ("HEAD", "/v1/queues", 200),
        ("POST", "/v1/queues", 201),
        ("DELETE", "/v1/sessions/current", 204),
        ("GET", ACCOUNT, 404),
        ("GET", "/v1/me", 500),
        ("GET", "/nowhere", 404),
        ("GET", "/v1/queues/", 404),
        ("GET", "/v1//queues", 404),
        ("GET", "/credentials", 200),
        ("PATCH", "/v1/queues", 405),
        ("OPTIONS", "/v1/queues", 200),
        ("GET", "/readyz", 503),
        ("GET", "/metrics", 404),
        ("GET", "/docs", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/asyncapi.json", 200),
        ("GET", "/schemas/referrals.referral_status_changed.v1.json", 200),
        ("GET", "/schemas/nothing.v1.json", 404),
    ],
)
def test_every_answer_has_the_security_headers(
    http: FlaskClient, services: Any, method: str, path: str, status: int
):
    services.answers["identity.get_account"] = Refused("not_found", "There is no such account.")
    services.answers["identity.describe_me"] = RuntimeError()
    services.is_connected = False

    answer = http.open(path, method=method, headers=TOKEN)

    assert answer.status_code == status
    # A page's own forms are posted with their origin, which "no-referrer" would hide, and with a visitor's random value.
    is_page = path == "/credentials"
    of_a_page = {"Referrer-Policy": "same-origin"} if is_page else {}
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS | of_a_page
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    given = [each.partition("=")[0] for each in answer.headers.getlist("Set-Cookie")]
    assert given == (["__Host-visitor"] if is_page else [])
    assert answer.headers["X-Correlation-Id"]


def test_no_answer_sends_a_browser_to_a_host_that_the_client_named(http: FlaskClient):
    for path in ("/", "//v1/queues", "/v1//queues", "/v1/queues/", "//evil.example/v1/queues"):
        answer = http.get(path, headers={"Host": "evil.example"})
        assert "evil.example" not in answer.headers.get("Location", "")
        assert "evil.example" not in answer.text


def test_a_wrong_method_names_the_right_ones(http: FlaskClient):
    answer = http.patch("/v1/queues", headers=TOKEN)

    assert answer.json["code"] == "method_not_allowed"
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_the_version_of_a_reply_is_its_etag(http: FlaskClient, services: Any):
    services.answers["identity.get_account"] = {"id": "d" * 32, "version": 3}

    assert http.get(ACCOUNT, headers=TOKEN).headers["ETag"] == '"3"'


def test_a_reply_without_a_version_has_no_etag(http: FlaskClient, services: Any):
    services.answers["referrals.list_queues"] = {"items": []}

    assert "ETag" not in http.get("/v1/queues", headers=TOKEN).headers


def test_an_answer_without_content_has_none(http: FlaskClient, services: Any):
    answer = http.delete("/v1/sessions/current", headers=TOKEN)

    assert (answer.status_code, answer.data) == (204, b"")


def test_a_correlation_id_is_echoed_and_passed_on(http: FlaskClient, services: Any):
    answer = http.get("/v1/queues", headers={**TOKEN, "X-Correlation-Id": "ward-7:42"})

    assert answer.headers["X-Correlation-Id"] == "ward-7:42"
    assert {context.correlation_id for _, _, context in services.calls} == {"ward-7:42"}


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "a b c d e f", "Rosalind's file", "<script>12345"])
def test_a_correlation_id_that_could_be_anything_is_replaced(http: FlaskClient, services: Any, given: str):
    answer = http.get("/v1/queues", headers={**TOKEN, "X-Correlation-Id": given})

    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Correlation-Id"])
    assert services.calls[0][2].correlation_id == answer.headers["X-Correlation-Id"]


def test_a_trace_is_continued(http: FlaskClient, services: Any):
    http.get("/v1/queues", headers={**TOKEN, "traceparent": TRACE})

    passed_on = services.made(queues.list_queues)[1].traceparent
    assert passed_on.startswith(TRACE[:36])
    assert passed_on != TRACE


def test_a_trace_is_begun_where_none_is_given(http: FlaskClient, services: Any):
    http.get("/v1/queues", headers={**TOKEN, "traceparent": "nonsense"})

    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", services.made(queues.list_queues)[1].traceparent)


@pytest.mark.parametrize(
    ("refusal", "ended"),
    [
        (None, ("200", False)),
        ("not_found", ("404", False)),
        ("internal_error", ("500", True)),
        ("timeout", ("504", True)),
    ],
)
def test_a_request_is_a_span_and_the_parent_of_its_calls(
    http: FlaskClient, services: Any, refusal: str | None, ended: tuple[str, bool]
):
    services.answers["referrals.list_queues"] = Refused(refusal, "No.") if refusal else {"items": []}
    with recorded() as spans:
        http.get("/v1/queues", headers={**TOKEN, "traceparent": TRACE})
        http.get("/v1/queues", headers={**TOKEN, "traceparent": "nonsense"})
    first, second = spans
    assert (first.kind, first.name, first.parent, first.ends) == ("server", "GET /v1/queues", TRACE, [ended])
    assert second.parent is None
    calls = [context for _, name, context in services.calls]
    assert {context.traceparent for context in calls} == {first.traceparent, second.traceparent}


@pytest.mark.parametrize(
    ("path", "words"),
    [("/docs", "/v1/referrals/{referral_id}/status"), ("/events", "portico.referrals.referral_assigned.v1")],
)
def test_the_documentation_needs_nothing_from_elsewhere(http: FlaskClient, path: str, words: str):
    page = http.get(path).text

    for address in re.findall(r"""(?:(?:src|href|action)\s*=|url\()\s*["']?([^"'\s>)]+)""", page):
        assert address.startswith(("/", "#")), address
        assert not address.startswith("//")
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(", page)
    assert words in page


def test_the_openapi_document_is_served(http: FlaskClient):
    document = http.get("/openapi.json").json

    assert document["openapi"].startswith("3.1")
    assert "/v1/sessions" in document["paths"]


def test_the_events_and_the_schema_of_each_are_served(http: FlaskClient):
    events = http.get("/asyncapi.json").json
    addresses = {f"/schemas/{name}.json" for name in events["components"]["messages"]}

    served = {address: http.get(address) for address in addresses}

    assert {answer.content_type for answer in served.values()} == {"application/schema+json"}
    assert {address: answer.json["$id"] for address, answer in served.items()} == {
        each: each for each in addresses
    }
    for name in ("", "nothing.v1.json", "../asyncapi.json", "referrals.referral_status_changed.v1"):
        assert http.get(f"/schemas/{name}").status_code == 404


def test_the_metrics_count_requests_by_route_and_never_by_address(http: FlaskClient):
    http.get(ACCOUNT, headers=TOKEN)

    text = metrics.exposition().decode()

    assert 'portico_http_seconds_count{method="GET",route="/v1/accounts/<account_id>",status="200"}' in text
    assert "d" * 32 not in text


def test_it_is_ready_when_every_service_is(http: FlaskClient, services: Any, monkeypatch: Any):
    monkeypatch.setattr(health, "KNOWN_FOR_S", 0.0)
    for name in ("identity", "referrals", "portals", "notifications", "signing"):
        services.answers[f"{name}.check_health"] = {"ok": True}
    assert http.get("/readyz").status_code == 200

    services.answers["signing.check_health"] = Refused("service_unavailable", "Away.")
    answer = http.get("/readyz")

    assert answer.status_code == 503
    assert [name for name, ok in answer.json["checks"].items() if not ok] == ["signing"]


def test_what_only_services_may_ask_has_no_address(app: flask.Flask):
    rules = {str(rule.endpoint) for rule in app.url_map.iter_rules()}

    assert not [rule for rule in rules if "describe_account" in rule or "issue_passports" in rule]
    assert accounts.describe_account.access.kind == "services"


@pytest.mark.fault("A28")
@pytest.mark.parametrize("path", ["/docs", "/events", "/openapi.json", "/asyncapi.json"])
def test_a_document_that_anybody_may_ask_for_is_made_once(app: flask.Flask, http: FlaskClient, path: str):
    """It takes a second of the processor."""
    first = http.get(path)

    with (
        unittest.mock.patch.object(documentation, "encode", side_effect=AssertionError("made again")),
        unittest.mock.patch.object(flask, "render_template", side_effect=AssertionError("made again")),
    ):
        again = http.get(path)

    assert (again.status_code, again.data) == (200, first.data)
    assert again.headers["Cache-Control"] == "no-store"
    assert again.content_length == len(first.data) > 10_000


def test_every_address_allows_the_methods_that_the_document_lists(http: FlaskClient):
    paths: dict[str, Any] = http.get("/openapi.json").json["paths"]  # type: ignore[index]  # it is a JSON document

    for path, methods in paths.items():
        address = re.sub("{.*?}", "x", path)
        automatic = {"OPTIONS"} | ({"HEAD"} if "get" in methods else set())
        listed = {method.upper() for method in methods} | automatic
        allowed = http.options(address).headers["Allow"].split(", ")
        assert set(allowed) == listed, path


def test_a_word_that_has_its_own_address_is_no_id(http: FlaskClient, services: Any):
    answer = http.patch("/v1/accounts/search", json={}, headers=TOKEN)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "OPTIONS, POST")
    assert services.calls == []


def test_the_document_names_the_type_of_each_file(http: FlaskClient):
    paths: dict[str, Any] = http.get("/openapi.json").json["paths"]  # type: ignore[index]  # it is a JSON document

    found = {path: paths[path]["get"]["responses"] for path in paths if "get" in paths[path]}
    # What only begins a piece of work answers 202.
    files = {path: answers["200"]["content"] for path, answers in found.items() if "200" in answers}
    assert list(files["/v1/documents/{document_id}/file"]) == ["application/pdf"]
    assert list(files["/v1/statistics/export"]) == ["text/csv"]


@pytest.mark.parametrize("path", ["/v1/hsds", "/v1/hsds/"])
def test_the_api_of_hsds_says_at_its_root_what_it_is(http: FlaskClient, path: str):
    answer = http.get(path)

    assert (answer.status_code, answer.content_type) == (200, "application/json")
    said = answer.get_json()
    assert set(said) == {"version", "profile", "openapi_url"}
    assert said["version"] == "3.1"
    assert http.get(said["openapi_url"]).get_json()["openapi"].startswith("3.1")


def test_a_get_that_does_something_is_not_carried_out_for_its_headers_alone(
    http: FlaskClient, services: Any
) -> None:
    answer = http.head("/fhir/R4/$export", headers={**TOKEN, "Prefer": "respond-async"})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    assert [called.name for called, _, _ in services.calls if called.name == "export_fhir"] == []
