"""The watch: one process that makes the broker follow, and measures what no service can measure of itself.

    python -m deploy.watch --port 8417 --folder var

It makes the broker do what identity has written down about partners, cuts off partners with too many consumers, and offers as
metrics on its port: the depth and the consumers of every queue (a service that hangs reports neither), what waits for each
partner, how far back each organisation's stream reaches, the free part of the disk, and the age of the newest backup (BACKUP_DIR;
`backups` in the folder without it). It is
ready once it has looked at all of it. Beside a broker of your own it measures, and leaves users to you (`make partner
ARGS="definitions"`).
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import amqp
from prometheus_client import CollectorRegistry, Gauge, start_http_server
from sqlalchemy.exc import SQLAlchemyError

from deploy import partners
from deploy.broker import Broker, BrokerError
from services.chassis.database import Database
from services.chassis.link import connect
from services.contracts import feed
from services.contracts.errors import Refused
from services.identity.partners import following

log = logging.getLogger("watch")
FOLLOW_EVERY_S, MEASURE_EVERY_S, RESTORE_EVERY_S = 1.0, 10.0, 600.0
_FAILURES = (OSError, amqp.AMQPError, BrokerError, subprocess.TimeoutExpired, SQLAlchemyError, Refused)

REGISTRY = CollectorRegistry()


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, labels, registry=REGISTRY)


QUEUE_DEPTH = _gauge("portico_watched_queue_depth", "Messages that wait in a queue", "queue")
QUEUE_CONSUMERS = _gauge("portico_watched_queue_consumers", "Who reads a queue; 0 is an alarm", "queue")
PARTNER_DEPTH = _gauge("portico_partner_waiting", "Events that wait for a partner", "partner")
PARTNER_CONSUMERS = _gauge("portico_partner_consumers", "Consumers of a partner's queue", "partner")
PARTNERS_UNDONE = _gauge(
    "portico_partners_undone", "Partners for whom the broker does not yet do what identity says"
)
STREAM_REACHES = _gauge(
    "portico_stream_reaches_back_seconds",
    "Age of the oldest event of an organisation's stream",
    "organisation",
)
STREAM_CUT = _gauge(
    "portico_stream_cut_short",
    f"1 where a stream has forgotten events that are younger than {feed.STREAM_DAYS} days, because it is full",
    "organisation",
)
DISK_FREE = _gauge("portico_disk_free_ratio", "Free part of the disk that holds a folder", "folder")
BACKUP_AGE = _gauge(
    "portico_backup_age_seconds", "Age of the newest backup; absent while there is no folder of backups"
)
LOOKED_AT = _gauge("portico_watch_last_seconds", "When the watch last looked at a thing (Unix time)", "thing")


class Watch:
    """Looks at everything in turn. `broker` is None beside a broker of one's own."""

    def __init__(
        self,
        amqp_uri: str,
        feed_uri: str,
        identity: Database,
        folder: Path,
        broker: Broker | None,
        backups: Path,
        queues: list[str],
    ) -> None:
        self._amqp_uri, self._feed_uri = amqp_uri, feed_uri
        self._identity, self._broker = identity, broker
        self._folder, self._backups = folder, backups
        self._queues = queues
        self._retry_queues = {name for name in self._queues if name.startswith("portico.retry-")}
        self.stopping = threading.Event()

    def run(self) -> None:
        """Look until `stopping` is set. What cannot be looked at is logged, and its metric `…last_seconds` stands still."""
        due = {self.follow: 0.0, self.restore: 0.0, self.measure_queues: 0.0, self.measure_feed: 0.0,
               self.measure_disk: 0.0}  # fmt: skip
        every = {self.follow: FOLLOW_EVERY_S, self.restore: RESTORE_EVERY_S}
        while not self.stopping.is_set():
            for look, at in due.items():
                if time.monotonic() >= at:
                    self._try(look)
                    due[look] = time.monotonic() + every.get(look, MEASURE_EVERY_S)
            self.stopping.wait(0.2)

    def _try(self, look: Callable[[], None]) -> None:
        try:
            look()
        except _FAILURES as error:
            log.warning("watch: %s failed: %s", look.__name__, type(error).__name__)
            return
        LOOKED_AT.labels(look.__name__).set(time.time())

    def follow(self) -> None:
        """Make the broker follow changes of partners, and cut off who has too many consumers."""
        if self._broker is None:
            return
        changed = partners.carry_out(self._broker, self._identity)
        if changed:
            log.info("watch: the broker follows: %s", ", ".join(changed))
            self._provide_streams(self._broker)
        for user, count in partners.close_crowded(self._broker).items():
            log.warning("watch: %s had %d consumers; its connections were closed", user, count)

    def restore(self) -> None:
        """Give the broker back what it has lost, and withdraw users that identity does not know."""
        if self._broker is not None:
            partners.carry_out(self._broker, self._identity, everything=True)
            self._provide_streams(self._broker)

    def _provide_streams(self, broker: Broker) -> None:
        known = following.partners(self._identity)
        partners.provide_streams(broker, sorted({each.organisation for each in known if not each.is_revoked}))

    def measure_queues(self) -> None:
        """Depth and consumers of the services' queues."""
        with contextlib.closing(connect(self._amqp_uri)) as connection:
            for name in self._queues:
                try:
                    found = connection.channel().queue_declare(name, passive=True)
                except amqp.NotFound:
                    found = None
                QUEUE_DEPTH.labels(name).set(found.message_count if found else 0)
                # Messages wait there for a time or for an operator, and nobody reads.
                if name not in self._retry_queues and name != "portico.parked":
                    QUEUE_CONSUMERS.labels(name).set(found.consumer_count if found else 0)

    def measure_feed(self) -> None:
        """What waits for partners, and how far back the streams reach."""
        known = following.partners(self._identity)
        PARTNERS_UNDONE.set(sum(not each.is_done for each in known))
        active = [each for each in known if not each.is_revoked]
        users = [feed.user_of(each.organisation, each.name) for each in active]
        for user, (depth, consumers) in partners.waiting(self._feed_uri, users).items():
            PARTNER_DEPTH.labels(user).set(depth)
            PARTNER_CONSUMERS.labels(user).set(consumers)
        for organisation in sorted({each.organisation for each in active}):
            oldest = oldest_of_stream(self._feed_uri, organisation)
            if oldest is not None:
                reaches, is_cut = reach(*oldest, datetime.datetime.now(datetime.UTC))
                STREAM_REACHES.labels(organisation).set(reaches)
                STREAM_CUT.labels(organisation).set(is_cut)

    def measure_disk(self) -> None:
        """The free part of the disk, and the age of the newest backup."""
        there = [each for each in (self._folder, self._backups) if each.is_dir()]
        for folder in there:
            usage = shutil.disk_usage(folder)
            DISK_FREE.labels(folder.name).set(usage.free / usage.total)
        if self._backups in there:
            newest = max((each.stat().st_mtime for each in self._backups.iterdir()), default=0.0)
            BACKUP_AGE.set(time.time() - newest)


