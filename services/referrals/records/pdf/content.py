"""What a PDF of a contact record shows, apart from how it is drawn. Data only; times are aware."""

from __future__ import annotations

import datetime
from dataclasses import dataclass


@dataclass(frozen=True)
class PrintedStep:
    """A line of a referral's history: when, on which side, what happened, the shared note with it, and who it was."""

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
    """Everything a PDF shows. `sections` are titles with labels and values; `withheld` names what is kept back."""

    organisation_name: str
    number: str
    version: int
    submitted_at: datetime.datetime
    contact: tuple[tuple[str, str | None], ...]
    sections: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    referrals: tuple[PrintedReferral, ...] = ()
    withheld: tuple[str, ...] = ()
