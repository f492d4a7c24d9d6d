"""Pure rules of patients' portal access."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from dataclasses import dataclass

from services.contracts.spelling import login_key, postal_code_key, search_key
from services.identity.secrets.rules import Limit

INACTIVE, UNACTIVATED, ACTIVE = "inactive", "unactivated", "active"
NOT_ENABLED, NO_EMAIL, NO_POSTAL_CODE = "access_not_enabled", "no_email", "no_postal_code"


# The message "could not be verified" goes to any address that was entered: once a day, whoever asks.
NOTICE_LIMIT = Limit(most=1, rest_s=86_400, free=1)
NOTICE_KEPT = datetime.timedelta(hours=4)
# Registrations with one e-mail address in a day: a family's.
REGISTRATION_MAIL_LIMIT = Limit(most=6, rest_s=86_400, free=6)
# Registrations with an organisation without an hour's pause.
REGISTRATIONS_LIMIT = Limit(most=300, rest_s=3600, free=300)
# Once a message was rendered, its address is kept for a few more tries to send it.
NOTICE_KEPT_ONCE_TAKEN = datetime.timedelta(minutes=15)


def reasons_inactive(*, is_enabled: bool, email: str | None, postal_code: str | None) -> list[str]:
    """What keeps a patient from setting up the portal account alone (S3-21)."""
    reasons = [] if is_enabled else [NOT_ENABLED]
    reasons += [] if email else [NO_EMAIL]
    return reasons + ([] if postal_code else [NO_POSTAL_CODE])


def portal_status(reasons: Collection[str], last_login_at: datetime.datetime | None) -> str:
    """`inactive`, `unactivated` or `active` (S3-20 to S3-23)."""
    if reasons:
        return INACTIVE
    return UNACTIVATED if last_login_at is None else ACTIVE


def colour(status: str, reasons: Collection[str]) -> str:
    """The colour of the rectangle beside the name: red means that access is not enabled (S3-39, S3-41)."""
    if NOT_ENABLED in reasons:
        return "red"
    return {INACTIVE: "grey", UNACTIVATED: "yellow", ACTIVE: "green"}[status]


@dataclass(frozen=True)
class Identifying:
    """The four details that a patient must know (S3-24)."""

    email: str | None
    last_name: str
    date_of_birth: datetime.date | None
    postal_code: str | None

    def matches(self, on_file: Identifying) -> bool:
        """Whether all four are on file and equal, apart from spelling."""
        if not (on_file.email and on_file.date_of_birth and on_file.postal_code):
            return False
        return self._normal() == on_file._normal()

    def _normal(self) -> tuple[object, ...]:
        return (
            login_key(self.email or ""),
            search_key(self.last_name).replace(" ", ""),
            self.date_of_birth,
            postal_code_key(self.postal_code),
        )
