"""What every service says when it has written down, or erased, what it keeps about one person."""

from __future__ import annotations

from services.contracts.declare import Contract, Event
from services.contracts.fields import Count, Digest, Id

# Why rows stay when a person is erased. `audit_trail`: who did what, by ids. `history`: what happened to the organisation's
# work, without names and texts. `signed`: what was decided by signature, for as long as the law wants it. `others_records`:
# what the person wrote or did in the record of somebody else.
KEPT_FOR = ("audit_trail", "history", "signed", "others_records")


def personal_data_event(contract: Contract) -> Event:
    """Declare the event in a service's contract. The service's class publishes it by `@serves_personal_data`."""
    return contract.event(
        f"{contract.service}_answered_about_a_person",
        "The service has done its part of an order about a person's data. Of an export, `rows` were written to the file "
        "`sha256`; of an erasure, `rows` were deleted and the rows of each `kept_…` stay without what names the person.",
        data={
            "job_id": Id(required=True),
            "rows": Count(required=True),
            "sha256": Digest(load_default=None, allow_none=True),
            **{f"kept_{reason}": Count(required=True) for reason in KEPT_FOR},
        },
    )
