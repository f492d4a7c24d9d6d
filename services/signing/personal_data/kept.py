"""What signing keeps of a person who is erased: documents that somebody has decided, with their files, and the decisions.

Who signs must be able to prove for years what was signed. A document that nobody has decided yet is deleted, with its file.
"""

from __future__ import annotations

from services.chassis.person_rows import Row
from services.chassis.personal_data import NAMELESS, Kept, KeptTables


def is_decided(document: Row) -> bool:
    """Whether somebody has signed the document, or declined it."""
    return bool(document["state"] != "sent" or document["signatures_done"] > 0)


KEPT: KeptTables = {
    "documents": Kept(
        "signed",
        {"title": NAMELESS, "message": None, "note": None, "version": lambda row: row["version"] + 1},
        when=is_decided,
    ),
    "recipients": Kept("signed", {"note": None}),
    "decisions": Kept("signed"),
}
