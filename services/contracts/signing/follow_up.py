"""Following up documents that nobody has signed yet: reminders by the calendar and by hand (S4-22)."""

from __future__ import annotations

from services.contracts.declare import permission
from services.contracts.fields import Day, Id
from services.contracts.signing import contract
from services.contracts.signing.documents import DocumentView

remind_signer = contract.command(
    "remind_signer",
    "Send a document's mail or fax again. Reminders also go out by themselves, until the 30th day.",
    request={
        "document_id": Id(required=True),
        "expires_on": Day(
            load_default=None,
            allow_none=True,
            metadata={"description": "a new last day for signers whose day has passed"},
        ),
    },
    reply=DocumentView,
    access=permission("document.send"),
    errors=("not_found", "already_decided", "reminded_lately", "on_paper"),
    expects_version=True,
)

signature_reminded = contract.event(
    "signature_reminded",
    "The signer of a document is reminded.",
    data={
        "document_id": Id(required=True),
        "recipient_account_id": Id(required=True),
        "sender_account_id": Id(required=True),
    },
)
