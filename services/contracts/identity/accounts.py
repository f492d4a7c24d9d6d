"""Accounts: who can log in, a provider's resources and switches, and names for other services."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import SIGNED_IN, Reply, Request, only_services, page_of, permission
from services.contracts.fields import EmailAddress, Flag, Id, Moment, Text, one_of
from services.contracts.identity import contract
from services.contracts.identity.realms import REALMS

SECURITY_LEVELS = ("trainee", "standard", "supervisor", "admin", "provider_portal_user")
STATES = ("invited", "active", "disabled")
APPEARANCES = ("system", "light", "dark")
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
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    email_is_verified = Flag(required=True)
    resources = fields.List(fields.Nested(AssignedResource))
    switches = fields.Nested(ProviderSwitches)
    wants_resource_assigned_emails = Flag()
    last_login_at = Moment(allow_none=True)


class AccountWithActions(Account):
    """An account, and what the caller may do with it as it stands."""

    actions = fields.List(
        fields.String(
            validate=validate.OneOf(
                ["edit", "set_level", "invite", "disable", "enable", "end_sessions", "reset_second_factor"]
            )
        ),
        required=True,
    )


class Signer(Reply):
    """Somebody to whom a document can be sent. `resource_names` are those that a provider works for."""

    account_id = Id(required=True)
    first_name = fields.String(required=True, allow_none=True)
    last_name = fields.String(required=True, allow_none=True)
    realm = fields.String(required=True, validate=validate.OneOf(REALMS))
    resource_names = fields.List(fields.String(), required=True)


class Preferences(Reply):
    """How a person wants pages: the language by its tag (BCP 47), and light or dark. Null: as the browser has it."""

    language = fields.String(
        required=True,
        allow_none=True,
        validate=validate.Regexp(
            r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}\Z", error="A language tag is expected."
        ),
    )
    appearance = one_of(APPEARANCES, required=True, allow_none=True)


class NewPreferences(Preferences):
    """The preferences to keep."""

    class Meta(Request.Meta):
        pass


class Author(Reply):
    """Somebody who did something. `name` is "Sam F.", or the name of an API client; null where no name is known."""

    id = Id(required=True)
    name = fields.String(required=True, allow_none=True)
    kind = fields.String(required=True, validate=validate.OneOf(["account", "api_client"]))
    realm = fields.String(required=True, allow_none=True, validate=validate.OneOf(REALMS))


set_my_notifications = contract.command(
    "set_my_notifications",
    "Switch the e-mails about assigned resources on or off. This is the only change that a provider can make to its own "
    "profile.",
    request={"resource_assigned_emails": Flag(required=True)},
    reply=Account,
    access=SIGNED_IN,
    honours_version=True,
)
set_my_preferences = contract.command(
    "set_my_preferences",
    "Keep the language and the appearance in which the caller wants pages. Null: as the browser has it.",
    request=NewPreferences(),
    reply=Preferences(),
    access=SIGNED_IN,
    before_consent=True,
)
set_my_shortcuts = contract.command(
    "set_my_shortcuts",
    "Switch the keyboard shortcuts of the caller's pages on or off. Only pages of staff have any.",
    request={"has_shortcuts": Flag(required=True)},
    reply={"has_shortcuts": Flag(required=True)},
    access=SIGNED_IN,
    before_consent=True,
)
create_account = contract.command(
    "create_account",
    "Create an account. It starts at security level `standard`; the level is chosen afterwards.",
    request={
        "email": EmailAddress(required=True),
        "first_name": Text(required=True, most=100),
        "last_name": Text(required=True, most=100),
    },
    reply=Account,
    access=permission("account.manage"),
    errors=("login_taken", "right_not_held"),
    status=201,
    grants="level",
)
get_account = contract.query(
    "get_account",
    "One account, and what the caller may do with it.",
    request={"account_id": Id(required=True)},
    reply=AccountWithActions,
    access=permission("account.read"),
    errors=("not_found",),
)
list_accounts = contract.query(
    "list_accounts",
    "Accounts by name, paged by key; of one realm, of one security level, or in one state.",
    request={
        "realm": one_of(REALMS, load_default=None, allow_none=True),
        "security_level": fields.String(
            load_default=None, allow_none=True, validate=validate.OneOf(SECURITY_LEVELS)
        ),
        "state": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(STATES)),
        "after": fields.String(load_default=None, allow_none=True),
        "limit": fields.Integer(load_default=50, validate=validate.Range(1, 200)),
    },
    reply=page_of(Account),
    access=permission("account.read"),
)
search_accounts = contract.command(
    "search_accounts",
    "Up to 50 accounts of staff and providers whose name or e-mail begins so. Neither belongs in a URL, so this question is "
    "a POST.",
    request={
        "text": Text(required=True, most=100, metadata={"description": "names, or one e-mail address"}),
        "security_level": fields.String(
            load_default=None, allow_none=True, validate=validate.OneOf(SECURITY_LEVELS)
        ),
        "state": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(STATES)),
    },
    reply={"items": fields.List(fields.Nested(Account), required=True)},
    access=permission("account.read"),
    keeps_answer=False,
)
search_signers = contract.command(
    "search_signers",
    "Up to 20 accounts that may sign documents and whose name or e-mail begins so, for choosing to whom a document is sent.",
    request={"text": Text(required=True, most=100, metadata={"description": "names, or one e-mail address"})},
    reply={"items": fields.List(fields.Nested(Signer), required=True)},
    access=permission("document.send"),
    keeps_answer=False,
)
edit_account = contract.command(
    "edit_account",
    "Correct the name or the e-mail of a member of the staff or of a provider. The e-mail is the log-in: changing it takes a "
    "fresh proof and ends the account's sessions and links; a notice goes to the address before, and a link to verify the "
    "new one goes there.",
    request={
        "account_id": Id(required=True),
        "first_name": Text(most=100),
        "last_name": Text(most=100),
        "email": EmailAddress(),
    },
    reply=Account,
    access=permission("account.manage"),
    errors=("not_found", "not_a_workforce_account", "proof_required", "login_taken", "right_not_held"),
    grants="sign_in",
    expects_version=True,
)
set_security_level = contract.command(
    "set_security_level",
    "Choose the security level of somebody else. The caller must hold what both levels permit. Leaving "
    "`provider_portal_user` suspends the account's resource assignments.",
    request={
        "account_id": Id(required=True),
        "security_level": fields.String(required=True, validate=validate.OneOf(SECURITY_LEVELS)),
    },
    reply=Account,
    access=permission("account.manage"),
    errors=(
        "not_found",
        "feature_is_off",
        "not_a_workforce_account",
        "last_administrator",
        "right_not_held",
        "own_rights",
    ),
    expects_version=True,
    grants="level",
)
disable_account = contract.command(
    "disable_account",
    "Disable an account: its sessions and links end at once, and another account of staff or of a provider may have its "
    "log-in. The caller must hold what the account may do. An organisation keeps one active administrator.",
    request={"account_id": Id(required=True)},
    reply=Account,
    access=permission("account.manage"),
    errors=("not_found", "right_not_held", "last_administrator"),
    expects_version=True,
)
enable_account = contract.command(
    "enable_account",
    "Let a disabled account log in again with the password it had, unless another account has its log-in meanwhile. Ended "
    "sessions and links stay ended. The account's owner gets a notice.",
    request={"account_id": Id(required=True)},
    reply=Account,
    access=permission("account.manage"),
    errors=("not_found", "cannot_be_enabled", "right_not_held", "login_taken"),
    expects_version=True,
    grants="level",
)
assign_resource = contract.command(
    "assign_resource",
    "Add an agency or program to a provider account's resources. Adding it again changes nothing.",
    request={"account_id": Id(required=True), "resource_id": Id(required=True)},
    reply=Account,
    access=permission("account.manage"),
    errors=("not_found", "not_a_provider_account", "resource_not_found", "right_not_held", "own_rights"),
    grants="resource",
    honours_version=True,
)
remove_resource = contract.command(
    "remove_resource",
    "Delete a resource assignment. Access ends with the next request.",
    request={"account_id": Id(required=True), "assignment_id": Id(required=True)},
    reply=Account,
    access=permission("account.manage"),
    errors=("not_found", "right_not_held"),
    honours_version=True,
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
    errors=("not_found", "not_a_provider_account", "right_not_held", "own_rights"),
    grants="level",
    honours_version=True,
)
invite_account = contract.command(
    "invite_account",
    "Send the link that sets the first password. The link before is void.",
    request={"account_id": Id(required=True)},
    reply={"invitation_id": Id(required=True)},
    access=permission("account.manage"),
    errors=("not_found", "right_not_held", "account_disabled", "already_active"),
    status=202,
)
list_resource_recipients = contract.query(
    "list_resource_recipients",
    "Provider accounts to e-mail about these resources. An e-mail about an assignment goes to accounts that want such "
    "e-mails; an e-mail about capacity goes to accounts that may edit it.",
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
    "Name and e-mail address of an account, for a message to its owner or for a signature.",
    request={"account_id": Id(required=True)},
    reply={
        "account_id": Id(required=True),
        "first_name": fields.String(allow_none=True),
        "last_name": fields.String(allow_none=True),
        "email": fields.String(required=True, allow_none=True),
        "email_is_verified": Flag(required=True),
        "realm": fields.String(required=True, validate=validate.OneOf(REALMS)),
        "language": fields.String(
            required=True,
            allow_none=True,
            metadata={"description": "the language that its owner has chosen, by its tag"},
        ),
        "person_id": Id(required=True, allow_none=True),
        "state": fields.String(required=True),
        "can_sign": Flag(
            required=True, metadata={"description": "whether it may sign documents, once its owner signs in"}
        ),
        "organisation_name": fields.String(required=True),
        "features": fields.List(fields.String(), required=True),
    },
    access=only_services("notifications", "signing", "referrals", "portals"),
    errors=("not_found",),
)
stop_resource_emails = contract.command(
    "stop_resource_emails",
    "Switch an account's e-mails about assigned resources off, as its owner has asked by the link of such an e-mail.",
    request={"account_id": Id(required=True)},
    reply={"account_id": Id(required=True)},
    access=only_services("notifications"),
    errors=("not_found",),
)
find_or_invite_signers = contract.command(
    "find_or_invite_signers",
    "The accounts to which a document goes that is sent to these addresses. An address without an account gets one of a "
    "provider, and the link that sets its password.",
    request={
        "people": fields.List(
            fields.Nested(
                {
                    "email": EmailAddress(required=True),
                    "first_name": Text(load_default=None, allow_none=True, most=100),
                    "last_name": Text(load_default=None, allow_none=True, most=100),
                }
            ),
            required=True,
            validate=validate.Length(min=1, max=20),
        )
    },
    reply={
        "items": fields.List(
            fields.Nested({"email": fields.String(required=True), "account_id": Id(required=True)}),
            required=True,
        )
    },
    access=only_services("signing"),
    errors=("feature_is_off", "conflict"),
)
describe_authors = contract.query(
    "describe_authors",
    "The authors of something, as the other side may know them: the first name and the initial of the last name, never "
    "an address. Disabled accounts are named as well. An id of another organisation is left out.",
    request={"account_ids": fields.List(Id(), required=True, validate=validate.Length(min=1, max=200))},
    reply={
        "organisation_name": fields.String(required=True),
        "authors": fields.List(fields.Nested(Author), required=True),
    },
    access=only_services("referrals", "portals", "signing"),
    # Lists are shown without authors' names when this answer is late.
    timeout_s=1.0,
)
account_created = contract.event(
    "account_created", "An account was created.", data={"account_id": Id(required=True)}
)
account_disabled = contract.event(
    "account_disabled", "An account was disabled.", data={"account_id": Id(required=True)}
)
account_enabled = contract.event(
    "account_enabled", "A disabled account may log in again.", data={"account_id": Id(required=True)}
)
