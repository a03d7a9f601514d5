"""What a title is worth: how likely an editor would use it as it stands.

Logistic regression over 3,724 titles of narou-mini, each graded together with its synopsis (2,800) or the few
words that it was made of (924) by a language model in the part of a strict editor: 0 broken, 1 says nothing,
2 usable, 3 good. `benchmarks/ranking.py` fits the weights to these grades, and tells how far they carry on
synopses that they were not fitted to.

Most of it is that the probability of the whole title counts, not its mean over the tokens: a title is right
where every token is, and a long one has more places to go wrong. Of a story, what stands in it in one piece
is sound; of few words, what only gives them back says nothing.
"""

from __future__ import annotations

import functools
import math
import re
from typing import NamedTuple

from narou_gen.metrics.copying import copied_share
from narou_gen.metrics.misspellings import misspelt
from narou_gen.text import comparison_key

_FEW_WORDS = 20
"""Letters: what has fewer is words that someone might type (two nouns, a bare title), rather than a story."""
_BETWEEN_WORDS = re.compile(r"\W+|(?<=[^ぁ-ゖ])と(?=[^ぁ-ゖ])")
"""Parts a few words: 竜騎士、左遷と温泉."""
_REDUPLICATED = re.compile(r"([ぁ-ゖァ-ヺー]{2})\1")
"""もふもふ and ドキドキ are words, and no stutter."""


class Features(NamedTuple):
    """What is known of a title; and as many weights."""

    intercept: float
    """1 of any title."""
    log_probability: float
    """Of the whole title, in nats."""
    grounded: float
    """See the function."""
    copied: float
    """The longest string that title and synopsis share, as a share of the title."""
    log_length: float
    """Of its characters: of two equally certain titles the longer one says more."""
    log_distinct: float
    """Of the share of its character pairs that do not come again; 0 or less."""
    misspelt: float
    """How many names of the synopsis it misspells."""


OF_STORIES = Features(-2.32, 0.28, 1.43, 1.25, 0.97, 11.79, -5.16)
"""The weights of titles of a synopsis."""
OF_FEW_WORDS = Features(0.43, 0.11, 1.44, -4.14, 0.28, 22.86, -5.16)
"""Those of titles of a few words. None of the graded ones misspells a name: that weight is from stories."""


def log_odds(title: str, synopsis: str, log_probability: float, grounding: float = 1.0) -> float:
    """The logarithm of the odds that an editor would use the title.

    Calibrated for narou-mini; for another model it is an order.

    Args:
        log_probability: of the whole title, in nats.
        grounding: how much `grounded` counts, 1 as fitted.
    """
    found = features(title, synopsis, log_probability)
    found = found._replace(grounded=grounding * found.grounded)
    weights = OF_FEW_WORDS if is_few_words(synopsis) else OF_STORIES
    return sum(weight * feature for weight, feature in zip(weights, found, strict=True))


def features(title: str, synopsis: str, log_probability: float) -> Features:
    """What the log-odds are a weighted sum of."""
    pairs = character_pairs(_REDUPLICATED.sub(r"\1", comparison_key(title)))
    return Features(
        1.0,
        log_probability,
        grounded(title, synopsis),
        copied_share(title, synopsis),
        math.log(len(title)),
        math.log(len(set(pairs)) / len(pairs)),
        len(misspelt(title, synopsis)),
    )


def logistic(log_odds: float) -> float:
    """The probability, 0 to 1."""
    if log_odds < 0:
        return math.exp(log_odds) / (1 + math.exp(log_odds))
    return 1 / (1 + math.exp(-log_odds))


def is_few_words(synopsis: str) -> bool:
    """Whether it is words that someone might type rather than a story."""
    return len(_key(synopsis)) < _FEW_WORDS


def grounded(title: str, synopsis: str) -> float:
    """The share of a title's character pairs that stand in its synopsis: 0 to 1.

    Of few words it is the share of their pairs that stand in the title, which gains by having all words, not
    by having nothing else.
    """
    key = comparison_key(title)
    if is_few_words(synopsis):
        words = [comparison_key(word) for word in _BETWEEN_WORDS.split(synopsis) if word]
        asked, among = list(dict.fromkeys(pair for word in words for pair in character_pairs(word))), key
    else:
        asked, among = character_pairs(key), _key(synopsis)
    return sum(pair in among for pair in asked) / max(1, len(asked))


def character_pairs(key: str) -> list[str]:
    """Every two neighbours; a single character stands for itself."""
    return [key[place : place + 2] for place in range(max(1, len(key) - 1))]


@functools.lru_cache(maxsize=64)  # a synopsis has many candidates
def _key(synopsis: str) -> str:
    return comparison_key(synopsis)
