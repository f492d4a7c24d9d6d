"""Decisions that are no signature in a document are signed, too: that a document was declined, and what was decided on a consent."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import SIGNED_IN, Reply
from services.contracts.fields import Id, Moment, one_of
from services.contracts.files import FileReference
from services.contracts.signing import contract

KINDS = ("decline", "consent")


class Decision(Reply):
    """A decision with its detached signature. `id` is the recipient's for a decline, the signed consent's for a consent."""

    id = Id(required=True)
    kind = one_of(KINDS, required=True)
    decided_at = Moment(required=True)
    sealed_at = Moment(required=True)


list_my_decisions = contract.query(
    "list_my_decisions",
    "The last decisions of the caller that were signed apart from a document, newest first.",
    request={},
    reply={"items": fields.List(fields.Nested(Decision), required=True)},
    access=SIGNED_IN,
    before_consent=True,
)

open_decision_file = contract.command(
    "open_decision_file",
    "A decision as JSON: its statement, and the detached signature (CMS, RFC 5652) over the bytes of the statement. Anybody can "
    "verify it with the root certificate alone. For the one who decided, for those who may see the declined document, and for "
    "those who manage consents.",
    request={"decision_id": Id(required=True)},
    reply=FileReference,
    access=SIGNED_IN,
    errors=("not_found",),
    before_consent=True,
)
