"""The organisation: what everybody may know of it, and its features."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from services.contracts.identity import organisations

PAGES = (
    Page(
        "/staff/organisation",
        "staff/organisation/organisation.html",
        reads={"organisation": Read(organisations.get_organisation)},
        actions=(
            Action("set_public_facts", organisations.set_public_facts, "What everybody may know is saved."),
            Action("set_features", organisations.set_features, "The features are saved and hold at once."),
        ),
    ),
)
