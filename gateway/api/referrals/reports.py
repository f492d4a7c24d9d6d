"""Routes of the dashboard, the statistics and their settings."""

from gateway.routes import Route
from services.contracts.referrals import reports

ROUTES = (
    Route("GET", "/v1/dashboard", reports.get_dashboard),
    Route("GET", "/v1/dashboard/programs", reports.list_program_demand),
    Route("GET", "/v1/statistics", reports.get_statistics),
    Route("GET", "/v1/statistics/export", reports.export_statistics, downloads="text/csv"),
    Route("GET", "/v1/report-settings", reports.get_report_settings),
    Route("PUT", "/v1/report-settings", reports.set_report_settings),
)
