"""The Family Portal and the patient's own page: profiles of people, in sections by role (S1-3, S1-15, S1-21, S1-32)."""

from __future__ import annotations

from gateway.web.page import Of, Page, Read
from services.contracts.identity import people
from services.contracts.portals import published_items

_PROFILES = {"profiles": Read(people.list_my_profiles)}

PAGES = (
    Page("/family", "profiles/start.html", reads=_PROFILES),
    Page(
        "/family/{person_id}",
        "profiles/profile.html",
        reads={**_PROFILES, "profile": Read(people.get_my_profile)},
    ),
    Page(
        "/family/{person_id}/published",
        "profiles/published.html",
        reads={**_PROFILES, "published": Read(published_items.list_my_items, query=("after",))},
    ),
    Page(
        "/patient",
        "profiles/profile.html",
        reads={
            **_PROFILES,
            "profile": Read(
                people.get_my_profile,
                given={"person_id": Of("profiles.own_id")},
                # Without a profile of one's own there is none to ask for.
                without=("invalid_request", "not_found"),
            ),
        },
    ),
)
