"""What portals keeps of a person who is erased: which consents were signed, without the typed name."""

from __future__ import annotations

from services.chassis.personal_data import Kept, KeptTables

KEPT: KeptTables = {"signed_consents": Kept("signed", {"typed_name": None})}
