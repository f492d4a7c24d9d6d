"""Routes of webhooks."""

from gateway.routes import Route
from services.contracts.notifications import webhooks

ROUTES = (
    Route("GET", "/v1/webhooks", webhooks.list_webhooks),
    Route("POST", "/v1/webhooks", webhooks.register_webhook),
    Route("GET", "/v1/webhooks/{webhook_id}", webhooks.get_webhook),
    Route("PUT", "/v1/webhooks/{webhook_id}", webhooks.change_webhook),
    Route("DELETE", "/v1/webhooks/{webhook_id}", webhooks.remove_webhook),
    Route("POST", "/v1/webhooks/{webhook_id}/secret", webhooks.rotate_webhook_secret),
    Route("POST", "/v1/webhooks/{webhook_id}/test", webhooks.test_webhook),
)
