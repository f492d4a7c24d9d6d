"""The versions of an organisation's own words: what was said when, and what each changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.notifications.templates import product_words, rules
from services.notifications.templates.models import TemplateVersion
from services.notifications.templates.own_words import words_in

_ORDER = "template_versions"


def list_message_template_versions(
    session: Session, _caller: Caller | None, *, kind: str, language: str, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of the versions, newest first. Raises Refused `template_kind_unknown`."""
    product_words.kind_of(kind)
    statement = select(TemplateVersion).where(
        TemplateVersion.kind == kind, TemplateVersion.language == language
    )
    if after is not None:
        (version,) = read_cursor(after, _ORDER, int)
        statement = statement.where(TemplateVersion.version < version)
    rows = list(session.scalars(statement.order_by(TemplateVersion.version.desc()).limit(limit + 1)))
    page = rows[:limit]
    return {
        "items": [_view(row) for row in page],
        "next": cursor_of(_ORDER, page[-1].version) if len(rows) > limit else None,
    }


def compare_message_template_version(
    session: Session, _caller: Caller | None, *, kind: str, language: str, number: int
) -> dict[str, Any]:
    """One version, and what it changed. Raises Refused `template_kind_unknown`, `not_found`."""
    product_words.kind_of(kind)
    statement = (
        select(TemplateVersion)
        .where(
            TemplateVersion.kind == kind,
            TemplateVersion.language == language,
            TemplateVersion.version <= number,
        )
        .order_by(TemplateVersion.version.desc())
        .limit(2)
    )
    row, before = [*session.scalars(statement), None, None][:2]
    if row is None or row.version != number:
        raise Refused("not_found", "There is no such version.", "number")
    old, new = words_in(kind, before), words_in(kind, row)
    return _view(row) | {
        "subject_lines": _lines(old.subject, new.subject),
        "text_lines": _lines(old.text, new.text),
        "html_lines": _lines(old.html or "", new.html or ""),
    }


def _view(row: TemplateVersion) -> dict[str, Any]:
    return {
        "number": row.version,
        "is_default": row.subject is None,
        "subject": words_in(row.kind, row).subject,
        "saved_at": row.saved_at,
        "saved_by": row.saved_by,
    }


def _lines(before: str, after: str) -> list[dict[str, str]]:
    return [{"change": change, "line": line} for change, line in rules.differences(before, after)]
