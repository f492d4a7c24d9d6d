"""Documents to be signed: the report of what is unsigned, sending, one document, marking it returned (S4-4 to S4-22)."""

from __future__ import annotations

from gateway.web.page import Action, Of, Page, Read
from gateway.web.states import State
from services.contracts.identity import accounts
from services.contracts.referrals import records
from services.contracts.signing import documents, follow_up, paper

_LISTED = 25
_DOCUMENT = "/staff/documents/{document_id}"

PAGES = (
    Page(
        "/staff/documents",
        "staff/documents/unsigned.html",
        reads={
            "documents": Read(
                documents.list_documents,
                given={"report": "unsigned", "limit": _LISTED},
                query=("state", "after"),
            )
        },
        watches=("document:*",),
    ),
    Page(
        "/staff/documents/all",
        "staff/documents/all.html",
        reads={
            "documents": Read(documents.list_documents, given={"limit": _LISTED}, query=("state", "after"))
        },
    ),
    Page(
        "/staff/documents/send",
        "staff/documents/send.html",
        reads={
            "signers": Read(accounts.search_signers, sealed=("text",)),
            "replaced": Read(documents.get_document, query=("document_id",), without=("not_found",)),
            "record": Read(
                records.get_contact_record,
                query=("contact_record_id",),
                needs="record.read",
                without=("not_found",),
            ),
        },
        actions=(
            Action(
                "send_document",
                documents.send_document,
                "The document is on its way. If it goes on paper, print it and its cover sheet now.",
                then="/staff/documents/{id}",
            ),
        ),
        states=(
            State("to_several", query={"way": "several"}),
            State("by_fax", query={"way": "fax"}),
            State("on_paper", query={"way": "print"}),
        ),
    ),
    Page(
        "/staff/documents/plans-of-care",
        "staff/documents/plans_of_care.html",
        reads={
            "documents": Read(
                documents.list_documents,
                given={"report": "plans_of_care", "limit": _LISTED},
                query=("state", "after"),
            )
        },
        watches=("document:*",),
    ),
    Page(
        "/staff/documents/scan",
        "staff/documents/scan.html",
        actions=(
            Action("recognise_scan", paper.recognise_scan, "The scan is read.", keeps_reply=True),
            Action(
                "attach_recognised_scan",
                paper.attach_recognised_scan,
                "The copy is attached: the document counts as signed by hand.",
                then="/staff/documents/{id}",
            ),
        ),
        states=(
            State(
                "recognised",
                kept={
                    "recognise_scan": {
                        "is_recognised": True,
                        "document": {
                            "id": "1" * 32,
                            "title": "Plan of care",
                            "recipient_name": "Dr Grey",
                            "version": 1,
                            "state": "sent",
                            "signatures_wanted": 1,
                            "signatures_done": 0,
                            "is_wet": False,
                            "is_overdue": False,
                            "fax_state": None,
                            "actions": ["attach"],
                        },
                        "scan": "gAAAAAB",
                        "pages": 2,
                    }
                },
            ),
        ),
    ),
    Page(
        f"{_DOCUMENT}/copy",
        "staff/documents/copy.html",
        reads={"document": Read(documents.get_document)},
        actions=(
            Action(
                "attach_signed_copy",
                paper.attach_signed_copy,
                "The copy is attached: the document counts as signed by hand.",
                then=_DOCUMENT,
            ),
        ),
        sample={documents.get_document: {"actions": ["attach"], "state": "sent"}},
    ),
    Page(
        _DOCUMENT,
        "staff/documents/document.html",
        reads={
            "document": Read(documents.get_document),
            "record": Read(
                records.get_contact_record,
                given={"contact_record_id": Of("document.contact_record_id")},
                needs="record.read",
                without=("not_found",),
            ),
        },
        actions=(
            Action("mark_returned", documents.mark_returned, "The document is marked as returned."),
            Action("remind_signer", follow_up.remind_signer, "It is sent again."),
            Action("decline_on_paper", paper.decline_on_paper, "The refusal is noted."),
        ),
        states=(
            State(
                "on_paper",
                replies={
                    documents.get_document: {"state": "sent", "actions": ["attach", "remind", "refuse"]}
                },
            ),
            State("signed", replies={documents.get_document: {"state": "signed", "actions": ["return"]}}),
            State(
                "declined", replies={documents.get_document: {"state": "declined", "actions": ["replace"]}}
            ),
        ),
        watches=("document:{document_id}",),
    ),
)
