"""Settings of the gateway process."""

from __future__ import annotations

from marshmallow import fields, validate

from services.chassis.settings import Settings


class GatewaySettings(Settings):
    """From the environment."""

    GATEWAY_HOST = fields.String(load_default="127.0.0.1", metadata={"help": "address to listen on"})
    GATEWAY_PORT = fields.Integer(
        load_default=8400, validate=validate.Range(1, 65535), metadata={"help": "port to listen on"}
    )
    GATEWAY_THREADS = fields.Integer(
        load_default=64, validate=validate.Range(1, 1000), metadata={"help": "requests worked on at once"}
    )
    MAX_UPLOAD_BYTES = fields.Integer(
        load_default=25_000_000,
        validate=validate.Range(1, 1_000_000_000),
        metadata={"help": "largest uploaded file"},
    )
