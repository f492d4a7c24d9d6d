"""How a request is read: token, headers, query, JSON body, uploaded file."""

from __future__ import annotations

import hashlib
import io
import time
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from marshmallow import fields

from gateway.api import ROUTES
from gateway.api_limits import ApiLimits
from gateway.auth import admit
from gateway.dispatch import typed
from gateway.requests import MOST_FIELDS
from services.chassis import wire
from services.chassis.blobs import UPLOADS, BlobStore
from services.chassis.wire import CallContext
from services.contracts.errors import Refused
from services.contracts.identity import accounts, family, login, passports
from services.contracts.notifications import templates
from services.contracts.referrals import capacity, directory, queues
from services.contracts.referrals.fhir import fhir_search
from services.contracts.signing import documents as signing
from tests.support.gateway_app import MOST_API_REQUESTS

HARBOR = "a" * 32
TOKEN = {"Authorization": "Bearer opaque-token"}
ACCOUNT = "/v1/accounts/" + "d" * 32
LEVEL = ACCOUNT + "/security-level"
MIB = 1024 * 1024


def stored_in(blobs: Path) -> list[Path]:
    """All files in the store, without the counts."""
    return [path for path in blobs.rglob("*") if path.is_file() and path.name != ".bytes"]


def refused(answer: Any, status: int, code: str, field: str | None = None) -> bool:
    """Whether an answer is this problem."""
    return (answer.status_code, answer.json["code"], answer.json.get("field")) == (status, code, field)


def test_the_token_is_exchanged_for_a_passport_to_the_one_service(http: FlaskClient, services: Any):
    http.get("/v1/queues", headers=TOKEN)

    assert [operation.name for operation, _, _ in services.calls] == ["issue_passports", "list_queues"]
    assert services.made(passports.issue_passports)[0] == {
        "asked": [{"token": "opaque-token", "audience": "referrals", "client_address": "127.0.0.1"}]
    }
    assert services.made(queues.list_queues)[1].passport == "signed"


@pytest.mark.parametrize(("header", "is_background"), [("1", True), ("0", False), ("", False), (None, False)])
def test_what_a_page_asks_by_itself_is_told_to_identity(
    http: FlaskClient, services: Any, header: str | None, is_background: bool
):
    services.answers["referrals.list_queues"] = {"items": []}
    http.get("/v1/queues", headers={**TOKEN, **({} if header is None else {"X-Portico-Background": header})})

    (asked,) = services.made(passports.issue_passports)[0]["asked"]
    assert asked.get("is_background", False) is is_background


def test_a_revoked_token_stops_at_identity(http: FlaskClient, services: Any):
    services.answers["identity.issue_passports"] = {
        "passports": [{"passport": None, "organisation_id": None}]
    }

    assert refused(http.get("/v1/queues", headers=TOKEN), 401, "unauthenticated")
    assert len(services.calls) == 1


def test_a_public_operation_needs_no_token_and_gets_no_passport(http: FlaskClient, services: Any):
    http.post("/v1/sessions", json={"organisation": "harbor", "login": "x", "password": "y"}, headers=TOKEN)

    ((operation, arguments, context),) = services.calls
    assert operation is login.log_in
    assert arguments == {"organisation": "harbor", "login": "x", "password": "y"}
    assert context.passport is None


def test_what_only_services_may_ask_is_not_found(app: flask.Flask, services: Any):
    with app.test_request_context(headers=TOKEN), pytest.raises(Refused) as refusal:
        admit(services, accounts.describe_account, CallContext("r"), lambda: "token")

    assert refusal.value.code == "not_found"
    assert services.calls == []


def test_every_call_has_a_deadline(http: FlaskClient, services: Any):
    http.get("/v1/queues", headers=TOKEN)

    assert 4 < services.made(queues.list_queues)[1].deadline - time.time() <= 5


def test_a_long_operation_has_its_own_deadline(http: FlaskClient, services: Any):
    http.post("/v1/documents/" + "d" * 32 + "/signature", headers={**TOKEN, "If-Match": "1"})

    left_s = services.made(signing.sign_document)[1].deadline - time.time()
    assert signing.sign_document.timeout_s is not None
    assert signing.sign_document.timeout_s - 1 < left_s <= signing.sign_document.timeout_s


@pytest.mark.parametrize("header", ['"3"', "3", ' "3" '])
def test_if_match_is_the_expected_version(http: FlaskClient, services: Any, header: str):
    http.put(LEVEL, json={"security_level": "admin"}, headers={**TOKEN, "If-Match": header})

    assert services.made(accounts.set_security_level)[1].expected_version == 3


