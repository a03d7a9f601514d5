"""Self-BLEU within lists of candidates, for `evaluate.load`."""

from statistics import fmean

import datasets
import evaluate

from narou_gen.metrics.diversity import self_bleu


class SelfBleu(evaluate.Metric):  # type: ignore[misc]
    """`self_bleu`: how alike the candidates of one synopsis are, 0 to 1.

    Each prediction is a list of candidates; the mean over all lists of two or more. BLEU-4 over characters.
    """

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="Zhu et al. 2018, Texygen: A Benchmarking Platform for Text Generation Models",
            features=datasets.Features({"predictions": datasets.List(datasets.Value("string"))}),
        )

    def _compute(self, predictions: list[list[str]]) -> dict[str, float]:
        scores = [score for score in map(self_bleu, predictions) if score is not None]
        return {"self_bleu": fmean(scores)}
