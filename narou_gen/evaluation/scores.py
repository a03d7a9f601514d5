"""The scores of one item, for each system that wrote titles for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from narou_gen.errors import DataError
from narou_gen.evaluation.columns import REFERENCES
from narou_gen.evaluation.items import EvaluationOptions, Item
from narou_gen.evaluation.systems import Candidate
from narou_gen.metrics.copying import TrainingTitles, copied_share
from narou_gen.metrics.diversity import self_bleu
from narou_gen.metrics.faithfulness import faithfulness
from narou_gen.metrics.misspellings import misspelt
from narou_gen.metrics.rouge import character_rouge, word_rouge
from narou_gen.metrics.soundness import FLAWS, flaws
from narou_gen.metrics.titleness import TitleClassifier
from narou_gen.sources import Pair

Scores = dict[str, float | None]
"""A metric's name -> its value for one item; None where it does not apply."""


class Scorer:
    """All metrics of single items. What needs training titles stays None where there are none."""

    def __init__(self, training: Sequence[Pair], options: EvaluationOptions) -> None:
        self._options = options
        self._titles = TrainingTitles(pair.title for pair in training) if training else None
        self._judge: TitleClassifier | None = None
        self.no_judge = "there are no training titles"
        if training:
            try:
                self._judge = TitleClassifier(
                    [(pair.synopsis, pair.title) for pair in training], options.seed
                )
            except ValueError as error:
                self.no_judge = str(error)

    @property
    def judge_accuracy(self) -> float | None:
        """How often the classifier behind `titleness` is right on works it did not see."""
        return self._judge.accuracy if self._judge else None

    def lines(
        self, items: Sequence[Item], written: Sequence[Mapping[str, Sequence[Candidate]]]
    ) -> list[dict[str, Any]]:
        """A line of `titles.jsonl` for each item."""
        return [
            {
                "synopsis": item.synopsis,
                "references": list(item.references),
                "genre": item.genre,
                "keywords": list(item.keywords),
                "asked": {name: value for name, value in _asked(item, self._options).items() if value},
                "systems": {
                    name: {
                        "titles": [_shown(candidate) for candidate in candidates],
                        "scores": self._scores(item, name, [candidate.text for candidate in candidates]),
                    }
                    for name, candidates in systems.items()
                },
            }
            for item, systems in zip(items, written, strict=True)
        ]

    def _scores(self, item: Item, system: str, candidates: Sequence[str]) -> Scores:
        title, references = candidates[0], list(item.references)
        asked = item.asked_reference(self._options)
        if system == REFERENCES:
            references.remove(asked)
        found = flaws(title)
        nearest = self._titles.nearest(title) if self._titles else None
        known = self._titles is not None
        return {
            **overlap(title, references),
            "titleness": float(self._judge.probabilities([title])[0] >= 0.5) if self._judge else None,
            "sound": float(not found),
            **{flaw: float(flaw in found) for flaw in FLAWS},
            "faithfulness": faithfulness(title, item.synopsis),
            "misspelt": float(bool(misspelt(title, item.synopsis))),
            "copied": copied_share(title, item.synopsis),
            "identical": float(nearest is not None and nearest[1] == 1) if known else None,
            "near_identical": float(nearest is not None) if known else None,
            "self_bleu": self_bleu(candidates),
            "characters": float(len(title)),
            "length_error": None if system == REFERENCES else float(abs(len(title) - len(asked))),
        }


def overlap(title: str, references: Sequence[str]) -> Scores:
    """ROUGE of a title against the best of its references; None without any."""
    characters = character_rouge(title, references) if references else (None,) * 3
    words = word_rouge(title, references) if references else (None,) * 3
    names = ("rouge_1", "rouge_2", "rouge_l")
    return {
        **{f"character_{name}": value for name, value in zip(names, characters, strict=True)},
        **{f"word_{name}": value for name, value in zip(names, words, strict=True)},
    }


def strange_scores(title: str, line: Mapping[str, Any]) -> Scores:
    """What the shuffled control looks at: a title against the synopsis and references of another work."""
    try:
        synopsis, references = line["synopsis"], line["references"]
    except KeyError as error:
        raise DataError(f"A line of titles.jsonl lacks {error}: evaluate again.") from None
    return {
        **overlap(title, references),
        "faithfulness": faithfulness(title, synopsis),
        "copied": copied_share(title, synopsis),
    }


def _shown(candidate: Candidate) -> dict[str, Any]:
    if candidate.score is None:
        return {"text": candidate.text}
    return {"text": candidate.text, "score": round(candidate.score, 4)}


def _asked(item: Item, options: EvaluationOptions) -> dict[str, Any]:
    given = item.conditions(options)
    return {"genre": given.genre, "keywords": list(given.keywords), "length": given.length}
