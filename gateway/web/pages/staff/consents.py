"""The picklist of consents: their texts, and retiring them (S2-40 to S2-43)."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from services.contracts.portals import consents, questionnaires

_CONSENT = "/staff/consents/{consent_id}"
# A consent can be linked to the questionnaire that has its wording (S2-42).
_PUBLISHED = {
    "published": Read(
        questionnaires.list_questionnaires,
        given={"state": "published", "limit": 200},
        needs="questionnaire.manage",
    )
}

PAGES = (
    Page(
        "/staff/consents",
        "staff/consents/list.html",
        reads={"consents": Read(consents.list_consents, query=("after",))},
    ),
    Page(
        "/staff/consents/new",
        "staff/consents/new.html",
        reads=_PUBLISHED,
        actions=(
            Action(
                "create_consent",
                consents.create_consent,
                "The consent is there. Nobody is asked for it before a portal requires it.",
                then="/staff/consents/{id}",
            ),
        ),
    ),
    Page(
        _CONSENT,
        "staff/consents/consent.html",
        reads={"consent": Read(consents.get_consent), **_PUBLISHED},
        actions=(
            Action(
                "renew_consent_text",
                consents.renew_consent_text,
                "The text is saved. Everybody of whom it is required is asked again.",
            ),
            Action(
                "retire_consent", consents.retire_consent, "The consent is retired.", then="/staff/consents"
            ),
        ),
    ),
)
