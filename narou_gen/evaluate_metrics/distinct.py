"""distinct-n over MeCab words, for `evaluate.load`."""

import datasets
import evaluate

from narou_gen.metrics.diversity import distinct


class Distinct(evaluate.Metric):  # type: ignore[misc]
    """`distinct1`, `distinct2`: different words (pairs of words) / all, over all predictions; 0 to 1."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="Li et al. 2016, A Diversity-Promoting Objective Function",
            features=datasets.Features({"predictions": datasets.Value("string")}),
        )

    def _compute(self, predictions: list[str]) -> dict[str, float]:
        return {f"distinct{n}": distinct(predictions, n) for n in (1, 2)}
