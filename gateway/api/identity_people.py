"""Routes of identity about people, the portals' realms and roles, and Family Portal access."""

from gateway.routes import Route
from services.contracts import identity_family as family
from services.contracts import identity_people as api

_ACCESS = "/v1/clients/{client_id}/family-access/{person_id}"

ROUTES = (
    Route("GET", "/v1/realms", api.list_realm_settings),
    Route("PUT", "/v1/realms/{realm}", api.set_realm_settings),
    Route("GET", "/v1/roles", api.list_roles),
    Route("POST", "/v1/roles", api.create_role),
    Route("PATCH", "/v1/roles/{role_id}", api.edit_role),
    Route("GET", "/v1/people", api.list_people),
    Route("POST", "/v1/people", api.create_person),
    Route("POST", "/v1/people/search", api.search_people),
    Route("GET", "/v1/people/{person_id}", api.get_person),
    Route("PATCH", "/v1/people/{person_id}", api.edit_person),
    Route("POST", "/v1/people/{person_id}/disable", api.disable_person),
    Route("POST", "/v1/people/{person_id}/kinds", api.start_person_kind),
    Route("POST", "/v1/people/{person_id}/kinds/{kind}/end", api.end_person_kind),
    Route("POST", "/v1/people/{person_id}/accounts", api.create_person_account),
    Route("POST", "/v1/people/{person_id}/relationships", api.set_person_relationship),
    Route("POST", "/v1/accounts/{account_id}/relationships", api.set_account_relationship),
    Route("GET", "/v1/relationships", api.list_relationships),
    Route("POST", "/v1/relationships/{relationship_id}/end", api.end_relationship),
    Route("GET", "/v1/clients/{client_id}/contacts", api.list_client_contacts),
    Route("POST", "/v1/clients/{client_id}/contacts", api.add_client_contact),
    Route("POST", "/v1/clients/{client_id}/contacts/{contact_id}/disable", api.disable_client_contact),
    Route("GET", "/v1/me/profiles/{person_id}", api.get_my_profile),
    Route("GET", f"{_ACCESS}/form", family.get_family_access_form),
    Route("GET", _ACCESS, family.get_family_access),
    Route("POST", _ACCESS, family.add_family_access),
    Route("PATCH", _ACCESS, family.change_family_access),
    Route("DELETE", _ACCESS, family.remove_family_access),
    Route("PUT", f"{_ACCESS}/login", family.change_family_login),
    Route("POST", f"{_ACCESS}/invitations", family.resend_family_invitation),
)
