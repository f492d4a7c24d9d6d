"""The audit trail of each service: search, export, signed checkpoints."""

from __future__ import annotations

from gateway.web.page import Page, Read
from gateway.web.states import State
from services.contracts.identity import audit
from services.contracts.notifications import audit as notifications_audit
from services.contracts.portals import audit as portals_audit
from services.contracts.referrals import audit as referrals_audit
from services.contracts.signing import audit as signing_audit

_TRAILS = {
    "": audit.trail,
    "/referrals": referrals_audit.trail,
    "/signing": signing_audit.trail,
    "/notifications": notifications_audit.trail,
    "/portals": portals_audit.trail,
}
_FILTERS = ("since", "until", "actor_id", "object_type", "object_id", "person_id", "action", "after")

PAGES = (
    *(
        Page(
            f"/staff/audit{part}",
            "staff/audit/search.html",
            reads={"entries": Read(trail.search, given={"limit": 50}, query=_FILTERS)},
        )
        for part, trail in _TRAILS.items()
    ),
    *(
        Page(
            f"/staff/audit{part}/export",
            "staff/audit/export.html",
            reads={
                "exported": Read(
                    trail.export, given={"limit": 400, "format": "csv"}, query=("format", *_FILTERS)
                )
            },
            states=(State("proof", refused={trail.export: "proof_required"}),),
        )
        for part, trail in _TRAILS.items()
    ),
    *(
        Page(
            f"/staff/audit{part}/checkpoints",
            "staff/audit/checkpoints.html",
            reads={"checkpoints": Read(trail.checkpoints, query=("after",))},
        )
        for part, trail in _TRAILS.items()
    ),
)
