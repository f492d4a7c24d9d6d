"""What referrals offers and publishes about the resource directory: searching it and editing it by hand."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, Request, only_services, page_of, permission
from services.contracts.fields import Code, Count, Day, Flag, Id, Moment, Text
from services.contracts.referrals import contract
from services.contracts.referrals.paging import PAGE

LEVELS = ("agency", "program", "site", "program_at_site")
STATUSES = ("active", "active_do_not_refer", "inactive")


class Resource(Reply):
    """An agency, program, site or program at a site of the directory.

    `temporary_message` is present only on the days of its notice.
    """

    id = Id(required=True)
    number = fields.String(required=True)
    name = fields.String(required=True)
    level = fields.String(required=True, validate=validate.OneOf(LEVELS))
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    agency_id = Id(allow_none=True)
    agency_name = fields.String(allow_none=True)
    temporary_message = fields.String(allow_none=True)
    version = fields.Integer()


class Phone(Reply):
    """A telephone number of a resource; `kind` is voice, fax, tty, toll_free, hotline and the like."""

    number = fields.String(required=True)
    kind = fields.String(required=True)
    label = fields.String(required=True)


class TemporaryMessage(Reply):
    """A dated notice, shown from `appears_on` to the day before `expires_on`. An absent date leaves that end open."""

    text = fields.String(required=True)
    appears_on = Day(allow_none=True)
    expires_on = Day(allow_none=True)


class Address(Reply):
    """A postal address of a resource. Only staff see one that `is_private`."""

    line1 = fields.String()
    line2 = fields.String()
    city = fields.String()
    county = fields.String()
    region = fields.String()
    postal_code = fields.String()
    country = fields.String()
    is_private = Flag(required=True)


class TaxonomyTerm(Reply):
    """A term of a taxonomy. `code` is empty where the resource's source gives none."""

    name = fields.String(required=True)
    code = fields.String(required=True)


class ResourceDetails(Resource):
    """A resource with all its details. `record` has the members of its source for which there is no field here."""

    alternate_name = fields.String(required=True)
    description = fields.String(required=True)
    email = fields.String(required=True)
    website = fields.String(required=True)
    hours = fields.String(required=True)
    eligibility = fields.String(required=True)
    application_process = fields.String(required=True)
    fees = fields.String(required=True)
    phones = fields.List(fields.Nested(Phone), required=True)
    physical_address = fields.Nested(Address, allow_none=True)
    mailing_address = fields.Nested(Address, allow_none=True)
    languages = fields.List(fields.String(), required=True)
    taxonomy_terms = fields.List(fields.Nested(TaxonomyTerm), required=True)
    message = fields.Nested(TemporaryMessage, allow_none=True)
    record = fields.Dict(keys=fields.String(), required=True)
    edited_at = Moment(
        allow_none=True, metadata={"description": "last edit by hand since an import changed the resource"}
    )
    retired_at = Moment(
        allow_none=True, metadata={"description": "since then it is in no list and no search"}
    )
    updated_at = Moment(required=True)


class PhoneInput(Request):
    """A telephone number as an editor gives it."""

    number = Text(required=True, most=100)
    kind = fields.String(
        load_default="voice",
        validate=validate.Regexp(r"[a-z_]{1,40}\Z", error="Lower-case letters and _ only, at most 40."),
    )
    label = fields.String(load_default="", validate=validate.Length(max=255))


def _text(most: int) -> fields.String:
    return fields.String(validate=validate.Length(max=most))


class AddressInput(Request):
    """A postal address as an editor gives it. `is_private`: only staff see it, here and wherever its agency repeats it."""

    line1 = Text(required=True, most=255)
    line2 = Text(load_default="", least=0, most=255)
    city = Text(load_default="", least=0, most=100)
    county = Text(load_default="", least=0, most=100)
    region = Text(load_default="", least=0, most=100)
    postal_code = Text(load_default="", least=0, most=20)
    country = Text(
        load_default="",
        least=0,
        most=60,
        metadata={
            "description": "code of two letters; may be left out with a state or province of the US or Canada"
        },
    )
    is_private = Flag(load_default=False)


class TaxonomyTermInput(Request):
    """A term of a taxonomy as an editor gives it, with its code where it has one."""

    name = Text(required=True, most=255)
    code = fields.String(
        load_default="",
        validate=validate.Regexp(
            r"[A-Za-z0-9.-]{0,64}\Z", error="Letters, digits, dots and dashes, at most 64."
        ),
    )


# An absent member stays as it is; an empty text or list, and a null address, clears it.
EDITS = {
    "name": Text(most=255),
    "alternate_name": _text(255),
    "description": _text(10_000),
    "email": _text(254),
    "website": _text(2_000),
    "hours": _text(10_000),
    "eligibility": _text(10_000),
    "application_process": _text(10_000),
    "fees": _text(10_000),
    "phones": fields.List(fields.Nested(PhoneInput), validate=validate.Length(max=20)),
    "physical_address": fields.Nested(AddressInput, allow_none=True),
    "mailing_address": fields.Nested(AddressInput, allow_none=True),
    "languages": fields.List(Text(most=100), validate=validate.Length(max=50)),
    "taxonomy_terms": fields.List(fields.Nested(TaxonomyTermInput), validate=validate.Length(max=50)),
}

