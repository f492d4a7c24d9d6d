"""What referrals offers for the resource directory beyond importing and finding: keeping it by hand, and HSDS."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import page_of, permission
from services.contracts.fields import Code, Count, Flag, Id, Moment, Text
from services.contracts.referrals import PAGE, contract
from services.contracts.referrals_directory_shapes import (
    EDITS,
    LEVELS,
    STATUSES,
    ExportReport,
    HsdsService,
    ImportReport,
    Resource,
    ResourceDetails,
)

PAGE_OF_HSDS = {
    "page": fields.Integer(load_default=1, validate=validate.Range(1, 1_000_000)),
    "per_page": fields.Integer(load_default=50, validate=validate.Range(1, 200)),
    "search": Text(load_default=None, allow_none=True, most=100),
    "modified_after": Moment(load_default=None, allow_none=True),
}
HSDS_PAGE = {
    "total_items": Count(required=True),
    "total_pages": Count(required=True),
    "page_number": Count(required=True),
    "size": Count(required=True),
    "first_page": Flag(required=True),
    "last_page": Flag(required=True),
    "empty": Flag(required=True),
    "contents": fields.List(fields.Dict(), required=True),
}
MAY_READ, MAY_KEEP = permission("directory.read"), permission("directory.import")

get_directory_import = contract.query(
    "get_directory_import",
    "How far an import is, and its report.",
    request={"import_id": Id(required=True)},
    reply=ImportReport,
    access=MAY_KEEP,
    errors=("not_found",),
)
list_directory_imports = contract.query(
    "list_directory_imports",
    "The imports, newest first.",
    request=PAGE,
    reply=page_of(ImportReport),
    access=MAY_KEEP,
)
list_resources = contract.query(
    "list_resources",
    "The resources by name, by level, agency or status.",
    request={
        **PAGE,
        "level": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(LEVELS)),
        "agency_id": Id(load_default=None, allow_none=True),
        "status": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(STATUSES)),
    },
    reply=page_of(Resource),
    access=MAY_READ,
)
create_resource = contract.command(
    "create_resource",
    "Add an agency, or a program or site of one. Without a number it gets one of its own.",
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
    access=MAY_KEEP,
    errors=("number_taken", "resource_not_found", "not_an_agency", "agency_required"),
    status=201,
)
edit_resource = contract.command(
    "edit_resource",
    "Change what is said about a resource. An edit stays until the resource's own source changes it.",
    request={"resource_id": Id(required=True), **EDITS},
    reply=ResourceDetails,
    access=MAY_KEEP,
    errors=("not_found",),
    expects_version=True,
)
set_resource_status = contract.command(
    "set_resource_status",
    "Make a resource active, active but not to be referred to, or inactive.",
    request={
        "resource_id": Id(required=True),
        "status": fields.String(required=True, validate=validate.OneOf(STATUSES)),
    },
    reply=ResourceDetails,
    access=MAY_KEEP,
    errors=("not_found",),
    expects_version=True,
)
set_temporary_message = contract.command(
    "set_temporary_message",
    "Put a dated notice on a resource, or take it away (text null). It is shown from `appears_on` until `expires_on`.",
    request={
        "resource_id": Id(required=True),
        "text": Text(required=True, allow_none=True, most=2000),
        "appears_on": fields.Date(load_default=None, allow_none=True),
        "expires_on": fields.Date(load_default=None, allow_none=True),
    },
    reply=ResourceDetails,
    access=MAY_KEEP,
    errors=("not_found",),
    expects_version=True,
)

# HSDS 3.1: the same directory for systems that speak the Human Services Data Specification.

export_directory = contract.command(
    "export_directory",
    "Write the whole directory as one JSON file of HSDS 3.1: organizations with their locations, services with the rest. "
    "A small one is ready at once, a large one is written in the background.",
    request={"format": fields.String(load_default="hsds", validate=validate.OneOf(["hsds"]))},
    reply=ExportReport,
    access=MAY_READ,
    timeout_s=60,
    status=201,
)
get_directory_export = contract.query(
    "get_directory_export",
    "How far an export is.",
    request={"export_id": Id(required=True)},
    reply=ExportReport,
    access=MAY_READ,
    errors=("not_found",),
)
download_directory_export = contract.command(
    "download_directory_export",
    "The file of an export, until a day after it was written.",
    request={"export_id": Id(required=True)},
    reply={
        "sha256": fields.String(required=True),
        "size": Count(required=True),
        "media_type": fields.String(required=True),
        "file_name": fields.String(required=True),
    },
    access=MAY_READ,
    errors=("not_found", "export_not_ready"),
    keeps_answer=False,
)
list_hsds_services = contract.query(
    "list_hsds_services",
    "Services (programs) as HSDS 3.1 objects, page by page; with `full` each with all that hangs on it.",
    request={
        **PAGE_OF_HSDS,
        "organization_id": Id(load_default=None, allow_none=True),
        "full": Flag(load_default=False),
    },
    reply=HSDS_PAGE,
    access=MAY_READ,
)
get_hsds_service = contract.query(
    "get_hsds_service",
    "One service as an HSDS 3.1 object with all that hangs on it.",
    request={"service_id": Id(required=True)},
    reply=HsdsService,
    access=MAY_READ,
    errors=("not_found",),
)
list_hsds_organizations = contract.query(
    "list_hsds_organizations",
    "Organizations (agencies) as HSDS 3.1 objects, page by page; with `full` each with its locations.",
    request={**PAGE_OF_HSDS, "full": Flag(load_default=False)},
    reply=HSDS_PAGE,
    access=MAY_READ,
)

resource_changed = contract.event(
    "resource_changed",
    "A resource was added or edited, or an import changed its status. `directory_imported` tells of all else that imports do.",
    data={
        "resource_id": Id(required=True),
        "agency_id": Id(allow_none=True),
        "level": Code(required=True),
        "status": Code(required=True),
        "version": Count(required=True),
        "is_new": Flag(required=True),
    },
)
