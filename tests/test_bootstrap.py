"""Intervals: where they must lie, and how often they hold the truth."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narou_gen.evaluation.bootstrap import differences, distinct_interval, intervals
from narou_gen.evaluation.summary import _derangement
from narou_gen.metrics.diversity import distinct

DRAW = np.random.default_rng(7)


def test_an_interval_holds_the_true_mean_about_19_times_in_20() -> None:
    held = 0
    for trial in range(300):
        (found,) = intervals(DRAW.normal(3, 1, (60, 1)), resamples=400, seed=trial)
        held += found.low <= 3 <= found.high
        assert found.low < found.value < found.high
    assert 0.90 <= held / 300 <= 0.98


def test_items_without_a_score_do_not_count() -> None:
    scores = np.array([[1.0, math.nan], [0.0, math.nan], [math.nan, math.nan], [1.0, 5.0]])
    first, second = intervals(scores)
    assert (first.value, first.items) == (pytest.approx(2 / 3), 3)
    assert (second.value, second.low, second.high, second.items) == (5.0, 5.0, 5.0, 1)
    (nothing,) = intervals(np.full((3, 1), math.nan))
    assert nothing.items == 0 and math.isnan(nothing.value) and math.isnan(nothing.low)


def test_the_seed_decides_and_blocks_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = DRAW.random((50, 2))
    whole = intervals(scores, seed=1)
    assert whole == intervals(scores, seed=1) != intervals(scores, seed=2)
    monkeypatch.setattr("narou_gen.evaluation.bootstrap._BLOCK", 50 * 7)
    for one, other in zip(intervals(scores, seed=1), whole, strict=True):  # up to the order of sums
        assert asdict(one) == pytest.approx(asdict(other), rel=1e-12)


def test_paired_differences() -> None:
    a = DRAW.random((40, 1))
    (same,) = differences(a, a)
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)
    (shifted,) = differences(a + 0.25, a)
    assert (shifted.value, shifted.low, shifted.high) == pytest.approx((0.25, 0.25, 0.25))
    assert shifted.p == pytest.approx(2 / 2001)
    # Unpaired, means this far apart in such noise would tell nothing.
    noise = DRAW.normal(0, 10, (40, 1))
    (paired,) = differences(noise + 0.5 + DRAW.normal(0, 0.1, (40, 1)), noise)
    assert 0.3 < paired.low < paired.high < 0.7
    (half,) = differences(np.array([[1.0], [math.nan], [3.0]]), np.array([[0.0], [1.0], [math.nan]]))
    assert (half.value, half.items) == (1.0, 1)


def test_p_is_small_as_often_as_it_says() -> None:
    """Of pairs without any difference, one in twenty has p <= 0.05."""
    small = 0
    for trial in range(300):
        (found,) = differences(DRAW.random((60, 1)), DRAW.random((60, 1)), resamples=400, seed=trial)
        small += found.p <= 0.05
    assert 0.02 <= small / 300 <= 0.10


def test_distinct_has_an_interval_around_its_value() -> None:
    titles = ["魔王の娘", "魔王の息子と宿屋の娘", "王都の朝", "俺は古い宿屋で寝る", "僕は寝る", "朝"]
    for n in (1, 2):
        found = distinct_interval(titles, n)
        assert found.value == distinct(titles, n)
        assert found.low < found.value < found.high
        assert found.items == len(titles)
    assert distinct_interval(["", ""], 1).items == 0
    assert distinct_interval(["魔王"], 1).value == 1.0


@given(st.integers(2, 200), st.integers(0, 1000))
def test_a_derangement_leaves_nothing_in_its_place(size: int, seed: int) -> None:
    places = _derangement(size, seed)
    assert sorted(places) == list(range(size))
    assert all(place != other for place, other in enumerate(places))
