"""A18: forty hostile documents, and what reading each of them costs the child that reads it."""

from __future__ import annotations

import resource
import time

import pytest

from services.chassis.pdf_screening import screen
from services.contracts.errors import Refused
from tests.unit.signing.test_pdf_screening import HOSTILE

MOST_CPU_S, MOST_MB, KINDS = 5.0, 512.0, 40


def verdict(document: bytes) -> str:
    """The code with which a document is refused; empty if it is not."""
    try:
        screen(document)
    except Refused as refused:
        return refused.code
    return ""


@pytest.mark.full
@pytest.mark.timeout(1200)
@pytest.mark.fault("A18")
def test_forty_hostile_documents_are_refused_and_cost_little() -> None:
    accepted, most_cpu_s, slowest_s = [], 0.0, 0.0
    for kind, (code, build) in HOSTILE.items():
        document = build()
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        if verdict(document) != code:
            accepted.append(kind)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        most_cpu_s, slowest_s = max(most_cpu_s, took), max(slowest_s, time.monotonic() - began)
    most_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"A18: attempted {len(HOSTILE)} accepted {len(accepted)} most CPU {most_cpu_s:.2f} s, most memory of a child "
        f"{most_mb:.0f} MB, slowest {slowest_s:.1f} s"
    )
    assert accepted == []
    assert len(HOSTILE) >= KINDS
    assert most_cpu_s <= MOST_CPU_S + 0.5  # the limit counts whole seconds
    assert most_mb <= MOST_MB
