"""An organisation's own templates: read, preview, save and reset (S1-16)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.database import built_once, held_or_made
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.notifications.templates import product_words, rendering, rules
from services.notifications.templates.models import MessageTemplate, TemplateVersion
from services.notifications.templates.rendering import Template
from services.notifications.templates.spoken import spoken_time

# Credentials. The body must mention them, as the message is of no use without them. The subject must not: it shows on
# locked screens and in logs of mail servers.
CREDENTIALS = frozenset(
    {
        "invitation_link",
        "reset_link",
        "confirmation_link",
        "temporary_password",
        "pickup_code",
        "confirmation_code",
    }
)
# A subject has no name, either: whoever sees it would know who has an account.
NOT_IN_SUBJECTS = CREDENTIALS | {"whose", "username"}
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
    "confirmation_code": "042517",
    "partner_text": "Please call within two days.",
    "counted": "2 messages, 1 notice about appointments",
    "place": "12 Harbor Street, second floor",
}
SAMPLE_TELEPHONE = "+1 555 0100"
SAMPLE_TIME = datetime.datetime(2027, 3, 3, 14, 30, tzinfo=ZoneInfo("Europe/Berlin"))
MOST_LANGUAGES = 30
_OF_SAMPLE = "message_waiting"


@dataclass(frozen=True)
class Words:
    """The words that a message is sent with, and what they are: of which language and version. Without a language: the product's."""

    template: Template
    language: str | None
    version: int


def list_message_templates(session: Session, _caller: Caller | None) -> dict[str, Any]:
    """What each kind of message says in the usual language, by the name of the kind."""
    own: dict[str, dict[str, MessageTemplate]] = {kind: {} for kind in product_words.KINDS}
    for row in session.scalars(select(MessageTemplate)):
        own.setdefault(row.kind, {})[row.language] = row
    return {"items": [_view(kind, rules.USUAL, own[kind]) for kind in sorted(product_words.KINDS)]}


def get_message_template(
    session: Session, _caller: Caller | None, *, kind: str, language: str
) -> dict[str, Any]:
    """What one kind of message says in a language. Raises Refused `template_kind_unknown`."""
    return _view(kind, language, _own(session, kind))


def preview_message_template(
    _session: Session,
    _caller: Caller | None,
    *,
    subject: str,
    text: str,
    html: str | None,
    kind: str,
    language: str,
) -> dict[str, Any]:
    """Subject, text and HTML with made-up values. Raises what `check` raises."""
    words = Template(subject, text, html)
    check(kind, words)
    samples = {**SAMPLES, "appointment_time": spoken_time(SAMPLE_TIME, language)}
    rendered = rendering.render(product_words.kind_of(kind), words, samples, SAMPLE_TELEPHONE)
    return {"subject": rendered.subject, "text": rendered.text, "html": rendered.html}


def sample_portal_mail(
    session: Session,
    _caller: Caller,
    *,
    organisation_name: str,
    portal_name: str,
    product_name: str,
    language: str,
) -> dict[str, Any]:
    """The e-mail that says that a message waits, with made-up values beside these names of a portal."""
    words = words_of(session, _OF_SAMPLE, language)
    named = {
        "organisation_name": organisation_name,
        "portal_name": portal_name,
        "product_name": product_name,
    }
    values = {**SAMPLES, **named}
    rendered = rendering.render(product_words.kind_of(_OF_SAMPLE), words.template, values, SAMPLE_TELEPHONE)
    return {"subject": rendered.subject, "text": rendered.text, "html": rendered.html}


def save_message_template(
    unit: UnitOfWork, *, subject: str, text: str, html: str | None, kind: str, language: str
) -> dict[str, Any]:
    """Keep the organisation's words. Raises what `check` raises, `version_required` or `version_conflict`."""
    words = Template(subject, text, html)
    check(kind, words)
    return _change(unit, kind, language, words, "message_template.saved")


def reset_message_template(unit: UnitOfWork, *, kind: str, language: str) -> dict[str, Any]:
    """Forget the organisation's words. Raises `template_kind_unknown`, `version_required` or `version_conflict`."""
    product_words.kind_of(kind)
    return _change(unit, kind, language, None, "message_template.reset")


