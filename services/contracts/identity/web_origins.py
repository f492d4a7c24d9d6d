"""Web frontends elsewhere: the origins from which browsers may call the API for an organisation."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate

from services.contracts.declare import PUBLIC, Reply, permission
from services.contracts.fields import Ids
from services.contracts.identity import contract
from services.contracts.web_addresses import MOST_OF_ORIGIN, web_origin

MOST_ORIGINS = 20
_ADMINISTRATORS = permission("organisation.manage", realms=("staff",))


class WebOrigin(fields.String):
    """An origin (RFC 6454) as browsers send it: scheme, host, port where it is not the usual one. Only https, and this machine."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        try:
            return web_origin(super()._deserialize(value, attr, data, **kwargs))
        except ValueError as error:
            raise ValidationError(str(error)) from error


class WebOrigins(Reply):
    """The organisation's list, in the order of the alphabet. `version` is the organisation's."""

    version = fields.Integer(required=True)
    origins = fields.List(fields.String(), required=True)


get_web_origins = contract.query(
    "get_web_origins",
    "The origins from which browsers may call the API for the organisation.",
    request={},
    reply=WebOrigins,
    access=_ADMINISTRATORS,
)
set_web_origins = contract.command(
    "set_web_origins",
    "Let the web frontends at these origins call the API in their visitors' browsers, with bearer tokens of the organisation's "
    "accounts only, never with cookies (CORS). An origin that is taken away is refused within a minute.",
    request={
        "origins": fields.List(
            WebOrigin(metadata={"maxLength": MOST_OF_ORIGIN}),
            required=True,
            validate=validate.Length(max=MOST_ORIGINS),
        )
    },
    reply=WebOrigins,
    access=_ADMINISTRATORS,
    errors=("proof_required",),
    expects_version=True,
)
find_web_origin = contract.query(
    "find_web_origin",
    "The organisations for which browsers may call the API from this origin: the gateway asks.",
    request={"origin": fields.String(required=True, validate=validate.Length(max=MOST_OF_ORIGIN))},
    reply={"organisation_ids": Ids(required=True)},
    access=PUBLIC,
    is_routed=False,
)
