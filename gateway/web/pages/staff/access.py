"""Who can see a resource's referrals or a person's profile, and what lets them."""

from __future__ import annotations

from gateway.web.page import Page, Read
from gateway.web.states import State
from services.contracts.identity import audit
from services.contracts.referrals import directory

PAGES = (
    Page(
        "/staff/access",
        "staff/access/who.html",
        reads={
            "found": Read(
                directory.search_resources, given={"limit": 20}, query=("q",), needs="directory.read"
            ),
            # Without a resource or a person there is nothing to ask.
            "accounts": Read(
                audit.list_who_can_see,
                given={"limit": 50},
                query=("resource_id", "person_id", "after"),
                without=("invalid_request",),
            ),
        },
        states=(State("found", query={"q": "Saltmarsh"}),),
    ),
)
