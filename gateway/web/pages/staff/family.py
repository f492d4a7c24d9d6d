"""A client's contacts and their Family Portal access: adding, inviting, managing and removing (S1)."""

from __future__ import annotations

from gateway.web.page import Action, Of, Page, Read
from services.contracts.identity import audit, family, people

_CLIENT = Read(people.get_person, given={"person_id": Of("path.client_id")})
_RESEND = Action(
    "resend_family_invitation", family.resend_family_invitation, "The invitation is on its way again."
)

PAGES = (
    Page(
        "/staff/people/{client_id}/contacts",
        "staff/family/choose_contact.html",
        reads={
            "client": _CLIENT,
            "found": Read(
                people.search_people,
                sealed=(
                    "last_name",
                    "first_name",
                    "number",
                    "date_of_birth",
                    "phone",
                    "postal_code",
                    "email",
                ),
            ),
        },
        actions=(
            Action(
                "create_contact",
                people.create_person,
                "The person is entered. Say now what they are to the client.",
                then="/staff/people/{client_id}/contacts/{id}/add",
                given={"kinds": ["contact"]},
            ),
        ),
    ),
    Page(
        "/staff/people/{client_id}/contacts/{contact_id}/add",
        "staff/family/add_contact.html",
        reads={
            "client": _CLIENT,
            "person": Read(people.get_person, given={"person_id": Of("path.contact_id")}),
        },
        actions=(
            Action(
                "add_client_contact",
                family.add_client_contact,
                "The contact is added.",
                then="/staff/people/{client_id}",
            ),
        ),
    ),
    Page(
        "/staff/people/{client_id}/contacts/{contact_id}/disable",
        "staff/family/disable_contact.html",
        reads={
            "client": _CLIENT,
            "contacts": Read(family.list_client_contacts),
        },
        actions=(
            Action(
                "disable_client_contact",
                family.disable_client_contact,
                "The contact is disabled.",
                then="/staff/people/{client_id}",
                given={"confirm": True},
            ),
        ),
    ),
    Page(
        "/staff/people/{client_id}/family/{person_id}/add",
        "staff/family/add.html",
        reads={
            "client": _CLIENT,
            "person": Read(people.get_person),
            "form": Read(family.get_family_access_form),
        },
        actions=(
            Action(
                "add_family_access",
                family.add_family_access,
                "Family Portal access is added, and an invitation with a temporary password is on its way.",
                then="/staff/people/{client_id}",
            ),
        ),
    ),
    Page(
        "/staff/people/{client_id}/family/{person_id}",
        "staff/family/manage.html",
        reads={
            "client": _CLIENT,
            "person": Read(people.get_person),
            "access": Read(family.get_family_access),
        },
        actions=(_RESEND,),
    ),
    Page(
        "/staff/people/{client_id}/family/{person_id}/role",
        "staff/family/role.html",
        reads={
            "client": _CLIENT,
            "person": Read(people.get_person),
            "access": Read(family.get_family_access),
        },
        actions=(
            Action(
                "change_family_access",
                family.change_family_access,
                "The access is changed.",
                then="/staff/people/{client_id}/family/{person_id}",
            ),
        ),
    ),
    Page(
        "/staff/people/{client_id}/family/{person_id}/remove",
        "staff/family/remove.html",
        reads={
            "client": _CLIENT,
            "person": Read(people.get_person),
            "access": Read(family.get_family_access),
            "loss": Read(
                audit.preview_removal,
                given={"account_id": Of("access.account_id"), "person_id": Of("path.client_id")},
                needs="access.explain",
            ),
        },
        actions=(
            Action(
                "remove_family_access",
                family.remove_family_access,
                "The access to this client's profile is removed.",
                then="/staff/people/{client_id}",
                given={"confirm": True},
            ),
        ),
    ),
)
