"""Entrypoints of the drafts of portals."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import drafts
from services.portals.drafts import files, handlers, queries


class DraftsEntrypoints:
    """Entrypoints of the drafts of portals."""

    @serves(drafts.get_portal_draft)
    def get_portal_draft(self, call: Call) -> Any:
        """The draft of a portal."""
        return call.read(queries.get_portal_draft)

    @serves(drafts.get_portal_sample)
    def get_portal_sample(self, call: Call) -> Any:
        """The start page as it will be with the draft."""
        return call.read(queries.get_portal_sample)

    @serves(drafts.list_portal_versions)
    def list_portal_versions(self, call: Call) -> Any:
        """What was published."""
        return call.read(queries.list_portal_versions)

    @serves(drafts.export_portal)
    def export_portal(self, call: Call) -> Any:
        """All that was configured of a portal."""
        return call.read(queries.export_portal)

    @serves(drafts.change_portal_draft, queries.further_problems)
    def change_portal_draft(self, call: Call) -> Any:
        """Change the draft of a portal."""
        return call.commit(handlers.change_portal_draft)

    @serves(drafts.discard_portal_draft)
    def discard_portal_draft(self, call: Call) -> Any:
        """Throw the draft away."""
        return call.commit(handlers.discard_portal_draft)

    @serves(drafts.publish_portal_draft)
    def publish_portal_draft(self, call: Call) -> Any:
        """Publish the draft."""
        return call.commit(handlers.publish_portal_draft)

    @serves(drafts.cancel_publication)
    def cancel_publication(self, call: Call) -> Any:
        """Take a publication back whose time has not come."""
        return call.commit(handlers.cancel_publication)

    @serves(drafts.restore_portal_version)
    def restore_portal_version(self, call: Call) -> Any:
        """Take an earlier version as the draft."""
        return call.commit(handlers.restore_portal_version)

    @serves(drafts.import_portal)
    def import_portal(self, call: Call) -> Any:
        """Take the file of an export as the draft."""
        return files.import_portal(call)
