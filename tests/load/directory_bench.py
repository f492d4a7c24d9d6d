"""`python -m tests.load.directory_bench [folder]`: a directory of 100,000 resources, imported, found and exported.

Prints how long each takes, how much of that is computing of the service's process and its child, and how much memory they
take at most, on SQLite and on PostgreSQL. On a machine that others use, compare the computing. The names are made up;
they are many and different, as those of a state's directory are.
"""

from __future__ import annotations

import csv
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from services.contracts.referrals import directory, directory_exports, directory_imports
from services.referrals.directory_exports import jobs
from services.referrals.directory_imports import jobs as importing
from services.referrals.directory_imports.icarol_row import EXPORT_COLUMNS
from tests.integration.referrals.builders import STAFF
from tests.support import servers
from tests.support.in_process import InProcess

FEW, MANY = 10_000, 100_000
PROGRAMS_AN_AGENCY = 4
SEARCHES = 300
_WORDS = [
    "harbor",
    "night",
    "family",
    "winter",
    "river",
    "hope",
    "bridge",
    "garden",
    "shelter",
    "pantry",
    "clinic",
    "legal",
    "youth",
    "senior",
    "veteran",
    "housing",
    "food",
    "training",
    "mental",
    "dental",
    "vision",
    "outreach",
    "recovery",
    "crisis",
    "childcare",
    "literacy",
    "employment",
    "transport",
    "utility",
    "clothing",
]
_PLACES = [f"{first}{second}" for first in ("North", "South", "East", "West", "Old", "New", "Upper", "Lower") for second in
           ("ford", "field", "ton", "bury", "haven", "dale", "mouth", "brook", "wick", "stead", "port", "combe")]  # fmt: skip


def main(folder: Path) -> None:
    """Make the files, then run on both databases."""
    for count in (FEW, MANY):
        export = folder / f"{count}.csv"
        write_export(export, count)
        print(f"{count:,} resources, {export.stat().st_size / 1e6:.0f} MB", flush=True)
    run("SQLite", f"sqlite:///{folder / 'bench.db'}", folder)
    with servers.private_postgres() as cluster, servers.fresh_database(cluster) as url:
        run("PostgreSQL", url, folder)


def write_export(path: Path, count: int) -> None:
    """An export in iCarol's format, with agencies of four programs each."""
    chance = random.Random(11)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, EXPORT_COLUMNS, restval="")
        writer.writeheader()
        agency = 0
        for number in range(1, count + 1):
            is_agency = number % (PROGRAMS_AN_AGENCY + 1) == 1
            agency = number if is_agency else agency
            writer.writerow(_row(chance, number, agency, is_agency=is_agency))


def _row(chance: random.Random, number: int, agency: int, *, is_agency: bool) -> dict[str, Any]:
    words = " ".join(chance.sample(_WORDS, 3)).title()
    name = f"{chance.choice(_PLACES)} {words} {number}"
    text = " ".join(chance.choices(_WORDS, k=60))
    return {
        "ResourceAgencyNum": number,
        "PublicName": name,
        "TaxonomyLevelName": "Agency" if is_agency else "Program",
        "ParentAgencyNum": 0 if is_agency else agency,
        "AgencyStatus": "Inactive" if number % 17 == 0 else "Active",
        "AgencyDescription": text,
        "Phone1Number": f"555-{number:07d}",
        "PhysicalAddress1": f"{number} Main Street",
        "PhysicalCity": chance.choice(_PLACES),
        "PhysicalStateProvince": "CA",
        "HoursOfOperation": "Monday to Friday, 9 to 5",
        "Eligibility": text[:120],
        "LanguagesOffered": "English; Spanish",
        "TaxonomyTerms": "; ".join(chance.sample(_WORDS, 3)),
    }


def run(name: str, url: str, folder: Path) -> None:
    """All figures on one database."""
    service = InProcess("referrals", url, folder)
    print(f"\n{name}, {_rss():.0f} MB before")
    few, many = (_uploaded(service, folder / f"{count}.csv") for count in (FEW, MANY))
    _import(service, f"import of {FEW:,}", few)
    print(f"  names among {FEW:,}: {_searches(service)}", flush=True)
    _import(service, f"import of {MANY:,}, a tenth known", many)
    _import(service, "the same again", many)
    _import(service, "dry run", many, dry_run=True)
    print(f"  names among {MANY:,}: {_searches(service)}; {_rss():.0f} MB with the names", flush=True)
    started = service.call(directory_exports.export_directory, STAFF)
    _, took = watched(lambda: jobs.work(service.runtime))
    exported = service.call(directory_exports.get_directory_export, STAFF, export_id=started["export_id"])
    print(f"  export of {exported['size'] / 1e6:.0f} MB: {took}", flush=True)
    service.close()


def _uploaded(service: InProcess, export: Path) -> dict[str, Any]:
    with export.open("rb") as file:
        pieces = iter(lambda: file.read(1 << 20), b"")
        return service.upload(pieces)


def _import(service: InProcess, title: str, document: dict[str, Any], **more: bool) -> None:
    started = service.call(directory_imports.import_directory, STAFF, document=document, **more)
    _, took = watched(lambda: importing.work(service.runtime))
    report = service.call(directory_imports.get_directory_import, STAFF, import_id=started["import_id"])
    counts = ", ".join(f"{report[each]:,} {each}" for each in ("added", "unchanged", "refused"))
    print(f"  {title}: {took} ({counts})", flush=True)


def _searches(service: InProcess) -> str:
    chance = random.Random(7)
    typed = [
        "north",
        "harbor night",
        "Southfrod pantry",
        "oldhaven cliinc",
        "veteran",
        "wset",
        "lowerport 7",
        "family housing",
    ]
    began = time.perf_counter()
    service.call(directory.search_resources, STAFF, q="north")
    first_ms = (time.perf_counter() - began) * 1000
    times, computed = [], time.process_time()
    for _ in range(SEARCHES):
        began = time.perf_counter()
        service.call(directory.search_resources, STAFF, q=chance.choice(typed))
        times.append((time.perf_counter() - began) * 1000)
    computed_ms = (time.process_time() - computed) * 1000 / SEARCHES
    times.sort()
    return (
        f"median {statistics.median(times):.1f} ms, 99% within {times[int(len(times) * 0.99)]:.1f} ms, "
        f"{computed_ms:.1f} ms of computing each, the first in {first_ms:.0f} ms"
    )


def watched(work: Callable[[], Any]) -> tuple[Any, str]:
    """What `work` returns; its seconds, those of computing, and the most megabytes it had with its children at once."""
    most, done = [_rss()], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            most[0] = max(most[0], _rss())

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    began, computed = time.monotonic(), _computing_s()
    result = work()
    took_s, computed = time.monotonic() - began, _computing_s() - computed
    done.set()
    watching.join()
    return result, f"{took_s:.1f} s ({computed:.1f} s of computing), at most {most[0]:.0f} MB"


def _computing_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _rss() -> float:
    own = psutil.Process()
    total = own.memory_info().rss
    for child in own.children(recursive=True):
        # The cluster that this program starts is no part of the service.
        if "postgres" not in child.name():
            try:
                total += child.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    return total / 1e6


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
