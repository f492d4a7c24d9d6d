"""A recorder of spans that remembers them in this process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from services.chassis import tracing


@dataclass
class FakeSpan:
    """A span, and how it ended."""

    kind: str
    name: str
    parent: str | None
    traceparent: str
    started_at: float | None = None
    ends: list[tuple[str, bool]] = field(default_factory=list)

    def end(self, outcome: str, *, is_fault: bool = False, name: str | None = None) -> None:
        self.name = name or self.name
        self.ends.append((outcome, is_fault))


class FakeRecorder:
    """Remembers spans. The traceparent of the n-th span ends with its number."""

    def __init__(self) -> None:
        self.spans: list[FakeSpan] = []

    def begin(self, kind: str, name: str, parent: str | None, started_at: float | None) -> FakeSpan:
        traceparent = f"00-{'7' * 32}-{len(self.spans) + 1:016d}-01"
        self.spans.append(FakeSpan(kind, name, parent, traceparent, started_at))
        return self.spans[-1]

    def stop(self) -> None:
        """Nothing is left to be sent."""


@contextlib.contextmanager
def recorded() -> Iterator[list[FakeSpan]]:
    """The spans that this process records meanwhile."""
    recorder = FakeRecorder()
    tracing.record_with(recorder)
    try:
        yield recorder.spans
    finally:
        tracing.record_with(None)
