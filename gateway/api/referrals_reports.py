"""Routes of the dashboard, the statistics and their settings."""

from gateway.routes import Route
from services.contracts import referrals_reports as api

ROUTES = (
    Route("GET", "/v1/dashboard", api.get_dashboard),
    Route("GET", "/v1/dashboard/programs", api.list_program_demand),
    Route("GET", "/v1/statistics", api.get_statistics),
    Route("GET", "/v1/statistics/export", api.export_statistics, downloads=True),
    Route("GET", "/v1/report-settings", api.get_report_settings),
    Route("PUT", "/v1/report-settings", api.set_report_settings),
)
