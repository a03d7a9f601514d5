"""What titles copy from their synopses, for `evaluate.load`."""

from statistics import fmean

import datasets
import evaluate

from narou_gen.metrics.copying import copied_share

_TEXT = datasets.Value("string")


class Copying(evaluate.Metric):  # type: ignore[misc]
    """`copied`: the longest string shared with the synopsis, as a share of the title; the mean, 0 to 1."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="",
            features=datasets.Features({"predictions": _TEXT, "synopses": _TEXT}),
        )

    def _compute(self, predictions: list[str], synopses: list[str]) -> dict[str, float]:
        return {"copied": fmean(map(copied_share, predictions, synopses))}
