"""The FHIR R4 view: reading and searching referrals and the directory as FHIR resources."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import PUBLIC, permission
from services.contracts.referrals import contract

RESOURCE_TYPES = ("Task", "ServiceRequest", "HealthcareService", "Organization", "Provenance")
# The base address of the FHIR view, for the links in its answers. The gateway sets it, never a client.
_BASE = fields.String(required=True, validate=validate.Length(1, 500))
_RESOURCE = fields.Dict(keys=fields.String(), required=True)

fhir_read = contract.query(
    "fhir_read",
    "One resource: a Task or ServiceRequest (a referral), HealthcareService (a program), Organization (an agency) or "
    "Provenance (a line of a referral's history). Reading personal data is audited.",
    request={
        "resource_type": fields.String(required=True),
        "resource_id": fields.String(required=True),
        "base_url": _BASE,
    },
    reply={"resource": _RESOURCE},
    access=permission("referral.read"),
    errors=("not_found",),
)
fhir_search = contract.query(
    "fhir_search",
    "A Bundle of the resources that match the search parameters. /fhir/R4/metadata lists the parameters of each type.",
    request={
        "resource_type": fields.String(required=True),
        "parameters": fields.Dict(
            keys=fields.String(), values=fields.List(fields.String()), load_default=dict
        ),
        "is_lenient": fields.Boolean(
            load_default=False,
            metadata={"description": "`Prefer: handling=lenient`: unknown parameters are ignored"},
        ),
        "base_url": _BASE,
    },
    reply={"resource": _RESOURCE},
    access=permission("referral.read"),
    errors=("not_found", "search_refused"),
)
fhir_history = contract.query(
    "fhir_history",
    "The versions of a Task, newest first, one for each line of the referral's history.",
    request={
        "resource_type": fields.String(required=True),
        "resource_id": fields.String(required=True),
        "base_url": _BASE,
    },
    reply={"resource": _RESOURCE},
    access=permission("referral.read"),
    errors=("not_found",),
)
fhir_capability = contract.query(
    "fhir_capability",
    "The CapabilityStatement of the FHIR view: its resources, interactions and search parameters.",
    request={"base_url": _BASE},
    reply={"resource": _RESOURCE},
    access=PUBLIC,
)
