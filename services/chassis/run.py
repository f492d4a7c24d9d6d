"""`python -m services.chassis.run <service>`: one service process, from its settings to a clean stop.

On SIGTERM the process drains: it takes no new work, gives running work DRAIN_S seconds, then ends.
"""

# ruff: noqa: E402 - eventlet must patch the standard library before anything else is imported
from __future__ import annotations

import os
import warnings

warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated")
os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
# Hashing, PDFs and parsing run in native threads. More threads than cores would only cost memory.
os.environ.setdefault("EVENTLET_THREADPOOL_SIZE", "4")

import eventlet

# `build` makes psycopg2 cooperative where the database is PostgreSQL: loading it would cost SQLite users 5 MB.
eventlet.monkey_patch(psycopg=False)

import ctypes
import gc
import importlib
import signal
import sys

# Optional modules that libraries load and no service uses: rich (megabytes, by structlog) and yaml (by kombu, for messages
# that are refused here).
for unused in ("rich", "yaml"):
    sys.modules.setdefault(unused, None)  # type: ignore[arg-type]  # None makes an import fail
from typing import Any

from nameko.containers import ServiceContainer
from prometheus_client import values

# A histogram has a lock for each of its buckets, and a service has hundreds of histograms. The holder of such a lock adds a
# number and never yields, so a native lock suffices. It is faster and saves 13 KB per histogram.
values.Lock = eventlet.patcher.original("threading").Lock  # type: ignore[attr-defined]  # an import, not an export, of `values`

from services.chassis import logs, tracing
from services.chassis.health import HealthServer
from services.chassis.logs import log
from services.chassis.models import base_of
from services.chassis.runtime import Runtime
from services.chassis.settings import load_settings
from services.chassis.stall_monitor import StallMonitor


def _spare_memory() -> None:
    """Make glibc return the memory of a hash or a signature to the system.

    By default every thread keeps an arena, and after the first freed block of 19 MiB (argon2) glibc keeps all later ones.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        arena_max, mmap_threshold = -8, -3
        libc.mallopt(arena_max, 2)
        libc.mallopt(mmap_threshold, 256 * 1024)


def build(service: str, environ: dict[str, str] | None = None) -> tuple[Any, Runtime]:
    """The container and the runtime of a service, whose package has the classes `Service`, `Settings` and `Base`."""
    module = importlib.import_module(f"services.{service}.service")
    settings = load_settings(importlib.import_module(f"services.{service}.settings").Settings, environ)
    if getattr(settings, f"{service}_database_url").startswith("postgresql"):
        importlib.import_module("eventlet.support.psycopg2_patcher").make_psycopg_green()
    runtime = (
        module.start_runtime(settings)
        if hasattr(module, "start_runtime")
        else Runtime(service, settings, base_of(service))
    )
    config = {
        "AMQP_URI": settings.amqp_uri,
        "runtime": runtime,
        "serializer": "json",
    }
    return ServiceContainer(module.Service, config), runtime


def collect_garbage_seldom() -> None:
    """Let the collector skip the objects of the start, which live as long as the process, and run after 2,000 new ones."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 10, 5)


def main(service: str) -> int:
    """Run until SIGTERM or SIGINT."""
    _spare_memory()
    logs.configure(service, os.environ.get("LOG_LEVEL", "INFO"))
    container, runtime = build(service)
    tracing.start(service, runtime.settings)
    stop = eventlet.event.Event()

    def on_signal(number: int, _frame: Any) -> None:
        log.info("signal", signal=number)
        if not stop.ready():
            eventlet.spawn_after(0, lambda: stop.ready() or stop.send(None))

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    runtime.start()
    container.start()
    health = HealthServer(service, runtime.settings.health_host, runtime.settings.health_port, runtime.checks)
    health.start()
    collect_garbage_seldom()
    StallMonitor(service).start()
    log.info("started", name=service, pid=os.getpid())
    stop.wait()
    with eventlet.Timeout(runtime.settings.drain_s, False):
        container.stop()
        runtime.stop()
        tracing.stop()
        log.info("stopped", name=service)
        return 0
    log.warning("stopped_before_all_work_was_done", name=service)
    sys.stdout.flush()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
