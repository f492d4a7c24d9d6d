"""Routes of notices: who is told of what."""

from gateway.routes import Route
from services.contracts.notifications import notices

ROUTES = (
    Route("GET", "/v1/notice-settings", notices.get_notice_settings),
    Route("PUT", "/v1/notice-settings", notices.set_notice_settings),
)
