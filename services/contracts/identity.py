"""What identity offers and publishes: organisations, accounts, credentials, sessions, passports, resource assignments."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import (
    PUBLIC,
    SIGNED_IN,
    Contract,
    Reply,
    Request,
    only_services,
    page_of,
    permission,
)
from services.contracts.fields import Code, Flag, Id, Moment, Secret, Text

contract = Contract("identity", "Organisations, people, accounts, credentials, sessions and who may do what.")

SECURITY_LEVELS = ("trainee", "standard", "supervisor", "admin", "provider_portal_user")
FEATURES = ("referralq", "provider_portal", "electronic_signature")
REALMS = ("staff", "provider", "family", "patient", "employee", "applicant")
RESOURCE_LEVELS = ("agency", "program")


class AssignedResource(Reply):
    """A directory resource that a provider account works for."""

    id = Id(required=True)
    resource_id = Id(required=True)
    resource_name = Text(required=True)
    resource_level = fields.String(required=True, validate=validate.OneOf(RESOURCE_LEVELS))


class ProviderSwitches(Reply):
    """What a provider account may do with the referrals and programs it sees (S0-22, S0-23, S0-24)."""

    can_edit_capacity = Flag(required=True)
    can_change_status = Flag(required=True)
    can_access_details = Flag(required=True)


class Account(Reply):
    """An account: somebody who can log in."""

    id = Id(required=True)
    version = fields.Integer(required=True)
    login = fields.String(required=True)
    first_name = fields.String(allow_none=True)
    last_name = fields.String(allow_none=True)
    realm = fields.String(required=True, validate=validate.OneOf(REALMS))
    security_level = fields.String(required=True, allow_none=True, validate=validate.OneOf(SECURITY_LEVELS))
    state = fields.String(required=True, validate=validate.OneOf(["invited", "active", "disabled"]))
    email_is_verified = Flag(required=True)
    resources = fields.List(fields.Nested(AssignedResource))
    switches = fields.Nested(ProviderSwitches)
    wants_resource_assigned_emails = Flag()
    last_login_at = Moment(allow_none=True)


class Author(Reply):
    """Somebody who did something. `name`: "Sam F.", or what an API client is called; null where nobody has given one."""

    id = Id(required=True)
    name = fields.String(required=True, allow_none=True)
    kind = fields.String(required=True, validate=validate.OneOf(["account", "api_client"]))
    realm = fields.String(required=True, allow_none=True, validate=validate.OneOf(REALMS))


class Profile(Reply):
    """A person's profile that an account of a portal reaches, in which role, and what that lets it see."""

    person_id = Id(required=True)
    role = Code(required=True)
    permissions = fields.List(fields.String(), required=True)


class Me(Account):
    """The caller's own account, with what it may do now. Only accounts of a portal have profiles."""

    organisation_key = Code(required=True)
    organisation_name = fields.String(required=True)
    permissions = fields.List(fields.String(), required=True)
    profiles = fields.List(fields.Nested(Profile), required=True)


class Organisation(Reply):
    """A tenant."""

    id = Id(required=True)
    key = Code(required=True)
    name = fields.String(required=True)
    version = fields.Integer(required=True)
    features = fields.List(fields.String(validate=validate.OneOf(FEATURES)), required=True)


class LogIn(Request):
    """Credentials. `organisation` is the organisation's key.

    Staff and providers share their logins: either realm finds both. `new_password` is for the first log-in with a
    temporary password (S1-16); with any other it is ignored.
    """

    organisation = Code(required=True)
    realm = fields.String(load_default="staff", validate=validate.OneOf(REALMS))
    login = Text(required=True, most=254)
    password = Secret(required=True, validate=validate.Length(min=1, max=256))
    new_password = Secret(load_default=None, allow_none=True, validate=validate.Length(min=1, max=256))


