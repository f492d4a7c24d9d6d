"""Routes of the queue of requests and messages."""

from gateway.routes import Route
from services.contracts.portals import portal_queue

_ITEM = "/v1/portal-queue/{item_id}"

ROUTES = (
    Route("GET", "/v1/portal-queue", portal_queue.list_queue),
    Route("POST", "/v1/portal-queue", portal_queue.enter_request),
    Route("GET", "/v1/portal-queue-counts", portal_queue.count_queue),
    Route("GET", "/v1/portal-queue-types", portal_queue.list_request_types),
    Route("POST", "/v1/portal-archive/search", portal_queue.search_archive),
    Route("GET", "/v1/portal-queue-settings", portal_queue.get_queue_settings),
    Route("PATCH", "/v1/portal-queue-settings", portal_queue.change_queue_settings),
    Route("GET", _ITEM, portal_queue.get_queue_item),
    Route("PATCH", _ITEM, portal_queue.change_queue_item),
    Route("POST", f"{_ITEM}/claim", portal_queue.claim_queue_item),
    Route("POST", f"{_ITEM}/assign", portal_queue.assign_queue_item),
    Route("POST", f"{_ITEM}/answer", portal_queue.answer_queue_item),
    Route("PUT", f"{_ITEM}/draft", portal_queue.save_reply_draft),
    Route("POST", f"{_ITEM}/dismiss", portal_queue.dismiss_queue_item),
    Route("POST", f"{_ITEM}/unarchive", portal_queue.unarchive_queue_item),
    Route("POST", f"{_ITEM}/helper-action", portal_queue.start_helper_action),
    Route("PUT", f"{_ITEM}/result-link", portal_queue.finish_helper_action),
)
