"""People: their records, their kinds, and what they see and edit of their own record."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import SIGNED_IN, Reply, Request, only_services, page_of, permission
from services.contracts.fields import (
    BirthDate,
    Code,
    Day,
    EmailAddress,
    Flag,
    Id,
    Moment,
    Text,
    TimeZone,
    one_of,
)
from services.contracts.identity import contract
from services.contracts.identity.accounts import Account
from services.contracts.identity.employees import ENTRY_REALMS
from services.contracts.identity.paging import PAGE
from services.contracts.identity.permissions import MANAGE_PEOPLE, READ_PEOPLE

SEE_DETAILS = "profile.view_contact_details"
SEE_OWN_DETAILS = permission(SEE_DETAILS)


# What people may change of their own record, as far as their portal lets them (S2-130).
OWN_SETTINGS = {
    "email": EmailAddress(allow_none=True),
    "home_phone": Text(most=40, allow_none=True),
    "mobile_phone": Text(most=40, allow_none=True),
    "security_question": Text(most=200, allow_none=True),
    "preferred_language": Text(most=40, allow_none=True),
    "preferred_time_zone": TimeZone(allow_none=True),
    "preferred_pharmacy": Text(most=200, allow_none=True),
}


class MySettings(Reply):
    """What a person's own record says. `sources` names the feed of each field that one owns and overwrites at its next run.

    With `changes_are_requests` the fields are not edited: each change is asked for, and staff accept or dismiss it.
    """

    email = fields.String(allow_none=True)
    home_phone = fields.String(allow_none=True)
    mobile_phone = fields.String(allow_none=True)
    security_question = fields.String(allow_none=True)
    preferred_language = fields.String(allow_none=True)
    preferred_time_zone = fields.String(allow_none=True)
    preferred_pharmacy = fields.String(allow_none=True)
    editable_fields = fields.List(fields.String(), required=True)
    changes_are_requests = Flag(required=True)
    sources = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


get_my_settings = contract.query(
    "get_my_settings",
    "The caller's own record in the portal, and which fields the caller may edit.",
    request={},
    reply=MySettings,
    access=SEE_OWN_DETAILS,
    errors=("not_found",),
)
edit_my_settings = contract.command(
    "edit_my_settings",
    "Edit the caller's own record, as far as the portal allows. Another e-mail takes a fresh proof. It changes where the "
    "person is reached, not the log-in. A patient's links go there, so the former address is told and sessions end.",
    request=OWN_SETTINGS,
    reply=MySettings,
    access=SEE_OWN_DETAILS,
    errors=("not_found", "field_not_editable", "proof_required", "login_taken"),
)
_OF_PERSON = {"person_id": Id(required=True), "realm": one_of(ENTRY_REALMS, required=True)}
describe_own_settings = contract.query(
    "describe_own_settings",
    "What a person's own record says, and what of it people of a realm may change.",
    request=_OF_PERSON,
    reply=MySettings,
    access=only_services("portals"),
    errors=("not_found",),
)
accept_own_settings = contract.command(
    "accept_own_settings",
    "Put into a person's record what they have asked for, once staff have accepted it. Of a patient's e-mail the former address "
    "is told and sessions end.",
    request={**_OF_PERSON, **OWN_SETTINGS},
    reply={"person_id": Id(required=True)},
    access=only_services("portals"),
    errors=("not_found", "already_merged", "login_taken"),
)
PERSON_KINDS = ("client", "contact", "patient", "employee", "applicant", "staff")


class PersonMembers(Request):
    """The members of a person's record. One that is left out is unknown, or stays as it was."""

    first_name = Text(most=100, allow_none=True)
    date_of_birth = BirthDate(allow_none=True)
    email = EmailAddress(allow_none=True)
    street = Text(most=255, allow_none=True)
    city = Text(most=100, allow_none=True)
    postal_code = Text(most=20, allow_none=True)
    home_phone = Text(most=40, allow_none=True)
    mobile_phone = Text(most=40, allow_none=True)
    work_phone = Text(most=40, allow_none=True)
    insurer = Text(most=100, allow_none=True)
    insurance_number = Text(most=40, allow_none=True)


class CreatePerson(PersonMembers):
    """A new person. Without a number it gets a random one."""

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
    date_of_birth = Day(allow_none=True)
    kinds = fields.List(fields.String(), required=True)
    is_disabled = Flag(required=True)


