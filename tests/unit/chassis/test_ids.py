"""Random identifiers: drawn in batches, and different in every process."""

from __future__ import annotations

import os
import re

import pytest

from services.chassis import wire


def test_no_identifier_comes_twice():
    drawn = [wire.new_id() for _ in range(2000)]

    assert len(set(drawn)) == 2000
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in drawn)


@pytest.mark.filterwarnings("ignore:Using fork")  # eventlet, if it is loaded: the fork is what is tested
def test_a_child_process_draws_its_own():
    wire.new_id()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, " ".join(wire.new_id() for _ in range(20)).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as theirs:
        others = theirs.read().split()

    assert len(others) == 20
    assert not set(others) & {wire.new_id() for _ in range(500)}
