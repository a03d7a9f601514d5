"""ROUGE over characters, for `evaluate.load`."""

from statistics import fmean
from typing import Any

import datasets
import evaluate

from narou_gen.metrics.rouge import character_rouge

_TEXT = datasets.Value("string")


class CharacterRouge(evaluate.Metric):  # type: ignore[misc]
    """`rouge1`, `rouge2`, `rougeL`: mean F1 over characters, 0 to 1; an item's best reference counts."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries",
            features=[
                datasets.Features({"predictions": _TEXT, "references": datasets.List(_TEXT)}),
                datasets.Features({"predictions": _TEXT, "references": _TEXT}),
            ],
        )

    def _compute(self, predictions: list[str], references: list[Any]) -> dict[str, float]:
        lists = [[given] if isinstance(given, str) else given for given in references]
        scores = [character_rouge(title, given) for title, given in zip(predictions, lists, strict=True)]
        names = ("rouge1", "rouge2", "rougeL")
        return {name: fmean(values) for name, values in zip(names, zip(*scores, strict=True), strict=True)}
