"""Shapes of the resource directory: imports and their report, resources as they are shown and edited."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, Request
from services.contracts.fields import AuthorName, Count, Flag, Id, Moment, Text

LEVELS = ("agency", "program", "site", "program_at_site")
STATUSES = ("active", "active_do_not_refer", "inactive")
IMPORT_STATES = ("waiting", "reading", "applying", "done", "refused")
EXPORT_STATES = ("waiting", "writing", "ready", "failed", "expired")


class Document(Request):
    """Reference to uploaded bytes; made by the gateway, never by a client."""

    sha256 = fields.String(required=True, validate=validate.Regexp(r"[0-9a-f]{64}\Z"))
    size = Count(required=True)


class Problem(Reply):
    """A place in an imported file and what is wrong there. `file` is the one within a package."""

    line = fields.Integer(required=True)
    column = fields.String(allow_none=True)
    code = fields.String(required=True)
    message = fields.String(required=True)
    file = fields.String(allow_none=True)


class FileRefusal(Reply):
    """Why a file was refused whole, and where."""

    reason = fields.String(required=True)
    detail = fields.String(required=True)
    line = fields.Integer(allow_none=True)
    column = fields.String(allow_none=True)
    file = fields.String(allow_none=True)


class ImportReport(Reply):
    """How far an import is and what it did: final once `state` is `done` or `refused`.

    A dry run reports what it would do. A refused row is left out and the others stand; a refused file changes nothing.
    """

    import_id = Id(required=True)
    state = fields.String(required=True, validate=validate.OneOf(IMPORT_STATES))
    is_dry_run = Flag(required=True)
    source = fields.String(
        allow_none=True,
        metadata={"description": "icarol, hsds_json or hsds_package, found out from the file"},
    )
    total = fields.Integer(allow_none=True, metadata={"description": "records in the file, once it is read"})
    done = Count(required=True)
    added = Count(required=True)
    changed = Count(required=True)
    unchanged = Count(required=True)
    refused = Count(required=True)
    levels = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    problems = fields.List(
        fields.Nested(Problem), required=True, metadata={"description": "refused rows, the first 200"}
    )
    warnings = fields.List(
        fields.Nested(Problem),
        required=True,
        metadata={"description": "accepted with a remark, the first 200"},
    )
    refusal = fields.Nested(FileRefusal, allow_none=True)
    requested_by = fields.String(required=True)
    requested_by_name = AuthorName(required=True)
    created_at = Moment(required=True)
    finished_at = Moment(allow_none=True)


class ExportReport(Reply):
    """How far an export is: final once `state` is `ready`, `failed` or `expired`. `total` and `done` count objects.

    A ready file is to be fetched until `expires_at`. `reason` says why one failed: `too_large` or `interrupted`.
    """

    export_id = Id(required=True)
    format = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(EXPORT_STATES))
    total = Count(required=True)
    done = Count(required=True)
    size = fields.Integer(allow_none=True, metadata={"description": "bytes, once it is ready"})
    reason = fields.String(allow_none=True)
    requested_by = fields.String(required=True)
    requested_by_name = AuthorName(required=True)
    created_at = Moment(required=True)
    finished_at = Moment(allow_none=True)
    expires_at = Moment(allow_none=True)


class Resource(Reply):
    """An agency, program, site or program at a site of the directory.

    `temporary_message` is shown here only in its time.
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
    """A dated notice: shown from `appears_on` to the day before `expires_on`; an absent date is open."""

    text = fields.String(required=True)
    appears_on = fields.Date(allow_none=True)
    expires_on = fields.Date(allow_none=True)


class ResourceDetails(Resource):
    """A resource with all that is known about it. `record` holds what its source said and no field here names."""

    alternate_name = fields.String(required=True)
    description = fields.String(required=True)
    email = fields.String(required=True)
    website = fields.String(required=True)
    hours = fields.String(required=True)
    eligibility = fields.String(required=True)
    application_process = fields.String(required=True)
    fees = fields.String(required=True)
    phones = fields.List(fields.Nested(Phone), required=True)
    message = fields.Nested(TemporaryMessage, allow_none=True)
    record = fields.Dict(keys=fields.String(), required=True)
    edited_at = Moment(allow_none=True, metadata={"description": "by hand, since the last import changed it"})
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


# Members that are absent stay as they are; an empty text clears one.
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
}


class HsdsService(Reply):
    """A service of HSDS 3.1, with the members that this directory fills."""

    id = fields.UUID(required=True)
    organization_id = fields.UUID()
    name = fields.String(required=True)
    alternate_name = fields.String()
    description = fields.String()
    url = fields.String()
    email = fields.String()
    status = fields.String(required=True)
    interpretation_services = fields.String()
    application_process = fields.String()
    fees_description = fields.String()
    accreditations = fields.String()
    eligibility_description = fields.String()
    minimum_age = fields.Float()
    maximum_age = fields.Float()
    assured_date = fields.String()
    assurer_email = fields.String()
    alert = fields.String()
    last_modified = fields.String()
    organization = fields.Dict()
    program = fields.Dict()
    additional_urls = fields.List(fields.Dict())
    phones = fields.List(fields.Dict())
    schedules = fields.List(fields.Dict())
    service_areas = fields.List(fields.Dict())
    service_at_locations = fields.List(fields.Dict())
    languages = fields.List(fields.Dict())
    funding = fields.List(fields.Dict())
    cost_options = fields.List(fields.Dict())
    required_documents = fields.List(fields.Dict())
    contacts = fields.List(fields.Dict())
    capacities = fields.List(fields.Dict())
    attributes = fields.List(fields.Dict())
