"""Terms of taxonomies that records carry: those with a code of the 211 taxonomy, and a source's own.

A term is the same wherever its code is, or its name where it has no code. Exports cut off long names, so the longest name
that a record gives a code is the term's.
"""

from __future__ import annotations

import functools
import re
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

# The taxonomies that terms are from (https://211taxonomy.org). Codes of 211 have up to six levels: B, BH, BH-1800,
# BH-1800.1500, BH-1800.1500-100, BH-1800.1500-100.05.
OF_211, OF_SOURCE = "211", "source"
TAXONOMIES = (OF_211, OF_SOURCE)
_CODE_OF_211 = re.compile(r"[A-Z]([A-Z](-\d{4}(\.\d{4}(-\d{3}(\.\d{2})?)?)?)?)?", re.ASCII)
_IDS = uuid.UUID("6d2c8f0e-4b1a-5a3e-9c77-0f4d2e6b8a15")


class Term(NamedTuple):
    """A term of a record. `code` is empty where the record gives none for it."""

    name: str
    code: str = ""

    @property
    def id(self) -> str:
        """The id of the term, the same in every directory."""
        return shared_id(f"code/{self.code}" if self.code else f"name/{self.name}")

    @property
    def taxonomy(self) -> str:
        """The taxonomy that its code is of."""
        return OF_211 if _CODE_OF_211.fullmatch(self.code) else OF_SOURCE

    @property
    def parent_id(self) -> str | None:
        """The id of the term above it in the 211 taxonomy; None for one of the highest level or of no level."""
        if self.taxonomy != OF_211 or len(self.code) == 1:
            return None
        above = self.code[0] if len(self.code) == 2 else re.split(r"[-.](?=\d+$)", self.code)[0]
        return Term("", above).id


def terms_of(record: Mapping[str, Any]) -> list[Term]:
    """The terms of a record (plain JSON). Where names and codes do not pair, each stands alone, a code as its own name."""
    names, codes = record.get("taxonomy_terms", []), record.get("taxonomy_codes", [])
    if len(names) == len(codes):
        return [Term(name, code) for name, code in zip(names, codes, strict=True)]
    return [*map(Term, names), *(Term(code, code) for code in codes)]


@functools.lru_cache(maxsize=4096)
def shared_id(name: str) -> str:
    """The id of something that many objects share: a term, a taxonomy, or a unit."""
    return uuid.uuid5(_IDS, name).hex