def words_of(session: Session, kind: str, language: str | None) -> Words:
    """What a message of this kind says to a reader of this language (S2-9).

    The organisation's own words in the first language of the chain that has them; else the product's.
    """
    own = {tag.lower(): row for tag, row in _own(session, kind).items()}
    for wanted in rules.chain(language):
        row = own.get(wanted.lower())
        if row is not None and row.subject is not None:
            return Words(words_in(kind, row), row.language, row.version)
    return Words(product_words.kind_of(kind).default, None, product_words.VERSION)


def check(kind: str, words: Template) -> None:
    """Check words before they are saved. A refusal names the field.

    Raises what `rendering.check` and `product_words.kind_of` raise, `template_placeholder_missing` if text or HTML lack a needed
    placeholder, and `template_invalid` for a credential or a name in the subject.
    """
    rendering.check(product_words.kind_of(kind), words)
    in_subject = NOT_IN_SUBJECTS & rendering.mentioned(words.subject)
    if in_subject:
        raise Refused(
            "template_invalid", f"Not in the subject, which anybody may see: {_names(in_subject)}.", "subject"
        )
    for field, part in (("text", words.text), ("html", words.html)):
        missing = _needed(kind) - rendering.mentioned(part) if part is not None else frozenset()
        if missing:
            raise Refused(
                "template_placeholder_missing", f"The {field} must mention {_names(missing)}.", field
            )


def _names(placeholders: frozenset[str]) -> str:
    return ", ".join(f"{{{{ {name} }}}}" for name in sorted(placeholders))


def _needed(kind: str) -> frozenset[str]:
    return product_words.kind_of(kind).placeholders & (CREDENTIALS | _POINT)


def _own(session: Session, kind: str) -> dict[str, MessageTemplate]:
    """The organisation's own words for a kind, by language."""
    return {row.language: row for row in session.scalars(_OF_KIND, {"of_kind": kind})}


# Built once, as it is asked for each message.
_OF_KIND = built_once(select(MessageTemplate).where(MessageTemplate.kind == bindparam("of_kind")))


def words_in(kind: str, row: MessageTemplate | TemplateVersion | None) -> Template:
    """The words of a row; the product's where it has none."""
    default = product_words.kind_of(kind).default
    if row is None or row.subject is None or row.text is None:
        return default
    return Template(row.subject, row.text, row.html)


def _view(kind: str, language: str, own: Mapping[str, MessageTemplate]) -> dict[str, Any]:
    row = own.get(language)
    words = words_in(kind, row)
    return {
        "kind": kind,
        "language": language,
        "languages": sorted(tag for tag, each in own.items() if each.subject is not None),
        "version": 1 if row is None else row.version,
        "is_default": row is None or row.subject is None,
        "subject": words.subject,
        "text": words.text,
        "html": words.html,
        "placeholders": sorted(product_words.kind_of(kind).placeholders),
        "needed": sorted(_needed(kind)),
        "saved_at": None if row is None else row.saved_at,
    }


def _change(
    unit: UnitOfWork, kind: str, language: str, words: Template | None, action: str
) -> dict[str, Any]:
    row = _locked(unit, kind, language)
    unit.require_version(row)
    row.subject, row.text, row.html = (words.subject, words.text, words.html) if words else (None, None, None)
    row.version += 1
    row.saved_at = unit.now
    kept = {name: getattr(row, name) for name in ("kind", "language", "version", "subject", "text", "html")}
    unit.add(TemplateVersion(id=wire.new_id(), saved_at=unit.now, saved_by=unit.actor_id, **kept))
    unit.audit(
        action,
        "message_template",
        row.id,
        kind=kind,
        language=language.lower().replace("-", "_"),
        version=row.version,
    )
    return _view(kind, language, _own(unit.session, kind))


def _locked(unit: UnitOfWork, kind: str, language: str) -> MessageTemplate:
    _require_room(unit.session, kind, language)
    key = {"organisation_id": unit.organisation_id, "kind": kind, "language": language}
    fresh = {"id": wire.new_id(), "version": 1, "saved_at": unit.now}
    return held_or_made(unit.session, MessageTemplate, key, fresh)


def _require_room(session: Session, kind: str, language: str) -> None:
    """Raise Refused `template_invalid` for one language too many."""
    own = _own(session, kind)
    if language not in own and len(own) >= MOST_LANGUAGES:
        detail = f"A message has words in at most {MOST_LANGUAGES} languages. Take one of them away."
        raise Refused("template_invalid", detail, "language")
