"""Routes of identity: people, and the view that people have of their own record."""

from gateway.routes import Route
from services.contracts.identity import people as api

ROUTES = (
    Route("GET", "/v1/me/settings", api.get_my_settings),
    Route("PATCH", "/v1/me/settings", api.edit_my_settings),
    Route("GET", "/v1/people", api.list_people),
    Route("POST", "/v1/people", api.create_person),
    Route("POST", "/v1/people/search", api.search_people),
    Route("GET", "/v1/people/{person_id}", api.get_person),
    Route("PATCH", "/v1/people/{person_id}", api.edit_person),
    Route("POST", "/v1/people/{person_id}/disable", api.disable_person),
    Route("POST", "/v1/people/{person_id}/enable", api.enable_person),
    Route("POST", "/v1/people/{person_id}/kinds", api.start_person_kind),
    Route("POST", "/v1/people/{person_id}/kinds/{kind}/end", api.end_person_kind),
    Route("GET", "/v1/people/{person_id}/accounts", api.list_person_accounts),
    Route("POST", "/v1/people/{person_id}/accounts", api.create_person_account),
    Route("GET", "/v1/me/profiles", api.list_my_profiles),
    Route("GET", "/v1/me/profiles/{person_id}", api.get_my_profile),
)
