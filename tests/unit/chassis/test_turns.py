"""Loops in turns."""

from __future__ import annotations

from services.chassis import turns


def test_others_run_after_every_few_rows_and_no_row_is_lost(monkeypatch):
    log: list[object] = []
    monkeypatch.setattr(turns.time, "sleep", log.append)
    rows = turns.in_turns(iter("abcde"), at_once=2)
    assert [(row, len(log)) for row in rows] == [("a", 0), ("b", 0), ("c", 1), ("d", 1), ("e", 2)]
    assert log == [0, 0]
