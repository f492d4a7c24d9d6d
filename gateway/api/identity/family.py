"""Routes of identity: a client's contacts and their Family Portal access."""

from gateway.routes import Route
from services.contracts.identity import family as api

_ACCESS = "/v1/clients/{client_id}/family-access/{person_id}"

ROUTES = (
    Route("GET", "/v1/clients/{client_id}/contacts", api.list_client_contacts),
    Route("POST", "/v1/clients/{client_id}/contacts", api.add_client_contact),
    Route(
        "POST",
        "/v1/clients/{client_id}/contacts/{contact_id}/disable",
        api.disable_client_contact,
    ),
    Route("GET", f"{_ACCESS}/form", api.get_family_access_form),
    Route("GET", _ACCESS, api.get_family_access),
    Route("POST", _ACCESS, api.add_family_access),
    Route("PATCH", _ACCESS, api.change_family_access),
    Route("DELETE", _ACCESS, api.remove_family_access),
    Route("PUT", f"{_ACCESS}/login", api.change_family_login),
    Route("POST", f"{_ACCESS}/invitations", api.resend_family_invitation),
)
