"""Scores of labels: accuracy, F1, the confusion matrix, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narou_gen.errors import DataError


@dataclass(frozen=True)
class Classification:
    """What a classifier said of texts whose labels are known."""

    labels: tuple[str, ...]
    confusion: NDArray[np.int64]
    """Shape (labels, labels): of the texts that are row, how many were called column."""

    @classmethod
    def of(cls, expected: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> Classification:
        """Count them; every expected and predicted label must be one of `labels`.

        Raises:
            DataError: one is not, or there are none.
        """
        if unknown := sorted({*expected, *predicted} - set(labels)):
            raise DataError(f"Unknown label {', '.join(unknown)}. The model knows: {', '.join(labels)}.")
        if not expected:
            raise DataError("No texts to score: give some with labels.")
        places = {label: place for place, label in enumerate(labels)}
        confusion = np.zeros((len(labels), len(labels)), np.int64)
        for right, said in zip(expected, predicted, strict=True):
            confusion[places[right], places[said]] += 1
        return cls(tuple(labels), confusion)

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.confusion) / self.confusion.sum())

    @property
    def f1(self) -> NDArray[np.float64]:
        """Of each label: 2 hits / (texts that have it + texts called so); 0 where there are neither."""
        return _f1(self.confusion)

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the labels that some text has, or was called."""
        return float(_macro_f1(self.confusion))

    @property
    def weighted_f1(self) -> float:
        """Mean F1, each label weighing as many texts as have it."""
        return float(np.average(self.f1, weights=self.confusion.sum(1)))

    def interval(self, resamples: int = 2000, seed: int = 0) -> tuple[float, float]:
        """The macro-F1's 95% interval by the percentile bootstrap: texts drawn with replacement."""
        cells = self.confusion.ravel()
        draws = np.random.default_rng(seed).multinomial(cells.sum(), cells / cells.sum(), resamples)
        scores = _macro_f1(draws.reshape(resamples, *self.confusion.shape))
        low, high = np.percentile(scores, (2.5, 97.5))
        return float(low), float(high)

    def majority(self) -> Classification:
        """The baseline that calls every text by the most frequent label of these."""
        confusion = np.zeros_like(self.confusion)
        confusion[:, self.confusion.sum(1).argmax()] = self.confusion.sum(1)
        return Classification(self.labels, confusion)

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        low, high = self.interval()
        hits, having, called = np.diag(self.confusion), self.confusion.sum(1), self.confusion.sum(0)
        return {
            "texts": int(self.confusion.sum()),
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "macro_f1_95": [low, high],
            "weighted_f1": self.weighted_f1,
            "majority": {"accuracy": self.majority().accuracy, "macro_f1": self.majority().macro_f1},
            "labels": {
                label: {
                    "precision": float(hits[place] / max(called[place], 1)),
                    "recall": float(hits[place] / max(having[place], 1)),
                    "f1": float(self.f1[place]),
                    "texts": int(having[place]),
                }
                for place, label in enumerate(self.labels)
            },
            "confusion": self.confusion.tolist(),
        }


def _f1(confusion: NDArray[Any]) -> NDArray[np.float64]:
    """(..., labels, labels) -> (..., labels)"""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    met = confusion.sum(-1) + confusion.sum(-2)
    return np.asarray(2 * hits / np.maximum(met, 1))


def _macro_f1(confusion: NDArray[Any]) -> NDArray[np.float64]:
    met = (confusion.sum(-1) + confusion.sum(-2)) > 0
    return np.asarray((_f1(confusion) * met).sum(-1) / met.sum(-1))
