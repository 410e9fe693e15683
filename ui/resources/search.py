"""Full-text search over the catalogue in English and Chinese: an inverted index in memory, built once.

Latin words are folded (case, accents, plural); a run of Chinese characters is read as its overlapping pairs, which
needs no dictionary. A word finds entries exactly, else by its beginning, else by a near spelling (rapidfuzz); a run of
Chinese with pairs that stand nowhere is mended by the nearest words of the catalogue.
A title weighs more than an author, an author more than a topic, a topic more than the explanation.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from math import log

from rapidfuzz import process
from rapidfuzz.distance import OSA

from dlcore.resources.schema import Resource
from ui.resources.catalogue import all_resources, vocabulary
from ui.resources.mending import mend

WEIGHTS: Mapping[str, float] = {"title": 8.0, "alias": 7.0, "author": 5.0, "word": 4.0, "text": 1.5}
PREFIX, TYPO, RETIRED, EASY = 0.7, 0.5, 0.8, 1.1
STOP_WORDS = frozenset(
    [
        "a",
        "about",
        "an",
        "and",
        "are",
        "at",
        "be",
        "by",
        "can",
        "do",
        "for",
        "from",
        "get",
        "how",
        "i",
        "in",
        "into",
        "is",
        "it",
        "me",
        "my",
        "of",
        "on",
        "or",
        "out",
        "please",
        "the",
        "to",
        "up",
        "use",
        "want",
        "what",
        "where",
        "which",
        "who",
        "with",
        "you",
        "your",
    ],
)
_STOP_PHRASES = re.compile(
    r"怎么样|怎样|怎么|如何|什么|哪些|哪个|为什么|请问|我想|想要|有没有|一下|关于|适合|推荐|的|了|到|把|给|我|吗|呢|和|与|在|用|学习|学"
)
_RUNS = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]+")
_HAN = re.compile(r"[\u3400-\u9fff]{2,}")
_JOINED = re.compile(r"[a-z0-9]+(?:[-.+][a-z0-9]+)+")


def fold(text: str) -> str:
    """Lower case, without accents, full-width forms made plain."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _tokens(text: str) -> Iterator[str]:
    folded = fold(text)
    for joined in _JOINED.findall(folded):
        yield re.sub(r"[-.+]", "", joined)
    for run in _RUNS.findall(folded):
        if run[0].isascii():
            yield _singular(run)
        elif len(run) == 1:
            yield run
        else:
            yield from (run[index : index + 2] for index in range(len(run) - 1))


def index_tokens(text: str) -> set[str]:
    """Everything under which a text may be found: words, words joined over hyphens, Chinese pairs and characters."""
    return set(_tokens(text)) | set(re.findall(r"[\u3400-\u9fff]", text))


def query_tokens(query: str) -> list[str]:
    """The words of a question that carry it, each once; all of them if none would be left."""
    telling = [token for token in _tokens(_STOP_PHRASES.sub(" ", fold(query))) if token not in STOP_WORDS]
    return list(dict.fromkeys(telling or _tokens(query)))


@cache
def _chinese_words() -> frozenset[str]:
    """The Chinese words that name something in the catalogue: of titles, other names, authors, topics and kinds."""
    naming = {"title", "alias", "author", "word"}
    fields = (field for resource in all_resources() for field in _fields(resource))
    texts = [fold(text) for field, text in fields if field in naming]
    # Also as they are left of a query, which is read without its small words.
    return frozenset(word for text in texts for word in _HAN.findall(f"{text} {_STOP_PHRASES.sub(' ', text)}"))


def _meant(query: str) -> dict[str, float]:
    """The words of a question, each with how surely it is meant; those of Chinese runs with slips as mended."""
    postings, _latin = _index()
    certain = dict.fromkeys(query_tokens(query), 1.0)
    telling = _STOP_PHRASES.sub(" ", fold(query))
    for run in _HAN.findall(telling):
        pieces = mend(run, _chinese_words(), postings.__contains__)
        if not any(piece.mended for piece in pieces):
            continue
        for token in _tokens(run):
            certain.pop(token, None)
        for piece in pieces:
            if piece.mended or len(piece.text) > 1:
                certain |= dict.fromkeys(_tokens(piece.text), TYPO if piece.mended else 1.0)
    return certain


