"""The code of the last release, beside this code: its tests, and its processes as a stack."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, MetaData, Table, create_engine, insert, select

from deploy.checks import released
from deploy.layout import CHECKOUT, Commands, own_commands
from services.chassis import wire
from services.chassis.database import Database
from tests.support import newer_schema

_OPERATOR = (
    "import json, sys\n"
    "from services.chassis.database import Database\n"
    "from services.identity.organisations import operator\n"
    "what, url, given = json.load(sys.stdin)\n"
    "database = Database(url)\n"
    "getattr(operator, what)(database, **given)\n"
    "database.close()\n"
)
ROWS_AT_ONCE = 1_000


class LastRelease:
    """The last release, unpacked into a folder. Raises NotInClone (see `released.unpack`)."""

    def __init__(self, folder: Path) -> None:
        released.unpack(folder)
        self.folder = folder

    def commands(self) -> Commands:
        """The stack's programs: what serves and what migrates as it was then, what operators run beside it as it is now."""
        own = own_commands()
        then = ("migrate", "service", "gateway", "live")
        return dataclasses.replace(
            own, **{name: ["env", "-C", str(self.folder), *getattr(own, name)] for name in then}
        )

    def operate(self, what: str, database: Database, given: Mapping[str, Any]) -> None:
        """Do an operator's work in identity's database."""
        url = database.engine.url.render_as_string(hide_password=False)
        told = json.dumps([what, url, dict(given)])
        self._run([sys.executable, "-W", "ignore", "-c", _OPERATOR], {}, told)

    def differences(self, service: str, url: str) -> str:
        """What its models and a database differ in, as text; "[]" where nothing."""
        script = "import sys; from services.chassis import migrate; print(migrate.differences(*sys.argv[1:]))"
        return self._run([sys.executable, "-W", "ignore", "-c", script, service, url], {}).strip()

    def try_tests(self, paths: tuple[str, ...], one_in: int, timeout_s: float) -> str:
        """Run its tests on databases that this code has migrated, one of so many; pytest's output. Raises for a failed one."""
        plugin = self.folder / ".newer" / "newer_schema.py"
        plugin.parent.mkdir(exist_ok=True)
        shutil.copy(newer_schema.__file__, plugin)
        env = {
            "PYTHONPATH": str(plugin.parent),
            "NEWER_CODE": str(CHECKOUT),
            "ONE_TEST_IN": str(one_in),
        }
        options = ("-q", "-p", "newer_schema", "-p", "no:cacheprovider", "--tb=short", "-rf")
        command = [sys.executable, "-W", "ignore", "-m", "pytest", *options, *paths]
        return self._run(command, env, timeout_s=timeout_s)

    def _run(
        self, command: list[str], env: Mapping[str, str], given: str | None = None, timeout_s: float = 120
    ) -> str:
        run = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **env},
            input=given,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert run.returncode == 0, f"{run.stdout[-5000:]}{run.stderr[-2000:]}"
        return run.stdout


def multiply(url: str, table_name: str, count: int, *, by: Mapping[str, str]) -> None:
    """Copy a row of a table so often. `by` gives, of each unique column beside the id, how it is written with a number."""
    engine = create_engine(url)
    table = Table(table_name, MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        row = dict(connection.execute(select(table).limit(1)).mappings().one())
    for begin in range(0, count, ROWS_AT_ONCE):
        _insert(engine, table, [
            {**row, "id": wire.new_id(), **{name: form.format(number) for name, form in by.items()}}
            for number in range(begin, min(count, begin + ROWS_AT_ONCE))
        ])  # fmt: skip
    engine.dispose()


def _insert(engine: Engine, table: Table, rows: list[dict[str, Any]]) -> None:
    with engine.begin() as connection:
        connection.execute(insert(table), rows)
