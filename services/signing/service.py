"""The signing service: its operations, its settings, and how it is put together."""

from __future__ import annotations

from typing import Any

from eventlet import tpool
from marshmallow import ValidationError, fields, validate, validates_schema

from services.chassis.audit_search import audit_entrypoints, ids_asked
from services.chassis.events import Delivery, listens
from services.chassis.operations import Call, serves
from services.chassis.runtime import Runtime
from services.chassis.settings import ServiceSettings
from services.contracts import signing as contract
from services.contracts.identity_merged import describe_person, people_merged, people_unmerged
from services.signing import handlers, queries, workflows
from services.signing.desk import Desk
from services.signing.models import Base


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
        load_default=20 * 1024 * 1024,
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
    def _timestamps_can_be_verified(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("TIMESTAMP_AUTHORITY") != "local" and not data.get("TIMESTAMP_ROOTS_FILE"):
            raise ValidationError(
                "needed with a timestamp authority that is not local", "TIMESTAMP_ROOTS_FILE"
            )


def start_runtime(settings: Any) -> Runtime:
    """The runtime with its signing desk (`runtime.desk`). Makes the installation's keys at the first start."""
    # Each native thread keeps memory of its own after it has signed: no more of them than sign at once.
    tpool.set_num_threads(settings.signing_workers)
    runtime: Any = Runtime("signing", settings, Base)
    runtime.desk = Desk(settings, runtime.blobs)
    runtime.desk.prepare()
    return runtime  # type: ignore[no-any-return]  # Runtime, with one attribute of this service's own


class Service(audit_entrypoints(contract.audit, ids_asked(describe_person))):  # type: ignore[misc]
    """Entrypoints of the signing service."""

    name = "signing"

    @serves(contract.send_document)
    def send_document(self, call: Call) -> Any:
        return workflows.send_document(call)

    @serves(contract.list_documents)
    def list_documents(self, call: Call) -> Any:
        return call.read(queries.list_documents)

    @serves(contract.get_document)
    def get_document(self, call: Call) -> Any:
        return workflows.get_document(call)

    @serves(contract.open_document_file)
    def open_document_file(self, call: Call) -> Any:
        return call.commit(handlers.open_document_file)

    @serves(contract.sign_document)
    def sign_document(self, call: Call) -> Any:
        return workflows.sign_document(call)

    @serves(contract.decline_document)
    def decline_document(self, call: Call) -> Any:
        return call.commit(handlers.decline_document)

    @serves(contract.mark_returned)
    def mark_returned(self, call: Call) -> Any:
        return call.commit(handlers.mark_returned)

    @listens(people_merged)
    def on_people_merged(self, delivery: Delivery) -> None:
        workflows.follow_people(delivery)

    @listens(people_unmerged)
    def on_people_unmerged(self, delivery: Delivery) -> None:
        workflows.follow_people(delivery)
