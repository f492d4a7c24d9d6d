"""The default configuration of a portal. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

DEFAULT_COLOUR = "#1a5fb4"  # buttons are blue by default (S2-54)
DEFAULT_NAMES = {"provider": "Provider Portal"}
DEFAULT_VERSION = 1


@dataclass(frozen=True)
class DefaultConfiguration:
    """The configuration of a portal that nobody has configured."""

    portal: str
    name: str
    version: int = DEFAULT_VERSION
    colour: str = DEFAULT_COLOUR
    ticker: list[str] = field(default_factory=list)


def default_configuration(portal: str) -> DefaultConfiguration:
    """The default of one portal. Each portal has its own configuration (S2-45). Raises KeyError for an unknown one."""
    return DefaultConfiguration(portal, DEFAULT_NAMES[portal])
