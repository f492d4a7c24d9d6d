"""Reports about messages that were handed over: from providers of faxes, and mails that come back."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import PUBLIC
from services.contracts.fields import Count, Digest, Id
from services.contracts.notifications import contract

MOST_MAIL = 350_000
"""Characters of a returned mail in Base64: 256 kB. The part that tells why a mail came back stands at its beginning."""

_SIGNED = {
    "timestamp": Count(
        required=True,
        most=10**11,
        metadata={"description": "seconds since 1970; a report is valid for five minutes"},
    ),
    "signature": Digest(required=True),
}
_NOTED = {"is_noted": fields.Boolean(required=True)}

report_delivery = contract.command(
    "report_delivery",
    "A provider reports what became of a fax or text message. `signature` is HMAC-SHA256 with the shared key over "
    "`report.<timestamp>.<reference>.<status>`, in hexadecimal. `is_noted` is false where the message had ended before.",
    request={
        "reference": Id(required=True, metadata={"description": "as it came with the message"}),
        "status": fields.String(required=True, validate=validate.OneOf(["delivered", "failed"])),
        **_SIGNED,
    },
    reply=_NOTED,
    access=PUBLIC,
    errors=("report_refused",),
)
return_mail = contract.command(
    "return_mail",
    "The mailbox of returned mails hands one over. `message` is the raw mail in Base64; `signature` is HMAC-SHA256 with the shared "
    "key over `mail.<timestamp>.<SHA-256 of message in hexadecimal>`. `is_noted` is false for a mail that ends no delivery.",
    request={
        "message": fields.String(required=True, validate=validate.Length(min=1, max=MOST_MAIL)),
        **_SIGNED,
    },
    reply=_NOTED,
    access=PUBLIC,
    errors=("report_refused",),
)
