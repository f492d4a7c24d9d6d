"""Settings of signing."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from services.chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the signing service."""

    SIGNING_DATABASE_URL = fields.String(
        required=True, metadata={"help": "database of this service: sqlite:///… or postgresql://…"}
    )
    SIGNING_KEYS_DIR = fields.String(
        required=True, metadata={"help": "folder of the signing keys and certificates; keep a copy of it"}
    )
    SIGNING_KEY_PASSPHRASE_FILE = fields.String(
        load_default=None,
        metadata={"help": "file with the passphrase of the keys; by default one is made beside them"},
    )
    SIGNING_PKCS12_FILE = fields.String(
        load_default=None,
        metadata={
            "help": "PKCS#12 file with the key to sign with, instead of keys made here; {organisation} in it is the organisation's key"
        },
    )
    SIGNING_PKCS12_PASSPHRASE_FILE = fields.String(
        load_default=None, metadata={"help": "file with the passphrase of the PKCS#12 file"}
    )
    SIGNING_PKCS11_MODULE = fields.String(
        load_default=None,
        metadata={
            "help": "library (.so) of the PKCS#11 token with the key to sign with, instead of keys made here"
        },
    )
    SIGNING_PKCS11_TOKEN = fields.String(load_default=None, metadata={"help": "label of the token"})
    SIGNING_PKCS11_PIN_FILE = fields.String(
        load_default=None, metadata={"help": "file with the PIN of the token"}
    )
    SIGNING_PKCS11_KEY = fields.String(
        load_default="signing",
        metadata={
            "help": "label of the key and its certificate in the token; {organisation} in it is the organisation's key"
        },
    )
    SIGNING_ROOTS_FILE = fields.String(
        load_default=None,
        metadata={"help": "PEM file with the certificates above that of the key, if file or token lack them"},
    )
    TIMESTAMP_AUTHORITY = fields.String(
        load_default="local",
        validate=validate.Regexp(r"(local|https?://.+)\Z", error="'local' or an http(s) address is expected"),
        metadata={"help": "who gives signatures their time (RFC 3161): local, or an http(s) address"},
    )
    TIMESTAMP_ROOTS_FILE = fields.String(
        load_default=None,
        metadata={"help": "PEM file with the root certificates of the timestamp authority, if not local"},
    )
    MAX_DOCUMENT_BYTES = fields.Integer(
        load_default=50 * 1024 * 1024,
        validate=validate.Range(1024, 100 * 1024 * 1024),
        metadata={"help": "largest document accepted"},
    )
    MAX_DOCUMENT_PAGES = fields.Integer(
        load_default=500,
        validate=validate.Range(1, 10_000),
        metadata={"help": "most pages of a document"},
    )
    SIGNING_WORKERS = fields.Integer(
        load_default=2, validate=validate.Range(1, 16), metadata={"help": "signatures made at once"}
    )

    @validates_schema
    def _keys_are_of_one_kind(self, data: dict[str, Any], **_: Any) -> None:
        if not data.get("SIGNING_PKCS11_MODULE"):
            return
        if data.get("SIGNING_PKCS12_FILE"):
            raise ValidationError("the key lies in a file or in a token, not in both", "SIGNING_PKCS12_FILE")
        for name in ("SIGNING_PKCS11_TOKEN", "SIGNING_PKCS11_PIN_FILE"):
            if not data.get(name):
                raise ValidationError("needed with SIGNING_PKCS11_MODULE", name)

    @validates_schema
    def _timestamps_can_be_verified(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("TIMESTAMP_AUTHORITY") != "local" and not data.get("TIMESTAMP_ROOTS_FILE"):
            raise ValidationError(
                "needed with a timestamp authority that is not local", "TIMESTAMP_ROOTS_FILE"
            )
