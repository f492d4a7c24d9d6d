"""`python -m deploy.migrate [service …]`: bring the services' databases up to date; `make migrate` in the local stack.

Addresses come from `<SERVICE>_DATABASE_URL`. Each service's migration runs in a separate process, as in production. The way
back is `make downgrade SERVICE=… TO=…`; rules in `deploy/runbook/upgrade.md`.
"""

from __future__ import annotations

import os
import subprocess
import sys

SERVICES = ("identity", "referrals", "portals", "notifications", "signing")


def main(services: tuple[str, ...]) -> int:
    """Migrate all databases at once; returns how many failed. Each failure is printed."""
    for service in services:
        if f"{service.upper()}_DATABASE_URL" not in os.environ:
            sys.exit(f"{service.upper()}_DATABASE_URL is not set")
    command = [sys.executable, "-W", "ignore", "-m", "services.chassis.migrate", "upgrade"]
    running = [subprocess.Popen([*command, service]) for service in services]
    return sum(process.wait() != 0 for process in running)


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:]) or SERVICES))
