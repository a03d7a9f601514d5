"""What makes candidates into the titles that were asked for: promises kept, and chosen to differ.

Pure functions over texts and scores; the searches themselves are `candidates.py`'s.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from narou_gen.conditions import Conditions, LengthClass, length_class
from narou_gen.metrics.misspellings import misspelt
from narou_gen.options import GenerationOptions, Title
from narou_gen.text import comparison_key
from narou_gen.typography import finish_title

_SHAPE = 0.25
"""Share of a title's length in its likeness to another; the rest is its character pairs."""
_LEAST_RELEVANCE = 0.3
"""Titles of less relevance are chosen only where others are too few; see `most_relevant_and_different`."""
_FULL_LENGTH = 8
"""So many characters have 63% of a long title's worth, twice as many 86%."""
_PLACES = 6
"""Places of a title where a missing keyword is tried."""
_BETWEEN_WORDS = re.compile(r"\W+|(?<=[^ぁ-ゖ])と(?=[^ぁ-ゖ])")
"""Parts a few words: 竜騎士、左遷と温泉."""
_AFTER = frozenset("のをにはがでともへや、！？」』）～　 ")
"""A keyword can follow these."""


@dataclass(frozen=True)
class Ranked:
    """A title in a pool."""

    rank: float
    """The highest is the best."""
    title: Title
    manner: str | None = None
    """The length class among whose titles its relevance is measured: the one that was asked for when it was
    found, or its own."""
    objection: str | None = None
    gain: float = 0.0
    """What it is worth beside its score, in nats per token; see the function."""

    @property
    def merit(self) -> float:
        """Score and gain, in nats per token."""
        return self.title.score + self.gain


@dataclass
class Pool:
    """The candidates of one synopsis: each good title once, at its best rank; and why others are none."""

    options: GenerationOptions
    kept: dict[str, Ranked] = field(default_factory=dict)
    """By comparison key."""
    refused: dict[str, Ranked] = field(default_factory=dict)

    def add(self, found: Ranked) -> None:
        among = self.kept if found.objection is None else self.refused
        key = comparison_key(found.title.text)
        if key not in among or found.rank > among[key].rank:
            among[key] = found

    def lacking(self) -> bool:
        return len(self.kept) < self.options.num_titles

    def chosen(self) -> list[Title]:
        ranked = sorted(self.kept.values(), key=lambda found: -found.rank)
        picked = most_relevant_and_different(ranked, self.options.num_titles, self.options.diversity)
        return [found.title for found in ranked if found in picked]

    def note(self) -> str | None:
        """Why there are fewer titles than asked for."""
        if not self.lacking():
            return None
        found = f"{len(self.kept)} of {self.options.num_titles} titles"
        reasons = Counter(found.objection for found in self.refused.values())
        if not reasons:
            return f"{found}: the model found no more different ones."
        return f"{found}: of the others " + ", ".join(
            f"{count} {reason}" for reason, count in reasons.most_common()
        )


def objection(text: str, synopsis: str, options: GenerationOptions) -> str | None:
    """Why a finished title cannot be returned, if so, as the end of "3 ...": it breaks a promise of the
    options, or says the synopsis again."""
    key = comparison_key(text)
    if key == comparison_key(synopsis):
        return "repeated the synopsis"
    if options.min_chars is not None and len(text) < options.min_chars:
        return f"had fewer than {options.min_chars} characters"
    if options.max_chars is not None and len(text) > options.max_chars:
        return f"had more than {options.max_chars} characters"
    if options.prefix and not text.startswith(finish_start(options.prefix)):
        return f"did not begin with {options.prefix}"
    for word in missing(text, options.keywords):
        return f"lacked {word}"
    for word in options.avoid:
        if comparison_key(word) in key:
            return f"held {word}"
    return None


def missing(text: str, keywords: Iterable[str]) -> list[str]:
    """The keywords that do not stand in the text, whatever their width (AI!? is AI！？)."""
    normal = unicodedata.normalize("NFKC", text)
    return [word for word in keywords if unicodedata.normalize("NFKC", finish_title(word)) not in normal]


def finish_start(prefix: str) -> str:
    """A title's beginning in finished typography; brackets stay open."""
    if not prefix:
        return ""
    whole = finish_title(f"{prefix}題")
    return whole[: whole.rfind("題")]


def most_relevant_and_different(ranked: Sequence[Ranked], number: int, diversity: float) -> list[Ranked]:
    """`number` of the candidates (best first), by maximal marginal relevance (Carbonell & Goldstein 1998).

    Relevance is exp(merit - the best merit of the same manner): by scores alone it would be the probability
    per token relative to the best one's. Of the same manner, since short titles are likelier than long ones,
    and no better for it. The best of all comes first.
    """
    if not diversity or len(ranked) <= number:
        return list(ranked[:number])
    best: dict[str | None, float] = {}
    for found in ranked:
        best[found.manner] = max(found.merit, best.get(found.manner, -math.inf))
    relevance = {found: math.exp(found.merit - best[found.manner]) for found in ranked}
    good = [found for found in ranked[1:] if relevance[found] >= _LEAST_RELEVANCE]
    chosen, rest = [ranked[0]], good if len(good) >= number else list(ranked[1:])
    nearest = {found: likeness(found.title.text, chosen[0].title.text) for found in rest}
    while len(chosen) < number and rest:
        picked = max(rest, key=lambda each: (1 - diversity) * relevance[each] - diversity * nearest[each])
        rest.remove(picked)
        chosen.append(picked)
        for found in rest:
            nearest[found] = max(nearest[found], likeness(found.title.text, picked.title.text))
    return chosen


