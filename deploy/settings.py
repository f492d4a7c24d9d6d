"""`python -m deploy.settings`: every setting of every process, with its default and meaning, as Markdown."""

from __future__ import annotations

import importlib

from deploy.migrate import SERVICES
from deploy.watch import WatchSettings
from gateway.live.settings import LiveSettings
from gateway.settings import GatewaySettings
from services.chassis.settings import Settings, describe

_OF_OTHERS: dict[str, type[Settings]] = {
    "gateway": GatewaySettings,
    "live": LiveSettings,
    "watch": WatchSettings,
}


def settings_of(process: str) -> type[Settings]:
    """The settings of the gateway, of the live process, of the watch or of a service."""
    if process in _OF_OTHERS:
        return _OF_OTHERS[process]
    settings: type[Settings] = importlib.import_module(f"services.{process}.settings").Settings
    return settings


def main() -> None:
    """Print the settings."""
    for process in (*_OF_OTHERS, *SERVICES):
        print(f"## {process}\n\n{describe(settings_of(process))}\n")


if __name__ == "__main__":
    main()
