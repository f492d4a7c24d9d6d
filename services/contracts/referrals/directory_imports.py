"""What referrals offers and publishes about imports of a resource directory."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, page_of, permission
from services.contracts.fields import AuthorName, Count, Flag, Id, Moment
from services.contracts.files import UploadedFile
from services.contracts.referrals import contract
from services.contracts.referrals.paging import PAGE

IMPORT_STATES = ("waiting", "reading", "applying", "done", "refused")


class Problem(Reply):
    """A problem in an imported file and its place. `file` is the file within a package."""

    line = fields.Integer(required=True)
    column = fields.String(allow_none=True)
    code = fields.String(required=True)
    message = fields.String(required=True)
    file = fields.String(allow_none=True)


class FileRefusal(Reply):
    """The reason why a file was refused whole, and the place in it."""

    reason = fields.String(required=True)
    detail = fields.String(required=True)
    line = fields.Integer(allow_none=True)
    column = fields.String(allow_none=True)
    file = fields.String(allow_none=True)


class ClosedProgram(Reply):
    """A program that a file closes, by itself or with its agency, and how many of its referrals are open."""

    program_id = Id(required=True)
    program_name = fields.String(required=True)
    open_referrals = Count(required=True)


class Closing(Reply):
    """The open referrals to programs that a file closes; `programs` are the first 200, those with most referrals first."""

    open_referrals = Count(required=True)
    programs = fields.List(fields.Nested(ClosedProgram), required=True)


class ImportReport(Reply):
    """The progress and result of an import. It is final once `state` is `done` or `refused`.

    A dry run reports what an import would do. A refused row is left out and the others are imported. A refused file changes
    nothing. One that closes programs with open referrals is refused for `program_has_open_referrals` until it is sent with
    `confirm`.
    """

    import_id = Id(required=True)
    state = fields.String(required=True, validate=validate.OneOf(IMPORT_STATES))
    is_dry_run = Flag(required=True)
    source = fields.String(
        allow_none=True,
        metadata={"description": "icarol, hsds_json or hsds_package, recognised from the file"},
    )
    total = fields.Integer(
        allow_none=True, metadata={"description": "records in the file, once the file has been read"}
    )
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
        metadata={"description": "imported with a warning, the first 200"},
    )
    closing = fields.Nested(
        Closing,
        allow_none=True,
        metadata={"description": "closed programs with open referrals, once the file has been compared"},
    )
    refusal = fields.Nested(FileRefusal, allow_none=True)
    requested_by = fields.String(required=True)
    requested_by_name = AuthorName(required=True)
    created_at = Moment(required=True)
    finished_at = Moment(allow_none=True)


import_directory = contract.command(
    "import_directory",
    "Import a resource directory: iCarol's export (CSV), or HSDS 3.x as JSON or as a package of tables (zip). "
    "A small file is imported within the call. A large one continues in the background: see `get_directory_import`. "
    "`confirm` is needed where a file closes programs that have open referrals.",
    request={
        "document": fields.Nested(UploadedFile, required=True),
        "dry_run": Flag(load_default=False),
        "confirm": Flag(load_default=False),
    },
    reply=ImportReport,
    access=permission("directory.import"),
    errors=("import_file_refused", "request_too_large", "not_found", "program_has_open_referrals"),
    timeout_s=60,
)
apply_directory_import = contract.command(
    "apply_directory_import",
    "Import the file of an earlier import, usually of a dry run that has shown what it would do. Files are kept for a day. "
    "`confirm` as for `import_directory`.",
    request={"import_id": Id(required=True), "confirm": Flag(load_default=False)},
    reply=ImportReport,
    access=permission("directory.import"),
    errors=("import_file_refused", "not_found", "program_has_open_referrals"),
    timeout_s=60,
)
get_directory_import = contract.query(
    "get_directory_import",
    "An import with its progress and report.",
    request={"import_id": Id(required=True)},
    reply=ImportReport,
    access=permission("directory.import"),
    errors=("not_found",),
)
list_directory_imports = contract.query(
    "list_directory_imports",
    "The imports, newest first.",
    request=PAGE,
    reply=page_of(ImportReport),
    access=permission("directory.import"),
)

directory_imported = contract.event(
    "directory_imported",
    "A resource directory was imported.",
    data={
        "import_id": Id(required=True),
        "added": Count(required=True),
        "changed": Count(required=True),
        "unchanged": Count(required=True),
        "refused": Count(required=True),
    },
)
