"""Routes of an organisation's templates for each kind of message."""

from gateway.routes import Route
from services.contracts.notifications import templates

ROUTES = (
    Route("GET", "/v1/message-templates", templates.list_message_templates),
    Route("GET", "/v1/message-templates/{kind}", templates.get_message_template),
    Route("PUT", "/v1/message-templates/{kind}", templates.save_message_template),
    Route("DELETE", "/v1/message-templates/{kind}", templates.reset_message_template),
    Route("GET", "/v1/message-templates/{kind}/versions", templates.list_message_template_versions),
    Route(
        "GET", "/v1/message-templates/{kind}/versions/{number}", templates.compare_message_template_version
    ),
    Route("GET", "/v1/portal-mail-sample", templates.sample_portal_mail),
    Route("POST", "/v1/message-templates/{kind}/preview", templates.preview_message_template),
)
