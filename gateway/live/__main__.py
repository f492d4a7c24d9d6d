"""`python -m gateway.live`: serve the streams."""

from __future__ import annotations

from granian.constants import Interfaces

from gateway.live.settings import LiveSettings
from gateway.serve import serve
from services.chassis.settings import load_settings

if __name__ == "__main__":
    settings = load_settings(LiveSettings)
    serve("gateway.live.server:build", Interfaces.RSGI, settings.live_host, settings.live_port, 5)
