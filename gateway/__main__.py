"""`python -m gateway`: serve the application with granian, in one process with threads."""

from __future__ import annotations

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from gateway.settings import GatewaySettings
from services.chassis.settings import load_settings

if __name__ == "__main__":
    settings = load_settings(GatewaySettings)
    Granian(
        "gateway.app:build",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.gateway_host,
        port=settings.gateway_port,
        workers=1,
        blocking_threads=settings.gateway_threads,
        backlog=2048,
        respawn_failed_workers=True,
        workers_kill_timeout=25,
        log_level=LogLevels.warning,
    ).serve()
