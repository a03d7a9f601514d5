"""Wishes: what they ask of the generator, and where they end."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from narou_gen.demo.wishes import Scale, WishError, Wishes
from narou_gen.options import GenerationOptions


def test_wishes_become_options() -> None:
    wishes = (
        Wishes()
        .stepped("length", 1)
        .stepped("tone", 1)
        .stepped("wildness", 1)
        .with_word("竜")
        .without_word("猫")
    )
    options = wishes.options(3, "101", 5)
    assert (options.min_chars, options.max_chars, options.tone) == (25, 40, "bright")
    assert options.sample and options.keywords == ("竜",) and options.avoid == ("猫",) and options.seed == 3
    assert Wishes().options(0, None, 5) == GenerationOptions(num_titles=5, seed=0)
    assert len(wishes.described()) == 5


def test_wishes_end_somewhere() -> None:
    for scale, by in product(get_args(Scale), (1, -1)):
        wishes = Wishes()
        with pytest.raises(WishError):
            for _ in range(9):
                wishes = wishes.stepped(scale, by)
    wishes = Wishes().with_word("竜の宿")
    for refused in (
        lambda: wishes.with_word("竜の宿"),
        lambda: wishes.with_word(" "),
        lambda: wishes.with_word("長" * 21),
        lambda: wishes.without_word("竜"),
        lambda: wishes.without_word("。"),
        lambda: Wishes().without_word("竜").with_word("竜の宿"),
        lambda: (
            Wishes()
            .with_word("とてもとても長い言葉")
            .stepped("length", -1)
            .stepped("length", -1)
            .options(0, None, 5)
        ),
    ):
        with pytest.raises(WishError):
            refused()
