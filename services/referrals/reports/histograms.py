"""Histograms as whole numbers: how many stays of each class of duration, 32 bits for each class, the lowest class first.

Two histograms are added or subtracted by adding or subtracting the numbers, whatever is in them: so to add up thousands
of them takes milliseconds, where counting the stays again would take seconds. At rest they are compressed.
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate

_BYTES = 4
_LEVEL = 1  # most of it is zeros: a higher level takes longer and saves nothing

MEDIAN, P90 = 50, 90


def histogram_of(classes: Iterable[int]) -> int:
    """The histogram of these stays, given by their classes of duration."""
    numbers = Counter(classes)
    if not numbers:
        return 0
    dense = [0] * (max(numbers) + 1)
    for duration_class, number in numbers.items():
        dense[duration_class] = number
    return int.from_bytes(struct.pack(f"<{len(dense)}I", *dense), "little")


def packed(histogram: int) -> bytes:
    """A histogram as it is kept."""
    return zlib.compress(histogram.to_bytes((histogram.bit_length() + 7) // 8, "little"), _LEVEL)


def unpacked(content: bytes) -> int:
    """A histogram that was kept."""
    return int.from_bytes(zlib.decompress(content), "little")


def percentiles(histogram: int, *shares: int) -> tuple[int, tuple[int, ...]]:
    """How many stays there are, and the class of each percentile by nearest rank (in percent). Not for an empty one."""
    length = (histogram.bit_length() + 8 * _BYTES - 1) // (8 * _BYTES)
    dense = struct.unpack(f"<{length}I", histogram.to_bytes(length * _BYTES, "little"))
    so_far = list(accumulate(dense))
    total = so_far[-1]
    # -(-a // b) is a / b rounded up, in whole numbers: a share of 0.9 is none that a computer can write down.
    return total, tuple(bisect_left(so_far, -(-total * share // 100)) for share in shares)
