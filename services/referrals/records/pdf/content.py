"""The content of a PDF of a contact record, apart from its drawing. It is data only; times have a time zone."""

from __future__ import annotations

import datetime
from dataclasses import dataclass


@dataclass(frozen=True)
class PrintedStep:
    """A line of a referral's history: its time, side, event, shared note and author."""

    at: datetime.datetime
    side: str
    what: str
    note: str | None = None
    actor_id: str = ""
    author: str | None = None


@dataclass(frozen=True)
class PrintedReferral:
    """A referral as it is printed."""

    queue_name: str
    program_name: str
    agency_name: str | None
    status: str
    assigned_at: datetime.datetime
    steps: tuple[PrintedStep, ...] = ()


@dataclass(frozen=True)
class PrintedRecord:
    """Everything that a PDF shows. `sections` are titles with labels and values; `withheld` names the withheld fields."""

    organisation_name: str
    number: str
    version: int
    submitted_at: datetime.datetime
    contact: tuple[tuple[str, str | None], ...]
    sections: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    referrals: tuple[PrintedReferral, ...] = ()
    withheld: tuple[str, ...] = ()
