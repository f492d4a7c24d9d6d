"""Reports about messages that were handed over: from providers, mails that come back, complaints, and answers to text messages."""

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
    "A provider reports what became of a fax or text message, or (`complained`) that the receiver of any message has complained of "
    "it. `signature` is HMAC-SHA256 with the shared key over "
    "`report.<timestamp>.<reference>.<status>`, in hexadecimal. `is_noted` is false where the message had ended before.",
    request={
        "reference": Id(required=True, metadata={"description": "as it came with the message"}),
        "status": fields.String(
            required=True, validate=validate.OneOf(["delivered", "failed", "complained"])
        ),
        **_SIGNED,
    },
    reply=_NOTED,
    access=PUBLIC,
    errors=("report_refused",),
)
return_mail = contract.command(
    "return_mail",
    "The mailbox of returned mails hands one over: a report of a server (RFC 3464, RFC 6533), or of a complaint (RFC 5965). "
    "`message` is the raw mail in Base64; `signature` is HMAC-SHA256 with the shared key over "
    "`mail.<timestamp>.<SHA-256 of message in hexadecimal>`. `is_noted` is false for a mail that changes nothing.",
    request={
        "message": fields.String(required=True, validate=validate.Length(min=1, max=MOST_MAIL)),
        **_SIGNED,
    },
    reply=_NOTED,
    access=PUBLIC,
    errors=("report_refused",),
)
receive_text = contract.command(
    "receive_text",
    "A provider hands over an answer to a text message. STOP and its like end text messages to the number, START lets them come "
    "again. The text is not kept. `signature` is HMAC-SHA256 with the shared key over `text.<timestamp>.<SHA-256 of number, line feed "
    "and text in hexadecimal>`, as they are sent. `is_noted` is false for a number that no account has.",
    request={
        "from_number": fields.String(
            required=True,
            validate=validate.Length(max=40),
            metadata={"description": "from which the answer came"},
        ),
        "text": fields.String(required=True, validate=validate.Length(max=2000)),
        **_SIGNED,
    },
    reply=_NOTED,
    access=PUBLIC,
    errors=("report_refused",),
)
