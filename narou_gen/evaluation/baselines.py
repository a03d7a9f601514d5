"""What a model must beat: titles that need no model."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import median

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from narou_gen.evaluation.items import EvaluationOptions, Item, grouped, in_manner
from narou_gen.sources import Pair

_MOST_NGRAMS = 100_000


class Lead:
    """The first k characters of the synopsis; k is the median of the training titles of that manner."""

    def __init__(self, training: Sequence[Pair], options: EvaluationOptions) -> None:
        self._titles = [pair.title for pair in training]
        self._options = options
        self._lengths: dict[str | None, int] = {}

    def title(self, item: Item, place: int) -> str:
        length = item.length(self._options)
        if length not in self._lengths:
            self._lengths[length] = round(median(map(len, in_manner(self._titles, length))))
        return item.synopsis.replace("\n", "")[: self._lengths[length]]


class RandomTitle:
    """A training title of that manner, drawn by the seed and the item's place."""

    def __init__(self, training: Sequence[Pair], options: EvaluationOptions) -> None:
        self._titles = [pair.title for pair in training]
        self._options = options
        self._pools: dict[str | None, Sequence[str]] = {}

    def title(self, item: Item, place: int) -> str:
        length = item.length(self._options)
        if length not in self._pools:
            self._pools[length] = in_manner(self._titles, length)
        return random.Random(f"{self._options.seed} {place}").choice(self._pools[length])


class NearestTitle:
    """The title, of that manner where it has one, of the training synopsis that is most similar.

    Similarity is the cosine of TF-IDF over character bigrams and trigrams.
    """

    def __init__(self, training: Sequence[Pair], options: EvaluationOptions) -> None:
        self._works = grouped(training)
        self._options = options
        self._vectors = TfidfVectorizer(
            analyzer="char",
            ngram_range=(2, 3),
            sublinear_tf=True,
            max_features=_MOST_NGRAMS,
            dtype=np.float32,
        )
        self._known = self._vectors.fit_transform([work.synopsis for work in self._works])

    def title(self, item: Item, place: int) -> str:
        similarities = self._known @ self._vectors.transform([item.synopsis]).T
        nearest = self._works[int(similarities.toarray().argmax())]
        return in_manner(nearest.references, item.length(self._options))[0]
