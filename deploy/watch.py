"""The watch: one process that makes the broker follow, and measures what no service can measure of itself.

    python -m deploy.watch [--private-broker FOLDER PORT]

It makes the broker do what identity has written down about partners, cuts off partners with too many consumers, and offers as
metrics on its port: the depth and the consumers of every queue (a service that hangs reports neither), what waits for each
partner, how far back each organisation's stream reaches, the free part of the disk, and the age of the newest backup. It is
ready once it has looked at all of it, and lives as long as it goes on looking. Beside a broker of your own it measures, and leaves
users to you (`make partner ARGS="definitions"`). One process is enough; a second one would measure the same.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import logging
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import amqp
from marshmallow import fields, validate
from prometheus_client import CollectorRegistry, Gauge, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer
from sqlalchemy.exc import SQLAlchemyError

from deploy import partners
from deploy.broker import Broker, BrokerError
from services.chassis import wire
from services.chassis.database import Database
from services.chassis.link import connect
from services.chassis.settings import Settings, load_settings
from services.contracts import feed
from services.contracts.errors import Refused
from services.identity.partners import following

log = logging.getLogger("watch")
FOLLOW_EVERY_S, MEASURE_EVERY_S, RESTORE_EVERY_S = 1.0, 10.0, 600.0
LOOK_TAKES_AT_MOST_S = 600.0  # a watch that has begun nothing new for so long stands still
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


class WatchSettings(Settings):
    """From the environment. The folder that holds BLOB_DIR is the one whose disk is measured."""

    FEED_AMQP_URI = fields.String(
        load_default=None,
        metadata={"help": "RabbitMQ address of the virtual host for partners; without it there are none"},
    )
    IDENTITY_DATABASE_URL = fields.String(
        required=True, metadata={"help": "SQLAlchemy URL of the database that says who is a partner"}
    )
    BACKUP_DIR = fields.String(
        load_default=None, metadata={"help": "folder of the backups; `backups` beside BLOB_DIR without it"}
    )
    HEALTH_HOST = fields.String(
        load_default="127.0.0.1", metadata={"help": "address of /healthz, /readyz and /metrics"}
    )
    HEALTH_PORT = fields.Integer(
        required=True,
        validate=validate.Range(1, 65535),
        metadata={"help": "port of /healthz, /readyz and /metrics"},
    )


class Watch:
    """Looks at everything in turn. `broker` is None beside a broker of one's own, `feed_uri` where there are no partners."""

    def __init__(
        self,
        amqp_uri: str,
        feed_uri: str | None,
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
        self._looks = [self.measure_queues, self.measure_disk]
        if broker is not None:
            self._looks[:0] = [self.follow, self.restore]
        if feed_uri is not None:
            self._looks.append(self.measure_feed)
        self._seen: set[str] = set()
        self._began_at = time.monotonic()
        self.stopping = threading.Event()

    @property
    def is_ready(self) -> bool:
        """Whether it has looked at everything once."""
        return self._seen == {look.__name__ for look in self._looks}

    @property
    def goes_on(self) -> bool:
        """Whether it looks at one thing after another, and none holds it up."""
        return time.monotonic() - self._began_at < LOOK_TAKES_AT_MOST_S

    def run(self) -> None:
        """Look until `stopping` is set. What cannot be looked at is logged, and its metric `…last_seconds` stands still."""
        due = dict.fromkeys(self._looks, 0.0)
        every = {self.follow: FOLLOW_EVERY_S, self.restore: RESTORE_EVERY_S}
        while not self.stopping.is_set():
            self._began_at = time.monotonic()
            for look, at in due.items():
                if time.monotonic() >= at:
                    self._began_at = time.monotonic()
                    self._try(look)
                    due[look] = time.monotonic() + every.get(look, MEASURE_EVERY_S)
            self.stopping.wait(0.2)

    def _try(self, look: Callable[[], None]) -> None:
        try:
            look()
        except _FAILURES as error:
            log.warning("watch: %s failed: %s", look.__name__, type(error).__name__)
            return
        self._seen.add(look.__name__)
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
        if self._feed_uri is None:
            return
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


def application(watch: Watch) -> Callable[..., Iterable[bytes]]:
    """The WSGI application of /metrics, /readyz and /healthz."""
    exposition = make_wsgi_app(REGISTRY)

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            metrics: Iterable[bytes] = exposition(environ, start_response)
            return metrics
        holds = {"/healthz": watch.goes_on, "/readyz": watch.is_ready}.get(path)
        status = {True: "200 OK", False: "503 Service Unavailable", None: "404 Not Found"}[holds]
        start_response(status, [("Content-Type", "application/json")])
        return [wire.encode({"service": "watch", "ok": bool(holds)})]

    return answer


class _Quiet(WSGIRequestHandler):
    """Logs no request: one comes every few seconds."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing."""


def main(arguments: list[str]) -> int:
    """Watch until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--private-broker", nargs=2, metavar=("FOLDER", "PORT"), help="the stack's folder, the broker's port"
    )
    private = parser.parse_args(arguments).private_broker
    settings = load_settings(WatchSettings)
    logging.basicConfig(level=settings.log_level, format="%(message)s", stream=sys.stderr)
    folder = Path(settings.blob_dir).parent
    broker = None
    if private:
        of_stack = Path(private[0])
        broker = Broker(of_stack / "broker", int(private[1]), secrets_folder=of_stack / "secrets")
    watch = Watch(
        settings.amqp_uri,
        settings.feed_amqp_uri,
        Database(settings.identity_database_url, pool_size=1),
        folder,
        broker,
        Path(settings.backup_dir or folder / "backups"),
        queues_of_services(),
    )
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: watch.stopping.set())
    server = make_server(
        settings.health_host,
        settings.health_port,
        application(watch),
        ThreadingWSGIServer,
        handler_class=_Quiet,
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    watch.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
