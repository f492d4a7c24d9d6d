"""Settings of a process: typed, documented, read once from the environment.

A process declares its settings as a marshmallow schema. A wrong value prevents the start, with the variable's name and the rule.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate


class SettingsError(SystemExit):
    """A setting is missing or wrong. The message names each variable and the reason, never the value."""


class Networks(fields.Field[tuple[Any, ...]]):
    """Reads ranges in CIDR notation, separated by commas, as ip_network objects."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> tuple[Any, ...]:
        try:
            return tuple(ipaddress.ip_network(part.strip()) for part in str(value).split(",") if part.strip())
        except ValueError:
            raise ValidationError("Ranges such as 10.0.0.0/8,2001:db8::/32 are expected.") from None


class StoreSettings(Schema):
    """Where files lie."""

    class Meta:
        unknown = EXCLUDE

    BLOB_DIR = fields.String(
        required=True,
        metadata={
            "help": "folder of the content-addressed store for documents; with a bucket, what is read and written passes through it"
        },
    )
    BLOB_S3_BUCKET = fields.String(
        load_default=None,
        metadata={"help": "bucket of an S3-compatible store that holds the files instead of BLOB_DIR"},
    )
    BLOB_S3_ENDPOINT = fields.String(
        load_default="https://s3.amazonaws.com",
        validate=validate.Regexp(
            r"https?://[^\s/]+$", error="an address like https://s3.example.org is expected"
        ),
        metadata={"help": "address of the S3-compatible store"},
    )
    BLOB_S3_REGION = fields.String(load_default="us-east-1", metadata={"help": "region of the bucket"})
    BLOB_S3_ACCESS_KEY = fields.String(load_default="", metadata={"help": "access key that opens the bucket"})
    BLOB_S3_SECRET_KEY = fields.String(load_default="", metadata={"help": "secret key of that access key"})


class Settings(StoreSettings):
    """Settings every process has."""

    AMQP_URI = fields.String(
        required=True,
        validate=validate.Regexp(
            r"(py)?amqps?://.+", error="an address like amqp://user:password@host:port/vhost is expected"
        ),
        metadata={"help": "RabbitMQ address with user, password and virtual host"},
    )
    LOG_LEVEL = fields.String(
        load_default="INFO",
        validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]),
        metadata={"help": "least severe level that is logged"},
    )
    UNUSED_FILES_KEPT_HOURS = fields.Integer(
        load_default=24,
        validate=validate.Range(1, 720),
        metadata={"help": "after how many hours a file is deleted to which nothing refers"},
    )
    HEARTBEAT_S = fields.Integer(
        load_default=10,
        validate=validate.Range(2, 60),
        metadata={"help": "AMQP heartbeat; a silent broker is given up after twice that"},
    )
    RPC_TIMEOUT_S = fields.Float(
        load_default=5.0,
        validate=validate.Range(0.1, 60),
        metadata={"help": "deadline of a call that sets none"},
    )


class TracedSettings(Settings):
    """Settings of a process whose work is traced."""

    OTEL_EXPORTER_OTLP_ENDPOINT = fields.String(
        load_default=None,
        validate=validate.Regexp(
            r"https?://[^\s/]+(/[^\s?#]*)?$", error="an address like http://collector:4318 is expected"
        ),
        metadata={
            "help": "OpenTelemetry collector that gets traces as OTLP over HTTP (at `/v1/traces` below this address); without it "
            "nothing is traced"
        },
    )
    TRACES_RATIO = fields.Float(
        load_default=1.0,
        validate=validate.Range(0, 1),
        metadata={"help": "part of the requests that is traced; who calls with a `traceparent` has decided"},
    )


class ServiceSettings(TracedSettings):
    """Settings every service has. The database URL's variable carries the service's name (REFERRALS_DATABASE_URL)."""

    HEALTH_HOST = fields.String(
        load_default="127.0.0.1", metadata={"help": "address of /healthz, /readyz and /metrics"}
    )
    HEALTH_PORT = fields.Integer(
        load_default=0,
        validate=validate.Range(0, 65535),
        metadata={"help": "port of /healthz, /readyz and /metrics; 0 takes a free one"},
    )
    PASSPORT_KEYS_FILE = fields.String(
        required=True, metadata={"help": "JSON Web Key Set with the public keys of all issuers"}
    )
    PASSPORT_PRIVATE_KEY_FILE = fields.String(
        required=True, metadata={"help": "PEM file with this service's own Ed25519 key"}
    )
    PUBLIC_URL = fields.String(
        required=True,
        validate=validate.Regexp(
            r"https?://[^\s/]+(/[^\s?#]*)?$", error="an address like https://portal.example.org is expected"
        ),
        metadata={
            "help": "address under which people reach the gateway; links in messages and the addresses of event schemas begin with it"
        },
    )
    RPC_WORKERS = fields.Integer(
        load_default=64, validate=validate.Range(1, 1000), metadata={"help": "calls worked on at once"}
    )
    EVENT_WORKERS = fields.Integer(
        load_default=8, validate=validate.Range(1, 1000), metadata={"help": "events worked on at once"}
    )
    REQUESTS_KEPT_HOURS = fields.Integer(
        load_default=48,
        validate=validate.Range(24, 720),
        metadata={"help": "so long the same request id gets the same answer"},
    )
    HANDLED_EVENTS_KEPT_DAYS = fields.Integer(
        load_default=30,
        validate=validate.Range(30, 3650),
        metadata={
            "help": "so long a repeated event is recognised; at least as long as published events are kept"
        },
    )
    PUBLISHED_EVENTS_KEPT_DAYS = fields.Integer(
        load_default=14,
        validate=validate.Range(1, 30),
        metadata={"help": "so long events can be published again after a restore; backups must be younger"},
    )
    DRAIN_S = fields.Float(
        load_default=25.0,
        validate=validate.Range(0, 300),
        metadata={"help": "time a stop gives to running work"},
    )


def load_settings(schema: type[Schema], environ: Mapping[str, str] | None = None) -> Any:
    """Read the settings of `schema` from the environment into a namespace with lower-case names.

    Raises SettingsError, which ends the process, with one line for each wrong variable.
    """
    try:
        # An empty variable counts as not set, as people mean it by `NAME=` in an env file.
        given = {
            key: value for key, value in (os.environ if environ is None else environ).items() if value != ""
        }
        values = schema().load(given)
    except ValidationError as error:
        lines = [
            f"  {name}: {' '.join(map(str, reasons))}"
            for name, reasons in sorted(error.normalized_messages().items())
        ]
        raise SettingsError("Wrong or missing settings:\n" + "\n".join(lines)) from None
    return SimpleNamespace(**{name.lower(): value for name, value in values.items()})


def describe(schema: type[Settings]) -> str:
    """A table of the settings in Markdown: variable, default, meaning."""
    rows = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for name, field in sorted(schema().fields.items()):
        default = "required" if field.required else f"`{field.load_default}`"
        rows.append(f"| `{name}` | {default} | {field.metadata.get('help', '')} |")
    return "\n".join(rows)
