"""What a title is worth: how likely an editor would use it as it stands.

Logistic regression over 3,735 titles of narou-mini, each graded together with its synopsis (2,811) or the few
words that it was made of (924) by a language model in the part of a strict editor: 0 broken, 1 says nothing,
2 usable, 3 good. `benchmarks/ranking.py` fits the weights to these grades, and tells how far they carry on
synopses that they were not fitted to.

Most of it is that the probability of the whole title counts, not its mean over the tokens: a title is right
where every token is, and a long one has more places to go wrong. Of a story, what stands in it in one piece
is sound; of few words, what only gives them back says nothing.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from narou_gen.metrics.copying import copied_share
from narou_gen.metrics.misspellings import misspelt
from narou_gen.text import comparison_key, is_few_words


class Terms(NamedTuple):
    """What the log-odds are a weighted sum of."""

    constant: float
    """1."""
    log_probability: float
    """Of the whole title, in nats."""
    grounded: float
    """See the function."""
    copied: float
    """The longest string that title and synopsis share, as a share of the title."""
    length: float
    """The logarithm of its characters: of two equally certain titles the longer one says more."""
    fresh: float
    """The logarithm of the share of its character pairs that do not come again; 0 or less."""
    misspelt: float
    """How many names it misspells."""


OF_STORIES = Terms(
    -2.3, log_probability=0.28, grounded=1.4, copied=1.25, length=1.0, fresh=12.0, misspelt=-5.0
)
OF_FEW_WORDS = Terms(
    0.4, log_probability=0.11, grounded=1.4, copied=-4.1, length=0.3, fresh=22.0, misspelt=-5.0
)
"""No title of few words that was graded misspells a name: that weight is the one of stories."""
_BETWEEN_WORDS = re.compile(r"\W+|(?<=[^ぁ-ゖ])と(?=[^ぁ-ゖ])")
"""Parts a few words: 竜騎士、左遷と温泉."""


def log_odds(title: str, synopsis: str, log_probability: float, grounding: float = 1.0) -> float:
    """The logarithm of the odds that an editor would use the title.

    Calibrated for narou-mini; for another model it is an order.

    Args:
        log_probability: of the whole title, in nats.
        grounding: how much it counts what title and synopsis share, 1 as fitted.
    """
    found = terms(title, synopsis, log_probability)
    found = found._replace(grounded=grounding * found.grounded, copied=grounding * found.copied)
    weights = OF_FEW_WORDS if is_few_words(synopsis) else OF_STORIES
    return sum(weight * term for weight, term in zip(weights, found, strict=True))


def terms(title: str, synopsis: str, log_probability: float) -> Terms:
    """Those of a title."""
    pairs = character_pairs(comparison_key(title))
    return Terms(
        1.0,
        log_probability,
        grounded(title, synopsis),
        copied_share(title, synopsis),
        math.log(len(title)),
        math.log(len(set(pairs)) / len(pairs)),
        len(misspelt(title, synopsis)),
    )


def probability(log_odds: float) -> float:
    """0 to 1."""
    return (1 + math.tanh(log_odds / 2)) / 2  # the logistic function, without its overflow


def grounded(title: str, synopsis: str) -> float:
    """The share of a title's character pairs that stand in its synopsis: 0 to 1.

    Of few words it is the share of their pairs that stand in the title, which gains by having all words, not
    by having nothing else.
    """
    key, text = comparison_key(title), comparison_key(synopsis)
    if is_few_words(synopsis):
        words = [comparison_key(word) for word in _BETWEEN_WORDS.split(synopsis) if word]
        asked, among = list(dict.fromkeys(pair for word in words for pair in character_pairs(word))), key
    else:
        asked, among = character_pairs(key), text
    return sum(pair in among for pair in asked) / max(1, len(asked))


def character_pairs(key: str) -> list[str]:
    """Every two neighbours; a single character stands for itself."""
    return [key[place : place + 2] for place in range(max(1, len(key) - 1))]
