"""How many titles have no flaw that needs no reader, for `evaluate.load`."""

import datasets
import evaluate

from narou_gen.metrics.soundness import FLAWS, flaws


class Soundness(evaluate.Metric):  # type: ignore[misc]
    """Shares of the predictions, 0 to 1: `sound` ones without any flaw, and those with each flaw.

    `empty`; `unknown_token`: with [UNK] or the like; `unbalanced`: brackets; `repeated`: stuttering.
    """

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="",
            features=datasets.Features({"predictions": datasets.Value("string")}),
        )

    def _compute(self, predictions: list[str]) -> dict[str, float]:
        found = [flaws(title) for title in predictions]
        shares: dict[str, float] = {flaw: sum(flaw in has for has in found) / len(found) for flaw in FLAWS}
        return {"sound": sum(not has for has in found) / len(found), **shares}
