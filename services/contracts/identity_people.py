"""What identity offers about people: realms and roles, persons, their contacts, and how accounts stand to them."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import SIGNED_IN, Reply, Request, only_services, page_of, permission
from services.contracts.fields import BirthDate, Code, Flag, Id, Moment, Text
from services.contracts.identity import REALMS, Account, contract

PORTAL_REALMS = ("family", "patient", "employee", "applicant")
PERSON_KINDS = ("client", "contact", "patient", "employee", "applicant", "staff")
RELATIONSHIP_KINDS = ("self", "portal_user", "supervisor", "contact")

MANAGE_ORGANISATION = permission("organisation.manage")
MANAGE_PEOPLE = permission("person.manage")
READ_PEOPLE = permission("person.read")


def email_address(**options: Any) -> fields.Email:
    """A field that takes an e-mail address."""
    return fields.Email(validate=validate.Length(max=254), **options)


def one_of(words: tuple[str, ...], **options: Any) -> fields.String:
    """A field that takes one of these words."""
    return fields.String(validate=validate.OneOf(words), **options)


def number_of(most: int, **options: Any) -> fields.Integer:
    """A field that takes a whole number from 1 to `most`."""
    return fields.Integer(strict=True, validate=validate.Range(1, most), **options)


# Realms and roles


class RealmView(Reply):
    """What holds for the accounts of a realm. None: the setting of the installation holds."""

    realm = one_of(REALMS, required=True)
    version = fields.Integer(required=True)
    login_id = one_of(("email", "username"), required=True)
    link_minutes = fields.Integer(required=True, allow_none=True)
    temporary_password_days = fields.Integer(required=True)
    pickup_code_days = fields.Integer(required=True)
    session_idle_minutes = fields.Integer(required=True, allow_none=True)
    session_absolute_hours = fields.Integer(required=True, allow_none=True)
    invitation_style = one_of(("link", "temporary_password"), required=True)
    second_factor_required = Flag(required=True)
    allowed_networks = fields.List(fields.String(), required=True)
    has_outside_sign_in = Flag(required=True)


class SetRealmSettings(Request):
    """Settings of a realm; what is left out stays as it is. `allowed_networks` empty: from everywhere."""

    realm = one_of(REALMS, required=True)
    login_id = one_of(("email", "username"))
    link_minutes = number_of(10_080, allow_none=True)
    temporary_password_days = number_of(30)
    pickup_code_days = number_of(90)
    session_idle_minutes = number_of(1440, allow_none=True)
    session_absolute_hours = number_of(168, allow_none=True)
    invitation_style = one_of(("link", "temporary_password"))
    second_factor_required = Flag()
    allowed_networks = fields.List(Text(most=50), validate=validate.Length(max=100))


class RoleView(Reply):
    """A role and what it lets its holder do."""

    id = Id(required=True)
    version = fields.Integer(required=True)
    realm = one_of(REALMS, required=True)
    code = Code(required=True)
    name = fields.String(required=True)
    is_disabled = Flag(required=True)
    permissions = fields.List(fields.String(), required=True)


list_realm_settings = contract.query(
    "list_realm_settings",
    "The settings of every realm.",
    request={},
    reply={"items": fields.List(fields.Nested(RealmView), required=True)},
    access=MANAGE_ORGANISATION,
)
set_realm_settings = contract.command(
    "set_realm_settings",
    "Set what holds for the accounts of a realm: log-in, lifetimes, sessions, invitations, second factor, networks.",
    request=SetRealmSettings,
    reply=RealmView,
    access=MANAGE_ORGANISATION,
    errors=("realm_has_accounts",),
    expects_version=True,
)
list_roles = contract.query(
    "list_roles",
    "Roles with their permissions, by realm.",
    request={"realm": one_of(REALMS, load_default=None, allow_none=True)},
    reply={
        "items": fields.List(fields.Nested(RoleView), required=True),
        "permissions": fields.Dict(
            keys=fields.String(),
            values=fields.List(fields.String()),
            required=True,
            metadata={"description": "what roles of each realm may hold"},
        ),
    },
    access=MANAGE_ORGANISATION,
)
create_role = contract.command(
    "create_role",
    "Add a role of a portal. The security levels of staff and providers are fixed, their permissions are not.",
    request={
        "realm": one_of(PORTAL_REALMS, required=True),
        "code": Code(required=True),
        "name": Text(required=True, most=100),
        "permissions": fields.List(Code(), required=True, validate=validate.Length(max=100)),
    },
    reply=RoleView,
    access=MANAGE_ORGANISATION,
    errors=("role_taken",),
    status=201,
)
edit_role = contract.command(
    "edit_role",
    "Change a role. It holds for everybody who has it from their next request on.",
    request={
        "role_id": Id(required=True),
        "name": Text(most=100),
        "permissions": fields.List(Code(), validate=validate.Length(max=100)),
        "is_disabled": Flag(),
    },
    reply=RoleView,
    access=MANAGE_ORGANISATION,
    errors=("not_found", "role_in_use"),
    expects_version=True,
)

# People


class PersonMembers(Request):
    """What can be said of a person. Left out: unknown, or as it was."""

    first_name = Text(most=100, allow_none=True)
    date_of_birth = BirthDate(allow_none=True)
    email = email_address(allow_none=True)
    street = Text(most=255, allow_none=True)
    city = Text(most=100, allow_none=True)
    postal_code = Text(most=20, allow_none=True)
    home_phone = Text(most=40, allow_none=True)
    mobile_phone = Text(most=40, allow_none=True)
    work_phone = Text(most=40, allow_none=True)


class CreatePerson(PersonMembers):
    """A new person. Without a number one is drawn."""

    number = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(r"[A-Za-z0-9._-]{1,40}\Z", error="Letters, digits, . _ - only, at most 40."),
    )
    last_name = Text(required=True, most=100)
    kinds = fields.List(one_of(PERSON_KINDS), required=True, validate=validate.Length(min=1, max=6))


class EditPerson(PersonMembers):
    """Changes of a person."""

    person_id = Id(required=True)
    last_name = Text(most=100)


class PersonLine(Reply):
    """A person in a list."""

    id = Id(required=True)
    number = fields.String(required=True)
    first_name = fields.String(allow_none=True)
    last_name = fields.String(required=True)
    date_of_birth = fields.Date(allow_none=True)
    kinds = fields.List(fields.String(), required=True)
    is_disabled = Flag(required=True)


class PersonKindView(Reply):
    """What a person is, or was, to the organisation."""

    kind = one_of(PERSON_KINDS, required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(allow_none=True)


class PersonView(PersonLine):
    """A person, whole. `field_sources` names the feed that a field comes from."""

    version = fields.Integer(required=True)
    email = fields.String(allow_none=True)
    street = fields.String(allow_none=True)
    city = fields.String(allow_none=True)
    postal_code = fields.String(allow_none=True)
    home_phone = fields.String(allow_none=True)
    mobile_phone = fields.String(allow_none=True)
    work_phone = fields.String(allow_none=True)
    field_sources = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    kind_history = fields.List(fields.Nested(PersonKindView), required=True)


PAGE = {
    "after": fields.String(load_default=None, allow_none=True),
    "limit": fields.Integer(load_default=50, validate=validate.Range(1, 200)),
}

create_person = contract.command(
    "create_person",
    "Add a person: a client, contact, patient, employee, applicant or member of the staff.",
    request=CreatePerson,
    reply=PersonView,
    access=MANAGE_PEOPLE,
    errors=("number_taken",),
    status=201,
)
get_person = contract.query(
    "get_person",
    "One person, whole. Reading it is noted.",
    request={"person_id": Id(required=True)},
    reply=PersonView,
    access=READ_PEOPLE,
    errors=("not_found",),
)
list_people = contract.query(
    "list_people",
    "People by name, paged by key; of one kind, or with one number.",
    request={
        "kind": one_of(PERSON_KINDS, load_default=None, allow_none=True),
        "number": Text(most=40, load_default=None, allow_none=True),
        **PAGE,
    },
    reply=page_of(PersonLine),
    access=READ_PEOPLE,
)
search_people = contract.command(
    "search_people",
    "Up to 50 people by the beginning of their names and the date of birth. A name does not belong into an address, "
    "so this question is a POST.",
    request={
        "first_name": Text(most=100, load_default=None, allow_none=True),
        "last_name": Text(most=100, load_default=None, allow_none=True),
        "date_of_birth": fields.Date(load_default=None, allow_none=True),
        "kind": one_of(PERSON_KINDS, load_default=None, allow_none=True),
    },
    reply={"items": fields.List(fields.Nested(PersonLine), required=True)},
    access=READ_PEOPLE,
    keeps_answer=False,
)
edit_person = contract.command(
    "edit_person",
    "Change what is known of a person. A changed e-mail changes the log-in of the person's Family Portal account, too, "
    "which takes workflow.manage_family_portal_access and a fresh proof.",
    request=EditPerson,
    reply=PersonView,
    access=MANAGE_PEOPLE,
    errors=("not_found", "already_merged", "login_taken", "proof_required"),
    expects_version=True,
)
start_person_kind = contract.command(
    "start_person_kind",
    "Say what a person is from now on, or from a time on.",
    request={
        "person_id": Id(required=True),
        "kind": one_of(PERSON_KINDS, required=True),
        "starts_at": Moment(load_default=None, allow_none=True),
        "ends_at": Moment(load_default=None, allow_none=True),
    },
    reply=PersonView,
    access=MANAGE_PEOPLE,
    errors=("not_found",),
)
end_person_kind = contract.command(
    "end_person_kind",
    "A person is this no longer: a client is discharged, an employee has left.",
    request={"person_id": Id(required=True), "kind": one_of(PERSON_KINDS, required=True)},
    reply=PersonView,
    access=MANAGE_PEOPLE,
    errors=("not_found",),
)
disable_person = contract.command(
    "disable_person",
    "Disable a person: nobody reaches the profile any more, and the person's own accounts reach nothing; their sessions "
    "and links end.",
    request={"person_id": Id(required=True)},
    reply=PersonView,
    access=MANAGE_PEOPLE,
    errors=("not_found",),
    expects_version=True,
)
create_person_account = contract.command(
    "create_person_account",
    "Open a patient's or employee's own account, with access to the own profile, and invite the person. Where the realm "
    "has usernames, several accounts may have one e-mail. A patient's needs e-mail and postal code on file, and the "
    "attestation that only the patient reads that e-mail.",
    request={
        "person_id": Id(required=True),
        "realm": one_of(("patient", "employee"), required=True),
        "role": Code(required=True),
        "login": Text(most=254, load_default=None, allow_none=True),
        "email": email_address(load_default=None, allow_none=True),
        "attests_email_is_private": Flag(load_default=False),
    },
    reply=Account,
    access=permission("account.manage"),
    errors=("not_found", "login_taken", "access_exists", "not_a_patient", "details_missing"),
    status=201,
)

# Contacts of clients


class FamilyStanding(Reply):
    """What a contact list says of somebody's Family Portal access (S1-34, S1-35)."""

    role = Code(required=True)
    role_name = fields.String(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(allow_none=True)
    last_sign_in_at = Moment(allow_none=True)
    last_used_at = Moment(allow_none=True)


class ContactView(Reply):
    """A contact of a client. `actions` are what the caller can do about its Family Portal access."""

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
    "A client's contacts, with their Family Portal role and last sign-in. Reading it is noted.",
    request={"client_id": Id(required=True)},
    reply={"items": fields.List(fields.Nested(ContactView), required=True)},
    access=READ_PEOPLE,
    errors=("not_found",),
)
disable_client_contact = contract.command(
    "disable_client_contact",
    "Disable a contact of a client. If it has access to the client's Family Portal profile that ends, too, and "
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

# Relationships


class RelationshipView(Reply):
    """How an account stands to a person, and for how long."""

    id = Id(required=True)
    account_id = Id(required=True)
    person_id = Id(required=True)
    kind = one_of(RELATIONSHIP_KINDS, required=True)
    source = fields.String(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(allow_none=True)


_RELATIONSHIP = {
    "account_id": Id(required=True),
    "person_id": Id(required=True),
    "kind": one_of(RELATIONSHIP_KINDS, required=True),
    "starts_at": Moment(load_default=None, allow_none=True),
    "ends_at": Moment(load_default=None, allow_none=True),
}

set_account_relationship = contract.command(
    "set_account_relationship",
    "Relate an account to a person, from the account's side.",
    request=_RELATIONSHIP,
    reply=RelationshipView,
    access=MANAGE_PEOPLE,
    errors=("not_found", "relationship_exists"),
    status=201,
)
set_person_relationship = contract.command(
    "set_person_relationship",
    "Relate a person to an account, from the person's side. It is the same relationship.",
    request=_RELATIONSHIP,
    reply=RelationshipView,
    access=MANAGE_PEOPLE,
    errors=("not_found", "relationship_exists"),
    status=201,
)
end_relationship = contract.command(
    "end_relationship",
    "End a relationship now.",
    request={"relationship_id": Id(required=True)},
    reply=RelationshipView,
    access=MANAGE_PEOPLE,
    errors=("not_found",),
)
list_relationships = contract.query(
    "list_relationships",
    "Relationships of an account, or of a person, also those that are over.",
    request={
        "account_id": Id(load_default=None, allow_none=True),
        "person_id": Id(load_default=None, allow_none=True),
    },
    reply={"items": fields.List(fields.Nested(RelationshipView), required=True)},
    access=READ_PEOPLE,
)

# What an account of a portal reaches


class ProfileContact(Reply):
    """A contact of a client, as its portal shows it."""

    first_name = fields.String(allow_none=True)
    last_name = fields.String(required=True)
    relation = fields.String(required=True)


class Demographics(Reply):
    """Who the person is."""

    number = fields.String(required=True)
    first_name = fields.String(allow_none=True)
    last_name = fields.String(required=True)
    date_of_birth = fields.Date(allow_none=True)


class ContactDetails(Reply):
    """How the person can be reached."""

    email = fields.String(allow_none=True)
    street = fields.String(allow_none=True)
    city = fields.String(allow_none=True)
    postal_code = fields.String(allow_none=True)
    home_phone = fields.String(allow_none=True)
    mobile_phone = fields.String(allow_none=True)
    work_phone = fields.String(allow_none=True)


class MyProfile(Reply):
    """A profile as the caller's role shows it: a section that the role does not include is not there (S1-15)."""

    person_id = Id(required=True)
    role = Code(required=True)
    permissions = fields.List(fields.String(), required=True)
    demographics = fields.Nested(Demographics)
    contact_details = fields.Nested(ContactDetails)
    contacts = fields.List(fields.Nested(ProfileContact))


get_my_profile = contract.query(
    "get_my_profile",
    "A profile that the caller's portal account reaches. Reading it is noted.",
    request={"person_id": Id(required=True)},
    reply=MyProfile,
    access=SIGNED_IN,
    errors=("not_found",),
)

# For other services, and events

describe_login_change = contract.query(
    "describe_login_change",
    "The address that an account had before its log-in changed: where the notice goes.",
    request={"change_id": Id(required=True)},
    reply={"email": fields.String(required=True), "organisation_name": fields.String(required=True)},
    access=only_services("notifications"),
    errors=("not_found",),
)
login_email_changed = contract.event(
    "login_email_changed",
    "An account has another log-in e-mail. The one before it is told.",
    data={"account_id": Id(required=True), "change_id": Id(required=True)},
)
access_role_changed = contract.event(
    "access_role_changed",
    "An account reaches a person's profile in another role.",
    data={"account_id": Id(required=True), "person_id": Id(required=True), "role": Code(required=True)},
)
grant_expiring = contract.event(
    "grant_expiring",
    "An account's access to a person's profile ends soon.",
    data={
        "grant_id": Id(required=True),
        "account_id": Id(required=True),
        "person_id": Id(required=True),
        "ends_at": Moment(required=True),
    },
)
