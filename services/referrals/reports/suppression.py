"""Small cells of a report are left blank, so that nobody can be recognised in it.

The rule. A count from 1 to below the limit is blank. Wherever the report also shows the sum of some counts, a blank one
could be computed from it: so in each such sum at least two are blank and together make at least the limit; the smallest
others are taken for that, at last the sum itself. It is repeated until every sum holds. A count of 0 is shown: it is
about nobody. A median or percentile is blank where its count is.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def blank_cells(cells: Mapping[Key, int], sums: Sequence[tuple[Key, Sequence[Key]]], below: int) -> set[Key]:
    """The cells to leave blank. `sums` are pairs of a cell and the cells that it is the sum of."""
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
    """One more cell of this sum that must be blank, or None where nothing can be computed from it."""
    hidden = [key for key in parts if key in blank]
    if total in blank:
        # Then the sum tells nothing, unless every part of it is shown.
        if hidden:
            return None
        return min((key for key in parts if cells[key] > 0), key=lambda key: cells[key], default=None)
    if not hidden or (len(hidden) > 1 and sum(cells[key] for key in hidden) >= below):
        return None
    shown = [key for key in parts if key not in blank and cells[key] > 0]
    return min(shown, key=lambda key: cells[key], default=total)
