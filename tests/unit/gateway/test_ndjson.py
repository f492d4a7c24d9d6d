"""Lists as NDJSON: all pages in one answer, each made when the client has taken the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask
import orjson
import pytest
from flask.testing import FlaskClient

from gateway.server import Server
from gateway.workers import Workers
from services.contracts.errors import Refused
from services.contracts.identity import passports
from services.contracts.referrals import hsds
from tests.unit.gateway.conftest import HARBOR, TOKEN
from tests.unit.gateway.test_server import TOKEN as RAW_TOKEN
from tests.unit.gateway.test_server import Exchange, exchange

ADDRESS = "/v1/hsds/services"
PAGES = {None: ([1, 2], "two"), "two": ([3], "three"), "three": ([4, 5], None)}


def listed(arguments: Mapping[str, Any]) -> Any:
    numbers, following = PAGES[arguments.get("after")]
    return {"contents": [{"number": number} for number in numbers], "next": following}


@pytest.fixture
def server(app: flask.Flask, services: Any) -> Server:
    services.answers["referrals.list_hsds_services"] = listed
    return Server(app, Workers(2), max_upload_bytes=2000)


def bodies(answer: Exchange) -> list[bytes]:
    return [message["body"] for message in answer.sent[1:]]


def calls_of(services: Any, operation: Any) -> list[Any]:
    return [(arguments, context) for called, arguments, context in services.calls if called is operation]


def test_the_objects_of_all_pages_are_sent_one_a_line(server: Server, services: Any):
    answer = exchange(server, "GET", f"{ADDRESS}?format=ndjson&search=bed", [RAW_TOKEN])

    assert (answer.status, answer.answered["Content-Type"]) == (200, "application/x-ndjson")
    assert bodies(answer) == [
        b'{"number":1}\n{"number":2}\n',
        b'{"number":3}\n',
        b'{"number":4}\n{"number":5}\n',
        b"",
    ]
    assert [message.get("more_body", False) for message in answer.sent[1:]] == [True, True, True, False]
    asked = [dict(arguments) for arguments, _ in calls_of(services, hsds.list_hsds_services)]
    first = {"search": "bed", "per_page": 200}
    assert asked == [first, first | {"after": "two"}, first | {"after": "three"}]


def test_each_page_is_a_call_of_its_own_of_somebody_who_is_admitted_anew(server: Server, services: Any):
    exchange(server, "GET", f"{ADDRESS}?format=ndjson", [RAW_TOKEN, (b"x-correlation-id", b"from-a-partner")])

    contexts = [context for _, context in calls_of(services, hsds.list_hsds_services)]
    assert len({context.request_id for context in contexts}) == 3
    assert [context.passport for context in contexts] == ["signed"] * 3
    assert {context.correlation_id for context in contexts} == {"from-a-partner"}
    assert len(calls_of(services, passports.issue_passports)) == 3


@pytest.mark.parametrize("is_fault", [True, False])
def test_an_answer_breaks_off_where_a_page_is_refused(server: Server, services: Any, is_fault: bool):
    """Without its last part: no client takes it for the whole list."""

    def ended(arguments: Mapping[str, Any]) -> Any:
        if arguments.get("after") == "two":
            raise ZeroDivisionError if is_fault else Refused("unauthenticated", "The session has ended.")
        return listed(arguments)

    services.answers["referrals.list_hsds_services"] = ended

    answer = exchange(server, "GET", f"{ADDRESS}?format=ndjson", [RAW_TOKEN])

    assert answer.status == 200
    assert [(message["body"], message["more_body"]) for message in answer.sent[1:]] == [
        (b'{"number":1}\n{"number":2}\n', True)
    ]


def test_a_session_that_ends_meanwhile_gets_no_further_page(server: Server, services: Any):
    issued = [{"passports": [{"passport": "signed", "organisation_id": HARBOR}]}]
    services.answers[passports.issue_passports.address] = lambda _: (
        issued.pop()
        if issued
        else (_ for _ in ()).throw(Refused("unauthenticated", "The session has ended."))
    )

    answer = exchange(server, "GET", f"{ADDRESS}?format=ndjson", [RAW_TOKEN])

    assert bodies(answer) == [b'{"number":1}\n{"number":2}\n']


def test_a_first_page_that_is_refused_is_an_answer_like_others(server: Server, services: Any):
    services.answers["referrals.list_hsds_services"] = Refused("forbidden", "No.")

    answer = exchange(server, "GET", f"{ADDRESS}?format=ndjson", [RAW_TOKEN])

    assert (answer.status, answer.json["code"]) == (403, "forbidden")


def test_the_time_of_a_page_begins_with_the_page(server: Server, services: Any, monkeypatch: Any):
    """What a slow client has taken before does not count."""
    real = flask.copy_current_request_context

    def later(function: Any) -> Any:
        def begin(after: str) -> Any:
            flask.request.environ["portico.submitted_at"] = -1e9
            return function(after)

        return real(begin)

    monkeypatch.setattr("gateway.dispatch.flask.copy_current_request_context", later)

    answer = exchange(server, "GET", f"{ADDRESS}?format=ndjson", [RAW_TOKEN])

    first, second, _ = [context.deadline for _, context in calls_of(services, hsds.list_hsds_services)]
    assert len(bodies(answer)) == 4
    assert 0 <= second - first < 60


@pytest.mark.parametrize("name", ["page", "per_page", "after"])
def test_what_asks_for_one_page_does_not_go_with_all_of_them(http: FlaskClient, services: Any, name: str):
    answer = http.get(f"{ADDRESS}?format=ndjson&{name}=1", headers=TOKEN)

    assert (answer.status_code, answer.get_json()["field"]) == (422, name)
    assert calls_of(services, hsds.list_hsds_services) == []


def test_another_format_is_refused_and_json_is_a_page(http: FlaskClient, services: Any):
    services.answers["referrals.list_hsds_services"] = listed

    assert http.get(f"{ADDRESS}?format=xml", headers=TOKEN).get_json()["field"] == "format"
    page = http.get(f"{ADDRESS}?format=json&page=1", headers=TOKEN).get_json()

    assert page == {"contents": [{"number": 1}, {"number": 2}], "next": "two"}
    assert dict(services.made(hsds.list_hsds_services)[0]) == {"page": 1}


def test_only_lists_of_hsds_have_it(http: FlaskClient, services: Any):
    http.get("/v1/queues?format=ndjson", headers=TOKEN)

    assert services.calls[-1][1] == {"format": "ndjson"}  # which the service refuses


def test_it_is_documented(http: FlaskClient):
    paths = http.get("/openapi.json").get_json()["paths"]
    listing = paths[ADDRESS]["get"]
    (described,) = [each for each in listing["parameters"] if each["name"] == "format"]

    assert described["schema"] == {"enum": ["json", "ndjson"], "default": "json"}
    assert set(listing["responses"]["200"]["content"]) == {"application/json", "application/x-ndjson"}
    with_it = {
        path for path, methods in paths.items() if "application/x-ndjson" in orjson.dumps(methods).decode()
    }
    lists = {"services", "organizations", "service_at_locations", "taxonomies", "taxonomy_terms"}
    assert with_it == {f"/v1/hsds/{name}" for name in lists} | {"/v1/data-jobs/{job_id}/file"}
