"""`python -m deploy.settings`: every setting of every process, with its default and meaning, as Markdown."""

from __future__ import annotations

import importlib

from deploy.migrate import SERVICES
from gateway.live.settings import LiveSettings
from gateway.settings import GatewaySettings
from services.chassis.settings import Settings, describe


def settings_of(process: str) -> type[Settings]:
    """The settings of the gateway, of the live process or of a service."""
    if process == "gateway":
        return GatewaySettings
    if process == "live":
        return LiveSettings
    settings: type[Settings] = importlib.import_module(f"services.{process}.settings").Settings
    return settings


def main() -> None:
    """Print the settings."""
    for process in ("gateway", "live", *SERVICES):
        print(f"## {process}\n\n{describe(settings_of(process))}\n")


if __name__ == "__main__":
    main()
