"""A service process keeps a bounded number of statements and loads no module that it does not use."""

from __future__ import annotations

import json
import subprocess
import sys

from sqlalchemy import literal_column, select

from services.chassis.database import STATEMENTS_KEPT, Database

LOADED = """
import json, sys
import services.chassis.run, services.referrals.service
from services.chassis import metrics
lock = metrics.CALLS_SERVED.labels("service", "operation", "ok")._sum._lock
print(json.dumps({"lock": type(lock).__module__, "modules": [name for name, module in sys.modules.items() if module]}))
"""


def test_compiled_statements_are_kept_up_to_a_limit(url: str):
    database = Database(url)
    with database.reading(None) as session:
        for number in range(2 * STATEMENTS_KEPT):
            assert session.scalar(select(literal_column(str(number)))) == number

    kept = database.engine._compiled_cache
    database.close()

    assert kept is not None
    # SQLAlchemy lets its cache grow by a half before it forgets what was used least.
    assert STATEMENTS_KEPT <= len(kept) <= STATEMENTS_KEPT * 1.5


def test_a_process_loads_no_library_of_rare_use_and_counts_under_locks_of_the_system():
    output = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, check=True, text=True).stdout
    loaded = json.loads(output)

    assert loaded["lock"] == "_thread"
    rare = {
        "argparse",
        "rich",
        "yaml",
        "alembic",
        "rapidfuzz",
        "reportlab",
        "uharfbuzz",
        "bidi",
        "pikepdf",
        "pyhanko",
        "lxml",
        "psycopg2",
    }
    assert rare & set(loaded["modules"]) == set()
