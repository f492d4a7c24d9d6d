"""FHIR R4 over HTTP: its media type, its search parameters, its errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fhir.resources.R4B.operationoutcome import OperationOutcome
from flask.testing import FlaskClient

from services.chassis.blobs import EXPORTS, BlobStore
from services.contracts.errors import CODES, Refused
from services.contracts.referrals import fhir, fhir_exports
from tests.unit.gateway.conftest import HARBOR, TOKEN

TASK = {"resourceType": "Task", "id": "d" * 32, "meta": {"versionId": "3"}}
JSON = "application/fhir+json; fhirVersion=4.0"


def test_a_resource_comes_as_fhir_json_with_its_version(http: FlaskClient, services: Any):
    services.answers["referrals.fhir_read"] = {"resource": TASK}

    answer = http.get(f"/fhir/R4/Task/{'d' * 32}", headers=TOKEN)

    assert (answer.status_code, answer.content_type, answer.headers["ETag"]) == (200, JSON, 'W/"3"')
    assert answer.get_json(force=True) == TASK
    arguments, _ = services.made(fhir.fhir_read)
    assert arguments == {
        "resource_type": "Task",
        "resource_id": "d" * 32,
        "base_url": "http://localhost/fhir/R4",
    }


def test_search_parameters_go_on_as_they_are_repeated_ones_too(http: FlaskClient, services: Any):
    services.answers["referrals.fhir_search"] = {"resource": {"resourceType": "Bundle"}}

    http.get(
        "/fhir/R4/Task?_lastUpdated=ge2026-01-01&_lastUpdated=lt2026-02-01&base_url=http://evil.example",
        headers={**TOKEN, "Prefer": "return=minimal, handling=lenient"},
    )

    arguments, _ = services.made(fhir.fhir_search)
    assert arguments == {
        "resource_type": "Task",
        "base_url": "http://localhost/fhir/R4",
        "is_lenient": True,
        "parameters": {
            "_lastUpdated": ["ge2026-01-01", "lt2026-02-01"],
            "base_url": ["http://evil.example"],
        },
    }


def test_what_is_offered_is_told_to_everybody(http: FlaskClient, services: Any):
    services.answers["referrals.fhir_capability"] = {"resource": {"resourceType": "CapabilityStatement"}}

    answer = http.get("/fhir/R4/metadata")

    assert (answer.status_code, answer.content_type) == (200, JSON)
    assert services.made(fhir.fhir_capability)[0] == {"base_url": "http://localhost/fhir/R4"}


def test_every_refusal_is_an_operation_outcome(http: FlaskClient, services: Any):
    for code in sorted(CODES):
        services.answers["referrals.fhir_search"] = Refused(code, "No.", "status", retry_after_s=1)

        answer = http.get("/fhir/R4/Task", headers=TOKEN)

        assert answer.status_code == (400 if CODES[code] == 422 else CODES[code])
        assert answer.content_type == JSON
        outcome = answer.get_json(force=True)
        OperationOutcome.model_validate(outcome)
        (issue,) = outcome["issue"]
        told = (issue["severity"], issue["details"]["text"], issue["expression"])
        assert told == ("error", code, ["status"])
        assert answer.headers["Retry-After"] == "1"


def test_who_is_not_known_and_what_is_not_there_is_told_in_kind_too(http: FlaskClient):
    for path, status, issue in (("/fhir/R4/Task", 401, "login"), ("/fhir/R4/a/b/c/d", 404, "not-found")):
        answer = http.get(path)
        outcome = answer.get_json(force=True)
        assert (answer.status_code, outcome["resourceType"]) == (status, "OperationOutcome")
        assert outcome["issue"][0]["code"] == issue
    assert "WWW-Authenticate" in http.get("/fhir/R4/Task").headers
    assert http.post("/fhir/R4/Task", json={}).status_code == 405


def test_json_is_answered_to_whoever_takes_it(http: FlaskClient, services: Any):
    services.answers["referrals.fhir_search"] = {"resource": {"resourceType": "Bundle"}}
    for query in ("application/fhir+json", "application/fhir%2Bjson", "json", "application/json"):
        answer = http.get(f"/fhir/R4/HealthcareService?_format={query}&name=a", headers=TOKEN)
        assert (answer.status_code, answer.content_type) == (200, JSON), query
        assert services.made(fhir.fhir_search)[0]["parameters"] == {"name": ["a"]}
        services.calls.clear()
    for accept in (
        "application/fhir+json",
        "application/fhir+json; fhirVersion=4.0",
        "application/json",
        "text/html, */*;q=0.8",
    ):
        answer = http.get("/fhir/R4/HealthcareService", headers={**TOKEN, "Accept": accept})
        assert answer.status_code == 200, accept


def test_who_takes_no_json_is_told_so_at_every_address(http: FlaskClient, services: Any):
    services.answers["referrals.fhir_capability"] = {"resource": {"resourceType": "CapabilityStatement"}}
    services.answers["referrals.fhir_read"] = {"resource": TASK}
    services.answers["referrals.fhir_search"] = {"resource": {"resourceType": "Bundle"}}
    for path in ("/fhir/R4/metadata", "/fhir/R4/Task", f"/fhir/R4/Task/{'d' * 32}"):
        for query, accept in (
            ("?_format=xml", "application/json"),
            ("?_format=application/fhir%2Bxml", "*/*"),
            ("", "application/fhir+xml"),
            ("", "application/fhir+json; fhirVersion=3.0"),
            ("", "application/json;q=0"),
        ):
            answer = http.get(path + query, headers={**TOKEN, "Accept": accept})
            outcome = answer.get_json(force=True)
            assert (answer.status_code, answer.content_type) == (406, JSON), (path, query, accept)
            assert outcome["issue"][0]["code"] == "not-supported"
    assert http.get("/fhir/R4/metadata?_format=json", headers={"Accept": "text/html"}).status_code == 200


def test_a_search_by_post_has_the_parameters_of_the_form_and_of_the_address(http: FlaskClient, services: Any):
    services.answers["referrals.fhir_search"] = {"resource": {"resourceType": "Bundle"}}
    path = "/fhir/R4/HealthcareService/_search"

    answer = http.post(f"{path}?active=true", data={"name": ["a", "b"], "_format": "json"}, headers=TOKEN)

    assert (answer.status_code, answer.content_type) == (200, JSON)
    arguments, _ = services.made(fhir.fhir_search)
    assert arguments["resource_type"] == "HealthcareService"
    assert arguments["parameters"] == {"active": ["true"], "name": ["a", "b"]}
    services.calls.clear()
    assert http.post(path, headers=TOKEN).status_code == 200
    refused = http.post(path, json={"name": "a"}, headers=TOKEN)
    assert (refused.status_code, refused.get_json(force=True)["issue"][0]["expression"]) == (
        400,
        ["Content-Type"],
    )


STATUS_URL = f"http://localhost/fhir/R4/$export/{'e' * 32}"


def test_an_export_is_ordered_told_and_cancelled_by_the_headers_of_the_guide(
    http: FlaskClient, services: Any
):
    services.answers["referrals.export_fhir"] = {"fhir_export_id": "e" * 32, "status_url": STATUS_URL}
    ordered = http.get(
        "/fhir/R4/$export?_type=Task", headers={**TOKEN, "Prefer": "Respond-Async; wait=10, handling=lenient"}
    )
    assert (ordered.status_code, ordered.headers["Content-Location"], ordered.data) == (202, STATUS_URL, b"")
    assert services.made(fhir_exports.export_fhir)[0] == {
        "base_url": "http://localhost/fhir/R4",
        "parameters": {"_type": ["Task"]},
        "is_lenient": True,
        "is_asynchronous": True,
    }

    services.answers["referrals.get_fhir_export"] = {"progress": "5 resources written", "resource": None}
    waiting = http.get(STATUS_URL, headers=TOKEN)
    assert (waiting.status_code, waiting.headers["X-Progress"]) == (202, "5 resources written")
    assert waiting.headers["Retry-After"] == "5"

    manifest = {"transactionTime": "2026-11-30T10:00:00.000Z", "output": []}
    services.answers["referrals.get_fhir_export"] = {
        "progress": None,
        "resource": manifest,
        "expires_at": "2026-12-01T10:00:00+00:00",
    }
    ready = http.get(STATUS_URL, headers=TOKEN)
    assert (ready.status_code, ready.content_type, ready.get_json()) == (200, "application/json", manifest)
    assert ready.headers["Expires"] == "Tue, 01 Dec 2026 10:00:00 GMT"

    cancelled = http.delete(STATUS_URL, headers=TOKEN)
    assert (cancelled.status_code, cancelled.data) == (202, b"")


def test_an_order_that_does_not_say_that_it_waits_is_no_order(http: FlaskClient, services: Any):
    services.answers["referrals.export_fhir"] = Refused("search_refused", "Send it.", "Prefer")
    refused = http.get("/fhir/R4/$export", headers=TOKEN)
    OperationOutcome.model_validate(refused.get_json(force=True))
    assert services.made(fhir_exports.export_fhir)[0]["is_asynchronous"] is False


def test_a_file_of_an_export_comes_as_ndjson(http: FlaskClient, services: Any, blobs: Path):
    sha256, size = BlobStore(blobs).put_passing(HARBOR, [b'{"resourceType":"Task"}\n'], 1000, EXPORTS)
    services.answers["referrals.download_fhir_export_file"] = {
        "sha256": sha256,
        "size": size,
        "media_type": fhir_exports.MEDIA_TYPE,
        "file_name": "Task-20261130.ndjson",
    }
    for accept in ("application/fhir+ndjson", "*/*"):
        file = http.get(f"{STATUS_URL}/Task-1.ndjson", headers={**TOKEN, "Accept": accept})
        assert (file.status_code, file.content_type) == (200, "application/fhir+ndjson"), accept
        assert file.data == b'{"resourceType":"Task"}\n'
