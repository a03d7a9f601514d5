"""A few words that stand for a text: what a person types who has a title in mind, and no synopsis yet."""

from __future__ import annotations

import re
from itertools import dropwhile, groupby
from random import Random
from typing import Any

from narou_gen.metrics.words import analysed
from narou_gen.text import comparison_key

_PARTS = {"名詞", "接頭辞", "接尾辞"}
_EMPTY = {"事", "物", "所", "為", "訳", "件", "方", "人", "中", "気"}
"""Nouns that say nothing alone."""
_TIMES = {"助数詞可能", "副詞可能"}
_NUMBERS = (1, 2, 2, 3)
"""How many words there are: two as often as one or three."""
_JOINTS = ("と", "、", " ")
"""竜騎士と温泉; 竜騎士、左遷、温泉; 竜騎士 左遷 温泉."""


def few_words(text: str, rng: Random) -> str | None:
    """One to three of the text's nouns in their order, as one types them.

    None where they would be the whole text, or a single character, which says too little.
    """
    nouns = list(dict.fromkeys(whole_nouns(text)))
    number = min(rng.choice(_NUMBERS), len(nouns))
    chosen = [nouns[place] for place in sorted(rng.sample(range(len(nouns)), number))]
    few = rng.choice(_JOINTS if number < max(_NUMBERS) else _JOINTS[1:]).join(chosen)
    return few if len(few) > 1 and comparison_key(few) != comparison_key(text) else None


def whole_nouns(text: str) -> list[str]:
    """Nouns and what is joined to them: 名探偵, 契約結婚, 猫. No numbers, times, pronouns or single kana."""
    found = []
    for is_part, group in groupby(analysed(text), lambda word: word.feature.pos1 in _PARTS):
        pieces = list(dropwhile(_counts_or_dates, group))
        whole = "".join(str(piece.surface) for piece in pieces)
        if is_part and any(map(_names_a_thing, pieces)) and not re.fullmatch("[ぁ-ゖァ-ヺ]", whole):
            found.append(whole)
    return found


def _counts_or_dates(word: Any) -> bool:
    """三年前聖女 is 聖女, and 第三王子 himself."""
    return word.feature.pos2 == "数詞" or word.feature.pos3 in _TIMES


def _names_a_thing(word: Any) -> bool:
    feature = word.feature
    is_noun = feature.pos2 in ("普通名詞", "固有名詞") and feature.pos3 not in _TIMES
    return is_noun and feature.lemma not in _EMPTY
