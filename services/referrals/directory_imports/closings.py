"""What a file closes: the programs with open referrals, looked up before anything is written.

As where a resource is closed by hand, a person confirms it first. Referrals that are opened while the file is read are not
counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

from services.chassis.turns import in_turns
from services.referrals.directory.queries import open_referrals_by_program
from services.referrals.directory.rules import ResourceStatus
from services.referrals.directory_imports.comparison import Comparison, compare
from services.referrals.directory_imports.models import DirectoryImport
from services.referrals.directory_imports.reader import Upload
from services.referrals.directory_imports.spool import Entry

AT_ONCE = 30
PROGRAMS_SHOWN = 200
OPEN_REFERRALS = "program_has_open_referrals"


def closing_of(database: Any, job: DirectoryImport, upload: Upload) -> dict[str, Any]:
    """The members of the contract's Closing, for an upload that is at its beginning. It ends at its end."""
    open_at: Counter[tuple[str, str]] = Counter()
    for entries in in_turns(iter(lambda: upload.take(AT_ONCE), []), 1):
        inactive = [entry for entry in entries if _is_inactive(entry)]
        if inactive:
            with database.reading(job.organisation_id) as session:
                closed = _closed_ids(compare(session, job.source, inactive))
                # A program that is closed beside its agency is found twice, with the same number.
                open_at |= Counter(open_referrals_by_program(session, closed))
    return {
        "open_referrals": open_at.total(),
        "programs": [
            {"program_id": program_id, "program_name": name, "open_referrals": count}
            for (program_id, name), count in open_at.most_common(PROGRAMS_SHOWN)
        ],
    }


def refusal_of(closing: Mapping[str, Any]) -> dict[str, Any]:
    """The refusal of an import that nobody has confirmed, as the contract's FileRefusal."""
    total = closing["open_referrals"]
    detail = (
        f"The file closes programs that have open referrals ({total}). They stay and can be worked on; send the file again "
        "with confirm=true to go on."
    )
    return {"reason": OPEN_REFERRALS, "detail": detail, "line": None, "column": None, "file": None}


def _is_inactive(entry: Entry) -> bool:
    return bool(orjson.loads(entry.columns)["status"] == ResourceStatus.INACTIVE.value)


def _closed_ids(compared: Comparison) -> list[str]:
    """The resources that these inactive records change from an open status."""
    known = [compared.known[entry.number] for entry in compared.plan.changed]
    return [row.id for row in known if row.status != ResourceStatus.INACTIVE.value]
