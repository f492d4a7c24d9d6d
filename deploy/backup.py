"""`python -m deploy.backup FOLDER [--without-files]`: save the databases and files of all services while they serve; `make backup`.

Each database is saved as it is at one moment, and each at a moment of its own: those that only listen first, identity, to whose
ids the others refer, last, and the files after all of them. `deploy.restore` lets them converge: every service publishes again what
it has published since the first of these moments, and whoever knows an event already drops it.

`backup.json` in the folder is written last: without it the backup is not complete. Addresses come from `<SERVICE>_DATABASE_URL`,
the files from `BLOB_DIR`; those in a bucket (`BLOB_S3_BUCKET`) are left to its store. Keys and passwords are not part of it
(deploy/runbook/backup.md).
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL, make_url

from deploy import postgres

# Listeners before those to whom they listen. A listener that is older than its source hears again what it has missed.
ORDER = ("notifications", "signing", "portals", "referrals", "identity")
MANIFEST = "backup.json"
FILES = "files"


class BackupError(RuntimeError):
    """A database was not saved or restored. The message says which and why, without passwords."""


def backup(folder: Path, urls: dict[str, str], files: Path | None) -> dict[str, Any]:
    """Save these databases, and the files, into a new folder. Returns the manifest. Raises BackupError."""
    if (folder / MANIFEST).exists():
        raise BackupError(f"{folder} has a backup already; choose another folder")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    saved = {service: save(service, urls[service], folder) for service in ORDER if service in urls}
    if files is not None:
        copy_files(files, folder / FILES)
    manifest = {"services": saved, "has_files": files is not None}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def save(service: str, url: str, folder: Path) -> dict[str, Any]:
    """Save one database into a file of `folder`; its entry of the manifest. The service goes on meanwhile."""
    address = make_url(url)
    is_sqlite = address.get_backend_name() == "sqlite"
    target = folder / f"{service}.{'db' if is_sqlite else 'dump'}"
    unfinished = target.with_suffix(".unfinished")
    # Noted before the moment that is saved, so that no event in between is missed.
    saved_at = datetime.datetime.now(datetime.UTC).isoformat()
    if is_sqlite:
        _save_sqlite(address, unfinished)
    else:
        postgres_program(
            "pg_dump", address, "--format=custom", "--no-owner", "--no-privileges", f"--file={unfinished}"
        )
    unfinished.chmod(0o600)
    unfinished.rename(target)
    return {"file": target.name, "saved_at": saved_at, "sha256": sha256_of(target)}


def _save_sqlite(address: URL, target: Path) -> None:
    source = sqlite3.connect(f"file:{address.database}?mode=ro", uri=True)
    with contextlib.closing(source), contextlib.closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def postgres_program(program: str, address: URL, *arguments: str) -> None:
    """Run `pg_dump`, `pg_restore` or `psql` on a database. Raises BackupError with its words."""
    connection = {
        "PGHOST": address.host,
        "PGPORT": None if address.port is None else str(address.port),
        "PGUSER": address.username,
        "PGPASSWORD": None if address.password is None else str(address.password),
        "PGDATABASE": address.database,
    }
    env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"} | {
        name: value for name, value in connection.items() if value
    }
    done = subprocess.run(
        [postgres.program(program), "--no-password", *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BackupError(f"{program} of {address.database}: {' '.join(done.stderr.split())[:500]}")


def copy_files(source: Path, target: Path) -> None:
    """Copy the files that are not there yet. A file never changes: its name is its SHA-256."""
    for path in sorted(source.rglob("*")) if source.exists() else ():
        copy = target / path.relative_to(source)
        if path.is_file() and not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.suppress(FileNotFoundError):  # one that nothing refers to was swept meanwhile
                unfinished = copy.with_name(copy.name + ".unfinished")
                shutil.copy2(path, unfinished)
                unfinished.rename(copy)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def addresses() -> dict[str, str]:
    """The databases' URLs from the environment. Ends the program where one is missing."""
    names = {service: f"{service.upper()}_DATABASE_URL" for service in ORDER}
    missing = [name for name in names.values() if not os.environ.get(name)]
    if missing:
        sys.exit(f"{', '.join(missing)}: not set")
    return {service: os.environ[name] for service, name in names.items()}


def files_to_save(environ: Mapping[str, str]) -> Path | None:
    """The folder of the files; None where they lie in a bucket, for which BLOB_DIR is only a passage."""
    return None if environ.get("BLOB_S3_BUCKET") else Path(environ["BLOB_DIR"])


def main(arguments: list[str]) -> int:
    """Save everything; returns 1 with one line where it does not work."""
    parser = argparse.ArgumentParser(prog="python -m deploy.backup", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--without-files", action="store_true", help="leave BLOB_DIR to a tool of your own, to run afterwards"
    )
    asked = parser.parse_args(arguments)
    files = None if asked.without_files else files_to_save(os.environ)
    started = time.monotonic()
    os.umask(0o077)
    try:
        manifest = backup(asked.folder, addresses(), files)
    except (BackupError, OSError, sqlite3.Error) as error:
        print(f"backup: {error}", file=sys.stderr)
        return 1
    print(
        f"{len(manifest['services'])} databases saved in {asked.folder} in {time.monotonic() - started:.1f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
