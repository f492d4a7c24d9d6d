"""A2: every operation times every kind of caller, derived from the declarations. An operation that is missing fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from types import SimpleNamespace

import pytest
import requests
from joserfc import jwk, jwt

from gateway.api import ROUTES
from gateway.routes import Route
from services.chassis import wire
from services.chassis.passports import Issuer
from services.chassis.rpc_client import RpcClient
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import Operation, all_operations
from services.contracts.errors import Refused
from services.identity.realms.rules import DEFAULT_ROLES, effective_permissions, switched_on
from tests.support.stack import RunningStack

# RFC 9864 names the curve instead of EdDSA; passports keep the older name.
pytestmark = pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
OPERATIONS = all_operations(CONTRACTS)
REALMS = ("staff", "provider", "family", "patient", "employee", "applicant", "api")
STAFF_LEVELS = ("trainee", "standard", "supervisor", "admin")
# One connection for two thousand requests. It keeps no cookie, which would be another way in.
HTTP = requests.Session()
HTTP.trust_env = False
HTTP.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))


@pytest.fixture(scope="module")
def tokens(portico: RunningStack) -> dict[str, str]:
    """A session token of each role, and of callers without any permission."""
    found = {"admin": str(portico.admin.token)}
    for level in ("trainee", "standard", "supervisor"):
        found[level] = str(portico.create_staff(f"matrix-{level}@harbor.example.org", level).token)
    program = portico.journey().find_program("Community Pantry")
    _, provider = portico.create_provider("matrix-provider@harbor.example.org", [program["id"]])
    found["provider_portal_user"] = str(provider.token)
    ended = portico.create_staff("matrix-ended@harbor.example.org")
    ended.delete("/v1/sessions/current", expect=204)
    disabled = portico.create_staff("matrix-disabled@harbor.example.org")
    account = disabled.get("/v1/me")
    portico.admin.act(
        f"/v1/accounts/{account['id']}/disable",
        version=portico.admin.get(f"/v1/accounts/{account['id']}")["version"],
    )
    return found | {"ended": str(ended.token), "disabled": str(disabled.token), "made up": wire.new_id()}


def _holds(role: str, operation: Operation) -> bool:
    """Whether the declaration and the default roles admit this role."""
    realm, permissions = DEFAULT_ROLES[role]
    if operation.access.realms and realm not in operation.access.realms:
        return False
    if operation.access.kind == "signed_in":
        return True
    switched = switched_on(SimpleNamespace(can_edit_capacity=True, can_change_status=True))
    features = ("referralq", "provider_portal", "electronic_signature")
    return operation.access.permission in effective_permissions(realm, permissions, switched, features)


def _send(portico: RunningStack, route: Route, token: str | None) -> requests.Response:
    """A request that reaches the check of permissions: made-up ids, no arguments, a version, a file."""
    path = route.path
    for name in route.parameters:
        path = path.replace(f"{{{name}}}", wire.new_id())
    headers = {"If-Match": '"1"'} | ({"Authorization": f"Bearer {token}"} if token else {})
    files = {"file": ("x.csv", b"x", "text/csv")} if route.uploads else None
    form = {"_count": "1"} if route.is_fhir and route.takes_body else None  # FHIR's search by POST
    json = {} if route.takes_body and not files and not form else None
    url = portico.url + path
    return HTTP.request(route.method, url, headers=headers, json=json, data=form, files=files, timeout=30)


@pytest.mark.fault("A2")
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation.name)
def test_an_operation_lets_in_whom_its_declaration_names(
    portico: RunningStack, tokens: dict[str, str], route: Route
):
    if route.operation.access.kind == "public":
        assert _send(portico, route, None).status_code not in (403, 500)
        return
    refused = {None: 401, "ended": 401, "disabled": 401, "made up": 401}
    for caller, status in refused.items():
        assert _send(portico, route, tokens[caller] if caller else None).status_code == status, caller
    for role in (*STAFF_LEVELS, "provider_portal_user"):
        if route.operation.name in ("log_out", "sign_out"):
            continue  # it works for all of them, and would end their sessions
        status = _send(portico, route, tokens[role]).status_code
        if _holds(role, route.operation):
            assert status not in (401, 403, 500), f"{role} got {status}"
        else:
            assert status == 403, f"{role} got {status}"


@pytest.mark.fault("A2")
@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.access.realms], ids=lambda operation: operation.address
)
def test_a_realm_that_the_declaration_does_not_name_is_refused_with_every_permission(
    portico: RunningStack, client: RpcClient, operation: Operation
):
    keys = portico.stack.folder / "keys"
    identity = Issuer.from_file("identity", str(keys / "identity.pem"))
    for realm in REALMS:
        claims = {
            "sub": "c" * 32,
            "org": "a" * 32,
            "org_key": "harbor",
            "realm": realm,
            "perms": [operation.access.permission],
        }
        passport = identity.for_account(operation.service, claims)
        with pytest.raises(Refused) as refused:
            client.call(operation, {"not": "a member"}, wire.CallContext(wire.new_id(), passport=passport))
        assert refused.value.code == ("invalid_request" if realm in operation.access.realms else "forbidden")


@pytest.mark.fault("A2")
@pytest.mark.seed("S2-40")
@pytest.mark.parametrize("service", sorted({each.service for each in OPERATIONS if each.waits_for_consent}))
def test_whose_consents_are_due_is_refused_in_every_service(
    portico: RunningStack, client: RpcClient, service: str
):
    identity = Issuer.from_file("identity", str(portico.stack.folder / "keys" / "identity.pem"))
    for operation in OPERATIONS:
        if operation.service != service or not operation.waits_for_consent or operation.access.realms:
            continue
        claims = {
            "sub": "c" * 32,
            "org": "a" * 32,
            "org_key": "harbor",
            "realm": "employee",
            "perms": [operation.access.permission],
            "consents_due": True,
        }
        passport = identity.for_account(service, claims)
        with pytest.raises(Refused) as refused:
            client.call(operation, {"not": "a member"}, wire.CallContext(wire.new_id(), passport=passport))
        assert refused.value.code == "consents_due", operation.address


@pytest.mark.fault("A2")
def test_every_operation_has_its_row():
    routed = {route.operation.address for route in ROUTES}
    inner = {
        operation.address
        for operation in OPERATIONS
        if operation.access.kind == "services" or not operation.is_routed
    }

    assert {operation.address for operation in OPERATIONS} == routed | inner


@pytest.fixture(scope="module")
def client(portico: RunningStack) -> Iterator[RpcClient]:
    client = RpcClient(portico.stack.amqp_uri, "matrix")
    client.start()
    yield client
    client.close()


def _passports(portico: RunningStack, operation: Operation) -> dict[str, str | None]:
    """Passports that must be refused."""
    keys = portico.stack.folder / "keys"
    claims = {
        "sub": "c" * 32,
        "org": "a" * 32,
        "org_key": "harbor",
        "realm": "staff",
        "perms": [operation.access.permission],
    }
    identity = Issuer.from_file("identity", str(keys / "identity.pem"))
    other = "signing" if operation.service != "signing" else "portals"
    good = identity.for_account(operation.service, claims)
    key = jwk.OKPKey.import_key((keys / "identity.pem").read_bytes())
    payload = jwt.decode(good, key, algorithms=["EdDSA"]).claims
    header = {"alg": "EdDSA", "kid": "identity"}
    expired = {**payload, "iat": time.time() - 121, "exp": time.time() - 61}
    long_lived = {**payload, "exp": payload["iat"] + 3600}
    allowed = operation.access.services
    strangers = [name for name in ("portals", "referrals", "notifications", "signing") if name not in allowed]
    passports = {
        "none": None,
        "no signature": jwt.encode({"alg": "none", "kid": "identity"}, payload, key, algorithms=["none"]),
        "a service that speaks for an account": Issuer.from_file(
            "signing", str(keys / "signing.pem")
        ).for_account(operation.service, claims),
        "another audience": identity.for_account(other, claims),
        "expired": jwt.encode(header, expired, key, algorithms=["EdDSA"]),
        "valid for an hour": jwt.encode(header, long_lived, key, algorithms=["EdDSA"]),
    }
    if strangers:  # some operations are for all of them
        stranger = Issuer.from_file(strangers[0], str(keys / f"{strangers[0]}.pem"))
        passports["a service that is not named"] = stranger.for_service(operation.service, "a" * 32, "harbor")
    return passports


@pytest.mark.fault("A2", "A11")
@pytest.mark.parametrize(
    "operation",
    [each for each in OPERATIONS if each.access.kind != "public"],
    ids=lambda operation: operation.address,
)
def test_no_service_takes_a_passport_that_does_not_hold(
    portico: RunningStack, client: RpcClient, operation: Operation
):
    for kind, passport in _passports(portico, operation).items():
        with pytest.raises(Refused) as refused:
            client.call(operation, {}, wire.CallContext(wire.new_id(), passport=passport))
        assert refused.value.code in ("unauthenticated", "passport_expired", "forbidden"), kind
        if kind != "a service that is not named":
            assert refused.value.code != "forbidden", kind


def test_public_operations_are_few_and_known():
    public = {operation.address for operation in OPERATIONS if operation.access.kind == "public"}

    assert public == {
        "identity.find_web_origin",
        "identity.inspect_mail_link",
        "portals.read_calendar_feed",
        "notifications.inspect_unsubscribe_link",
        "notifications.unsubscribe",
        "identity.issue_passports",
        "identity.log_in",
        "identity.request_password_reset",
        "identity.inspect_credential_link",
        "identity.redeem_credential_link",
        "identity.complete_log_in",
        "identity.list_sign_in_options",
        "identity.start_outside_sign_in",
        "identity.complete_outside_sign_in",
        "identity.start_second_factor_at_log_in",
        "identity.open_api_session",
        "identity.request_new_link",
        "identity.redeem_pickup_code",
        "identity.request_patient_access",
        "identity.get_public_organisation",
        "identity.request_portal_reminder",
        "signing.get_signing_authority",
        "signing.verify_file",
        "identity.describe_registration",
        "identity.register_patient",
        "identity.verify_email",
        "portals.get_public_portal",
        # An applicant has no account: the token of the session is looked at by each of these.
        "portals.get_applicant_portal",
        "portals.start_application",
        "portals.get_application",
        "portals.start_application_response",
        "portals.get_application_response",
        "portals.save_application_answers",
        "portals.send_application",
        "portals.end_application",
        "portals.open_portal_image",
        "referrals.fhir_capability",
        # Providers and the mailbox of returned mails have no account: each report is signed.
        "notifications.report_delivery",
        "notifications.return_mail",
        "notifications.receive_text",
    }
