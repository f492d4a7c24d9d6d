"""Sessions: listing those that hold, and ending them."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import SIGNED_IN, Reply, permission
from services.contracts.fields import Flag, Id, Moment
from services.contracts.identity import contract

# What these do depends on the session, and request ids are remembered by account: a kept answer would be of another session.
log_out = contract.command(
    "log_out",
    "End this session.",
    request={},
    reply={},
    access=SIGNED_IN,
    before_consent=True,
    status=204,
    keeps_answer=False,
)


class LoginSession(Reply):
    """A session that holds. The place it is used from is not recorded."""

    id = Id(required=True)
    created_at = Moment(required=True)
    last_seen_at = Moment(required=True)
    expires_at = Moment(required=True)
    is_current = Flag(required=True)


_SESSIONS = {"items": fields.List(fields.Nested(LoginSession), required=True)}
_ENDED = {"ended": fields.Integer(required=True)}
list_my_sessions = contract.query(
    "list_my_sessions",
    "The caller's sessions that hold, newest first.",
    request={},
    reply=_SESSIONS,
    access=SIGNED_IN,
    before_consent=True,
)
end_my_session = contract.command(
    "end_my_session",
    "End one of the caller's sessions.",
    request={"session_id": Id(required=True)},
    reply={},
    access=SIGNED_IN,
    before_consent=True,
    errors=("not_found",),
    status=204,
)
end_my_other_sessions = contract.command(
    "end_my_other_sessions",
    "End all of the caller's sessions except this one.",
    request={},
    reply=_ENDED,
    access=SIGNED_IN,
    before_consent=True,
    keeps_answer=False,
)
list_account_sessions = contract.query(
    "list_account_sessions",
    "An account's sessions that hold, newest first.",
    request={"account_id": Id(required=True)},
    reply=_SESSIONS,
    access=permission("account.read"),
    errors=("not_found",),
)
end_account_sessions = contract.command(
    "end_account_sessions",
    "End all sessions of an account, or one of them. It takes effect with the next request.",
    request={"account_id": Id(required=True), "session_id": Id(load_default=None, allow_none=True)},
    reply=_ENDED,
    access=permission("account.manage"),
    errors=("not_found", "right_not_held"),
)

session_ended = contract.event(
    "session_ended",
    "At least one session of an account has ended: by its owner, by staff, or because its rights have changed.",
    data={"account_id": Id(required=True)},
)
