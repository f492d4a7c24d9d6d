"""Routes of channels."""

from gateway.routes import Route
from services.contracts.notifications import channels

ROUTES = (
    Route("GET", "/v1/channels", channels.list_channels),
    Route("POST", "/v1/channels/email/test", channels.send_test_mail),
    Route("GET", "/v1/channel-settings", channels.get_channel_settings),
    Route("PUT", "/v1/channel-settings", channels.set_channel_settings),
)
