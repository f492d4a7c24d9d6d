"""A process of notifications that sends what is due, and ends: `python -m tests.load.mail_process DATABASE_URL SMTP_PORT SENDERS`.

It is cooperative, as the service is. Identity's answers are made here, each after the time that a call takes.
"""

# ruff: noqa: E402 - eventlet must patch the standard library before anything else is imported
from __future__ import annotations

import os

os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
import eventlet

eventlet.monkey_patch(psycopg=False)

import importlib
import sys
import threading
import time
from pathlib import Path
from typing import Any

from services.chassis import logs
from services.chassis.database import Database
from services.chassis.run import collect_garbage_seldom
from services.notifications.deliveries.sending import SenderLoop
from tests.integration.notifications.conftest import Notifications
from tests.support.servers import temporary_folder

CALL_S = 0.002


class Sending(Notifications):
    """Notifications on a database that waits for the disk, as a service's does."""

    def __init__(self, url: str, folder: Path, smtp_port: int, senders: int) -> None:
        super().__init__(url, folder, smtp_port)
        self.database.close()
        self.database = self.runtime.database = Database(url, pool_size=16)
        self.runtime.settings.senders = senders
        answer = self.identity.describe_account

        def slow_answer(request: Any) -> Any:
            time.sleep(CALL_S)
            return answer(request)

        self.answers["identity.describe_account"] = slow_answer


def main(url: str, smtp_port: int, senders: int) -> None:
    """Send all that is due."""
    logs.configure("bench", "ERROR")
    if url.startswith("postgresql"):
        importlib.import_module("eventlet.support.psycopg2_patcher").make_psycopg_green()
    with temporary_folder("portico-mails-") as folder:
        process = Sending(url, folder, smtp_port, senders)

        collect_garbage_seldom()
        print("ready", flush=True)
        sys.stdin.readline()
        loops = [
            threading.Thread(target=SenderLoop(process.runtime, ("email",))._send_due) for _ in range(senders)
        ]
        for loop in loops:
            loop.start()
        for loop in loops:
            loop.join()
        process.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
