"""Entrypoints of documents."""

from __future__ import annotations

from typing import Any

from services.chassis.events import IncomingEvent, listens
from services.chassis.operations import Call, serves
from services.contracts.identity.merging import people_merged, people_unmerged
from services.contracts.signing import documents
from services.signing.documents import handlers, queries, workflows


class DocumentEntrypoints:
    """Entrypoints of documents."""

    @serves(documents.send_document)
    def send_document(self, call: Call) -> Any:
        return workflows.send_document(call)

    @serves(documents.list_documents)
    def list_documents(self, call: Call) -> Any:
        return workflows.list_documents(call)

    @serves(documents.get_document)
    def get_document(self, call: Call) -> Any:
        return workflows.get_document(call)

    @serves(documents.describe_document)
    def describe_document(self, call: Call) -> Any:
        return call.read(queries.describe_document)

    @serves(documents.open_document_file)
    def open_document_file(self, call: Call) -> Any:
        return call.commit(handlers.open_document_file)

    @serves(documents.list_document_pages)
    def list_document_pages(self, call: Call) -> Any:
        return workflows.list_document_pages(call)

    @serves(documents.open_document_page)
    def open_document_page(self, call: Call) -> Any:
        return workflows.open_document_page(call)

    @serves(documents.sign_document)
    def sign_document(self, call: Call) -> Any:
        return workflows.sign_document(call)

    @serves(documents.sign_documents)
    def sign_documents(self, call: Call) -> Any:
        return workflows.sign_documents(call)

    @serves(documents.delegate_document)
    def delegate_document(self, call: Call) -> Any:
        return workflows.delegate_document(call)

    @serves(documents.decline_document)
    def decline_document(self, call: Call) -> Any:
        return call.commit(handlers.decline_document)

    @serves(documents.mark_returned)
    def mark_returned(self, call: Call) -> Any:
        return call.commit(handlers.mark_returned)

    @listens(people_merged)
    def on_people_merged(self, incoming: IncomingEvent) -> None:
        workflows.follow_people(incoming)

    @listens(people_unmerged)
    def on_people_unmerged(self, incoming: IncomingEvent) -> None:
        workflows.follow_people(incoming)
