"""Intervals for means, by resampling items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from narou_gen.metrics.diversity import word_ngrams

_BLOCK = 4_000_000  # counts held at a time: 32 MB
_LOW, _HIGH = 2.5, 97.5  # percentiles
_NORMAL = 1.96


@dataclass(frozen=True)
class Interval:
    """A value with its 95% interval, over `items` items. NaN where there is nothing to score."""

    value: float
    low: float
    high: float
    items: int


@dataclass(frozen=True)
class Difference:
    """A mean of A minus that of B, its 95% interval, and a two-sided p-value for no difference."""

    value: float
    low: float
    high: float
    p: float
    items: int


def intervals(scores: NDArray[np.float64], resamples: int = 2000, seed: int = 0) -> list[Interval]:
    """The mean of each column with its percentile bootstrap interval (Efron 1979).

    `scores`: (items, metrics), NaN where a metric does not apply to an item. The same seed draws the same
    items for every set of the same size.
    """
    means = np.concatenate(list(_means(scores, resamples, seed)))
    return [
        Interval(float(value), float(low), float(high), int(known))
        for value, low, high, known in zip(
            _mean(scores), *_percentiles(means), (~np.isnan(scores)).sum(0), strict=True
        )
    ]


def differences(
    a: NDArray[np.float64], b: NDArray[np.float64], resamples: int = 2000, seed: int = 0
) -> list[Difference]:
    """Mean of `a` minus mean of `b` for each column, by the paired bootstrap (Koehn 2004).

    Both: (items, metrics), the same items in the same order; an item counts for a metric where both have it.
    p is twice the smaller share of resamples on one side of zero, never below 2 / (resamples + 1).
    """
    gap = a - b
    means = np.concatenate(list(_means(gap, resamples, seed)))
    below, above = ((means <= 0).sum(0) + 1), ((means >= 0).sum(0) + 1)
    p = np.minimum(1, 2 * np.minimum(below, above) / (resamples + 1))
    return [
        Difference(float(value), float(low), float(high), float(chance), int(known))
        for value, low, high, chance, known in zip(
            _mean(gap), *_percentiles(means), p, (~np.isnan(gap)).sum(0), strict=True
        )
    ]


def distinct_interval(titles: Sequence[str], n: int) -> Interval:
    """distinct-n with its 95% jackknife interval (Tukey 1958).

    A bootstrap would draw titles twice, and so see fewer different n-grams in every resample.
    """
    ngrams = [word_ngrams(title, n) for title in titles]
    users: dict[tuple[str, ...], set[int]] = {}
    for place, found in enumerate(ngrams):
        for ngram in found:
            users.setdefault(ngram, set()).add(place)
    total, items = sum(map(len, ngrams)), len(titles)
    if not total:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    alone = [sum(len(users[ngram]) == 1 for ngram in set(found)) for found in ngrams]
    without = [
        (len(users) - lost) / (total - len(found)) if total > len(found) else 0.0
        for lost, found in zip(alone, ngrams, strict=True)
    ]
    value, centre = len(users) / total, fmean(without)
    half = _NORMAL * float(np.sqrt((items - 1) / items * sum((one - centre) ** 2 for one in without)))
    return Interval(value, max(0.0, value - half), min(1.0, value + half), items)


def _means(scores: NDArray[np.float64], resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Means of resamples, (resamples, metrics), in blocks: how often each item is drawn, times its scores."""
    items = len(scores)
    known = (~np.isnan(scores)).astype(np.float64)
    values = np.nan_to_num(scores)
    draw = np.random.default_rng(seed)
    size = max(1, _BLOCK // max(items, 1))
    for start in range(0, resamples, size):
        counts = draw.multinomial(items, np.full(items, 1 / items), size=min(size, resamples - start))
        with np.errstate(invalid="ignore", divide="ignore"):  # a resample can miss all that have the metric
            yield (counts @ values) / (counts @ known)


def _mean(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    known = (~np.isnan(scores)).sum(0)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nan_to_num(scores).sum(0) / known)


def _percentiles(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, metrics), resamples that miss a metric left out."""
    found = np.full((2, means.shape[1]), np.nan)
    for column in range(means.shape[1]):
        known = means[~np.isnan(means[:, column]), column]
        if len(known):
            found[:, column] = np.percentile(known, [_LOW, _HIGH])
    return found
