"""Routes of calendar feeds."""

from gateway.routes import Route
from services.contracts.portals import calendar_feeds

_MINE = "/v1/me/calendar-feed"

ROUTES = (
    Route("GET", _MINE, calendar_feeds.get_my_calendar_feed),
    Route("POST", _MINE, calendar_feeds.make_my_calendar_feed),
    Route("DELETE", _MINE, calendar_feeds.revoke_my_calendar_feed),
    Route(
        "GET",
        "/v1/calendar-feeds/{token}/appointments.ics",
        calendar_feeds.read_calendar_feed,
        is_calendar=True,
    ),
)
