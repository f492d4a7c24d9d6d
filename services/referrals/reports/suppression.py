"""Small cells of a report are left blank, so that nobody can be recognised in it.

A count from 1 to below the limit is blank. Where the report also shows the sum of some counts, a single blank count could be
computed from the sum. So in each such sum at least two counts are blank, and together they are at least the limit. To reach
that, the smallest other counts become blank too, and finally the sum itself. This is repeated until it holds for every sum. A
count of 0 is shown, because it is about nobody. A median or percentile is blank where its count is.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def blank_cells(cells: Mapping[Key, int], sums: Sequence[tuple[Key, Sequence[Key]]], below: int) -> set[Key]:
    """The cells to leave blank. `sums` has pairs of a cell and the cells whose sum it is."""
    blank = {key for key, count in cells.items() if 0 < count < below}
    is_stable = False
    while not is_stable:
        is_stable = True
        for total, parts in sums:
            while (more := _cell_to_add(cells, blank, total, parts, below)) is not None:
                blank.add(more)
                is_stable = False
    return blank


def _cell_to_add(
    cells: Mapping[Key, int], blank: set[Key], total: Key, parts: Sequence[Key], below: int
) -> Key | None:
    """The next cell of this sum that must become blank, or None where the sum discloses no blank cell."""
    hidden = [key for key in parts if key in blank]
    if total in blank:
        # A blank sum discloses nothing, unless all of its parts are shown.
        if hidden:
            return None
        return min((key for key in parts if cells[key] > 0), key=lambda key: cells[key], default=None)
    if not hidden or (len(hidden) > 1 and sum(cells[key] for key in hidden) >= below):
        return None
    shown = [key for key in parts if key not in blank and cells[key] > 0]
    return min(shown, key=lambda key: cells[key], default=total)
