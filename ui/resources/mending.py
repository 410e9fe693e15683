"""Slips in Chinese queries: a wrong, missing, superfluous or swapped character, mended by the words of the catalogue.

Chinese has no spaces, so slips are looked for while a run of characters is cut into words: the cheapest way to cover it
by words as they are, by pairs that occur in the catalogue, and by words that are one slip away (rapidfuzz).
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

LONGEST = 24
"""Characters of a run that are read for slips; whoever writes more is not looking up a word."""
_WORD, _PAIR, _SKIPPED = 0.01, 0.3, 1.3
_SLIP, _SLIP_IN_TWO = 1.2, 1.8
"""What covering a part costs: less than skipping two characters, more than leaving alone what occurs as it is."""


@dataclass(frozen=True)
class Piece:
    """A part of a query, and whether it was mended."""

    text: str
    mended: bool


def mend(run: str, words: Collection[str], occurs: Callable[[str], bool]) -> list[Piece]:
    """A run of Chinese characters as it was probably meant; in one piece as it is, if nothing in it looks like a slip.

    ``words`` are what can be meant, two characters or longer; ``occurs`` says whether a pair of characters is anywhere
    in the catalogue. A slip is only looked for around pairs that are not.
    """
    unknown = [not occurs(run[index : index + 2]) for index in range(len(run) - 1)]
    if not any(unknown) or len(run) > LONGEST:
        return [Piece(run, mended=False)]
    longest = max(map(len, words))
    # The cheapest way to cover the first characters, by how many: its cost, and its pieces.
    ways: list[tuple[float, list[Piece]]] = [(0.0, [])] + [(float("inf"), [])] * len(run)
    for start in range(len(run)):
        for stop in range(start + 1, min(len(run), start + longest + 1) + 1):
            part, before = run[start:stop], ways[start]
            ways[stop] = min(ways[stop], _then(before, _cost(part, words, occurs), part, mended=False), key=_first)
            if any(unknown[start : stop - 1]) and (meant := _nearest(part, words, whole=part == run)):
                cost = _SLIP if len(part) > 2 else _SLIP_IN_TWO
                ways[stop] = min(ways[stop], _then(before, cost, meant, mended=True), key=_first)
    return ways[-1][1]


def _first(way: tuple[float, list[Piece]]) -> float:
    return way[0]


def _then(way: tuple[float, list[Piece]], cost: float, text: str, *, mended: bool) -> tuple[float, list[Piece]]:
    """A way and one part more; parts that stay as they are are not cut apart."""
    total, pieces = way
    if pieces and not mended and not pieces[-1].mended:
        return total + cost, [*pieces[:-1], Piece(pieces[-1].text + text, mended=False)]
    return total + cost, [*pieces, Piece(text, mended)]


def _cost(part: str, words: Collection[str], occurs: Callable[[str], bool]) -> float:
    """What it costs to leave a part as it is."""
    if part in words:
        return _WORD
    if len(part) == 1:
        return _SKIPPED
    return _PAIR if len(part) == 2 and occurs(part) else float("inf")


def _nearest(part: str, words: Collection[str], *, whole: bool) -> str:
    """The word one slip away from a part; empty if there is none. Of two characters one may be wrong only if there are
    no others in the run, since nearly all pairs of characters are one slip away from some word.
    """
    found = process.extract(part, words, scorer=OSA.distance, score_cutoff=1, limit=20)
    near = [word for word, _distance, _index in found if len(word) > 2 or (whole and len(part) == 2)]
    # A character left out is likelier than a wrong one, and a wrong one likelier later than at the beginning.
    return min(near, key=lambda word: (not set(part) <= set(word), word[0] != part[0], len(word)), default="")
