"""Compute the reports again from the referrals and their history.

    python -m services.referrals.rebuild_reports

The database's address comes from REFERRALS_DATABASE_URL. The service may go on working meanwhile, and what was interrupted
goes on where it stood (see reports/rebuilding.py).
"""

from __future__ import annotations

import os
import resource
import sys
import time

from services.chassis.database import Database
from services.chassis.unit_of_work import utc_now
from services.referrals.reports.rebuilding import rebuild

_TELL_EVERY_S = 5.0


def main() -> None:
    """Rebuild, and say how far it is."""
    url = os.environ.get("REFERRALS_DATABASE_URL")
    if not url:
        sys.exit(__doc__)
    database = Database(url)
    started, told_at = time.monotonic(), 0.0

    def tell(line: str) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= _TELL_EVERY_S or line.endswith(("done", "tallied")):
            told_at = time.monotonic()
            sys.stdout.write(f"{told_at - started:7.1f} s  {line}\n")
            sys.stdout.flush()

    rebuild(database, utc_now(), tell)
    database.close()
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"done in {time.monotonic() - started:.0f} s with {memory_mb:.0f} MB\n")


if __name__ == "__main__":
    main()
