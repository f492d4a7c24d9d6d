"""API clients: other systems that call on their own behalf."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from gateway.web.states import State
from services.contracts.identity import api_clients, realms

_CLIENT = "/staff/api-clients/{client_id}"
_SCOPES = {"roles": Read(realms.list_roles, given={"realm": "staff"})}

PAGES = (
    Page(
        "/staff/api-clients",
        "staff/api_clients/list.html",
        reads={"clients": Read(api_clients.list_api_clients)},
    ),
    Page(
        "/staff/api-clients/new",
        "staff/api_clients/new.html",
        reads=_SCOPES,
        actions=(
            Action(
                "create_api_client",
                api_clients.create_api_client,
                "The other system may call.",
                then="/staff/api-clients/{id}",
                keeps_reply=True,
            ),
        ),
        sample={realms.list_roles: {"permissions": {"staff": ["referral.read", "queue.read"]}}},
    ),
    Page(
        _CLIENT,
        "staff/api_clients/client.html",
        reads={"client": Read(api_clients.get_api_client)},
        actions=(
            Action(
                "rotate_api_secret",
                api_clients.rotate_api_secret,
                "There is a new secret.",
                keeps_reply=True,
            ),
            Action(
                "revoke_api_client",
                api_clients.revoke_api_client,
                "The other system can no longer call.",
            ),
        ),
        states=(
            State("in use", replies={api_clients.get_api_client: {"revoked_at": None}}),
            State(
                "proof",
                errors="one",
                replies={api_clients.get_api_client: {"revoked_at": None}},
                refused={api_clients.rotate_api_secret: "proof_required"},
            ),
        ),
        sample={api_clients.get_api_client: {"scopes": ["referral.read"]}},
    ),
    Page(
        f"{_CLIENT}/edit",
        "staff/api_clients/edit.html",
        reads={"client": Read(api_clients.get_api_client), **_SCOPES},
        actions=(
            Action(
                "change_api_client", api_clients.change_api_client, "The API client is saved.", then=_CLIENT
            ),
        ),
        sample={realms.list_roles: {"permissions": {"staff": ["referral.read", "queue.read"]}}},
    ),
)
