"""Routes of the inbox of a portal."""

from gateway.routes import Route
from services.contracts.portals import inbox

ROUTES = (
    Route("GET", "/v1/me/portals/{portal}/writing-rules", inbox.get_writing_rules),
    Route("GET", "/v1/me/threads", inbox.list_my_threads),
    Route("POST", "/v1/me/threads", inbox.send_my_message),
    Route("GET", "/v1/me/threads/{thread_id}", inbox.get_my_thread),
    Route("POST", "/v1/me/threads/{thread_id}/messages", inbox.reply_in_my_thread),
)
