"""A small judge of whether a text is a title at all, whatever it says.

The lead of a synopsis overlaps with references well and is no title: overlap alone does not tell.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from narou_gen.metrics.words import words

_MOST = 20_000
"""Titles learned from; more change little."""
_HELD_OUT = 0.1
_SENTENCE = re.compile(r".*?(?:[。！？!?\n]|\Z)", re.DOTALL)


class TitleClassifier:
    """Character n-grams and logistic regression: training titles against what is none.

    Half of the other side are openings of synopses, cut to the length of a title or at the end of their first
    sentence; half are titles with their words shuffled. `accuracy` is its share of right answers on a
    tenth of the works, which it did not see, both sides counted alike.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]], seed: int = 0) -> None:
        """Learn from pairs of (synopsis, title).

        Raises:
            ValueError: there are fewer than 20 different synopses.
        """
        draw = random.Random(seed)
        synopses = sorted({synopsis for synopsis, _ in pairs})
        if len(synopses) < 20:
            raise ValueError("fewer than 20 synopses to learn titles from")
        held_out = set(draw.sample(synopses, max(1, round(len(synopses) * _HELD_OUT))))
        sample = pairs if len(pairs) <= _MOST else draw.sample(pairs, _MOST)
        texts: dict[bool, list[str]] = {False: [], True: []}
        labels: dict[bool, list[int]] = {False: [], True: []}
        for synopsis, title in sample:
            place = synopsis in held_out
            texts[place] += [title, _no_title(synopsis, title, draw)]
            labels[place] += [1, 0]
        self._model: Pipeline = make_pipeline(
            TfidfVectorizer(
                preprocessor=_framed, analyzer="char", ngram_range=(1, 4), min_df=2, sublinear_tf=True
            ),
            LogisticRegression(C=10, max_iter=1000),
        )
        self._model.fit(texts[False], labels[False])
        self.accuracy = float(self._model.score(texts[True], labels[True]))

    def probabilities(self, texts: Sequence[str]) -> list[float]:
        """How likely each text is a title; 0.5 and more is taken for one. An empty text is none."""
        if not texts:
            return []
        found = self._model.predict_proba(texts)[:, 1]
        empty = np.array([not text.strip() for text in texts])
        return [float(value) for value in np.where(empty, 0.0, found)]


def _framed(text: str) -> str:
    """With marks at both ends, so that n-grams tell how a text begins and ends."""
    return f"\x02{text}\x03"


def _no_title(synopsis: str, title: str, draw: random.Random) -> str:
    kind = draw.random()
    if kind < 0.5:
        shuffled = list(words(title))
        draw.shuffle(shuffled)
        # A title of one word, or one that came out in order, is a title still.
        if "".join(shuffled) != title and len(shuffled) > 2:
            return "".join(shuffled)
    sentence = _SENTENCE.match(synopsis)
    if kind > 0.75 and sentence and sentence[0].strip():
        return sentence[0].strip()
    return synopsis.replace("\n", "")[: len(title)]
