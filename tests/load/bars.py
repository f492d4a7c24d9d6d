"""The bars of `make bench`: limits of figures, printed with pass or fail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """`value` of `what` is at least `least`, or at most `most`."""

    what: str
    value: float
    least: float | None = None
    most: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the value meets the bar."""
        return (self.least is None or self.value >= self.least) and (
            self.most is None or self.value <= self.most
        )

    def __str__(self) -> str:
        bound = f"at least {self.least}" if self.least is not None else f"at most {self.most}"
        return f"{'pass' if self.holds else 'FAIL'}  {self.what}: {self.value:.2f}, {bound}"


def print_bars(bars: Iterable[Bar]) -> bool:
    """Print each; whether all hold."""
    bars = list(bars)
    print("\n".join(["", *map(str, bars)]), flush=True)
    return all(bar.holds for bar in bars)
