"""How many titles are new, for `evaluate.load`."""

import datasets
import evaluate

from narou_gen.metrics.copying import TrainingTitles


class Novelty(evaluate.Metric):  # type: ignore[misc]
    """Shares of the predictions, 0 to 1, against `training_titles`.

    `identical`: the letters and digits of a training title; `near_identical`: an edit similarity of 0.85 and
    more, identical ones included; `novel`: the rest.
    """

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="",
            features=datasets.Features({"predictions": datasets.Value("string")}),
        )

    def _compute(self, predictions: list[str], training_titles: list[str]) -> dict[str, float]:
        nearest = list(map(TrainingTitles(training_titles).nearest, predictions))
        identical = sum(found is not None and found[1] == 1 for found in nearest) / len(nearest)
        near = sum(found is not None for found in nearest) / len(nearest)
        return {"identical": identical, "near_identical": near, "novel": 1 - near}
