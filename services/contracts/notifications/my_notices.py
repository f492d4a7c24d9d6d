"""The notices of an account in the application: all that it was told, whether or not it wanted a mail about it."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import SIGNED_IN, Reply, page_of
from services.contracts.fields import Code, Count, Flag, Id, Moment
from services.contracts.notifications import contract

MOST_COUNTED = 100  # a badge says "99+" from here on


class MyNotice(Reply):
    """Something that the caller was told. `kind` says what of; `page` is the path of the page that it leads to, if there is one.

    `asks_to_confirm`: an e-mail follows unless the caller confirms it (`confirm_my_notice`).
    """

    id = Id(required=True)
    kind = Code(required=True)
    at = Moment(required=True)
    is_read = Flag(required=True)
    page = fields.String(required=True, allow_none=True)
    asks_to_confirm = Flag(required=True)
    confirmed_at = Moment(required=True, allow_none=True)


list_my_notices = contract.query(
    "list_my_notices",
    "What the caller was told, newest first. It is there whether or not a mail was wanted or could be sent.",
    request={
        "is_read": Flag(load_default=None, allow_none=True),
        "after": fields.String(load_default=None, allow_none=True),
        "limit": fields.Integer(load_default=25, validate=validate.Range(1, 100)),
    },
    reply=page_of(MyNotice),
    access=SIGNED_IN,
)
count_my_notices = contract.query(
    "count_my_notices",
    f"How many notices the caller has not read; {MOST_COUNTED} stands for that many or more.",
    request={},
    reply={"unread": Count(required=True)},
    access=SIGNED_IN,
)
read_my_notices = contract.command(
    "read_my_notices",
    "Mark one notice of the caller as read, or all that there are now. What is read already stays so.",
    request={"notice_id": Id(load_default=None, allow_none=True)},
    reply={"marked": Count(required=True)},
    access=SIGNED_IN,
    errors=("not_found",),
)
confirm_my_notice = contract.command(
    "confirm_my_notice",
    "Confirm a notice of the caller, which marks it as read. No e-mail or text message follows. What is confirmed already stays so.",
    request={"notice_id": Id(required=True)},
    reply=MyNotice,
    access=SIGNED_IN,
    errors=("not_found",),
)
