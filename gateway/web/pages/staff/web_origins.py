"""Web frontends elsewhere: the origins that the organisation lets in."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from gateway.web.states import State
from services.contracts.identity import web_origins

PAGES = (
    Page(
        "/staff/organisation/web-origins",
        "staff/organisation/web_origins.html",
        reads={"listed": Read(web_origins.get_web_origins)},
        actions=(Action("set_web_origins", web_origins.set_web_origins, "The list is saved."),),
        states=(State("proof", errors="one", refused={web_origins.set_web_origins: "proof_required"}),),
    ),
)
