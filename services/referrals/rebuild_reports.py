"""Compute the reports again from the referrals and their history.

    python -m services.referrals.rebuild_reports

The database's address comes from REFERRALS_DATABASE_URL. Changes of referrals wait meanwhile (see reports/rebuilding.py).
"""

from __future__ import annotations

import os
import sys
import time

from services.chassis.database import Database
from services.referrals.reports.rebuilding import rebuild


def main() -> None:
    """Rebuild, and say what was done."""
    url = os.environ.get("REFERRALS_DATABASE_URL")
    if not url:
        sys.exit(__doc__)
    database = Database(url)
    started = time.monotonic()
    count = database.write(None, rebuild)
    database.close()
    sys.stdout.write(f"{count} referrals counted anew in {time.monotonic() - started:.1f} s\n")


if __name__ == "__main__":
    main()
