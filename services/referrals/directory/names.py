"""Search for names as they are typed, with typing errors, in a few milliseconds among many thousands.

`Names` is an index by words: each word leads to the names that have it, so a search goes through words, not names.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from functools import partial
from heapq import nsmallest

from services.contracts.spelling import search_key
from services.referrals.directory.rules import errors_forgiven

SORTED_AGAIN_FROM = 1_000
_LAST = "\U0010ffff"
_AFTER_DIGITS = ":"  # the character after "9": words that sort before it begin with a digit
Costs = dict[int, int]


class Names:
    """The names of one directory. A name matches if its words begin with the typed ones, contain them, or nearly begin so."""

    def __init__(self) -> None:
        self._numbers: list[str] = []
        self._keys: list[str] = []
        self._inactive: set[int] = set()
        self._positions: dict[str, int] = {}
        self._by_word: dict[str, array[int]] = {}
        self._words: list[str] = []  # sorted; new words are in `_new_words` until the next search
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
        """Numbers of the best matches, best first; within a stage, inactive resources come last.

        The stages: names that begin as typed, names with words that begin so, names with words that contain the typed
        ones, names with words joined or split, names with misspelt words.
        """
        wanted = search_key(typed)
        if not wanted:
            return []
        self._sort_words()
        found: list[int] = []
        for costs in self._stages(wanted):
            more = costs.keys() - found if include_inactive else costs.keys() - self._inactive - set(found)
            found += nsmallest(limit - len(found), more, key=partial(self._order, costs))
            if len(found) == limit:
                break
        return [self._numbers[at] for at in found]

    def _order(self, costs: Costs, at: int) -> tuple[bool, int, str, str]:
        return at in self._inactive, costs[at], self._keys[at], self._numbers[at]

    def _stages(self, wanted: str) -> Iterator[Costs]:
        """Positions of matching names, stage by stage, each with its cost within the stage."""
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
        """Names that write two of the typed words as one, or one of them as two."""
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
        """Names with a word that begins nearly as typed, and the number of errors."""
        most = errors_forgiven(typed)
        if not most:
            return dict.fromkeys(self._begun(typed), 0)
        costs: Costs = {}
        # The fewest errors come last and overwrite the others.
        for errors, start, end in sorted(self._near_words(typed, most), reverse=True):
            costs.update(dict.fromkeys(self._having(self._words[start:end]), errors))
        return costs

    def _near_words(self, typed: str, most: int) -> Iterator[tuple[int, int, int]]:
        """Errors, start and end of words with a similar beginning. It may be a letter shorter or longer than what was typed."""
        # The import takes 3 MB and 30 ms, so it waits for the first search that needs it.
        from rapidfuzz.distance import OSA  # noqa: PLC0415
        from rapidfuzz.process import extract  # noqa: PLC0415

        for length in range(len(typed) - 1, len(typed) + 2):
            beginnings = self._beginnings_of(length)
            texts = [text for text, _, _ in beginnings]
            for _, errors, at in extract(typed, texts, scorer=OSA.distance, score_cutoff=most, limit=None):
                yield int(errors), beginnings[at][1], beginnings[at][2]

    def _beginnings_of(self, length: int) -> list[tuple[str, int, int]]:
        """The distinct beginnings of this length, with the start and end of their words. Those with digits are left out."""
        known = self._beginnings.get(length)
        if known is None:
            known = self._beginnings[length] = []
            # A plain loop is the fastest: with 100,000 words, a finer construct blocks other greenlets for 0.1 s.
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
