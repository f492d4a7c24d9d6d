"""`make status`: what runs, and what an operator must not miss, in one look.

Asks every process on its own port of this machine, and the watch for queues and partners. The exit code is 1 where something is
wrong, so that a script can ask.
"""

from __future__ import annotations

import http.client
import os
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from deploy.layout import Ports
from deploy.migrate import SERVICES
from deploy.stack import port_base

MOST_REPLICAS = 10
_PATIENCE_S = 2.0
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@dataclass
class Seen:
    """One process: whether it is ready, and its metrics. `problems` are the checks of readiness that fail."""

    name: str
    port: int
    is_ready: bool
    samples: Samples = field(default_factory=dict)

    def total(self, metric: str) -> float:
        """The sum of a metric over its labels."""
        return sum(value for (name, _), value in self.samples.items() if name == metric)

    def by(self, metric: str, label: str) -> dict[str, float]:
        """A metric by one label."""
        return {
            dict(labels)[label]: value for (name, labels), value in self.samples.items() if name == metric
        }


def asked(port: int, path: str) -> tuple[int, str] | None:
    """Status and body of a path on this machine; None where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def samples_of(exposition: str) -> Samples:
    """The samples of a process's metrics."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


def seen(name: str, port: int, ready_port: int | None = None) -> Seen:
    """A process as it is now. Its readiness may be told on another port than its metrics."""
    ready, exposed = asked(ready_port or port, "/readyz"), asked(port, "/metrics")
    return Seen(
        name,
        port,
        ready is not None and ready[0] == 200,
        samples_of(exposed[1]) if exposed is not None and exposed[0] == 200 else {},
    )


def processes(ports: Ports) -> Iterator[Seen]:
    """Every process of the installation; replicas as far as their ports answer."""
    yield seen("gateway", ports.metrics, ports.gateway)
    yield seen("live", ports.live_metrics, ports.live)
    yield seen("watch", ports.watch)
    for service in SERVICES:
        yield seen(service, ports.health(service))
        for number in range(2, MOST_REPLICAS + 1):
            port = ports.health(service, number)
            if asked(port, "/healthz") is not None:
                yield seen(f"{service}-{number}", port)


def lines(found: Iterable[Seen], revisions: dict[str, str], version: str) -> tuple[list[str], list[str]]:
    """What to print of these processes, and what is wrong."""
    told = [
        f"{'process':<18} {'state':<10} {'outbox':>7} {'oldest s':>9} {'stalls':>7} {'memory MB':>10}  schema"
    ]
    wrong: list[str] = []
    watch = None
    for each in found:
        watch = each if each.name == "watch" else watch
        state = "ready" if each.is_ready else "not ready"
        age = each.total("portico_outbox_age_seconds")
        told.append(
            f"{each.name:<18} {state:<10} {each.total('portico_outbox_depth'):>7.0f} {age:>9.0f}"
            f" {each.total('event_loop_stall_seconds_count'):>7.0f}"
            f" {each.total('process_resident_memory_bytes') / 1e6:>10.0f}"
            f"  {revisions.get(each.name.partition('-')[0], '')}"
        )
        if not each.is_ready:
            wrong.append(f"{each.name} is not ready")
        if age > 60:
            wrong.append(f"the outbox of {each.name} stands for {age:.0f} s (runbook/outbox-stands.md)")
        oldest = each.by("portico_deliveries_oldest_seconds", "channel")
        wrong += [
            f"messages by {channel} have waited for {value:.0f} s (runbook/mails-do-not-leave.md)"
            for channel, value in oldest.items()
            if value > 900
        ]
    if watch is not None:
        told += ["", *_of_watch(watch, wrong)]
    return [f"Portico {version}", *told], wrong


def _of_watch(watch: Seen, wrong: list[str]) -> Iterator[str]:
    depths = watch.by("portico_watched_queue_depth", "queue")
    consumers = watch.by("portico_watched_queue_consumers", "queue")
    waiting = {queue: depth for queue, depth in depths.items() if depth}
    unread = [queue for queue, count in consumers.items() if count == 0]
    yield f"{len(depths)} queues, {sum(depths.values()):.0f} messages wait"
    for queue, depth in sorted(waiting.items(), key=lambda item: -item[1])[:20]:
        yield f"  {queue:<50} {depth:>7.0f}"
    wrong += [f"nobody reads {queue} (runbook/queue-without-consumer.md)" for queue in unread[:20]]
    if depths.get("portico.parked"):
        wrong.append(f"{depths['portico.parked']:.0f} messages are parked (runbook/messages-parked.md)")
    for user, count in watch.by("portico_partner_waiting", "partner").items():
        yield f"partner {user}: {count:.0f} events wait"
    if watch.total("portico_partners_undone"):
        wrong.append("the broker does not yet follow (runbook/partners-not-carried-out.md)")
    wrong += [
        f"the stream of {organisation} is cut short (runbook/stream-cut-short.md)"
        for organisation, value in watch.by("portico_stream_cut_short", "organisation").items()
        if value
    ]
    for folder, free in watch.by("portico_disk_free_ratio", "folder").items():
        yield f"disk of {folder}: {free:.0%} free"
        if free < 0.1:
            wrong.append(f"the disk of {folder} is nearly full (runbook/disk-nearly-full.md)")


def version() -> str:
    """The version of the code."""
    project = Path(__file__).resolve().parents[1] / "pyproject.toml"
    return str(tomllib.loads(project.read_text())["project"]["version"])


def revision(url: str) -> str:
    """The revision of a service's database, or why it cannot be told."""
    engine = create_engine(url, hide_parameters=True)
    try:
        with engine.connect() as connection:
            return str(connection.scalar(text("SELECT version_num FROM alembic_version")))
    except SQLAlchemyError as error:
        return type(error).__name__
    finally:
        engine.dispose()


def main() -> int:
    """Print the state of the local stack. Returns 1 if something is wrong."""
    revisions = {service: revision(os.environ[f"{service.upper()}_DATABASE_URL"]) for service in SERVICES}
    told, wrong = lines(processes(Ports(port_base())), revisions, version())
    print("\n".join(told))
    print("\n".join(["", *(f"! {each}" for each in wrong)]) if wrong else "\nNothing is wrong.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