def test_whether_a_change_needs_if_match_is_told_by_its_service(http: FlaskClient, services: Any):
    """After it has looked at the permission."""
    http.put(LEVEL, json={"security_level": "admin"}, headers=TOKEN)

    assert services.made(accounts.set_security_level)[1].expected_version is None


def test_a_weak_etag_matches_nothing(http: FlaskClient, services: Any):
    answer = http.put(LEVEL, json={}, headers={**TOKEN, "If-Match": 'W/"3"'})

    assert refused(answer, 412, "version_conflict", "If-Match")
    assert services.calls == []


@pytest.mark.parametrize("header", ["", "*", '"3', '"3", "4"', "three", '"-1"', '"' + "9" * 19 + '"'])
def test_an_if_match_that_names_no_version_is_refused(http: FlaskClient, services: Any, header: str):
    answer = http.put(LEVEL, json={}, headers={**TOKEN, "If-Match": header})

    assert refused(answer, 400, "malformed_request", "If-Match")
    assert services.calls == []


@pytest.mark.parametrize(("header", "version"), [({"If-Match": '"3"'}, 3), ({}, None)])
def test_if_match_may_be_left_out_where_it_is_only_honoured(
    http: FlaskClient, services: Any, header: dict[str, str], version: int | None
):
    http.put(f"/v1/programs/{'d' * 32}/capacity", json={"total": 1}, headers={**TOKEN, **header})

    assert services.made(capacity.set_capacity)[1].expected_version == version


def test_an_if_match_that_is_honoured_names_a_version(http: FlaskClient, services: Any):
    junk = {**TOKEN, "If-Match": "junk"}
    answer = http.put(f"/v1/programs/{'d' * 32}/capacity", json={"total": 1}, headers=junk)

    assert refused(answer, 400, "malformed_request", "If-Match")
    assert services.calls == []


def test_if_match_is_ignored_where_nothing_is_expected(http: FlaskClient, services: Any):
    http.get("/v1/queues", headers={**TOKEN, "If-Match": "junk"})

    assert services.made(queues.list_queues)[1].expected_version is None


def test_the_idempotency_key_is_the_request_id(http: FlaskClient, services: Any):
    http.post("/v1/queues", json={}, headers={**TOKEN, "Idempotency-Key": "intake-42:1"})

    assert services.made(queues.create_queue)[1].request_id == "intake-42:1"


def test_a_request_without_a_key_gets_one_of_its_own(http: FlaskClient, services: Any):
    for _ in range(2):
        http.post("/v1/queues", json={}, headers=TOKEN)

    ids = [context.request_id for operation, _, context in services.calls if operation is queues.create_queue]
    assert len(set(ids)) == 2


@pytest.mark.parametrize("key", ["", "a" * 101, "two words", "Ä", "a/b", "'; --"])
def test_a_key_of_other_characters_is_refused(http: FlaskClient, services: Any, key: str):
    answer = http.post("/v1/queues", json={}, headers={**TOKEN, "Idempotency-Key": key})

    assert refused(answer, 400, "malformed_request", "Idempotency-Key")
    assert services.calls == []


def test_query_parameters_are_arguments(http: FlaskClient, services: Any):
    http.get("/v1/directory/resources?q=Night&limit=5", headers=TOKEN)

    assert services.made(directory.search_resources)[0] == {"q": "Night", "limit": 5}


def test_arguments_of_a_delete_are_in_the_address_or_in_the_body(http: FlaskClient, services: Any):
    access = "/v1/clients/" + "c" * 32 + "/family-access/" + "d" * 32
    http.delete(access + "?confirm=true", headers=TOKEN)
    http.delete(access, json={"confirm": True}, headers=TOKEN)

    made = [given for operation, given, _ in services.calls if operation is family.remove_family_access]
    ids = {"client_id": "c" * 32, "person_id": "d" * 32}
    assert made == [{"confirm": "true", **ids}, {"confirm": True, **ids}]


def test_an_argument_in_the_address_of_a_request_with_a_body_is_refused(http: FlaskClient, services: Any):
    answer = http.post("/v1/queues?confirm=true", json={}, headers=TOKEN)

    assert refused(answer, 422, "invalid_request", "confirm")
    assert queues.create_queue not in [operation for operation, _, _ in services.calls]


def test_a_repeated_query_parameter_is_refused(http: FlaskClient):
    answer = http.get("/v1/directory/resources?q=Night&q=Day", headers=TOKEN)

    assert refused(answer, 422, "invalid_request", "q")


