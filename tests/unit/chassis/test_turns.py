"""Loops in turns."""

from __future__ import annotations

from services.chassis import turns


def test_others_run_after_every_few_rows_and_no_row_is_lost(monkeypatch):
    log: list[object] = []
    monkeypatch.setattr(turns.time, "sleep", log.append)
    for row in turns.in_turns(iter("abcde"), at_once=2):
        log.append(f"row {row}")
    assert log == ["row a", "row b", 0, "row c", "row d", 0, "row e"]