class PersonKindView(Reply):
    """What a person is, or was, to the organisation."""

    kind = one_of(PERSON_KINDS, required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(allow_none=True)


class PersonView(PersonLine):
    """A person, whole. `field_sources` names the feed that a field comes from.

    `applicant_department`: that of an applicant, until somebody hires the person.
    """

    version = fields.Integer(required=True)
    email = fields.String(allow_none=True)
    street = fields.String(allow_none=True)
    city = fields.String(allow_none=True)
    postal_code = fields.String(allow_none=True)
    home_phone = fields.String(allow_none=True)
    mobile_phone = fields.String(allow_none=True)
    work_phone = fields.String(allow_none=True)
    insurer = fields.String(allow_none=True)
    insurance_number = fields.String(allow_none=True)
    applicant_department = fields.String(allow_none=True)
    field_sources = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    kind_history = fields.List(fields.Nested(PersonKindView), required=True)


create_person = contract.command(
    "create_person",
    "Add a person: a client, contact, patient, employee, applicant or member of the staff.",
    request=CreatePerson,
    reply=PersonView,
    access=MANAGE_PEOPLE,
    errors=("number_taken", "login_taken"),
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
    "Up to 50 people by the beginning of their names, the date of birth, a phone, the postal code, the e-mail or the number, "
    "in any spelling. These do not belong in a URL, so this question is a POST.",
    request={
        "number": Text(most=40, load_default=None, allow_none=True),
        "first_name": Text(most=100, load_default=None, allow_none=True),
        "last_name": Text(most=100, load_default=None, allow_none=True),
        "date_of_birth": Day(load_default=None, allow_none=True),
        "phone": Text(most=40, load_default=None, allow_none=True),
        "postal_code": Text(most=20, load_default=None, allow_none=True),
        "email": Text(most=254, load_default=None, allow_none=True),
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
    errors=(
        "not_found",
        "already_merged",
        "login_taken",
        "proof_required",
        "confirmation_required",
        "right_not_held",
    ),
    grants="sign_in",
    expects_version=True,
)
start_person_kind = contract.command(
    "start_person_kind",
    "Make a person one of a kind, from now or from a time on. With `ends_at` the access to portals that rests on it ends "
    "at that time, as by `end_person_kind`, and nobody is asked to confirm.",
    request={
        "person_id": Id(required=True),
        "kind": one_of(PERSON_KINDS, required=True),
        "starts_at": Moment(load_default=None, allow_none=True),
        "ends_at": Moment(load_default=None, allow_none=True),
    },
    reply=PersonView,
    access=MANAGE_PEOPLE,
    errors=("not_found", "login_taken", "right_not_held"),
    honours_version=True,
)
end_person_kind = contract.command(
    "end_person_kind",
    "End a kind of a person: a client is discharged, an employee has left. The access to portals that rests on it ends: of "
    "a client's family, of the patient, of the employee. For the first two `confirm` is needed.",
    request={
        "person_id": Id(required=True),
        "kind": one_of(PERSON_KINDS, required=True),
        "confirm": Flag(load_default=False),
    },
    reply=PersonView,
    access=MANAGE_PEOPLE,
    errors=("not_found", "confirmation_required", "right_not_held"),
    honours_version=True,
)
disable_person = contract.command(
    "disable_person",
    "Disable a person: nobody reaches the profile any more, and the person's own accounts reach nothing; their sessions "
    "and links end.",
    request={"person_id": Id(required=True)},
    reply=PersonView,
    access=MANAGE_PEOPLE,
    errors=("not_found", "right_not_held"),
    expects_version=True,
)
enable_person = contract.command(
    "enable_person",
    "Enable a disabled person again. The access that ended stays ended and is given anew.",
    request={"person_id": Id(required=True)},
    reply=PersonView,
    access=MANAGE_PEOPLE,
    errors=("not_found", "already_merged", "cannot_be_enabled", "right_not_held"),
    expects_version=True,
)
create_person_account = contract.command(
    "create_person_account",
    "Open a patient's or employee's account, with access to the person's own profile, and invite the person. Where the realm "
    "has usernames, several accounts may have one e-mail. A patient's needs e-mail and postal code on file, and the "
    "attestation that only the patient reads that e-mail.",
    request={
        "person_id": Id(required=True),
        "realm": one_of(("patient", "employee"), required=True),
        "role": Code(required=True),
        "login": Text(most=254, load_default=None, allow_none=True),
        "email": EmailAddress(load_default=None, allow_none=True),
        "attests_email_is_private": Flag(load_default=False),
    },
    reply=Account,
    access=permission("account.manage"),
    errors=(
        "not_found",
        "login_taken",
        "access_exists",
        "not_a_patient",
        "details_missing",
        "right_not_held",
    ),
    status=201,
    grants="profile",
)
list_person_accounts = contract.query(
    "list_person_accounts",
    "The accounts with which a person signs in, one for each portal.",
    request={"person_id": Id(required=True)},
    reply={"items": fields.List(fields.Nested(Account), required=True)},
    access=permission("account.read"),
    errors=("not_found",),
)


class ProfileContact(Reply):
    """A contact of a client, as the portal shows it."""

    first_name = fields.String(allow_none=True)
    last_name = fields.String(required=True)
    relation = fields.String(required=True)


class Demographics(Reply):
    """The number, name and date of birth of the person."""

    number = fields.String(required=True)
    first_name = fields.String(allow_none=True)
    last_name = fields.String(required=True)
    date_of_birth = Day(allow_none=True)


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


class ReachedProfile(Reply):
    """A profile that an account of a portal reaches, with the name of its person: in every role, so that profiles are told apart."""

    person_id = Id(required=True)
    first_name = fields.String(required=True, allow_none=True)
    last_name = fields.String(required=True)
    role = Code(required=True)
    role_name = fields.String(required=True)


list_my_profiles = contract.query(
    "list_my_profiles",
    "The profiles that the caller's portal account reaches, by name; `own_id` is the caller's own person among them.",
    request={},
    reply={
        "items": fields.List(fields.Nested(ReachedProfile), required=True),
        "own_id": Id(required=True, allow_none=True),
    },
    access=SIGNED_IN,
)


class PersonAddressed(Reply):
    """A person by name, with the accounts of portals that the person can sign in to now."""

    person_id = Id(required=True)
    first_name = fields.String(required=True, allow_none=True)
    last_name = fields.String(required=True)
    accounts = fields.List(
        fields.Nested({"account_id": Id(required=True), "realm": fields.String(required=True)}), required=True
    )


describe_people = contract.query(
    "describe_people",
    "Names of people, and the accounts of portals by which each can be reached. Unknown and foreign ids are left out.",
    request={"person_ids": fields.List(Id(), required=True, validate=validate.Length(min=1, max=200))},
    reply={"items": fields.List(fields.Nested(PersonAddressed), required=True)},
    access=only_services("portals"),
)
