"""Scores of labels, by hand and against scikit-learn."""

from __future__ import annotations

import json
import random
import warnings
from pathlib import Path

import numpy as np
import pytest

from narou_gen import NarouGenError
from narou_gen.classification import Classification
from narou_gen.confusion import as_lines
from narou_gen.sentiment_scores import write_scores

LABELS = ("明", "暗", "ふつう")
EXPECTED = ["明", "明", "明", "暗", "暗", "ふつう"]
PREDICTED = ["明", "明", "暗", "暗", "ふつう", "ふつう"]


def test_a_case_by_hand() -> None:
    found = Classification.of(EXPECTED, PREDICTED, LABELS)
    assert found.confusion.tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert found.accuracy == pytest.approx(4 / 6)
    assert found.f1.tolist() == pytest.approx([4 / 5, 2 / 4, 2 / 3])
    assert found.macro_f1 == pytest.approx((4 / 5 + 1 / 2 + 2 / 3) / 3)
    assert found.weighted_f1 == pytest.approx((3 * 4 / 5 + 2 * 1 / 2 + 2 / 3) / 6)
    scores = found.as_json()
    assert scores["labels"]["暗"] == {"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "texts": 2}
    assert scores["majority"]["accuracy"] == pytest.approx(3 / 6)
    assert scores["majority"]["macro_f1"] == pytest.approx((2 / 3) / 3)


def test_right_is_one_and_wrong_is_zero() -> None:
    assert Classification.of(EXPECTED, EXPECTED, LABELS).macro_f1 == 1
    assert Classification.of(EXPECTED, EXPECTED, LABELS).interval() == (1, 1)
    wrong = Classification.of(["明", "暗"], ["暗", "明"], LABELS)
    assert (wrong.accuracy, wrong.macro_f1, wrong.weighted_f1) == (0, 0, 0)
    assert wrong.interval() == (0, 0)


def test_it_agrees_with_scikit_learn() -> None:
    from sklearn import metrics

    rng = random.Random(1)
    expected = rng.choices(LABELS, (6, 3, 1), k=200)
    predicted = [label if rng.random() < 0.6 else rng.choice(LABELS) for label in expected]
    found = Classification.of(expected, predicted, LABELS)
    assert found.confusion.tolist() == metrics.confusion_matrix(expected, predicted, labels=LABELS).tolist()
    for average, ours in (("macro", found.macro_f1), ("weighted", found.weighted_f1)):
        assert ours == pytest.approx(metrics.f1_score(expected, predicted, average=average))
    low, high = found.interval()
    assert low < found.macro_f1 < high and 0.05 < high - low < 0.3
    assert found.interval() == (low, high)  # the same seed, the same draws


def test_a_label_that_nobody_has_does_not_count() -> None:
    assert Classification.of(["明", "暗"], ["明", "暗"], LABELS).macro_f1 == 1


def test_unknown_labels_are_named() -> None:
    with pytest.raises(NarouGenError, match=r"Unknown label 無\. The model knows: 明, 暗, ふつう"):
        Classification.of(["無"], ["明"], LABELS)
    with pytest.raises(NarouGenError, match="No texts to score"):
        Classification.of([], [], LABELS)


def test_a_table_and_a_picture(tmp_path: Path) -> None:
    found = Classification.of(EXPECTED, PREDICTED, (*LABELS[:2], "$x\x1b[31m$", "ふつう"))
    text = "\n".join(as_lines(found))
    assert "accuracy 0.667" in text and "\x1b" not in text
    assert "2   67%" in text
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of characters that its font lacks
        write_scores(found, tmp_path / "out")
    assert json.loads((tmp_path / "out/metrics.json").read_text("utf-8")) == found.as_json()
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["confusion.png", "metrics.json"]
    from matplotlib.image import imread

    picture = imread(tmp_path / "out/confusion.png")
    assert picture.shape[1] > picture.shape[0] > 200 and np.ptp(picture) > 0.5
