"""A client's contacts and their access to the client's profile in the Family Portal."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import Reply, permission
from services.contracts.fields import Code, EmailAddress, Flag, Id, Moment, Text
from services.contracts.identity import contract
from services.contracts.identity.permissions import MANAGE_PEOPLE, READ_PEOPLE

MANAGE_ACCESS = permission("workflow.manage_family_portal_access")
WHOSE = {"client_id": Id(required=True), "person_id": Id(required=True)}


class RoleChoice(Reply):
    """A role that can be chosen."""

    code = Code(required=True)
    name = fields.String(required=True)


class AccessForm(Reply):
    """What the dialogue "Add Family Portal Access" shows. `email_is_fixed`: the person has a portal account already."""

    client_id = Id(required=True)
    person_id = Id(required=True)
    email = fields.String(required=True, allow_none=True)
    email_is_fixed = Flag(required=True)
    roles = fields.List(fields.Nested(RoleChoice), required=True)
    actions = fields.List(fields.String(), required=True)


class PendingInvitation(Reply):
    """The last invitation of somebody who has not signed in yet. Until its message is sent, `expires_at` is null."""

    requested_at = Moment(required=True)
    expires_at = Moment(allow_none=True)
    is_expired = Flag(required=True)


class AccessToProfile(Reply):
    """A profile that somebody reaches, with the role and the times of the access."""

    client_id = Id(required=True)
    first_name = fields.String(allow_none=True)
    last_name = fields.String(required=True)
    version = fields.Integer(required=True)
    role = Code(required=True)
    role_name = fields.String(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(allow_none=True)
    last_used_at = Moment(allow_none=True)


class FamilyAccess(AccessToProfile):
    """What the screen "Manage Family Portal Access" shows: this profile, and the others that the person reaches."""

    person_id = Id(required=True)
    account_id = Id(required=True)
    login = fields.String(required=True)
    last_sign_in_at = Moment(allow_none=True)
    invitation = fields.Nested(PendingInvitation, allow_none=True)
    other_profiles = fields.List(fields.Nested(AccessToProfile), required=True)
    roles = fields.List(fields.Nested(RoleChoice), required=True)
    actions = fields.List(fields.String(), required=True)


get_family_access_form = contract.query(
    "get_family_access_form",
    "What to show before access is added: the log-in address, whether it can be edited, the roles, and the actions.",
    request=WHOSE,
    reply=AccessForm,
    access=MANAGE_ACCESS,
    errors=("not_found", "not_a_client", "not_a_contact"),
)
add_family_access = contract.command(
    "add_family_access",
    "Give a client, or a contact of the client, access to the client's profile and invite them. Without `email` the "
    "address of the form is used.",
    request={
        **WHOSE,
        "email": EmailAddress(load_default=None, allow_none=True),
        "role": Code(required=True),
        "starts_at": Moment(load_default=None, allow_none=True),
        "ends_at": Moment(load_default=None, allow_none=True),
    },
    reply=FamilyAccess,
    access=MANAGE_ACCESS,
    errors=(
        "not_found",
        "not_a_client",
        "not_a_contact",
        "access_exists",
        "login_taken",
        "login_is_fixed",
        "account_disabled",
        "right_not_held",
    ),
    status=201,
    grants="profile",
)
get_family_access = contract.query(
    "get_family_access",
    "Somebody's access to a client's profile, with the other profiles that they reach. Reading it is audited.",
    request=WHOSE,
    reply=FamilyAccess,
    access=MANAGE_ACCESS,
    errors=("not_found",),
)
resend_family_invitation = contract.command(
    "resend_family_invitation",
    "Send the invitation again. This is possible until the first sign-in. The earlier link or password is void.",
    request=WHOSE,
    reply={"invitation_id": Id(required=True)},
    access=MANAGE_ACCESS,
    errors=("not_found", "already_logged_in", "account_disabled"),
    status=202,
)
change_family_access = contract.command(
    "change_family_access",
    "Change the role or the end of the access to this profile. Access to other profiles stays as it is.",
    request={**WHOSE, "role": Code(), "ends_at": Moment(allow_none=True)},
    reply=FamilyAccess,
    access=MANAGE_ACCESS,
    errors=("not_found", "right_not_held"),
    expects_version=True,
    grants="profile",
)
change_family_login = contract.command(
    "change_family_login",
    "Change the log-in e-mail and the person's e-mail with it. A notice goes to the address before.",
    request={**WHOSE, "email": EmailAddress(required=True)},
    reply=FamilyAccess,
    access=MANAGE_ACCESS,
    errors=("not_found", "login_taken", "proof_required", "right_not_held"),
    grants="sign_in",
    honours_version=True,
)
remove_family_access = contract.command(
    "remove_family_access",
    "Remove the access to this profile; access to others stays. `confirm` is needed.",
    request={**WHOSE, "confirm": Flag(load_default=False)},
    reply={},
    access=MANAGE_ACCESS,
    errors=("not_found", "confirmation_required"),
    status=204,
)


class FamilyStanding(Reply):
    """A contact's Family Portal access, as a contact list shows it (S1-34, S1-35)."""

    role = Code(required=True)
    role_name = fields.String(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(allow_none=True)
    last_sign_in_at = Moment(allow_none=True)
    last_used_at = Moment(allow_none=True)


# What most contacts are to a client. Staff may enter any other words; pages say these in the language of the reader.
USUAL_RELATIONS = (
    "mother", "father", "parent", "stepmother", "stepfather", "daughter", "son", "child", "stepdaughter", "stepson",
    "sister", "brother", "sibling", "grandmother", "grandfather", "grandparent", "granddaughter", "grandson", "grandchild",
    "aunt", "uncle", "niece", "nephew", "cousin", "mother-in-law", "father-in-law", "daughter-in-law", "son-in-law",
    "wife", "husband", "spouse", "partner", "foster mother", "foster father", "foster parent", "guardian", "legal guardian",
    "caregiver", "caretaker", "friend", "neighbor", "neighbour", "physician", "doctor", "nurse", "social worker",
    "case manager", "teacher", "lawyer", "attorney", "interpreter", "relative", "emergency contact",
)  # fmt: skip


class ContactView(Reply):
    """A contact of a client. `actions` are what the caller can do about the contact's Family Portal access."""

    contact_id = Id(required=True)
    version = fields.Integer(required=True)
    first_name = fields.String(allow_none=True)
    last_name = fields.String(required=True)
    email = fields.String(allow_none=True)
    mobile_phone = fields.String(allow_none=True)
    relation = fields.String(required=True)
    is_disabled = Flag(required=True)
    family_access = fields.Nested(FamilyStanding, allow_none=True)
    actions = fields.List(fields.String(), required=True)


add_client_contact = contract.command(
    "add_client_contact",
    "Make a person a contact of a client.",
    request={
        "client_id": Id(required=True),
        "contact_id": Id(required=True),
        "relation": Text(required=True, most=60),
    },
    reply=ContactView,
    access=MANAGE_PEOPLE,
    errors=("not_found", "not_a_client", "conflict"),
    status=201,
)
list_client_contacts = contract.query(
    "list_client_contacts",
    "A client's contacts, with their Family Portal role and last sign-in. Reading them is audited.",
    request={"client_id": Id(required=True)},
    reply={"items": fields.List(fields.Nested(ContactView), required=True)},
    access=READ_PEOPLE,
    errors=("not_found",),
)
disable_client_contact = contract.command(
    "disable_client_contact",
    "Disable a contact of a client. The contact's access to the client's Family Portal profile ends with it; then "
    "`confirm` is needed.",
    request={
        "client_id": Id(required=True),
        "contact_id": Id(required=True),
        "confirm": Flag(load_default=False),
    },
    reply=ContactView,
    access=MANAGE_PEOPLE,
    errors=("not_found", "confirmation_required"),
    expects_version=True,
)
