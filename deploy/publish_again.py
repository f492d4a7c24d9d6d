"""`python -m deploy.publish_again TIME [SERVICE …]`: services publish their events since a time again; `make again`.

For a queue that was missing for a while: the broker gave the events of that time to the other queues. Only while no service runs.
Listeners drop what they have handled. TIME is ISO 8601 with a zone; the events of PUBLISHED_EVENTS_KEPT_DAYS are there.
"""

from __future__ import annotations

import argparse
import datetime
import sys

from sqlalchemy import create_engine

from deploy.backup import addresses
from deploy.migrate import SERVICES
from services.chassis import outbox
from services.chassis.models import base_of


def publish_again(service: str, url: str, since: datetime.datetime) -> int:
    """Put the events of this service since then into its outbox; returns how many it will publish."""
    engine = create_engine(url, hide_parameters=True)
    try:
        with engine.begin() as connection:
            return outbox.publish_again(connection, base_of(service).chassis, since)
    finally:
        engine.dispose()


def moment(text: str) -> datetime.datetime:
    """A time as an argument of a command. Raises ArgumentTypeError without a zone."""
    found = datetime.datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("a time with a zone is expected, such as 2026-05-01T10:00:00+00:00")
    return found


def main(arguments: list[str]) -> int:
    """Put events into the outboxes, and say how many."""
    parser = argparse.ArgumentParser(prog="python -m deploy.publish_again", description=__doc__)
    parser.add_argument("since", type=moment, help="ISO 8601 with a zone")
    parser.add_argument(
        "services", nargs="*", metavar="SERVICE", help=f"of {', '.join(SERVICES)}; by default all"
    )
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.services) - set(SERVICES))
    if unknown:
        parser.error(f"there is no service {', '.join(unknown)}")
    urls = addresses()
    for service in asked.services or SERVICES:
        print(f"{service} will publish {publish_again(service, urls[service], asked.since)} events again")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
