"""What referrals offers about exports of the resource directory."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, permission
from services.contracts.fields import AuthorName, Count, Id, Moment
from services.contracts.referrals import contract

EXPORT_STATES = ("waiting", "writing", "ready", "failed", "expired")


class ExportReport(Reply):
    """The progress of an export. It is final once `state` is `ready`, `failed` or `expired`. `total` and `done` count objects.

    A ready file can be downloaded until `expires_at`, or until something in the directory is marked as private. `reason` tells
    why an export failed or ended early: `too_large`, `interrupted` after several tries, or `made_private`.
    """

    export_id = Id(required=True)
    format = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(EXPORT_STATES))
    total = Count(required=True)
    done = Count(required=True)
    size = fields.Integer(allow_none=True, metadata={"description": "bytes, once the file is ready"})
    reason = fields.String(allow_none=True)
    requested_by = fields.String(required=True)
    requested_by_name = AuthorName(required=True)
    created_at = Moment(required=True)
    finished_at = Moment(allow_none=True)
    expires_at = Moment(allow_none=True)


export_directory = contract.command(
    "export_directory",
    "Export the whole directory as one JSON file of HSDS 3.1: organizations with their locations, services with the rest. "
    "A small directory is ready at once, a large one is written in the background.",
    request={"format": fields.String(load_default="hsds", validate=validate.OneOf(["hsds"]))},
    reply=ExportReport,
    access=permission("directory.read"),
    timeout_s=60,
    status=201,
)
get_directory_export = contract.query(
    "get_directory_export",
    "An export with its progress.",
    request={"export_id": Id(required=True)},
    reply=ExportReport,
    access=permission("directory.read"),
    errors=("not_found",),
)
download_directory_export = contract.command(
    "download_directory_export",
    "The file of an export. It is kept for a day, or until something in the directory is marked as private.",
    request={"export_id": Id(required=True)},
    reply={
        "sha256": fields.String(required=True),
        "size": Count(required=True),
        "media_type": fields.String(required=True),
        "file_name": fields.String(required=True),
    },
    access=permission("directory.read"),
    errors=("not_found", "export_not_ready"),
    keeps_answer=False,
)
