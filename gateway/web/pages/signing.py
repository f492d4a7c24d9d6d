"""The signing pages: documents to sign and those that are done, and one document (S4-12 to S4-18)."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from gateway.web.pages.provider import LOOK
from gateway.web.states import State
from services.contracts.signing import documents

_LISTED = 25

PAGES = (
    Page(
        "/signing",
        "signing/documents.html",
        reads={
            **LOOK,
            "documents": Read(
                documents.list_documents,
                given={"is_mine": True, "is_decided": False, "limit": _LISTED},
                query=("is_decided", "after"),
            ),
            "done_lately": Read(
                documents.list_documents, given={"is_mine": True, "is_decided": True, "limit": 5}
            ),
        },
        states=(State("done", query={"is_decided": "true"}),),
    ),
    Page(
        "/signing/together",
        "signing/together.html",
        reads={
            **LOOK,
            "documents": Read(
                documents.list_documents,
                given={"is_mine": True, "is_decided": False, "limit": 20},
                query=("after",),
            ),
        },
        actions=(
            Action(
                "sign_together",
                documents.sign_documents,
                "What could be signed is signed.",
                keeps_reply=True,
            ),
        ),
        sample={documents.list_documents: {"items": {"actions": ["sign", "decline"], "state": "sent"}}},
    ),
    Page(
        "/signing/{document_id}",
        "signing/document.html",
        reads={
            **LOOK,
            "document": Read(documents.get_document),
            "pages": Read(
                documents.list_document_pages,
                query=("after",),
                without=("document_unreadable", "service_unavailable"),
            ),
        },
        actions=(
            Action("sign", documents.sign_document, "The document is signed."),
            Action("delegate", documents.delegate_document, "Somebody else is asked to sign in your place."),
            Action("decline", documents.decline_document, "You have declined to sign. The sender is told."),
        ),
        states=(
            State("to_approve", replies={documents.get_document: {"own_role": "approver"}}),
            State(
                "signed",
                replies={documents.get_document: {"actions": [], "state": "signed", "meaning": "review"}},
            ),
        ),
        sample={
            documents.get_document: {
                "actions": ["sign", "decline", "delegate"],
                "state": "sent",
                "decided_at": None,
                "returned_at": None,
            },
            documents.list_document_pages: {"items": {"width": 600, "height": 800}},
        },
    ),
    Page(
        "/signing/{document_id}/larger",
        "signing/larger.html",
        reads={
            **LOOK,
            "document": Read(documents.get_document),
            "pages": Read(
                documents.list_document_pages,
                given={"limit": 1},
                query=("after",),
                without=("document_unreadable", "service_unavailable"),
            ),
        },
    ),
)
