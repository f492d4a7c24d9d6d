"""Who may answer and read what. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

SUPERVISOR, EMPLOYEE, APPLICANT = "supervisor", "employee", "applicant"
INJURY = "report_injury_or_illness"  # the message type
REFERENCE = "response"
FORMS = "profile.view_forms"


def own_forms(
    realm: str | None, own_id: str | None, profiles: Iterable[Mapping[str, Any]] | None
) -> list[str]:
    """The people whose questionnaires somebody answers: employees their own only, others where a profile lets them."""
    reached = [each["person_id"] for each in profiles or () if FORMS in each["permissions"]]
    return [each for each in reached if realm != EMPLOYEE or each == own_id]


def draft_key(account_id: str, person_id: str, questionnaire_id: str, order_id: str | None) -> str:
    """What the one draft of an author is found by."""
    return ":".join((account_id, person_id, questionnaire_id, order_id or ""))
