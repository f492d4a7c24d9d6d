"""`python -m deploy.settings`: every setting of every process, with its default and meaning, as Markdown."""

from __future__ import annotations

import importlib

from deploy.migrate import SERVICES
from gateway.settings import GatewaySettings
from services.chassis.settings import describe


def main() -> None:
    """Print the settings."""
    print(f"## gateway\n\n{describe(GatewaySettings)}\n")
    for service in SERVICES:
        print(
            f"## {service}\n\n{describe(importlib.import_module(f'services.{service}.settings').Settings)}\n"
        )


if __name__ == "__main__":
    main()
