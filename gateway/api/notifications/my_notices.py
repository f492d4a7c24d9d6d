"""Routes of the caller's own notices."""

from gateway.routes import Route
from services.contracts.notifications import my_notices

ROUTES = (
    Route("GET", "/v1/me/notices", my_notices.list_my_notices),
    Route("GET", "/v1/me/notices/unread", my_notices.count_my_notices),
    Route("POST", "/v1/me/notices/read", my_notices.read_my_notices),
    Route("POST", "/v1/me/notices/{notice_id}/confirm", my_notices.confirm_my_notice),
)
