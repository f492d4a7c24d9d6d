"""People: finding and entering them, what they are, their accounts and relationships, merges, and who can see them."""

from __future__ import annotations

from gateway.web.page import Action, Of, Page, Read
from services.contracts.identity import accounts, audit, family, merging, patients, people, relationships
from services.contracts.signing import documents

_FIND = Read(
    people.search_people,
    sealed=("last_name", "first_name", "number", "date_of_birth", "phone", "postal_code", "email"),
)
_CREATE = Action("create_person", people.create_person, "The person is entered.", then="/staff/people/{id}")

PAGES = (
    Page(
        "/staff/people",
        "staff/people/list.html",
        reads={
            "people": Read(people.list_people, given={"limit": 25}, query=("kind", "after")),
            "found": _FIND,
        },
    ),
    Page("/staff/people/new", "staff/people/new.html", actions=(_CREATE,)),
    Page(
        "/staff/people/{person_id}",
        "staff/people/person.html",
        reads={
            "person": Read(people.get_person),
            "resolved": Read(merging.resolve_person),
            "contacts": Read(family.list_client_contacts, given={"client_id": Of("path.person_id")}),
            "own_access": Read(
                family.get_family_access_form,
                given={"client_id": Of("path.person_id")},
                needs="workflow.manage_family_portal_access",
                without=("not_a_client",),
            ),
            "patient": Read(patients.get_patient_access, without=("not_a_patient",)),
            "accounts": Read(people.list_person_accounts, needs="account.read"),
            "relationships": Read(relationships.list_relationships),
            "merges": Read(merging.list_merges),
            "documents": Read(documents.list_documents, given={"limit": 20}, needs="document.read"),
        },
        actions=(
            Action("start_person_kind", people.start_person_kind, "That is noted."),
            Action(
                "end_person_kind",
                people.end_person_kind,
                "That has ended, and the access that rested on it.",
                given={"confirm": True},
            ),
            Action("end_relationship", relationships.end_relationship, "The relationship has ended."),
            Action("undo_merge", merging.undo_merge, "The merge is undone: there are two records again."),
            Action("enable_person", people.enable_person, "The person is enabled again."),
        ),
    ),
    Page(
        "/staff/people/{person_id}/edit",
        "staff/people/edit.html",
        reads={
            "person": Read(people.get_person),
            "patient": Read(patients.get_patient_access, without=("not_a_patient",)),
        },
        actions=(
            Action(
                "edit_person", people.edit_person, "The person is saved.", then="/staff/people/{person_id}"
            ),
        ),
    ),
    Page(
        "/staff/people/{person_id}/disable",
        "staff/people/disable.html",
        reads={
            "person": Read(people.get_person),
            "accounts": Read(people.list_person_accounts, needs="account.read"),
            "seen_by": Read(audit.list_who_can_see, given={"limit": 200}, needs="access.explain"),
        },
        actions=(
            Action(
                "disable_person",
                people.disable_person,
                "The person is disabled.",
                then="/staff/people/{person_id}",
            ),
        ),
    ),
    Page(
        "/staff/people/{person_id}/access",
        "staff/people/who_can_see.html",
        reads={
            "person": Read(people.get_person),
            "seen_by": Read(audit.list_who_can_see, query=("after",)),
        },
    ),
    Page(
        "/staff/people/{person_id}/access/{account_id}",
        "staff/people/explanation.html",
        reads={
            "person": Read(people.get_person),
            "account": Read(accounts.get_account),
            "explained": Read(audit.explain_access, query=("permission",), without=("invalid_request",)),
        },
    ),
    Page(
        "/staff/people/{owner_id}/relationships/{person_id}",
        "staff/people/relate.html",
        reads={
            "owner": Read(people.get_person, given={"person_id": Of("path.owner_id")}),
            "person": Read(people.get_person),
            "accounts": Read(people.list_person_accounts, given={"person_id": Of("path.owner_id")}),
        },
        actions=(
            Action(
                "set_person_relationship",
                relationships.set_person_relationship,
                "They are related.",
                then="/staff/people/{person_id}",
            ),
        ),
    ),
    Page(
        "/staff/people/{person_id}/accounts/{account_id}/relate",
        "staff/people/relate_account.html",
        reads={
            "owner": Read(people.get_person),
            "account": Read(accounts.get_account),
            "found": _FIND,
        },
    ),
    Page(
        "/staff/people/{owner_id}/accounts/{account_id}/relate/{person_id}",
        "staff/people/relate_account_to.html",
        reads={
            "owner": Read(people.get_person, given={"person_id": Of("path.owner_id")}),
            "account": Read(accounts.get_account),
            "person": Read(people.get_person),
        },
        actions=(
            Action(
                "set_account_relationship",
                relationships.set_account_relationship,
                "They are related.",
                then="/staff/people/{person_id}",
            ),
        ),
    ),
    Page(
        "/staff/people/{person_id}/relationships",
        "staff/people/choose_relation.html",
        reads={"person": Read(people.get_person), "found": _FIND},
    ),
    Page(
        "/staff/people/{person_id}/merge",
        "staff/people/choose_merge.html",
        reads={"person": Read(people.get_person), "found": _FIND},
    ),
    Page(
        "/staff/people/{kept_id}/merge/{merged_id}",
        "staff/people/merge.html",
        reads={
            "preview": Read(merging.preview_merge),
            "kept_person": Read(people.get_person, given={"person_id": Of("path.kept_id")}),
            "merged_person": Read(people.get_person, given={"person_id": Of("path.merged_id")}),
        },
        actions=(
            Action(
                "merge_people",
                merging.merge_people,
                "The two records are one.",
                then="/staff/people/{kept_id}",
            ),
        ),
    ),
)