def _fields(resource: Resource) -> Iterator[tuple[str, str]]:
    yield from (("title", resource.title_en), ("title", resource.title_zh))
    yield from (("alias", alias) for alias in (resource.id, *resource.aliases))
    yield ("author", resource.authors)
    words = vocabulary()
    named = [("kind", resource.kind), ("level", resource.level), ("cost", resource.cost)]
    named += [("topic", topic) for topic in resource.topics] + [("speaks", spoken) for spoken in resource.languages]
    for facet, value in named:
        word = words[facet][value]
        yield from (("word", name) for name in (word.en, word.zh, *word.aliases))
    if resource.year:
        yield ("word", str(resource.year))
    texts = (resource.why_en, resource.why_zh, resource.idea_en, resource.idea_zh)
    yield from (("text", text) for text in texts if text)


@cache
def _index() -> tuple[Mapping[str, Mapping[str, float]], tuple[str, ...]]:
    """For each token the entries that have it, with the weight of the best field; and the Latin tokens, sorted."""
    postings: dict[str, dict[str, float]] = defaultdict(dict)
    for resource in all_resources():
        for field, text in _fields(resource):
            for token in index_tokens(text):
                postings[token][resource.id] = max(WEIGHTS[field], postings[token].get(resource.id, 0.0))
    return postings, tuple(sorted(token for token in postings if token[0].isascii()))


def _near(token: str) -> dict[str, float]:
    """The tokens of the index that a typed token may mean, each with how surely."""
    postings, latin = _index()
    if not token[0].isascii():
        return {token: 1.0} if token in postings else {}
    meant = {other: PREFIX for other in latin if len(token) > 1 and other.startswith(token)}
    if token in postings:
        meant[token] = 1.0
    if not meant and len(token) > 3:
        slips = 1 if len(token) < 8 else 2
        found = process.extract(token, latin, scorer=OSA.distance, score_cutoff=slips, limit=8)
        nearest = min((distance for _other, distance, _index in found), default=0)
        meant = {other: TYPO for other, distance, _index in found if distance == nearest}
    return meant


@cache
def _names() -> Mapping[str, tuple[str, ...]]:
    """The folded titles and other names of each entry."""
    return {
        resource.id: tuple(fold(name) for name in (resource.title_en, resource.title_zh, *resource.aliases))
        for resource in all_resources()
    }


def _rarity(documents: int) -> float:
    return log(1 + len(all_resources()) / documents)


def search(query: str) -> dict[str, float]:
    """The entries that answer a query, by id, best first, each with its score. Empty for a query without words."""
    postings, _latin = _index()
    scores: dict[str, float] = defaultdict(float)
    met: dict[str, float] = defaultdict(float)
    wanted = 0.0
    for token, certain in _meant(query).items():
        best: dict[str, float] = {}
        meant = _near(token)
        rarity = _rarity(max(1, len(set().union(*(postings[other] for other in meant)))))
        for other, sure in meant.items():
            for identifier, weight in postings[other].items():
                best[identifier] = max(best.get(identifier, 0.0), weight * sure * certain)
        for identifier, weight in best.items():
            scores[identifier] += weight * rarity
            met[identifier] += rarity
        wanted += rarity
    phrase = fold(query).strip()
    for resource in all_resources():
        if resource.id not in scores:
            continue
        names = _names()[resource.id]
        if phrase in names:
            scores[resource.id] *= 2
        elif any(phrase in name for name in names):
            scores[resource.id] *= 1.4
        scores[resource.id] *= (met[resource.id] / wanted) ** 2 * (RETIRED if resource.retired else 1.0)
        scores[resource.id] *= EASY if resource.level == "beginner" else 1.0
    enough = {identifier: score for identifier, score in scores.items() if met[identifier] >= 0.4 * wanted}
    return dict(sorted(enough.items(), key=lambda item: -item[1]))
