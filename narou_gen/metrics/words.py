"""Words of Japanese text, by MeCab with unidic-lite."""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from itertools import groupby
from typing import Any

_CONTENT = {("名詞", "普通名詞"), ("名詞", "固有名詞")}
_COUNTER = "助数詞可能"  # 年, 回, 人目: they count and say nothing


@functools.cache
def _tagger() -> Any:
    # Scores over characters need no MeCab, and a machine that only trains may lack it.
    import fugashi
    import unidic_lite

    folder = unidic_lite.DICDIR
    return fugashi.Tagger(f'-d "{folder}" -r "{folder}/mecabrc"')


def analysed(text: str) -> Any:
    """MeCab's words of a text, each with `surface` and the features of UniDic."""
    # MeCab reads UTF-8 up to the first NUL.
    return _tagger()(text.encode("utf-8", "replace").decode().replace("\0", " "))


@functools.lru_cache(maxsize=4096)  # a reference is split once for each of the titles it is held against
def words(text: str) -> tuple[str, ...]:
    """The words as they stand in the text, marks included, spaces not."""
    return tuple(str(word.surface) for word in analysed(text))


@functools.lru_cache(maxsize=4096)
def content_words(text: str) -> tuple[tuple[str, str], ...]:
    """(word, dictionary form) of each common noun and name, NFKC and case folded; no numbers, no counters."""
    found = []
    for word in analysed(unicodedata.normalize("NFKC", text)):
        feature = word.feature
        if (feature.pos1, feature.pos2) in _CONTENT and feature.pos3 != _COUNTER:
            surface = str(word.surface).casefold()
            found.append((surface, str(feature.lemma or surface).casefold()))
    return tuple(found)


@dataclass(frozen=True)
class Name:
    """A name in a text. Names of one kind (katakana, or UniDic's 姓, 名 or 一般) can stand for each other."""

    text: str
    kind: str


def names(text: str) -> list[Name]:
    """Names of persons, and katakana that looks like one, as they follow each other.

    MeCab cuts an invented name into what it knows: katakana with a piece of one or two characters, or that is
    unknown, is taken for a name. Of one character alone there are none: it may be part of any word.
    """
    found: list[Name] = []
    for is_katakana, group in groupby(analysed(text), lambda word: _is_katakana(str(word.surface))):
        pieces = list(group)
        if is_katakana:
            whole = "".join(str(piece.surface) for piece in pieces)
            odd = any(
                piece.is_unk or piece.feature.pos3 == "人名" or len(piece.surface) < 3 for piece in pieces
            )
            if len(whole) > 2 and odd:
                found.append(Name(whole, "katakana"))
        else:
            found += [
                Name(str(word.surface), str(word.feature.pos4))
                for word in pieces
                if word.feature.pos3 == "人名" and len(word.surface) > 1
            ]
    return found


def _is_katakana(text: str) -> bool:
    return re.fullmatch("[ァ-ヺー]+", text) is not None