issue_passport = contract.query(
    "issue_passport",
    "Exchange a session token for a passport to one service, at most 60 seconds valid.",
    request={
        "token": Secret(required=True, validate=validate.Length(max=128)),
        "audience": Code(required=True),
    },
    reply={
        "passport": Secret(required=True),
        "account_id": Id(required=True),
        "organisation_id": Id(required=True),
    },
    access=PUBLIC,
    errors=("unauthenticated",),
    is_routed=False,
)
log_in = contract.command(
    "log_in",
    "Log in with a password. The token is shown once and is sent as `Authorization: Bearer`.",
    request=LogIn,
    reply={
        "token": Secret(required=True),
        "expires_at": Moment(required=True),
        "account": fields.Nested(Account, required=True),
    },
    access=PUBLIC,
    errors=(
        "credentials_refused",
        "feature_is_off",
        "too_many_requests",
        "password_change_required",
        "password_refused",
        "outside_sign_in_required",
    ),
    status=201,
    keeps_answer=False,
)
log_out = contract.command("log_out", "End this session.", request={}, reply={}, access=SIGNED_IN, status=204)
describe_me = contract.query(
    "describe_me", "The caller's own account.", request={}, reply=Me, access=SIGNED_IN
)
set_my_notifications = contract.command(
    "set_my_notifications",
    "Switch the e-mails about assigned resources on or off. The only change a provider can make to the own profile.",
    request={"resource_assigned_emails": Flag(required=True)},
    reply=Account,
    access=SIGNED_IN,
)
get_organisation = contract.query(
    "get_organisation", "The caller's organisation.", request={}, reply=Organisation, access=SIGNED_IN
)
set_features = contract.command(
    "set_features",
    "Switch features on and off. `provider_portal` needs `referralq`.",
    request={"features": fields.List(fields.String(validate=validate.OneOf(FEATURES)), required=True)},
    reply=Organisation,
    access=permission("organisation.manage"),
    errors=("feature_needs_another",),
    expects_version=True,
)
create_account = contract.command(
    "create_account",
    "Create an account. It starts at security level `standard`; the level is chosen afterwards.",
    request={
        "email": fields.Email(required=True, validate=validate.Length(max=254)),
        "first_name": Text(required=True, most=100),
        "last_name": Text(required=True, most=100),
    },
    reply=Account,
    access=permission("account.manage"),
    errors=("login_taken",),
    status=201,
)
get_account = contract.query(
    "get_account",
    "One account.",
    request={"account_id": Id(required=True)},
    reply=Account,
    access=permission("account.read"),
    errors=("not_found",),
)
list_accounts = contract.query(
    "list_accounts",
    "Accounts by name, paged by key.",
    request={
        "after": fields.String(load_default=None, allow_none=True),
        "limit": fields.Integer(load_default=50, validate=validate.Range(1, 200)),
    },
    reply=page_of(Account),
    access=permission("account.read"),
)
set_security_level = contract.command(
    "set_security_level",
    "Choose the security level. Leaving `provider_portal_user` suspends the account's resource assignments.",
    request={
        "account_id": Id(required=True),
        "security_level": fields.String(required=True, validate=validate.OneOf(SECURITY_LEVELS)),
    },
    reply=Account,
    access=permission("account.manage"),
    errors=("not_found", "feature_is_off", "not_a_workforce_account", "last_administrator"),
    expects_version=True,
)
disable_account = contract.command(
    "disable_account",
    "Disable an account: its sessions and links end at once. An organisation keeps one active administrator.",
    request={"account_id": Id(required=True)},
    reply=Account,
    access=permission("account.manage"),
    errors=("not_found", "last_administrator"),
    expects_version=True,
)
enable_account = contract.command(
    "enable_account",
    "Let a disabled account log in again with the password it had. Ended sessions and links stay ended; its owner gets "
    "a notice.",
    request={"account_id": Id(required=True)},
    reply=Account,
    access=permission("account.manage"),
    errors=("not_found", "cannot_be_enabled"),
    expects_version=True,
)
assign_resource = contract.command(
    "assign_resource",
    "Add an agency or program to a provider account's resources. Adding it again changes nothing.",
    request={"account_id": Id(required=True), "resource_id": Id(required=True)},
    reply=Account,
    access=permission("account.manage"),
    errors=("not_found", "not_a_provider_account", "resource_not_found"),
)
remove_resource = contract.command(
    "remove_resource",
    "Delete a resource assignment. Access ends with the next request.",
    request={"account_id": Id(required=True), "assignment_id": Id(required=True)},
    reply=Account,
    access=permission("account.manage"),
    errors=("not_found",),
)
set_provider_switches = contract.command(
    "set_provider_switches",
    "Set what a provider account may do.",
    request={
        "account_id": Id(required=True),
        "can_edit_capacity": Flag(required=True),
        "can_change_status": Flag(required=True),
        "can_access_details": Flag(required=True),
    },
    reply=Account,
    access=permission("account.manage"),
    errors=("not_found", "not_a_provider_account"),
)
invite_account = contract.command(
    "invite_account",
    "Send the link that sets the first password. A newer link voids the older.",
    request={"account_id": Id(required=True)},
    reply={"invitation_id": Id(required=True)},
    access=permission("account.manage"),
    errors=("not_found", "account_disabled", "already_active"),
    status=202,
)
request_password_reset = contract.command(
    "request_password_reset",
    "Ask for a link that sets a new password. The answer is the same whether or not the account exists.",
    request={
        "organisation": Code(required=True),
        "realm": fields.String(load_default="staff", validate=validate.OneOf(REALMS)),
        "login": Text(required=True, most=254),
    },
    reply={},
    access=PUBLIC,
    errors=("too_many_requests",),
    status=202,
)
inspect_credential_link = contract.query(
    "inspect_credential_link",
    "What a link is for and whether it can still be used. Using it up takes `redeem_credential_link`.",
    request={"token": Secret(required=True, validate=validate.Length(max=128))},
    reply={
        "purpose": fields.String(required=True),
        "state": fields.String(required=True, validate=validate.OneOf(["usable", "expired", "used_or_void"])),
        "needs_username": Flag(required=True),
    },
    access=PUBLIC,
    errors=("not_found",),
)
redeem_credential_link = contract.command(
    "redeem_credential_link",
    "Set the password with a link's token, once, and the username where the link says `needs_username`. It does not "
    "log in.",
    request={
        "token": Secret(required=True, validate=validate.Length(max=128)),
        "password": Secret(required=True, validate=validate.Length(max=256)),
        "username": Text(load_default=None, allow_none=True, most=254),
    },
    reply={},
    access=PUBLIC,
    errors=("link_refused", "password_refused", "too_many_requests", "login_taken"),
    status=204,
    keeps_answer=False,
)

