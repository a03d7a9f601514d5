"""ROUGE (Lin 2004) over characters and over MeCab words, counted by rouge_score.

Scores under different tokenisers do not compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rouge_score.rouge_scorer import RougeScorer

from narou_gen.metrics.words import words


class Rouge(NamedTuple):
    """F1 of single tokens, pairs of tokens and the longest common subsequence; 0 to 1."""

    rouge1: float
    rouge2: float
    rouge_l: float


class _Characters:
    """rouge_score's own tokenizer keeps a-z and 0-9 alone: every Japanese text would score 0."""

    def tokenize(self, text: str) -> list[str]:
        return [character for character in text if not character.isspace()]


class _Words:
    def tokenize(self, text: str) -> list[str]:
        return list(words(text))


_TYPES = ["rouge1", "rouge2", "rougeL"]
_BY_CHARACTER = RougeScorer(_TYPES, tokenizer=_Characters())
_BY_WORD = RougeScorer(_TYPES, tokenizer=_Words())
_LONGEST_BY_CHARACTER = RougeScorer(["rougeL"], tokenizer=_Characters())


def character_rouge(title: str, references: Sequence[str]) -> Rouge:
    """ROUGE over characters, spaces left out; each of the three against its best reference."""
    return _best(_BY_CHARACTER, title, references)


def word_rouge(title: str, references: Sequence[str]) -> Rouge:
    """ROUGE over MeCab words; each of the three against its best reference."""
    return _best(_BY_WORD, title, references)


def character_rouge_l(title: str, references: Sequence[str]) -> float:
    """ROUGE-L F1 over characters against the best of the references; 0 to 1."""
    return float(_LONGEST_BY_CHARACTER.score_multi(references, title)["rougeL"].fmeasure)


def _best(scorer: RougeScorer, title: str, references: Sequence[str]) -> Rouge:
    scores = scorer.score_multi(references, title)
    return Rouge(*(float(scores[name].fmeasure) for name in _TYPES))
