"""What makes candidates into the titles that were asked for: promises kept, and chosen to differ.

Pure functions over texts and scores; the searches themselves are `candidates.py`'s.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from narou_gen.conditions import Conditions, LengthClass, length_class
from narou_gen.merit import character_pairs
from narou_gen.options import GenerationOptions, Title
from narou_gen.text import comparison_key
from narou_gen.typography import finish_title

_SHAPE = 0.25
"""Share of a title's length in its likeness to another; the rest is its character pairs."""
_LEAST_RELEVANCE = 0.1
"""Times 1 - diversity."""
_TOO_ALIKE = 0.8
"""Of likeness: titles that differ in a particle."""
_PLACES = 6
"""Places of a title where a missing keyword is tried."""
_AFTER = frozenset("のをにはがでともへや、！？」』）～　 ")
"""A keyword can follow these."""


@dataclass(frozen=True)
class Ranked:
    """A title in a pool."""

    rank: float
    """The highest is the best."""
    title: Title
    objection: str | None = None


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
        titles = [found.title for found in ranked]
        picked = most_relevant_and_different(titles, self.options.num_titles, self.options.diversity)
        return [title for title in titles if title in picked]

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


def most_relevant_and_different(ranked: Sequence[Title], number: int, diversity: float) -> list[Title]:
    """`number` of the titles (best first), by maximal marginal relevance (Carbonell & Goldstein 1998).

    Relevance is the merit, as a share of the best one's, which comes first. Where all that is left has little
    of it or hardly differs from a chosen title, the best is taken.
    """
    if not diversity or len(ranked) <= number:
        return list(ranked[:number])
    best = ranked[0].merit or 1.0
    relevance = {title: title.merit / best for title in ranked}
    least = _LEAST_RELEVANCE * (1 - diversity)
    chosen, rest = [ranked[0]], list(ranked[1:])
    nearest = {title: likeness(title.text, chosen[0].text) for title in rest}
    while len(chosen) < number:
        good = [each for each in rest if relevance[each] >= least and nearest[each] < _TOO_ALIKE]
        left = good or rest[:1]
        picked = max(left, key=lambda each: (1 - diversity) * relevance[each] - diversity * nearest[each])
        rest.remove(picked)
        chosen.append(picked)
        for title in rest:
            nearest[title] = max(nearest[title], likeness(title.text, picked.text))
    return chosen


def likeness(one: str, other: str) -> float:
    """How alike two titles are in words and shape: 0 to 1."""
    bounded = (f"\x02{comparison_key(text)}\x03" for text in (one, other))  # both ends count
    a, b = (set(character_pairs(key)) for key in bounded)
    dice = 2 * len(a & b) / (len(a) + len(b))
    lengths = sorted((len(one), len(other)))
    return (1 - _SHAPE) * dice + _SHAPE * lengths[0] / lengths[1]


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
    found = [] if conditions.length else [replace(conditions, length=each) for each in _classes(options)]
    if conditions.genre or conditions.keywords:
        found.append(Conditions(length=conditions.length))
    return found


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
