"""The nouns that stand for a text."""

from __future__ import annotations

from random import Random

import pytest

from narou_gen.few_words import few_words, whole_nouns


@pytest.mark.parametrize(
    ("text", "nouns"),
    [
        ("名探偵と猫", ["名探偵", "猫"]),
        ("契約結婚した魔女は、鍛冶屋の炉に火をくべる", ["契約結婚", "魔女", "鍛冶屋", "炉", "火"]),
        ("十七年ぶりに、三人のことを私たちが話すとき", []),
        ("昨日魔王が三年前聖女と", ["魔王", "聖女"]),
        ("第三王子と二百年目の恋", ["第三王子", "恋"]),
        ("走れ！", []),
        ("ひとり、木と話す", ["木"]),
        ("", []),
    ],
)
def test_nouns_are_whole_and_say_something(text: str, nouns: list[str]) -> None:
    assert whole_nouns(text) == nouns


def test_one_to_three_of_them_in_their_order_each_once() -> None:
    drawn = {few_words("勇者と竜と勇者の姉", Random(seed)) for seed in range(200)}
    assert drawn == {
        *("勇者", None),  # 竜 and 姉 alone are not enough
        *(f"{a}{joint}{b}" for a, b in (("勇者", "竜"), ("勇者", "姉"), ("竜", "姉")) for joint in "と、 "),
        *("勇者、竜、姉", "勇者 竜 姉"),
    }


@pytest.mark.parametrize("text", ["走れ！", "契約結婚", "竜"])
def test_there_are_none_where_they_would_be_nothing_or_all(text: str) -> None:
    assert few_words(text, Random(0)) is None
