"""Partners: systems of others that read the organisation's events."""

from __future__ import annotations

from typing import Any

from gateway.web.page import Action, Page, Read
from gateway.web.states import State
from services.contracts.identity import partners

_PARTNER = "/staff/partners/{partner_id}"
_IN_USE: dict[str, Any] = {"revoked_at": None, "is_in_effect": True, "event_types": []}

PAGES = (
    Page(
        "/staff/partners",
        "staff/partners/list.html",
        reads={"partners": Read(partners.list_partners)},
        sample={partners.list_partners: {"revoked_at": None}},
    ),
    Page(
        "/staff/partners/new",
        "staff/partners/new.html",
        actions=(
            Action(
                "create_partner",
                partners.create_partner,
                "The partner may read.",
                then="/staff/partners/{id}",
                keeps_reply=True,
            ),
        ),
    ),
    Page(
        _PARTNER,
        "staff/partners/partner.html",
        reads={"partner": Read(partners.get_partner)},
        actions=(
            Action("choose_event_types", partners.choose_event_types, "The types of events are saved."),
            Action(
                "rotate_partner_password",
                partners.rotate_partner_password,
                "There is a new password.",
                keeps_reply=True,
            ),
            Action("revoke_partner", partners.revoke_partner, "The partner can no longer read."),
        ),
        states=(
            State("in use", replies={partners.get_partner: _IN_USE}),
            State(
                "chosen types",
                replies={
                    partners.get_partner: _IN_USE
                    | {"event_types": ["portico.referrals.referral_assigned.v1"], "stream": None}
                },
            ),
            State(
                "proof",
                errors="one",
                replies={partners.get_partner: _IN_USE},
                refused={partners.rotate_partner_password: "proof_required"},
            ),
        ),
    ),
)
