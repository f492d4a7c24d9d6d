"""`python -m gateway`: serve the application, in one process with an event loop and threads."""

from __future__ import annotations

from granian.constants import Interfaces

from gateway.serve import serve
from gateway.settings import GatewaySettings
from services.chassis.settings import load_settings

if __name__ == "__main__":
    settings = load_settings(GatewaySettings)
    serve("gateway.server:build", Interfaces.ASGINL, settings.gateway_host, settings.gateway_port, 25)
