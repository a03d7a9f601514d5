"""Scores of titles, against cases counted by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narou_gen.metrics import character_rouge_l


def test_identical_disjoint_and_a_case_by_hand() -> None:
    assert character_rouge_l("井戸の声", ["井戸の声"]) == 1.0
    assert character_rouge_l("井戸の声", ["橋が落ちた"]) == 0.0
    # Longest common subsequence 井戸の声 (4): precision 4/4, recall 4/6, F1 = 2 * 1 * (2/3) / (5/3) = 0.8.
    assert character_rouge_l("井戸の声", ["古井戸の呼声"]) == pytest.approx(0.8)


def test_the_best_reference_counts_and_spaces_do_not() -> None:
    assert character_rouge_l("井戸の声", ["橋が落ちた", "井戸 の声"]) == 1.0
    assert character_rouge_l("", ["井戸"]) == 0.0


@given(st.text(), st.lists(st.text(), min_size=1, max_size=3))
def test_it_lies_between_0_and_1(title: str, references: list[str]) -> None:
    assert 0.0 <= character_rouge_l(title, references) <= 1.0
