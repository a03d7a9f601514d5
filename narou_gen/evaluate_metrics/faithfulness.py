"""Whether titles speak of what their synopses speak of, for `evaluate.load`."""

from statistics import fmean

import datasets
import evaluate

from narou_gen.metrics.faithfulness import faithfulness
from narou_gen.metrics.misspellings import misspelt

_TEXT = datasets.Value("string")


class Faithfulness(evaluate.Metric):  # type: ignore[misc]
    """`faithfulness`: the share of a title's nouns and names that its synopsis has, 0 to 1.

    The mean over the titles that have such words; `scored` says how many those are. `misspelt`: the share of
    titles with a name or term that the synopsis has in a slightly different spelling.
    """

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="",
            features=datasets.Features({"predictions": _TEXT, "synopses": _TEXT}),
        )

    def _compute(self, predictions: list[str], synopses: list[str]) -> dict[str, float]:
        scores = [score for score in map(faithfulness, predictions, synopses) if score is not None]
        slips = [bool(misspelt(*pair)) for pair in zip(predictions, synopses, strict=True)]
        return {
            "faithfulness": fmean(scores) if scores else 0.0,
            "scored": len(scores),
            "misspelt": fmean(slips) if slips else 0.0,
        }