search_resources = contract.query(
    "search_resources",
    "Search agencies and programs while typing, or those of one level: by name, with typing errors, by number, phone number, "
    "postal code, town, or by a code or words of a term of the taxonomy. Inactive ones only on request.",
    request={
        "q": Text(required=True, most=100),
        "level": fields.String(
            load_default=None, allow_none=True, validate=validate.OneOf(["agency", "program", "site"])
        ),
        "include_inactive": Flag(load_default=False),
        "limit": fields.Integer(load_default=20, validate=validate.Range(1, 100)),
    },
    reply={"items": fields.List(fields.Nested(Resource), required=True)},
    access=permission("directory.read"),
)
get_resource = contract.query(
    "get_resource",
    "One resource, with all its details.",
    request={"resource_id": Id(required=True)},
    reply=ResourceDetails,
    access=permission("directory.read"),
    errors=("not_found",),
)
describe_resource = contract.query(
    "describe_resource",
    "A resource's name and level, for an assignment to an account.",
    request={"resource_id": Id(required=True)},
    reply=Resource,
    access=only_services("identity"),
    errors=("resource_not_found",),
)
list_resources = contract.query(
    "list_resources",
    "The resources in order of their names, filtered by level, agency or status.",
    request={
        **PAGE,
        "level": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(LEVELS)),
        "agency_id": Id(load_default=None, allow_none=True),
        "status": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(STATUSES)),
        "include_retired": Flag(load_default=False),
    },
    reply=page_of(Resource),
    access=permission("directory.read"),
)
create_resource = contract.command(
    "create_resource",
    "Add an agency, or a program or site of one. Without a `number` one is generated.",
    request={
        **EDITS,
        "name": Text(required=True, most=255),
        "level": fields.String(required=True, validate=validate.OneOf(["agency", "program", "site"])),
        "agency_id": Id(load_default=None, allow_none=True),
        "status": fields.String(load_default="active", validate=validate.OneOf(STATUSES)),
        "number": fields.String(
            load_default=None,
            allow_none=True,
            validate=validate.Regexp(
                r"[A-Za-z0-9-]{1,64}\Z", error="Letters from A to Z, digits and dashes only, at most 64."
            ),
        ),
    },
    reply=ResourceDetails,
    access=permission("directory.import"),
    errors=("number_taken", "resource_not_found", "not_an_agency", "agency_required", "resource_inactive"),
    status=201,
)
edit_resource = contract.command(
    "edit_resource",
    "Edit a resource. An edit stays until an import changes the resource.",
    request={"resource_id": Id(required=True), **EDITS},
    reply=ResourceDetails,
    access=permission("directory.import"),
    errors=("not_found",),
    expects_version=True,
)
set_resource_status = contract.command(
    "set_resource_status",
    "Make a resource active, active without referrals, or inactive. Programs of an inactive agency take no referrals. If it "
    "has open referrals, `confirm` is needed to make it inactive; they stay and can be worked on.",
    request={
        "resource_id": Id(required=True),
        "status": fields.String(required=True, validate=validate.OneOf(STATUSES)),
        "confirm": Flag(load_default=False),
    },
    reply=ResourceDetails,
    access=permission("directory.import"),
    errors=("not_found", "program_has_open_referrals"),
    expects_version=True,
)
retire_resource = contract.command(
    "retire_resource",
    "Take a resource out of the directory: it becomes inactive and is in no list and no search, while its referrals and its "
    "history stay. Setting it active brings it back. If it has open referrals, `confirm` is needed.",
    request={"resource_id": Id(required=True), "confirm": Flag(load_default=False)},
    reply=ResourceDetails,
    access=permission("directory.import"),
    errors=("not_found", "conflict", "program_has_open_referrals"),
    expects_version=True,
)
set_temporary_message = contract.command(
    "set_temporary_message",
    "Put a dated notice on a resource, or remove it (`text` null). It is shown from `appears_on` to the day before `expires_on`.",
    request={
        "resource_id": Id(required=True),
        "text": Text(required=True, allow_none=True, most=2000),
        "appears_on": Day(load_default=None, allow_none=True),
        "expires_on": Day(load_default=None, allow_none=True),
    },
    reply=ResourceDetails,
    access=permission("directory.import"),
    errors=("not_found",),
    expects_version=True,
)

resource_changed = contract.event(
    "resource_changed",
    "A resource was added or edited, or an import changed its status. For all other changes by an import see "
    "`directory_imported`.",
    data={
        "resource_id": Id(required=True),
        "agency_id": Id(allow_none=True),
        "level": Code(required=True),
        "status": Code(required=True),
        "version": Count(required=True),
        "is_new": Flag(required=True),
    },
)
