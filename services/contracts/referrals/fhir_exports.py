"""What referrals offers as the Bulk Data Access guide of FHIR has it: an export of all that the FHIR view shows.

Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html. The gateway answers by the guide's headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from marshmallow import fields, validate

from services.contracts.declare import STAFF, permission
from services.contracts.fields import Count, Id, Moment
from services.contracts.portals import fhir as portals
from services.contracts.referrals import contract, fhir

MEDIA_TYPE = "application/fhir+ndjson"
_READ = fhir.fhir_search.access.permission or ""
# The types of an export, each with the permission that it needs.
EXPORTED: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(fhir.RESOURCE_TYPES, _READ)
    | {
        name: search.access.permission or ""
        for name, (_, search) in portals.OPERATIONS.items()
        if name in portals.EXPORTED
    }
)
_ACCESS = permission(_READ, realms=STAFF)
_BASE = fields.String(required=True, validate=validate.Length(1, 500))

export_fhir = contract.command(
    "export_fhir",
    "Bulk export of the organisation's own data as FHIR R4, a resource a line: `_type` (types, by comma; without it all that the "
    "caller's permissions or scopes cover), `_since`, `_outputFormat`. It is written in the background: Content-Location says where "
    "it is told how far. Each caller has one that is unfinished, and five in all.",
    request={
        "parameters": fields.Dict(
            keys=fields.String(), values=fields.List(fields.String()), load_default=dict
        ),
        "is_lenient": fields.Boolean(
            load_default=False,
            metadata={"description": "`Prefer: handling=lenient`: unknown parameters are ignored"},
        ),
        "is_asynchronous": fields.Boolean(
            load_default=False, metadata={"description": "`Prefer: respond-async`, which an export needs"}
        ),
        "base_url": _BASE,
    },
    reply={"fhir_export_id": Id(required=True), "status_url": fields.String(required=True)},
    access=_ACCESS,
    errors=("search_refused", "too_many_requests"),
    status=202,
)
get_fhir_export = contract.query(
    "get_fhir_export",
    "How far an export is (202, X-Progress), or what it has (200): the manifest with the addresses of its files. They are kept for a "
    "day, or until a person is erased or something in the directory is marked as private.",
    request={"fhir_export_id": Id(required=True), "base_url": _BASE},
    reply={
        "progress": fields.String(allow_none=True),
        "resource": fields.Dict(keys=fields.String(), allow_none=True),
        "expires_at": Moment(allow_none=True),
    },
    access=_ACCESS,
    errors=("not_found",),
)
cancel_fhir_export = contract.command(
    "cancel_fhir_export",
    "Stop an export, or delete its files.",
    request={"fhir_export_id": Id(required=True)},
    reply={},
    access=_ACCESS,
    errors=("not_found",),
    status=202,
)
download_fhir_export_file = contract.command(
    "download_fhir_export_file",
    "A file of an export. It is audited.",
    request={
        "fhir_export_id": Id(required=True),
        "file_name": fields.String(required=True, validate=validate.Length(1, 64)),
    },
    reply={
        "sha256": fields.String(required=True),
        "size": Count(required=True),
        "media_type": fields.String(required=True),
        "file_name": fields.String(required=True),
    },
    access=_ACCESS,
    errors=("not_found",),
    keeps_answer=False,
)