# For other services

mint_credential_link = contract.command(
    "mint_credential_link",
    "Make the link or temporary password of an invitation or reset at the moment its message is rendered: its lifetime "
    "starts now, older ones are void.",
    request={"invitation_id": Id(required=True)},
    reply={
        "link": Secret(required=True, allow_none=True),
        "temporary_password": Secret(required=True, allow_none=True),
        "username": fields.String(required=True),
        "email": fields.String(required=True, allow_none=True),
        "lifetime_minutes": fields.Integer(required=True),
        "purpose": fields.String(required=True),
        "realm": fields.String(required=True, validate=validate.OneOf(REALMS)),
        "organisation_name": fields.String(required=True),
    },
    access=only_services("notifications"),
    errors=("not_found", "account_disabled"),
    keeps_answer=False,
)
list_resource_recipients = contract.query(
    "list_resource_recipients",
    "Provider accounts to e-mail about these resources: an assignment goes to those that want such e-mails, capacity to "
    "those that may edit it.",
    request={
        "resource_ids": fields.List(Id(), required=True, validate=validate.Length(min=1, max=20)),
        "about": fields.String(
            load_default="assignment", validate=validate.OneOf(["assignment", "capacity"])
        ),
    },
    reply={
        "organisation_name": fields.String(required=True),
        "recipients": fields.List(
            fields.Nested({"account_id": Id(required=True), "email_is_verified": Flag(required=True)}),
            required=True,
        ),
    },
    access=only_services("notifications"),
)
describe_account = contract.query(
    "describe_account",
    "Name and address of an account, for a message to it or its signature.",
    request={"account_id": Id(required=True)},
    reply={
        "account_id": Id(required=True),
        "first_name": fields.String(allow_none=True),
        "last_name": fields.String(allow_none=True),
        "email": fields.String(required=True, allow_none=True),
        "email_is_verified": Flag(required=True),
        "realm": fields.String(required=True, validate=validate.OneOf(REALMS)),
        "person_id": Id(required=True, allow_none=True),
        "state": fields.String(required=True),
        "organisation_name": fields.String(required=True),
        "features": fields.List(fields.String(), required=True),
    },
    access=only_services("notifications", "signing", "referrals"),
    errors=("not_found",),
)
describe_authors = contract.query(
    "describe_authors",
    "Who did or wrote something, as the other side may know it: first name and initial of the last, never an address. "
    "Disabled accounts are named as well; an id that is not of the organisation is left out.",
    request={"account_ids": fields.List(Id(), required=True, validate=validate.Length(min=1, max=200))},
    reply={
        "organisation_name": fields.String(required=True),
        "authors": fields.List(fields.Nested(Author), required=True),
    },
    access=only_services("referrals", "portals", "signing"),
    # A list that names its authors comes without the names rather than late.
    timeout_s=1.0,
)
check_permission = contract.query(
    "check_permission",
    "Whether an account, or an API client, still may do something: for work that goes on after its request. False for "
    "one that is disabled, revoked or not of the organisation.",
    request={"account_id": Id(required=True), "permission": Text(required=True, most=64)},
    reply={"is_allowed": Flag(required=True)},
    access=only_services("referrals"),
)

organisation_created = contract.event(
    "organisation_created", "A tenant was created.", data={"organisation_id": Id(required=True)}
)
account_created = contract.event(
    "account_created", "An account was created.", data={"account_id": Id(required=True)}
)
account_invited = contract.event(
    "account_invited",
    "A link that sets a password is to be sent. The link itself is made when the message is rendered.",
    data={
        "invitation_id": Id(required=True),
        "account_id": Id(required=True),
        "purpose": Code(required=True),
    },
)
password_set = contract.event(
    "password_set", "An account has a new password.", data={"account_id": Id(required=True)}
)
account_disabled = contract.event(
    "account_disabled", "An account was disabled.", data={"account_id": Id(required=True)}
)
account_enabled = contract.event(
    "account_enabled", "A disabled account may log in again.", data={"account_id": Id(required=True)}
)
access_granted = contract.event(
    "access_granted",
    "An account may reach a resource of the directory, or (`resource_kind` is `profile`) a person's profile.",
    data={"account_id": Id(required=True), "resource_id": Id(required=True), "resource_kind": Code()},
)
access_revoked = contract.event(
    "access_revoked",
    "An account may no longer reach a resource of the directory, or (`resource_kind` is `profile`) a person's profile.",
    data={"account_id": Id(required=True), "resource_id": Id(required=True), "resource_kind": Code()},
)
