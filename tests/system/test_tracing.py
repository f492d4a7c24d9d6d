"""One trace from a browser's request to the last handler of what follows from it, at a collector on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.collector import Collector, Seen, collecting
from tests.support.eventually import eventually
from tests.support.stack import RunningStack, running_stack

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
BROWSER = "00f067aa0ba902b7"
TRACED = ("gateway", "identity", "notifications")
INVITATION = "POST /v1/accounts/<account_id>/invitations"

EXPECTED = {
    f"portico-gateway {INVITATION}",
    "portico-gateway identity.issue_passports",
    "portico-identity identity.issue_passports",
    "portico-gateway identity.invite_account",
    "portico-identity identity.invite_account",
    "portico-identity portico.identity.account_invited.v1",
    "portico-notifications notifications.on_account_invited",
}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(collector: Collector) -> Iterator[RunningStack]:
    env = {process: {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url} for process in TRACED}
    with running_stack(extra_env=env) as running:
        yield running


def test_one_trace_leads_from_a_browsers_request_to_the_last_handler(
    traced: RunningStack, collector: Collector
) -> None:
    account = traced.admin.post(
        "/v1/accounts", email="traced@shelter.example.org", first_name="Olu", last_name="Traced"
    )
    headers = {
        "Authorization": f"Bearer {traced.admin.token}",
        "traceparent": f"00-{TRACE}-{BROWSER}-01",
    }
    answer = httpx.post(f"{traced.url}/v1/accounts/{account['id']}/invitations", headers=headers, json={})
    assert answer.is_success, answer.text

    def followed() -> dict[str, Seen]:
        spans = collector.trace(TRACE)
        assert spans.keys() >= EXPECTED, sorted(EXPECTED - spans.keys())
        return spans

    spans = eventually(followed, timeout_s=30)
    request = spans[f"portico-gateway {INVITATION}"]
    calling = spans["portico-gateway identity.invite_account"]
    serving = spans["portico-identity identity.invite_account"]
    publishing = spans["portico-identity portico.identity.account_invited.v1"]
    handling = spans["portico-notifications notifications.on_account_invited"]
    assert request.parent == BROWSER
    assert (calling.parent, serving.parent) == (request.span, calling.span)
    assert (publishing.parent, handling.parent) == (serving.span, serving.span)
    of_the_passport = spans["portico-identity identity.issue_passports"]
    assert of_the_passport.parent == spans["portico-gateway identity.issue_passports"].span
    assert len({each.kind for each in (request, calling, publishing, handling)}) == 4
    assert [each.is_fault for each in (request, calling, serving, publishing, handling)] == [False] * 5
    assert request.attributes == {"portico.outcome": str(answer.status_code)}
    assert publishing.attributes == {"portico.outcome": "confirmed"}
    assert 0 < publishing.took_s < 10


def test_a_refusal_is_an_outcome_and_no_fault(traced: RunningStack, collector: Collector) -> None:
    trace = "a" * 32
    headers = {
        "Authorization": f"Bearer {traced.admin.token}",
        "traceparent": f"00-{trace}-{BROWSER}-01",
    }
    assert httpx.get(f"{traced.url}/v1/accounts/{'0' * 32}", headers=headers).status_code == 404

    def came() -> dict[str, Seen]:
        spans = collector.trace(trace)
        assert "portico-gateway GET /v1/accounts/<account_id>" in spans, sorted(spans)
        assert "portico-identity identity.get_account" in spans, sorted(spans)
        return spans

    spans = eventually(came, timeout_s=30)
    assert spans["portico-gateway GET /v1/accounts/<account_id>"].attributes == {"portico.outcome": "404"}
    assert spans["portico-identity identity.get_account"].attributes == {"portico.outcome": "not_found"}
    assert not any(each.is_fault for each in spans.values())


def test_spans_hold_nothing_that_a_person_has_entered(traced: RunningStack, collector: Collector) -> None:
    secret = "confidential-quartz"
    with httpx.Client(base_url=traced.url) as http:
        http.headers["Authorization"] = f"Bearer {traced.admin.token}"
        http.headers["traceparent"] = f"00-{'b' * 32}-{BROWSER}-01"
        made = {"email": f"{secret}@shelter.example.org", "first_name": secret, "last_name": secret}
        assert http.post("/v1/accounts", json=made).is_success
        assert http.get(f"/v1/{secret}", params={"q": secret}).status_code == 404

    def came() -> None:
        assert "portico-gateway GET unknown" in collector.trace("b" * 32)
        assert "portico-gateway POST /v1/accounts" in collector.trace("b" * 32)

    eventually(came, timeout_s=30)
    assert secret not in repr(collector.spans)
    assert {key for each in collector.spans for key in each.attributes} == {"portico.outcome"}
