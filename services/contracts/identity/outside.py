"""Outside OpenID Connect providers: configuring them, signing in and out with them, links to accounts."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import PUBLIC, SIGNED_IN, Reply, Request, permission
from services.contracts.fields import Code, Flag, Id, Moment, Secret, Text, one_of
from services.contracts.identity import contract
from services.contracts.identity.accounts import Account
from services.contracts.identity.permissions import MANAGE_ORGANISATION
from services.contracts.identity.realms import REALMS

LINKING = ("by_verified_email", "by_hand")
PURPOSES = ("sign_in", "link", "proof")
_TOKEN = validate.Length(min=1, max=128)
_RETURN_PATH_HELP = "where on this site the browser goes afterwards, such as /inbox"


class IdentityProvider(Reply):
    """An outside provider of one realm. Its client secret is never shown again.

    `linking`: with `by_verified_email` the first sign-in finds the account by an address that the provider has verified;
    with `by_hand` staff or the owner make the link. `allows_passwords`: passwords of this realm work, too.
    `trusts_second_factor`: Portico asks for no second factor where the provider says that it has asked for one (amr `mfa`,
    or `second_factor_acr`).
    """

    realm = one_of(REALMS, required=True)
    version = fields.Integer(required=True)
    issuer = fields.String(required=True)
    client_id = fields.String(required=True)
    has_client_secret = Flag(required=True)
    scopes = fields.List(fields.String(), required=True)
    linking = one_of(LINKING, required=True)
    allows_passwords = Flag(required=True)
    trusts_second_factor = Flag(required=True)
    second_factor_acr = fields.String(required=True, allow_none=True)
    button_name = fields.String(required=True)
    is_enabled = Flag(required=True)
    callback_url = fields.String(
        required=True, metadata={"description": "to be registered with the provider as redirect URI"}
    )
    signed_out_url = fields.String(
        required=True,
        metadata={"description": "to be registered with the provider as post-logout redirect URI"},
    )
    changed_at = Moment(required=True)


class NewIdentityProvider(Request):
    """An outside provider for a realm. Without `client_secret` it is a public client, protected by PKCE alone."""

    realm = one_of(REALMS, required=True)
    issuer = Text(required=True, most=500)
    client_id = Text(required=True, most=255)
    client_secret = Secret(load_default=None, allow_none=True, validate=validate.Length(min=1, max=512))
    scopes = fields.List(
        fields.String(validate=validate.Regexp(r"[!#-\[\]-~]{1,100}$")),
        load_default=lambda: ["openid", "email"],
        validate=validate.Length(1, 20),
    )
    linking = one_of(LINKING, load_default="by_verified_email")
    allows_passwords = Flag(load_default=True)
    trusts_second_factor = Flag(load_default=False)
    second_factor_acr = Text(load_default=None, allow_none=True, most=200)
    button_name = Text(required=True, most=100)
    is_enabled = Flag(load_default=True)


class ChangedIdentityProvider(NewIdentityProvider):
    """All settings of the provider. Without `client_secret` the present one stays; a new issuer needs a new one."""


class OutsideIdentity(Reply):
    """An account of an outside provider that signs in to an account here. `linked_by`: email, owner or staff."""

    id = Id(required=True)
    issuer = fields.String(required=True)
    subject = fields.String(required=True)
    linked_by = Code(required=True)
    linked_at = Moment(required=True)
    last_used_at = Moment(required=True, allow_none=True)


class StartedOutside(Reply):
    """Where to send the browser. At the end the same browser must send `browser_key` back."""

    authorization_url = fields.String(required=True)
    browser_key = Secret(required=True)
    expires_at = Moment(required=True)


class CompletedOutside(Reply):
    """The result. `token`, `expires_at` and `account` are given only where the purpose was to sign in."""

    purpose = one_of(PURPOSES, required=True)
    return_path = fields.String(required=True)
    token = Secret()
    expires_at = Moment()
    account = fields.Nested(Account)


_RETURN_PATH = Text(load_default="/", most=500, metadata={"description": _RETURN_PATH_HELP})
_WHERE = {"organisation": Code(required=True), "realm": one_of(REALMS, required=True)}
_IDENTITIES = {"items": fields.List(fields.Nested(OutsideIdentity), required=True)}
_STARTS = ("not_found", "outside_provider_failed", "too_many_requests")
list_identity_providers = contract.query(
    "list_identity_providers",
    "The outside providers of all realms, without their secrets.",
    request={},
    reply={"items": fields.List(fields.Nested(IdentityProvider), required=True)},
    access=MANAGE_ORGANISATION,
)
get_identity_provider = contract.query(
    "get_identity_provider",
    "The outside provider of a realm, without its secret.",
    request={"realm": one_of(REALMS, required=True)},
    reply=IdentityProvider,
    access=MANAGE_ORGANISATION,
    errors=("not_found",),
)
create_identity_provider = contract.command(
    "create_identity_provider",
    "Let people of a realm sign in with an outside OpenID Connect provider.",
    request=NewIdentityProvider,
    reply=IdentityProvider,
    access=MANAGE_ORGANISATION,
    errors=("proof_required", "conflict", "last_way_in", "right_not_held"),
    status=201,
    grants="realm",
)
change_identity_provider = contract.command(
    "change_identity_provider",
    "Change a realm's outside provider; sign-ins in progress have to begin anew.",
    request=ChangedIdentityProvider,
    reply=IdentityProvider,
    access=MANAGE_ORGANISATION,
    errors=("proof_required", "not_found", "last_way_in", "right_not_held"),
    expects_version=True,
    grants="realm",
)
delete_identity_provider = contract.command(
    "delete_identity_provider",
    "Remove a realm's outside provider. Passwords work again; links stay for a provider with the same issuer.",
    request={"realm": one_of(REALMS, required=True)},
    reply={},
    access=MANAGE_ORGANISATION,
    errors=("proof_required", "not_found"),
    expects_version=True,
    status=204,
)
check_identity_provider = contract.query(
    "check_identity_provider",
    "Fetch the provider's discovery document and keys now and say what is wrong with them.",
    request={"realm": one_of(REALMS, required=True)},
    reply={
        "is_ok": Flag(required=True),
        "faults": fields.List(Code(), required=True),
        "signing_keys": fields.Integer(required=True),
    },
    access=MANAGE_ORGANISATION,
    errors=("not_found",),
    timeout_s=20.0,
)
list_sign_in_options = contract.query(
    "list_sign_in_options",
    "How people sign in to a realm: whether with a password, and the outside provider's button. Says nothing about accounts.",
    request=_WHERE,
    reply={
        "has_password": Flag(required=True),
        "outside": fields.Nested(
            Reply.from_dict(
                {"button_name": fields.String(required=True), "start_path": fields.String(required=True)},
                name="SignInButton",
            ),
            required=True,
            allow_none=True,
        ),
    },
    access=PUBLIC,
)
start_outside_sign_in = contract.command(
    "start_outside_sign_in",
    "Begin a sign-in with the realm's outside provider. Browsers open /sign-in/{organisation}/{realm} instead.",
    request={**_WHERE, "return_path": _RETURN_PATH},
    reply=StartedOutside,
    access=PUBLIC,
    errors=_STARTS,
    status=201,
    keeps_answer=False,
    timeout_s=20.0,
)
complete_outside_sign_in = contract.command(
    "complete_outside_sign_in",
    "Complete a sign-in, a link or a proof with what the provider gave the browser: a code or an error. "
    "For an account that needs our second factor the answer is `second_factor_required`, as at `log_in`.",
    request={
        **_WHERE,
        "state": Secret(required=True, validate=_TOKEN),
        "browser_key": Secret(required=True, validate=_TOKEN),
        "code": Secret(load_default=None, allow_none=True, validate=validate.Length(min=1, max=4096)),
        "error": Text(load_default=None, allow_none=True, most=200),
        "iss": Text(load_default=None, allow_none=True, most=500),
    },
    reply=CompletedOutside,
    access=PUBLIC,
    errors=(
        "outside_state_refused",
        "outside_sign_in_refused",
        "outside_provider_failed",
        "outside_identity_taken",
        "credentials_refused",
        "second_factor_required",
        "feature_is_off",
        "proof_refused",
        "too_many_requests",
    ),
    status=201,
    keeps_answer=False,
    timeout_s=20.0,
)
sign_out = contract.command(
    "sign_out",
    "End this session, as `log_out` does, and answer where the browser signs out at the outside provider, too "
    "(OpenID Connect RP-Initiated Logout 1.0). `null` where the account has no link with the realm's provider, or the "
    "provider offers no sign-out or does not answer; the session has ended in any case.",
    request={},
    reply={"sign_out_url": fields.String(required=True, allow_none=True)},
    access=SIGNED_IN,
    before_consent=True,
    timeout_s=20.0,
    keeps_answer=False,
)
list_my_outside_identities = contract.query(
    "list_my_outside_identities",
    "The outside accounts that sign in to the caller's account.",
    request={},
    reply=_IDENTITIES,
    access=SIGNED_IN,
    before_consent=True,
)
start_outside_link = contract.command(
    "start_outside_link",
    "Begin to link the caller's account with an account at the realm's outside provider.",
    request={"return_path": _RETURN_PATH},
    reply=StartedOutside,
    access=SIGNED_IN,
    before_consent=True,
    errors=(*_STARTS, "proof_required"),
    status=201,
    keeps_answer=False,
    timeout_s=20.0,
)
start_outside_proof = contract.command(
    "start_outside_proof",
    "Sign in at the outside provider again in place of `prove_myself`, for people who have no password here.",
    request={"return_path": _RETURN_PATH},
    reply=StartedOutside,
    access=SIGNED_IN,
    before_consent=True,
    errors=_STARTS,
    status=201,
    keeps_answer=False,
    timeout_s=20.0,
)
unlink_my_outside_identity = contract.command(
    "unlink_my_outside_identity",
    "Remove one of the caller's links, unless it is the last way to sign in.",
    request={"identity_id": Id(required=True)},
    reply={},
    access=SIGNED_IN,
    before_consent=True,
    errors=("not_found", "proof_required", "last_way_in"),
    status=204,
)
list_account_outside_identities = contract.query(
    "list_account_outside_identities",
    "The outside accounts that sign in to an account.",
    request={"account_id": Id(required=True)},
    reply=_IDENTITIES,
    access=permission("account.read"),
    errors=("not_found",),
)
link_account_outside_identity = contract.command(
    "link_account_outside_identity",
    "Link an account with an outside one, given by the owner's subject at the realm's provider.",
    request={"account_id": Id(required=True), "subject": Text(required=True, most=255)},
    reply=OutsideIdentity,
    access=permission("account.manage"),
    errors=("not_found", "proof_required", "outside_identity_taken", "right_not_held"),
    status=201,
    grants="sign_in",
)
unlink_account_outside_identity = contract.command(
    "unlink_account_outside_identity",
    "Remove a link of an account. The account's sessions end.",
    request={"account_id": Id(required=True), "identity_id": Id(required=True)},
    reply={},
    access=permission("account.manage"),
    errors=("not_found", "proof_required", "right_not_held"),
    status=204,
)
outside_identity_changed = contract.event(
    "outside_identity_changed",
    "An account was linked with one of an outside provider, or a link was removed.",
    data={"account_id": Id(required=True), "identity_id": Id(required=True), "change": Code(required=True)},
)