def gain(title: str, synopsis: str, grounding: float) -> float:
    """What a title is worth beside its score, in nats per token."""
    return (
        worth_of_grounding(title, synopsis, grounding)
        + worth_of_length(title)
        + worth_of_freshness(title)
        + worth_of_spelling(title, synopsis)
    )


def worth_of_grounding(title: str, synopsis: str, grounding: float) -> float:
    """For standing in the synopsis, in nats per token: 0 to `grounding`."""
    return grounding * grounded(title, synopsis)


def worth_of_length(title: str) -> float:
    """For its length, in nats per token: -1.16 at 3 characters, -0.46 at 8, -0.09 at 20, since 黒い犬 is
    likelier than any sentence and says less."""
    return math.log1p(-math.exp(-len(title) / _FULL_LENGTH))


def worth_of_freshness(title: str) -> float:
    """For not repeating itself, in nats per token: -0.58 where a quarter of its character pairs does."""
    pairs = _pairs(comparison_key(title))
    return 2 * math.log(len(set(pairs)) / len(pairs))


def worth_of_spelling(title: str, synopsis: str) -> float:
    """For its names, in nats per token: -1 for each that the synopsis spells otherwise."""
    return 0.0 - len(misspelt(title, synopsis))


def grounded(title: str, synopsis: str) -> float:
    """The share of a title's character pairs that stand in its synopsis: 0 to 1.

    A synopsis of a few words has fewer pairs than the title: there it is the share of those words' pairs that
    stand in the title, which gains by having all words, not by having nothing else.
    """
    text, key = comparison_key(synopsis), comparison_key(title)
    few = [comparison_key(word) for word in _BETWEEN_WORDS.split(synopsis) if word]
    if few and len(text) < len(key):
        asked, among = list(dict.fromkeys(pair for word in few for pair in _pairs(word))), key
    else:
        asked, among = _pairs(key), text
    return sum(pair in among for pair in asked) / len(asked)


def likeness(one: str, other: str) -> float:
    """How alike two titles are in words and shape: 0 to 1."""
    a, b = (set(_pairs(f"\x02{comparison_key(text)}\x03")) for text in (one, other))  # with both ends
    dice = 2 * len(a & b) / (len(a) + len(b))
    lengths = sorted((len(one), len(other)))
    return (1 - _SHAPE) * dice + _SHAPE * lengths[0] / lengths[1]


def _pairs(key: str) -> list[str]:
    """Every two neighbours; a single character stands for itself."""
    return [key[place : place + 2] for place in range(max(1, len(key) - 1))]


def wanted(conditions: Conditions, options: GenerationOptions) -> Conditions:
    """The conditions, with what the promises of the options make of them: keywords that must appear are
    keywords, and where `min_chars` and `max_chars` leave one length class, that is the length."""
    more = tuple(word for word in options.keywords if word not in conditions.keywords)
    classes = _classes(options)
    only = classes[0] if len(classes) == 1 else None
    return replace(conditions, keywords=(*more, *conditions.keywords), length=conditions.length or only)


def variants(conditions: Conditions, options: GenerationOptions) -> list[Conditions]:
    """Other conditions that lead to other titles of the same synopsis: each length, where none is asked for;
    no genre or keywords."""
    found = [] if conditions.length else of_each_length(conditions, options)
    if conditions.genre or conditions.keywords:
        found.append(Conditions(length=conditions.length))
    return found


def of_each_length(conditions: Conditions, options: GenerationOptions) -> list[Conditions]:
    """The conditions with each length that the options allow; with their own, where they ask for one."""
    if conditions.length:
        return [conditions]
    return [replace(conditions, length=each) for each in _classes(options)]


def _classes(options: GenerationOptions) -> list[LengthClass]:
    low, high = options.min_chars or 1, options.max_chars or 1000
    fitting = {length_class("x" * length) for length in range(low, min(high, 60) + 1)}
    return [each for each in get_args(LengthClass) if each in fitting]


def with_missing_keyword(pool: Pool, prefix: str, number: int) -> list[str]:
    """Beginnings of titles that end in a keyword. `prefix` stays in front of all.

    They are made of the `number` titles that lack fewest, cut at several places behind those they have.
    """
    keywords = pool.options.keywords
    texts = [(-found.rank, found.title.text) for found in pool.refused.values()]
    lacking = [
        (len(missing(text, keywords)), rank, text)
        for rank, text in texts
        if text.startswith(prefix) and missing(text, keywords)
    ]
    found: dict[str, None] = {prefix + finish_title(word): None for word in keywords[:1]}
    for _, _, text in sorted(lacking)[:number]:
        word = finish_title(missing(text, keywords)[0])
        present = (finish_title(each) for each in keywords)
        first = max([len(prefix), *(text.find(each) + len(each) for each in present if each in text)])
        found |= dict.fromkeys(text[:place] + word for place in _places(text, first))
    return list(found)


def _places(text: str, first: int) -> list[int]:
    """A few places of a title where a word can begin, spread evenly."""
    places = [first, *(place for place in range(first + 1, len(text)) if text[place - 1] in _AFTER)]
    return places[:: -(-len(places) // _PLACES)]
