"""Names and terms of a synopsis that a title spells wrongly.

A model that copies letter by letter slips: サワ・キリシマ becomes サリシマ. What in a title stands nowhere in
the synopsis, but nearly so, is most likely such a slip: of 32,754 titles in `sample:titles` that were written
on purpose, 134 have any, most of them another number or rank.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from narou_gen.text import comparison_key


@dataclass(frozen=True)
class _Kind:
    """What is taken over from a synopsis as it is."""

    pattern: re.Pattern[str]
    share: float
    """Of the longer one's characters that differ at most: 公爵令嬢 may be a slip of 侯爵令嬢, 召喚士 is none
    of 召喚科."""
    shortens: bool = True
    """深夜ラジオ風配信 may become 深夜ラジオ配信; クラウデア is no Claudia."""


_KINDS = (
    _Kind(re.compile("[ァ-ヺー]{3,}"), 1 / 3, shortens=False),
    _Kind(re.compile("[一-鿿々〇]{3,}"), 1 / 4),
    _Kind(re.compile("[ァ-ヺー一-鿿々〇]{3,}"), 1 / 4),
    _Kind(re.compile("(?<=「)[^「」]{3,}(?=」)|(?<=『)[^『』]{3,}(?=』)"), 1 / 3),
)


def misspelt(title: str, synopsis: str) -> dict[str, str]:
    """What stands in the title -> as the synopsis has it, each name once. Widths and marks do not count."""
    whole, kinds = _taken_over(synopsis)
    title, key = unicodedata.normalize("NFKC", title), comparison_key(title)
    found: dict[str, str] = {}
    for kind, known in zip(_KINDS, kinds, strict=True):
        absent = [own for own in known if comparison_key(own) not in key]
        for text in kind.pattern.findall(title):
            right = next((own for own in absent if _is_slip(text, own, kind)), None)
            if right is not None and comparison_key(text) not in whole:
                found[text] = right
    return {
        text: right
        for text, right in found.items()
        if not any(part in text for part in found if part != text)
    }


@functools.lru_cache(maxsize=64)  # a synopsis has many candidates
def _taken_over(synopsis: str) -> tuple[str, tuple[tuple[str, ...], ...]]:
    normal = unicodedata.normalize("NFKC", synopsis)
    return comparison_key(synopsis), tuple(
        tuple(dict.fromkeys(kind.pattern.findall(normal))) for kind in _KINDS
    )


def _is_slip(text: str, own: str, kind: _Kind) -> bool:
    one, other = comparison_key(text), comparison_key(own)
    distance = OSA.distance(one, other)
    shortened = kind.shortens and distance == len(other) - len(one)
    return 0 < distance <= kind.share * max(len(one), len(other)) and not shortened
