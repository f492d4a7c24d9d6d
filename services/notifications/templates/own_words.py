"""An organisation's own templates: read, preview, save and reset (S1-16)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.database import held_or_made
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.notifications.templates import product_words
from services.notifications.templates.models import MessageTemplate
from services.notifications.templates.product_words import Template

# Credentials. The body must mention them, as the message is of no use without them. The subject must not: it shows on
# locked screens and in logs of mail servers.
CREDENTIALS = frozenset(
    {"invitation_link", "reset_link", "confirmation_link", "temporary_password", "pickup_code"}
)
# What else a message must mention if its kind has it.
_POINT = frozenset({"username", "partner_text"})
SAMPLES: Mapping[str, str | int] = {
    "record_number": "CR-00001234",
    "document_number": "D-1234",
    "organisation_name": "Harbor County 2-1-1",
    "product_name": "Portico",
    "portal_name": "Provider Portal",
    "portal_link": "https://portal.example/at/harbor-county/provider",
    "invitation_link": "https://portal.example/credentials#token=example",
    "reset_link": "https://portal.example/credentials#token=example",
    "confirmation_link": "https://portal.example/credentials#token=example",
    "lifetime": "7 days",
    "username": "maria@example.org",
    "whose": "Maria",
    "temporary_password": "K7QF-2MXD-HHP4-WZ9A",
    "pickup_code": "K7QF-2MXD",
    "partner_text": "Please call within two days.",
    "appointment_time": "Wednesday, 3 March 2027, 14:30 (Central European Standard Time)",
    "place": "12 Harbor Street, second floor",
}
SAMPLE_TELEPHONE = "+1 555 0100"


def list_message_templates(session: Session, _caller: Caller | None) -> dict[str, Any]:
    """What each kind of message says, by the name of the kind."""
    own = {row.kind: row for row in session.scalars(select(MessageTemplate)).all()}
    return {"items": [_view(kind, own.get(kind)) for kind in sorted(product_words.KINDS)]}


def get_message_template(session: Session, _caller: Caller | None, *, kind: str) -> dict[str, Any]:
    """What one kind of message says. Raises Refused `template_kind_unknown`."""
    return _view(kind, _own(session, kind))


def preview_message_template(
    _session: Session, _caller: Caller | None, *, subject: str, text: str, html: str | None, kind: str
) -> dict[str, Any]:
    """Subject, text and HTML with made-up values. Raises what `check` raises."""
    words = Template(subject, text, html)
    check(kind, words)
    rendered = product_words.render(kind, words, SAMPLES, SAMPLE_TELEPHONE)
    return {"subject": rendered.subject, "text": rendered.text, "html": rendered.html}


def save_message_template(
    unit: UnitOfWork, *, subject: str, text: str, html: str | None, kind: str
) -> dict[str, Any]:
    """Keep the organisation's words. Raises what `check` raises, `version_required` or `version_conflict`."""
    words = Template(subject, text, html)
    check(kind, words)
    return _change(unit, kind, words, "message_template.saved")


def reset_message_template(unit: UnitOfWork, *, kind: str) -> dict[str, Any]:
    """Forget the organisation's words. Raises `template_kind_unknown`, `version_required` or `version_conflict`."""
    product_words.kind_of(kind)
    return _change(unit, kind, None, "message_template.reset")


def words_of(session: Session, kind: str) -> Template:
    """What a message of this kind says in the session's organisation: its own words, or the product's."""
    return _words(kind, _own(session, kind))


def check(kind: str, words: Template) -> None:
    """Check words before they are saved. A refusal names the field.

    Raises what `product_words.check` raises, `template_placeholder_missing` if text or HTML lack a needed
    placeholder, and `template_invalid` for a credential in the subject.
    """
    product_words.check(kind, words)
    in_subject = CREDENTIALS & product_words.mentioned(words.subject)
    if in_subject:
        raise Refused(
            "template_invalid", f"Not in the subject, which anybody may see: {_names(in_subject)}.", "subject"
        )
    for field, part in (("text", words.text), ("html", words.html)):
        missing = _needed(kind) - product_words.mentioned(part) if part is not None else frozenset()
        if missing:
            raise Refused(
                "template_placeholder_missing", f"The {field} must mention {_names(missing)}.", field
            )


def _names(placeholders: frozenset[str]) -> str:
    return ", ".join(f"{{{{ {name} }}}}" for name in sorted(placeholders))


def _needed(kind: str) -> frozenset[str]:
    return product_words.kind_of(kind).placeholders & (CREDENTIALS | _POINT)


def _own(session: Session, kind: str) -> MessageTemplate | None:
    return session.scalars(select(MessageTemplate).where(MessageTemplate.kind == kind)).one_or_none()


def _words(kind: str, row: MessageTemplate | None) -> Template:
    default = product_words.kind_of(kind).default
    if row is None or row.subject is None or row.text is None:
        return default
    return Template(row.subject, row.text, row.html)


def _view(kind: str, row: MessageTemplate | None) -> dict[str, Any]:
    words = _words(kind, row)
    return {
        "kind": kind,
        "version": 1 if row is None else row.version,
        "is_default": row is None or row.subject is None,
        "subject": words.subject,
        "text": words.text,
        "html": words.html,
        "placeholders": sorted(product_words.kind_of(kind).placeholders),
        "needed": sorted(_needed(kind)),
        "saved_at": None if row is None else row.saved_at,
    }


def _change(unit: UnitOfWork, kind: str, words: Template | None, action: str) -> dict[str, Any]:
    row = _locked(unit, kind)
    unit.require_version(row)
    row.subject, row.text, row.html = (words.subject, words.text, words.html) if words else (None, None, None)
    row.version += 1
    row.saved_at = unit.now
    unit.audit(action, "message_template", row.id, kind=kind, version=row.version)
    return _view(kind, row)


def _locked(unit: UnitOfWork, kind: str) -> MessageTemplate:
    key = {"organisation_id": unit.organisation_id, "kind": kind}
    fresh = {"id": wire.new_id(), "version": 1, "saved_at": unit.now}
    return held_or_made(unit.session, MessageTemplate, key, fresh)
