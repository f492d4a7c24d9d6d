"""`python -m deploy.restore FOLDER [--since TIME]`: restore what `deploy.backup` has saved, while no service runs; `make restore`.

Each database becomes what it was when it was saved, is brought up to date, and puts the events since then into its outbox again,
so that listeners that were saved earlier hear what they have missed; they drop what they know. All sessions end: some may have been
ended since. Files that are missing are put back.

`--since` (ISO 8601) publishes from an earlier time; by default an hour before the first database was saved.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, update
from sqlalchemy.engine import make_url

from deploy.backup import FILES, MANIFEST, BackupError, addresses, copy_files, postgres_program, sha256_of
from deploy.publish_again import moment, publish_again
from services.chassis import migrate
from services.identity.api_clients.models import ApiSession
from services.identity.sessions.models import LoginSession

# Events that failed are tried again for about six minutes; what waited longer is in the broker's queues.
EARLIER = datetime.timedelta(hours=1)


def restore(
    folder: Path, urls: dict[str, str], files: Path | None, since: datetime.datetime | None = None
) -> dict[str, int]:
    """Restore all databases of a backup. Returns how many events each will publish. Raises BackupError."""
    manifest = read_manifest(folder)
    saved = manifest["services"]
    first = min(datetime.datetime.fromisoformat(each["saved_at"]) for each in saved.values())
    for service, entry in saved.items():
        if entry["file"].endswith(".db") != (make_url(urls[service]).get_backend_name() == "sqlite"):
            raise BackupError(f"{service}: the backup and the database are not of the same kind")
    for service, entry in saved.items():
        load(service, urls[service], folder / entry["file"])
    if files is not None and manifest["has_files"]:
        copy_files(folder / FILES, files)
    if "identity" in saved:
        _end_sessions(urls["identity"])
    return {service: publish_again(service, urls[service], since or first - EARLIER) for service in saved}


def read_manifest(folder: Path) -> Any:
    """The manifest of a backup whose files are all there and unchanged. Raises BackupError."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except FileNotFoundError:
        raise BackupError(f"{folder} has no complete backup: {MANIFEST} is missing") from None
    for entry in manifest["services"].values():
        file = folder / entry["file"]
        if not file.exists() or sha256_of(file) != entry["sha256"]:
            raise BackupError(f"{file} is missing or has changed; nothing was restored")
    return manifest


def load(service: str, url: str, file: Path) -> None:
    """Make a database what is in the file, and bring it up to date. What it held before is gone."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        target = Path(str(address.database))
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = target.with_suffix(".restored")
        shutil.copyfile(file, fresh)
        for beside in ("-wal", "-shm"):
            target.with_name(target.name + beside).unlink(missing_ok=True)
        fresh.replace(target)
    else:
        # What newer revisions made would be in the way of the migrations afterwards.
        empty = "DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public"
        postgres_program("psql", address, "--quiet", "--set=ON_ERROR_STOP=1", f"--command={empty}")
        whole = ("--no-owner", "--no-privileges", "--exit-on-error", "--schema=public")
        postgres_program("pg_restore", address, *whole, f"--dbname={address.database}", str(file))
    migrate.upgrade(service, url)


def _end_sessions(url: str) -> None:
    engine = create_engine(url, hide_parameters=True)
    now = datetime.datetime.now(datetime.UTC)
    sessions: Any = LoginSession.__table__
    of_clients: Any = ApiSession.__table__
    try:
        with engine.begin() as connection:
            ended = {"ended_at": now, "end_reason": "restored"}
            connection.execute(update(sessions).where(sessions.c.ended_at.is_(None)).values(ended))
            connection.execute(update(of_clients).where(of_clients.c.expires_at > now).values(expires_at=now))
    finally:
        engine.dispose()


def main(arguments: list[str]) -> int:
    """Restore everything; returns 1 with one line where it does not work."""
    parser = argparse.ArgumentParser(prog="python -m deploy.restore", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--since", type=moment, help="publish events made since then; ISO 8601 with a zone")
    asked = parser.parse_args(arguments)
    os.umask(0o077)
    try:
        published = restore(asked.folder, addresses(), Path(os.environ["BLOB_DIR"]), asked.since)
    except (BackupError, OSError, sqlite3.Error) as error:
        print(f"restore: {error}", file=sys.stderr)
        return 1
    for service, count in published.items():
        print(f"{service} is restored; it will publish {count} events again")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
