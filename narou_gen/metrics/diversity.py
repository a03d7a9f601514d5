"""How different titles are: over a whole set, and among the candidates for one synopsis."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from sacrebleu.metrics.bleu import BLEU

from narou_gen.metrics.words import words


def word_ngrams(title: str, n: int) -> list[tuple[str, ...]]:
    """All runs of `n` MeCab words."""
    tokens = words(title)
    return [tokens[start : start + n] for start in range(len(tokens) - n + 1)]


def distinct(titles: Sequence[str], n: int) -> float:
    """distinct-n (Li et al. 2016): different n-grams of words / all of them, over all titles; 0 to 1.

    It falls as a set grows: compare sets of one size.
    """
    counts = Counter(ngram for title in titles for ngram in word_ngrams(title, n))
    return len(counts) / counts.total() if counts else 0.0


def self_bleu(candidates: Sequence[str]) -> float | None:
    """Self-BLEU (Zhu et al. 2018) of one synopsis's candidates: 1 where all say the same, 0 to 1.

    The mean of each candidate's BLEU-4 over characters, by sacrebleu, with the others as its references.
    None for fewer than two candidates.
    """
    if len(candidates) < 2:
        return None
    return fmean(
        _bleu().sentence_score(candidate, [*candidates[:place], *candidates[place + 1 :]]).score / 100
        for place, candidate in enumerate(candidates)
    )


@functools.cache
def _bleu() -> BLEU:
    # effective_order: a title of three characters has no 4-grams, and is not to score 0 for that.
    return BLEU(tokenize="char", effective_order=True)