@pytest.mark.parametrize("body", [{"account_id": "e" * 32}, {"account_id": "d" * 32}])
def test_a_path_parameter_cannot_be_sent_again_in_the_body(http: FlaskClient, services: Any, body: Any):
    answer = http.put(LEVEL, json=body, headers={**TOKEN, "If-Match": "1"})

    assert refused(answer, 422, "invalid_request", "account_id")
    assert [operation.name for operation, _, _ in services.calls] == ["issue_passports"]


def test_a_path_parameter_cannot_be_sent_again_in_the_query(http: FlaskClient):
    assert refused(http.get(f"{ACCOUNT}?account_id=x", headers=TOKEN), 422, "invalid_request", "account_id")


def test_an_empty_body_is_an_empty_request(http: FlaskClient, services: Any):
    http.post("/v1/queues", headers=TOKEN)

    assert services.made(queues.create_queue)[0] == {}


@pytest.mark.parametrize(
    ("body", "content_type", "field"),
    [
        (b'{"name": ', "application/json", None),
        (b"\xff\xfe", "application/json", None),
        (b'{"a": NaN}', "application/json", None),
        (b"[1]", "application/json", None),
        (b'"text"', "application/json", None),
        (b"null", "application/json", None),
        (b'{"name": "x"}', "text/plain", "Content-Type"),
        (b"name=x", "application/x-www-form-urlencoded", "Content-Type"),
        (b'{"name": "x"}', "", "Content-Type"),
    ],
)
def test_a_body_that_is_not_a_json_object_is_refused(
    http: FlaskClient, services: Any, body: bytes, content_type: str, field: str | None
):
    answer = http.post("/v1/queues", data=body, content_type=content_type, headers=TOKEN)

    assert refused(answer, 400, "malformed_request", field)
    assert "name" not in answer.json["detail"]
    assert [operation.name for operation, _, _ in services.calls] == ["issue_passports"]


def nested(depth: int) -> bytes:
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


@pytest.mark.fault("A1")
@pytest.mark.parametrize("depth", [wire.MAX_DEPTH_OF_ARGUMENTS + 2, 254, 1000, 20_000])
@pytest.mark.parametrize("path", ["/v1/queues", "/v1/sessions"])
def test_a_body_that_is_nested_too_deep_is_refused(http: FlaskClient, path: str, depth: int):
    answer = http.post(path, data=nested(depth), content_type="application/json", headers=TOKEN)

    assert refused(answer, 400, "malformed_request")


def test_the_deepest_body_reaches_the_service_in_a_message_that_it_can_read(http: FlaskClient, services: Any):
    http.post(
        "/v1/queues",
        data=nested(wire.MAX_DEPTH_OF_ARGUMENTS + 1),
        content_type="application/json",
        headers=TOKEN,
    )

    message = wire.encode({"args": (), "kwargs": services.made(queues.create_queue)[0]})
    assert wire.decode(message, {"content_type": wire.JSON})


@pytest.mark.fault("A13")
@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"name": "a", "name": "b"}', "name"),
        (b'{"name": "a", "n\\u0061me": "a"}', "name"),
        (b'{"list": [{"x": 1}, {"y": {"z": 1, "q": 2, "z": null}}]}', "z"),
    ],
)
def test_a_member_that_is_given_twice_is_refused(http: FlaskClient, services: Any, body: bytes, name: str):
    """Programs differ in which of the two they take."""
    answer = http.post("/v1/queues", data=body, content_type="application/json", headers=TOKEN)

    assert refused(answer, 400, "malformed_request", name)
    assert queues.create_queue not in [operation for operation, _, _ in services.calls]


def test_objects_beside_each_other_may_have_the_same_members(http: FlaskClient, services: Any):
    given = {"list": [{"x": 1}, {"x": 1}], "x": {"x": {"x": 1}}}

    http.post("/v1/queues", json=given, headers=TOKEN)

    assert services.made(queues.create_queue)[0] == given


def upload(http: FlaskClient, content: bytes, **form: Any) -> Any:
    """Send a document."""
    return http.post("/v1/documents", data={"file": (io.BytesIO(content), "plan.pdf"), **form}, headers=TOKEN)


def test_an_uploaded_file_is_stored_for_its_organisation_and_travels_as_a_reference(
    http: FlaskClient, services: Any, blobs: Path
):
    sha256 = hashlib.sha256(b"%PDF-1.7").hexdigest()
    read: list[bytes] = []

    def send(arguments: Any) -> Any:
        path = BlobStore(blobs).find(HARBOR, arguments["document"]["sha256"], UPLOADS)
        read.append(path.read_bytes())
        return {}

    services.answers["signing.send_document"] = send

    answer = upload(http, b"%PDF-1.7", title="Plan")

    assert answer.status_code == 201
    assert services.made(signing.send_document)[0] == {
        "title": "Plan",
        "document": {"sha256": sha256, "size": 8},
    }
    assert read == [b"%PDF-1.7"]


