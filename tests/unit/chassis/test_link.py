"""Writes to the broker: one at a time, and nobody waits long for a broker that takes nothing more."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from services.chassis import link


@pytest.mark.fault("F4")
def test_who_waits_for_a_turn_to_write_is_told_in_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(link, "TURN_WITHIN_S", 0.05)
    begun, go_on, written = threading.Event(), threading.Event(), []

    def send(data: bytes) -> None:
        begun.set()
        assert go_on.wait(10)
        written.append(data)

    transport = SimpleNamespace(_write=send)
    link._write_one_at_a_time(transport)
    first = threading.Thread(target=transport._write, args=(b"first",))
    first.start()
    begun.wait(10)

    with pytest.raises(link.LinkDown):
        transport._write(b"second")

    go_on.set()
    first.join(10)
    transport._write(b"third")
    assert written == [b"first", b"third"]
