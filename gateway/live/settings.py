"""Settings of the live process."""

from __future__ import annotations

from marshmallow import fields, validate

from gateway.settings import HttpSettings

PRESENCE_EXCHANGE = "live.presence"  # by which live processes tell each other who has what open


class LiveSettings(HttpSettings):
    """From the environment."""

    LIVE_HOST = fields.String(load_default="127.0.0.1", metadata={"help": "address to listen on"})
    LIVE_PORT = fields.Integer(
        load_default=8403, validate=validate.Range(1, 65535), metadata={"help": "port to listen on"}
    )
    LIVE_STREAMS = fields.Integer(
        load_default=5000, validate=validate.Range(1, 100_000), metadata={"help": "pages told at once"}
    )
    PAGES_KEY_FILE = fields.String(
        required=True,
        metadata={"help": "the file that the gateways have: pages say by it what they may be told"},
    )
    PUBLIC_URL = fields.String(
        required=True, metadata={"help": "address under which browsers reach the pages"}
    )
