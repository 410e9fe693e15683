"""Language in small: next words by counting, and a judge of opinions that weighs words and knows no order."""

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

LONGEST_TEXT = 200
"""Characters of a visitor's text that are read."""
_RUN = re.compile(r"[a-z']+|[\u3400-\u9fff]+", re.IGNORECASE)


def next_tokens(tokens: Sequence[str], last: str) -> list[tuple[str, float]]:
    """How often each token follows ``last`` in a text, as shares, the most frequent first."""
    counts = Counter(after for before, after in pairwise(tokens) if before == last)
    total = sum(counts.values())
    return [(token, count / total) for token, count in counts.most_common()]


def tokens_of(text: str, vocabulary: Collection[str]) -> list[str]:
    """A text cut into tokens: Latin words in lower case; Chinese by the longest word of ``vocabulary``, else by character."""
    found: list[str] = []
    for run in _RUN.findall(text[:LONGEST_TEXT].lower()):
        if run[0].isascii():
            found.append(run)
            continue
        start = 0
        while start < len(run):
            stop = next(
                (end for end in range(min(len(run), start + 4), start + 1, -1) if run[start:end] in vocabulary), 0
            )
            found.append(run[start : stop or start + 1])
            start += len(found[-1])
    return found


@dataclass(frozen=True)
class Opinions:
    """A multinomial naive Bayes judge: how often each word stood in praise and in blame.

    Source: Manning, Raghavan, Schütze, "Introduction to Information Retrieval" (2008), section 13.2.
    """

    praise: Mapping[str, int]
    blame: Mapping[str, int]
    praises: int
    blames: int

    @property
    def vocabulary(self) -> frozenset[str]:
        """All words it has seen."""
        return frozenset((*self.praise, *self.blame))

    def evidence(self, token: str) -> float:
        """Ln P(token | praise) − ln P(token | blame), each count one larger than it is; 0 for a word never seen."""
        if token not in self.vocabulary:
            return 0.0
        size = len(self.vocabulary)
        among_praise = (self.praise.get(token, 0) + 1) / (sum(self.praise.values()) + size)
        among_blame = (self.blame.get(token, 0) + 1) / (sum(self.blame.values()) + size)
        return math.log(among_praise) - math.log(among_blame)  # opposite words weigh exactly alike

    def probability_of_praise(self, tokens: Sequence[str]) -> float:
        """P(praise | tokens) in [0, 1], as if words came independently of one another: their order does not matter."""
        logit = math.fsum([math.log(self.praises / self.blames), *map(self.evidence, tokens)])
        return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0


def learn(lines: Sequence[str]) -> Opinions:
    """The judge from examples, one a line, words apart, ``+`` or ``-`` first."""
    praise = [line[1:].split() for line in lines if line.startswith("+")]
    blame = [line[1:].split() for line in lines if line.startswith("-")]
    return Opinions(
        Counter(token for words in praise for token in words),
        Counter(token for words in blame for token in words),
        len(praise),
        len(blame),
    )
