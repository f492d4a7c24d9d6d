"""Anybody can verify a signed document, a certificate or a signed decision, with the public key alone."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import PUBLIC, Reply
from services.contracts.fields import Flag, Moment, one_of
from services.contracts.files import UploadedFile
from services.contracts.signing import contract

KINDS = ("document", "decision", "unknown")
MOST_BYTES = 25 * 1024 * 1024


class FoundSignature(Reply):
    """A signature in a file: whose certificate made it, when by its time stamp, and whether it holds."""

    name = fields.String(required=True, allow_none=True)
    signed_at = Moment(required=True, allow_none=True)
    is_valid = Flag(required=True)


verify_file = contract.command(
    "verify_file",
    "Whether a file is as it was signed here, by whom and when: a signed document, a certificate, or a signed decision. Nothing "
    "of it is kept. Each address may ask a few times in ten minutes.",
    request={"document": fields.Nested(UploadedFile, required=True)},
    reply={
        "kind": one_of(KINDS, required=True),
        "is_valid": Flag(required=True),
        "is_changed": Flag(
            required=True, metadata={"description": "something else than signatures was added later"}
        ),
        "signatures": fields.List(fields.Nested(FoundSignature), required=True),
        "decision": fields.String(
            required=True, allow_none=True, metadata={"description": "what was decided, of a decision"}
        ),
        "decided_by": fields.String(required=True, allow_none=True),
        "decided_at": Moment(required=True, allow_none=True),
    },
    access=PUBLIC,
    errors=("not_found", "document_too_large", "document_unreadable", "too_many_requests"),
    keeps_answer=False,
    timeout_s=30,
)

get_signing_authority = contract.query(
    "get_signing_authority",
    "The root certificates to which all signatures of this installation lead, for verifying them elsewhere.",
    request={},
    reply={
        "pem": fields.String(
            required=True,
            metadata={"description": "the present root, then those before it, after a rotation"},
        ),
        "sha256": fields.String(required=True, metadata={"description": "fingerprint of the present root"}),
    },
    access=PUBLIC,
)
