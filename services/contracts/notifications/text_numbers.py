"""Text numbers: the telephone to which an account gets text messages, which its owner has confirmed.

A text message says only that something waits and where to sign in. The number is kept for nothing else.
"""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import Reply
from services.contracts.fields import Flag, Moment, Telephone, Text
from services.contracts.notifications import contract
from services.contracts.notifications.preferences import OWN

CODE_MINUTES = 15
MOST_TRIES = 5
MOST_CODES_A_DAY = 5
"""To one number, and for one account, in 24 hours."""


class TextNumber(Reply):
    """Where the caller gets text messages.

    `number` is confirmed and in use until another one is. `pending_number` waits for its code.
    """

    is_offered = Flag(required=True, metadata={"description": "whether text messages can be sent at all"})
    number = fields.String(required=True, allow_none=True)
    confirmed_at = Moment(required=True, allow_none=True)
    pending_number = fields.String(required=True, allow_none=True)
    code_ends_at = Moment(required=True, allow_none=True)


get_my_text_number = contract.query(
    "get_my_text_number",
    "Where the caller gets text messages, if anywhere.",
    request={},
    reply=TextNumber,
    access=OWN,
)
enter_my_text_number = contract.command(
    "enter_my_text_number",
    "Enter a telephone number for text messages. A code of six digits goes to it; until `confirm_my_text_number` nothing else does.",
    request={"number": Telephone(required=True)},
    reply=TextNumber,
    access=OWN,
    errors=("text_messages_not_offered", "too_many_requests"),
    status=202,
)
confirm_my_text_number = contract.command(
    "confirm_my_text_number",
    "Confirm the number that was entered, with the code that went to it.",
    request={"code": Text(required=True, most=20)},
    reply=TextNumber,
    access=OWN,
    errors=("text_code_refused",),
)
remove_my_text_number = contract.command(
    "remove_my_text_number",
    "Remove the caller's number. No text message is sent any more.",
    request={},
    reply=TextNumber,
    access=OWN,
)
