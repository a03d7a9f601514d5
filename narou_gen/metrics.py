"""Scores of titles."""

from __future__ import annotations

from collections.abc import Sequence

from rouge_score.rouge_scorer import RougeScorer


class _Characters:
    """rouge_score's own tokenizer keeps a-z and 0-9 alone: every Japanese text would score 0."""

    def tokenize(self, text: str) -> list[str]:
        return [character for character in text if not character.isspace()]


_SCORER = RougeScorer(["rougeL"], tokenizer=_Characters())


def character_rouge_l(title: str, references: Sequence[str]) -> float:
    """ROUGE-L F1 over characters (Lin 2004), against the best of the references; 0 to 1."""
    return max(float(_SCORER.score(reference, title)["rougeL"].fmeasure) for reference in references)
