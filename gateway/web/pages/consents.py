"""What a person is asked to agree to before anything else in a portal, and what they have agreed to (S2-40, S2-41)."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from gateway.web.states import State
from services.contracts.portals import consents
from services.contracts.signing import decisions

PAGES = (
    Page(
        "/consents",
        "consents/mine.html",
        reads={
            "consents": Read(consents.list_my_consents),
            "decisions": Read(decisions.list_my_decisions, without=("service_unavailable", "timeout")),
        },
        actions=(
            Action("sign_consent", consents.sign_consent, "Your answer is kept."),
            Action("withdraw_consent", consents.withdraw_consent, "The consent is withdrawn."),
        ),
        states=(
            State(
                "all given",
                replies={
                    consents.list_my_consents: {
                        "items": {"is_due": False, "language": "en"},
                        "are_due": False,
                    }
                },
            ),
        ),
        sample={consents.list_my_consents: {"items": {"is_due": True, "language": "en"}, "are_due": True}},
    ),
)