def test_a_client_cannot_name_a_stored_file_itself(http: FlaskClient, services: Any):
    mine = hashlib.sha256(b"mine").hexdigest()

    upload(http, b"mine", document='{"sha256": "' + "e" * 64 + '", "size": 1}')

    assert services.made(signing.send_document)[0]["document"] == {"sha256": mine, "size": 4}


def test_an_upload_without_its_file_is_refused(http: FlaskClient, services: Any):
    answer = http.post(
        "/v1/documents",
        data={"title": "Plan", "document": '{"sha256": "' + "e" * 64 + '", "size": 1}'},
        content_type="multipart/form-data",
        headers=TOKEN,
    )

    assert refused(answer, 400, "malformed_request", "file")
    assert signing.send_document not in [operation for operation, _, _ in services.calls]


def test_a_reference_in_json_is_not_an_upload(http: FlaskClient):
    answer = http.post("/v1/documents", json={"document": {"sha256": "e" * 64, "size": 1}}, headers=TOKEN)

    assert refused(answer, 400, "malformed_request", "file")


def test_a_repeated_form_member_is_refused(http: FlaskClient):
    answer = upload(http, b"%PDF", title=["Plan", "Another"])

    assert refused(answer, 422, "invalid_request", "title")


@pytest.mark.fault("A1")
@pytest.mark.parametrize(
    "text",
    [
        '[{"email":',  # not closed
        '[{"email": "\\ud800"}]',  # half of a character
        '[{"turn": 1e999}]',
        '[{"turn": NaN}]',
        "[" * 20_000 + "]" * 20_000,
        "[" * 300 + "]" * 300,
        "[" * (wire.MAX_DEPTH_OF_ARGUMENTS + 1) + "1" + "]" * (wire.MAX_DEPTH_OF_ARGUMENTS + 1),
    ],
)
def test_json_in_a_field_of_a_form_that_no_call_can_carry_is_refused_and_the_field_named(
    http: FlaskClient, services: Any, text: str
):
    answer = upload(http, b"%PDF", title="Plan", recipients=text)

    assert refused(answer, 400, "malformed_request", "recipients")
    assert signing.send_document not in [operation for operation, _, _ in services.calls]


def test_json_in_a_field_of_a_form_is_read_like_a_body(http: FlaskClient, services: Any):
    upload(http, b"%PDF", title="Plan", recipients='[{"email": "a@example.org"}]')
    huge = upload(http, b"%PDF", title="Plan", recipients='[{"turn": 123456789012345678901234567890}]')
    twice = upload(http, b"%PDF", title="Plan", recipients='[{"turn": 1, "turn": 2}]')

    first, second = (given for operation, given, _ in services.calls if operation is signing.send_document)
    assert first["recipients"] == [{"email": "a@example.org"}]
    assert (huge.status_code, second["recipients"]) == (201, [{"turn": 123456789012345678901234567890.0}])
    assert wire.encode(second)
    assert refused(twice, 400, "malformed_request", "turn")


def test_a_file_that_is_too_large_is_refused_and_not_kept(http: FlaskClient, blobs: Path):
    answer = upload(http, b"x" * 2001)

    assert refused(answer, 413, "request_too_large")
    assert stored_in(blobs) == []


def test_nobody_uploads_without_logging_in(http: FlaskClient, blobs: Path):
    answer = http.post("/v1/documents", data={"file": (io.BytesIO(b"%PDF"), "plan.pdf")})

    assert answer.status_code == 401
    assert not blobs.exists()


def test_a_stored_file_is_sent_as_an_attachment_that_cannot_run(
    http: FlaskClient, services: Any, blobs: Path
):
    sha256, _ = BlobStore(blobs).put(HARBOR, [b"%PDF-1.7"], 100)
    services.answers["signing.open_document_file"] = {
        "sha256": sha256,
        "file_name": "plan.pdf",
        "media_type": "application/pdf",
    }

    answer = http.get("/v1/documents/" + "d" * 32 + "/file", headers=TOKEN)

    assert answer.data == b"%PDF-1.7"
    answer.close()  # the file, as a server does after the last byte
    assert answer.headers["Content-Disposition"] == "attachment; filename=plan.pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("sha256", ["e" * 64, "../../etc/passwd", ""])