def queues_of_services() -> list[str]:
    """The names of the services' queues. A child asks for them: it loads the code of all services, which takes 40 MB."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.topology", "--queues"], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def oldest_of_stream(feed_uri: str, organisation: str) -> tuple[int, datetime.datetime] | None:
    """The offset and the time of the oldest event of a stream; None while it is empty or not there."""
    found: list[Any] = []
    with contextlib.closing(connect(feed_uri)) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 1, False)
        try:
            channel.basic_consume(
                feed.stream_of(organisation), callback=found.append, arguments={"x-stream-offset": "first"}
            )
            connection.drain_events(timeout=2)
        except (amqp.NotFound, TimeoutError):
            return None
    if not found:
        return None
    offset = (found[0].headers or {}).get("x-stream-offset", 0)
    return offset, datetime.datetime.fromisoformat(json.loads(found[0].body)["time"])


def reach(offset: int, oldest: datetime.datetime, now: datetime.datetime) -> tuple[float, bool]:
    """How many seconds a stream reaches back, and whether it has forgotten what it should still have.

    A stream that has forgotten nothing begins with offset 0. It forgets whole files, so it may be a little longer than its limit.
    """
    age = now - oldest
    return age.total_seconds(), offset > 0 and age < datetime.timedelta(days=feed.STREAM_DAYS)


def main(arguments: list[str]) -> int:
    """Watch until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, required=True, help="port of /metrics on 127.0.0.1")
    parser.add_argument("--folder", type=Path, required=True, help="where the data is")
    parser.add_argument("--broker-port", type=int, help="port of the private broker in that folder")
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    secrets = asked.folder / "secrets"
    broker = (
        Broker(asked.folder / "broker", asked.broker_port, secrets_folder=secrets)
        if asked.broker_port
        else None
    )
    backups = Path(os.environ.get("BACKUP_DIR") or asked.folder / "backups")
    watch = Watch(
        os.environ["AMQP_URI"],
        os.environ["FEED_AMQP_URI"],
        Database(os.environ["IDENTITY_DATABASE_URL"], pool_size=1),
        asked.folder,
        broker,
        backups,
        queues_of_services(),
    )
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: watch.stopping.set())
    start_http_server(asked.port, "127.0.0.1", REGISTRY)
    watch.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
