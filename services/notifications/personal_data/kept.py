"""What notifications keeps of a person who is erased: nothing."""

from __future__ import annotations

from services.chassis.personal_data import KeptTables

KEPT: KeptTables = {}