def test_a_file_that_is_not_there_is_not_found(http: FlaskClient, services: Any, sha256: str):
    services.answers["signing.open_document_file"] = {
        "sha256": sha256,
        "file_name": "plan.pdf",
        "media_type": "application/pdf",
    }

    answer = http.get("/v1/documents/" + "d" * 32 + "/file", headers=TOKEN)

    assert refused(answer, 404, "not_found")


def test_whole_numbers_of_an_address_reach_members_that_take_no_text() -> None:
    """In an address all is text. Every member that takes a whole number takes it from there."""
    tried = 0
    for route in (each for each in ROUTES if not each.is_fhir):
        for name, field in route.operation.request.fields.items():
            if isinstance(field, fields.Integer) and (route.takes_query or name in route.parameters):
                given = typed(route.operation.request, {name: "7"})
                assert name not in route.operation.request.validate(given, partial=True), (
                    route.operation.address,
                    name,
                )
                tried += 1
    assert tried > 20
    assert typed(ROUTES[0].operation.request, {"nothing_such": "7", "limit": "7x"}) == {
        "nothing_such": "7",
        "limit": "7x",
    }


def test_a_whole_number_of_the_path_reaches_the_service_as_one(http: FlaskClient, services: Any) -> None:
    http.get("/v1/message-templates/message_waiting/versions/3?language=en", headers=TOKEN)
    arguments, _ = services.made(templates.compare_message_template_version)
    assert arguments["number"] == 3


@pytest.mark.fault("A23")
@pytest.mark.parametrize("path", ["/oauth2/token", "/sign-in", "/fhir/R4/Task/_search", "/v1/queues"])
def test_a_form_with_too_many_fields_is_refused_before_it_is_read(http: FlaskClient, path: str):
    """To read so many takes seconds, and nobody has to sign in for it."""
    most = b"&".join([b"a=1"] * MOST_FIELDS)

    def post(body: bytes) -> Any:
        return http.post(path, data=body, content_type="application/x-www-form-urlencoded", headers=TOKEN)

    assert post(most).status_code != 413
    answer = post(most + b"&")
    assert answer.status_code == 413
    assert f"more than {MOST_FIELDS} fields" in answer.text


def test_a_form_is_read_from_its_beginning(http: FlaskClient, services: Any):
    services.answers["referrals.fhir_search"] = {"resource": {"resourceType": "Bundle"}}
    answer = http.post("/fhir/R4/Task/_search", data={"status": "requested", "_count": "5"}, headers=TOKEN)

    assert answer.status_code == 200
    assert services.made(fhir_search)[0]["parameters"] == {"status": ["requested"], "_count": ["5"]}


def test_a_client_reference_goes_along_with_the_call(http: FlaskClient, services: Any):
    http.post("/v1/queues", json={}, headers={**TOKEN, "Client-Reference": "order-17"})

    assert services.made(queues.create_queue)[1].reference == "order-17"


@pytest.mark.parametrize("reference", ["", "a" * 100 + "1", "order 17", "Maria.Quill", "m1@harbor.example"])
def test_a_client_reference_that_could_name_somebody_is_refused(
    http: FlaskClient, services: Any, reference: str
):
    answer = http.post("/v1/queues", json={}, headers={**TOKEN, "Client-Reference": reference})

    assert refused(answer, 400, "malformed_request", "Client-Reference")
    assert services.calls == []


def test_api_clients_of_an_organisation_send_so_many_requests_a_minute():
    """The refusal names the rule (N-10)."""
    now = [600.0]
    limits = ApiLimits(2, lambda: now[0])
    for _ in range(2):
        limits.count(HARBOR)
    with pytest.raises(Refused) as refusal:
        limits.count(HARBOR)
    assert (refusal.value.code, refusal.value.more["retry_after_s"]) == ("too_many_requests", 60)
    assert "API_REQUESTS_A_MINUTE" in refusal.value.detail
    limits.count("b" * 32)
    now[0] += 60
    limits.count(HARBOR)


def test_only_api_clients_are_counted(http: FlaskClient, services: Any):
    """People of the same organisation are not held up (N-10)."""
    services.answers["referrals.list_queues"] = {"items": []}
    system = {"Authorization": "Bearer portico_api_opaque"}
    for _ in range(MOST_API_REQUESTS):
        assert http.get("/v1/queues", headers=system).status_code == 200
    answer = http.get("/v1/queues", headers=system)
    assert refused(answer, 429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) <= 60
    assert http.get("/v1/queues", headers=TOKEN).status_code == 200
