"""Routes of files in conversations."""

from gateway.routes import Route
from services.contracts.portals import message_files

_ANY = "application/octet-stream"

ROUTES = (
    Route("POST", "/v1/me/threads/{thread_id}/files", message_files.send_my_file, uploads="document"),
    Route("GET", "/v1/me/messages/{message_id}/file", message_files.open_my_message_file, downloads=_ANY),
    Route("POST", "/v1/portal-queue/{item_id}/files", message_files.send_file_to_person, uploads="document"),
    Route("GET", "/v1/messages/{message_id}/file", message_files.open_message_file, downloads=_ANY),
)
