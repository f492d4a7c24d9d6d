"""Histograms as whole numbers: the number of stays of each class of duration, in 32 bits for each class, lowest class first.

Adding or subtracting the whole numbers adds or subtracts the histograms. So the sum of thousands of them takes milliseconds,
where counting the stays again would take seconds. They are stored compressed.
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate

_BYTES = 4
_LEVEL = 1  # they are mostly zeros: a higher level takes longer and saves nothing

MEDIAN, P90 = 50, 90


def histogram_of(classes: Iterable[int]) -> int:
    """The histogram of stays with these classes of duration."""
    numbers = Counter(classes)
    if not numbers:
        return 0
    dense = [0] * (max(numbers) + 1)
    for duration_class, number in numbers.items():
        dense[duration_class] = number
    return int.from_bytes(struct.pack(f"<{len(dense)}I", *dense), "little")


def packed(histogram: int) -> bytes:
    """A histogram as it is stored."""
    return zlib.compress(histogram.to_bytes((histogram.bit_length() + 7) // 8, "little"), _LEVEL)


def unpacked(content: bytes) -> int:
    """A histogram from its stored form."""
    return int.from_bytes(zlib.decompress(content), "little")


def percentiles(histogram: int, *shares: int) -> tuple[int, tuple[int, ...]]:
    """The number of stays, and the class of each percentile (`shares` in percent) by nearest rank.

    The histogram must not be empty.
    """
    length = (histogram.bit_length() + 8 * _BYTES - 1) // (8 * _BYTES)
    dense = struct.unpack(f"<{length}I", histogram.to_bytes(length * _BYTES, "little"))
    so_far = list(accumulate(dense))
    total = so_far[-1]
    # -(-a // b) is a / b rounded up. It uses whole numbers, because a float cannot represent 0.9 exactly.
    return total, tuple(bisect_left(so_far, -(-total * share // 100)) for share in shares)
