"""Routes of published items."""

from gateway.routes import Route
from services.contracts.portals import published_items

ROUTES = (
    Route("POST", "/v1/people/{person_id}/published-items", published_items.publish_item),
    Route("POST", "/v1/published-items/batches", published_items.publish_items),
    Route("POST", "/v1/people/{person_id}/published-items/fhir", published_items.publish_fhir_bundle),
    Route("GET", "/v1/people/{person_id}/published-items", published_items.list_items),
    Route("GET", "/v1/published-items/{item_id}", published_items.get_item),
    Route("POST", "/v1/published-items/{item_id}/withdrawal", published_items.withdraw_item),
    Route("GET", "/v1/me/published-items", published_items.list_my_items),
    Route("GET", "/v1/me/earlier-work-status", published_items.list_my_earlier_work_status),
)
