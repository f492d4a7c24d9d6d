"""Finding names as they are typed, typing errors included, in a few milliseconds among many thousands.

`Names` knows words: each word says which names have it, so a search looks at words, never at all names.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from heapq import nsmallest

from services.referrals.directory.rules import errors_forgiven, search_key

SORTED_AGAIN_FROM = 1_000
_LAST = "\U0010ffff"
_AFTER_DIGITS = ":"  # a key has only letters and digits, so what comes before this begins with a digit
Costs = dict[int, int]


class Names:
    """The names of one directory. A name is found by words that begin as typed, hold what was typed, or nearly do."""

    def __init__(self) -> None:
        self._numbers: list[str] = []
        self._keys: list[str] = []
        self._inactive: set[int] = set()
        self._positions: dict[str, int] = {}
        self._by_word: dict[str, array[int]] = {}
        self._words: list[str] = []  # in order, but for the new ones
        self._new_words: list[str] = []
        self._beginnings: dict[int, list[tuple[str, int, int]]] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def put(self, number: str, key: str, *, is_inactive: bool) -> None:
        """Add a name by its search key, or replace the one that the resource with this number had."""
        at = self._positions.get(number)
        if at is None:
            at = self._positions[number] = len(self._numbers)
            self._numbers.append(number)
            self._keys.append("")
        (self._inactive.add if is_inactive else self._inactive.discard)(at)
        if self._keys[at] == key:
            return
        for word in set(self._keys[at].split()):
            self._by_word[word].remove(at)
        self._keys[at] = key
        for word in set(key.split()):
            known = self._by_word.get(word)
            if known is None:
                known = self._by_word[word] = array("I")
                self._new_words.append(word)
            known.append(at)

    def find(self, typed: str, limit: int, *, include_inactive: bool) -> list[str]:
        """Numbers of the best names for what was typed, best first; inactive ones after others that fit as well.

        First names that begin so, then those with words that begin so, with words that hold it, with words that were
        joined or parted, and in the end with words that are misspelt.
        """
        wanted = search_key(typed)
        if not wanted:
            return []
        self._sort_words()
        found: list[int] = []
        for costs in self._stages(wanted):
            more = costs.keys() - found if include_inactive else costs.keys() - self._inactive - set(found)
            found += nsmallest(limit - len(found), more, key=lambda at, each=costs: self._order(at, each[at]))
            if len(found) == limit:
                break
        return [self._numbers[at] for at in found]

    def _order(self, at: int, cost: int) -> tuple[bool, int, str, str]:
        return at in self._inactive, cost, self._keys[at], self._numbers[at]

    def _stages(self, wanted: str) -> Iterator[Costs]:
        """Names that fit, stage by stage, each with its cost within the stage."""
        words = wanted.split()
        by_words = self._with_all(self._begun(word) for word in words)
        yield {at: self._keys[at] != wanted for at in by_words if self._keys[at].startswith(wanted)}
        yield dict.fromkeys(by_words, 0)
        yield dict.fromkeys(self._with_all(self._holding(word) for word in words), 0)
        yield dict.fromkeys(self._respaced(words), 0)
        yield self._misspelt(words)

    def _begun(self, beginning: str) -> set[int]:
        start, end = bisect_left(self._words, beginning), bisect_left(self._words, beginning + _LAST)
        return self._having(self._words[start:end])

    def _holding(self, part: str) -> set[int]:
        return self._having(word for word in self._words if part in word)

    def _having(self, words: Iterable[str]) -> set[int]:
        return set().union(*(self._by_word[word] for word in words))

    @staticmethod
    def _with_all(sets: Iterable[set[int]]) -> set[int]:
        found: set[int] | None = None
        for each in sets:
            found = each if found is None else found & each
            if not found:
                break
        return found or set()

    def _respaced(self, words: list[str]) -> set[int]:
        """Names that have two of the words as one, or one of them as two."""
        found: set[int] = set()
        for at, word in enumerate(words):
            others = [*words[:at], *words[at + 1 :]]
            for cut in range(3, len(word) - 2):
                if word[:cut] in self._by_word:
                    parts = (self._having([word[:cut]]), self._begun(word[cut:]))
                    found |= self._with_all([*parts, *map(self._begun, others)])
            if at + 1 < len(words):
                joined = [*words[:at], word + words[at + 1], *words[at + 2 :]]
                found |= self._with_all(map(self._begun, joined))
        return found

    def _misspelt(self, words: list[str]) -> Costs:
        costs: Costs | None = None
        for typed in words:
            near = self._near(typed)
            costs = near if costs is None else {at: costs[at] + near[at] for at in costs.keys() & near.keys()}
            if not costs:
                break
        return costs or {}

    def _near(self, typed: str) -> Costs:
        """Names with a word that begins nearly as typed, and by how many errors."""
        most = errors_forgiven(typed)
        if not most:
            return dict.fromkeys(self._begun(typed), 0)
        costs: Costs = {}
        for errors, start, end in sorted(
            self._near_words(typed, most), reverse=True
        ):  # the fewest errors stay
            costs.update(dict.fromkeys(self._having(self._words[start:end]), errors))
        return costs

    def _near_words(self, typed: str, most: int) -> Iterator[tuple[int, int, int]]:
        """Errors, start and end of words whose beginning is near. A letter too few or too many shifts where it ends."""
        # 3 MB and 30 ms, when somebody first types what no name holds.
        from rapidfuzz.distance import OSA  # noqa: PLC0415
        from rapidfuzz.process import extract  # noqa: PLC0415

        for length in range(len(typed) - 1, len(typed) + 2):
            beginnings = self._beginnings_of(length)
            texts = [text for text, _, _ in beginnings]
            for _, errors, at in extract(typed, texts, scorer=OSA.distance, score_cutoff=most, limit=None):
                yield int(errors), beginnings[at][1], beginnings[at][2]

    def _beginnings_of(self, length: int) -> list[tuple[str, int, int]]:
        """The different beginnings of this length, with the start and end of their words. Nobody guesses at numbers."""
        known = self._beginnings.get(length)
        if known is None:
            known = self._beginnings[length] = []
            # A plain loop: among 100,000 different words anything finer keeps others waiting for a tenth of a second.
            begun, start = "", bisect_left(self._words, _AFTER_DIGITS)
            for at, word in enumerate([*self._words[start:], ""], start):
                if word[:length] != begun:
                    if begun.isalpha() or (begun and not any(map(str.isdigit, begun))):
                        known.append((begun, start, at))
                    begun, start = word[:length], at
        return known

    def _sort_words(self) -> None:
        if not self._new_words:
            return
        if len(self._new_words) < SORTED_AGAIN_FROM:
            for word in self._new_words:
                insort(self._words, word)
        else:
            self._words += self._new_words
            self._words.sort()
        self._new_words.clear()
        self._beginnings.clear()
