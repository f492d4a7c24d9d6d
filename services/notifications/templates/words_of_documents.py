"""Messages about documents to sign or read."""

from __future__ import annotations

from services.notifications.templates.declaring import declared
from services.notifications.templates.rendering import Kind

KINDS: tuple[Kind, ...] = (
    declared(
        "document_ready_to_sign",
        "organisation_name product_name portal_link",
        "A document from {{ organisation_name }} is ready to be signed",
        "{{ organisation_name }} has sent you a document to sign or decline. Read it here:",
        "{{ portal_link }}",
        "For reasons of privacy this message says nothing about its content.",
    ),
    declared(
        "document_reminder",
        "organisation_name product_name portal_link",
        "A document from {{ organisation_name }} still waits for you",
        "{{ organisation_name }} has sent you a document, and it is neither signed nor declined yet. Read it here:",
        "{{ portal_link }}",
        "For reasons of privacy this message says nothing about its content.",
    ),
    declared(
        "document_signed",
        "organisation_name product_name document_number portal_link",
        "Document {{ document_number }} was signed",
        "Document {{ document_number }} was signed and has come back. See it here:",
        "{{ portal_link }}",
    ),
    declared(
        "document_declined",
        "organisation_name product_name document_number portal_link",
        "Document {{ document_number }} was declined",
        "Document {{ document_number }} was declined. The reasons are with the document:",
        "{{ portal_link }}",
    ),
    declared(
        "document_to_read",
        "organisation_name product_name portal_link",
        "{{ organisation_name }} has sent you a document to read",
        "{{ organisation_name }} has sent you a document to read. You need not sign it. It is here:",
        "{{ portal_link }}",
        "For reasons of privacy this message says nothing about its content.",
    ),
    declared(
        "signed_document_declined",
        "organisation_name product_name document_number portal_link",
        "Document {{ document_number }} was declined after you had signed it",
        "You have signed document {{ document_number }} of {{ organisation_name }}. Another signer has declined it, so it "
        "does not take effect. See it here:",
        "{{ portal_link }}",
    ),
    declared(
        "signature_request_expired",
        "organisation_name product_name document_number portal_link",
        "Nobody has signed document {{ document_number }} in time",
        "The last day of a signer of document {{ document_number }} has passed. Send it again with a new day here:",
        "{{ portal_link }}",
    ),
)
