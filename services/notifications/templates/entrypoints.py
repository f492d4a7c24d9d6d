"""Entrypoints of an organisation's own words."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.notifications import templates as templates_contract
from services.notifications.templates import own_words, versions


class TemplateEntrypoints:
    """Entrypoints of an organisation's own words."""

    @serves(templates_contract.list_message_templates)
    def list_message_templates(self, call: Call) -> Any:
        """What each kind of message says."""
        return call.read(own_words.list_message_templates)

    @serves(templates_contract.get_message_template)
    def get_message_template(self, call: Call) -> Any:
        """What one kind of message says."""
        return call.read(own_words.get_message_template)

    @serves(templates_contract.preview_message_template)
    def preview_message_template(self, call: Call) -> Any:
        """Preview words."""
        return call.read(own_words.preview_message_template)

    @serves(templates_contract.sample_portal_mail)
    def sample_portal_mail(self, call: Call) -> Any:
        """The e-mail that says that a message waits, with the names of a portal."""
        return call.read(own_words.sample_portal_mail)

    @serves(templates_contract.save_message_template)
    def save_message_template(self, call: Call) -> Any:
        """Save the organisation's own words for a kind of message."""
        return call.commit(own_words.save_message_template)

    @serves(templates_contract.reset_message_template)
    def reset_message_template(self, call: Call) -> Any:
        """Reset a kind of message to the product's words."""
        return call.commit(own_words.reset_message_template)

    @serves(templates_contract.list_message_template_versions)
    def list_message_template_versions(self, call: Call) -> Any:
        """Versions, newest first."""
        return call.read(versions.list_message_template_versions)

    @serves(templates_contract.compare_message_template_version)
    def compare_message_template_version(self, call: Call) -> Any:
        """One version, and what it changed."""
        return call.read(versions.compare_message_template_version)
