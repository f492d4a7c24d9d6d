"""Routes of reports about messages that were handed over."""

from gateway.routes import Route
from services.contracts.notifications import reports

ROUTES = (
    Route("POST", "/v1/deliveries/receipts", reports.report_delivery),
    Route("POST", "/v1/deliveries/returned-mails", reports.return_mail),
    Route("POST", "/v1/deliveries/answers", reports.receive_text),
)
