"""Settings of the gateway process, and what it has in common with the live process."""

from __future__ import annotations

from marshmallow import fields, validate

from services.chassis.settings import Networks, Settings, TracedSettings


class HttpSettings(Settings):
    """Settings of a process that people's browsers reach."""

    METRICS_HOST = fields.String(
        load_default="127.0.0.1", metadata={"help": "address of /metrics, which is not for the public"}
    )
    METRICS_PORT = fields.Integer(
        load_default=0,
        validate=validate.Range(0, 65535),
        metadata={"help": "port of /metrics; 0 takes a free one"},
    )
    TRUSTED_PROXIES = Networks(
        load_default=(),
        metadata={
            "help": "addresses of our own proxies (CIDR, by comma), whose X-Forwarded-For is believed: they can claim any address"
        },
    )


class GatewaySettings(HttpSettings, TracedSettings):
    """From the environment."""

    GATEWAY_HOST = fields.String(load_default="127.0.0.1", metadata={"help": "address to listen on"})
    GATEWAY_PORT = fields.Integer(
        load_default=8400, validate=validate.Range(1, 65535), metadata={"help": "port to listen on"}
    )
    GATEWAY_THREADS = fields.Integer(
        load_default=64, validate=validate.Range(1, 1000), metadata={"help": "requests worked on at once"}
    )
    API_REQUESTS_A_MINUTE = fields.Integer(
        load_default=3000,
        validate=validate.Range(1, 1_000_000),
        metadata={
            "help": "requests that the API clients of an organisation may send in a minute, to each gateway process"
        },
    )
    MAX_UPLOAD_BYTES = fields.Integer(
        load_default=55_000_000,
        validate=validate.Range(1, 1_000_000_000),
        metadata={"help": "largest uploaded file"},
    )
    MAX_STORED_BYTES = fields.Integer(
        load_default=50 * 1024**3,
        validate=validate.Range(1),
        metadata={"help": "most bytes of files that each organisation may store"},
    )
    PUBLIC_URL = fields.String(
        load_default=None,
        metadata={"help": "address under which browsers reach the gateway, where a proxy changes the host"},
    )
    GATEWAY_SERVES = fields.String(
        load_default="all",
        validate=validate.OneOf(["api", "pages", "all"]),
        metadata={"help": "what this process serves: the API for programs, the pages for people, or both"},
    )
    DEMO_FRONT_DOOR_FILE = fields.String(
        load_default=None,
        metadata={
            "help": "file with the log-ins of a demo, which `/` then shows to everybody, as `/kit` does the patterns of pages; only "
            "for a stack on one's own machine"
        },
    )
    LIVE_URL = fields.String(
        load_default=None,
        metadata={"help": "public address of the live process; without it, open pages ask from time to time"},
    )
    PAGES_KEY_FILE = fields.String(
        load_default=None,
        metadata={
            "help": "file with the key that protects the forms of pages, the same for all gateways; without it, open forms end "
            "with the process"
        },
    )
