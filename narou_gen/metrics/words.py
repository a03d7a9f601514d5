"""Words of Japanese text, by MeCab with unidic-lite."""

from __future__ import annotations

import functools
import unicodedata
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


def _analysed(text: str) -> Any:
    # MeCab reads UTF-8 up to the first NUL.
    return _tagger()(text.encode("utf-8", "replace").decode().replace("\0", " "))


@functools.lru_cache(maxsize=4096)  # a reference is split once for each of the titles it is held against
def words(text: str) -> tuple[str, ...]:
    """The words as they stand in the text, marks included, spaces not."""
    return tuple(str(word.surface) for word in _analysed(text))


@functools.lru_cache(maxsize=4096)
def content_words(text: str) -> tuple[tuple[str, str], ...]:
    """(word, dictionary form) of each common noun and name, NFKC and case folded; no numbers, no counters."""
    found = []
    for word in _analysed(unicodedata.normalize("NFKC", text)):
        feature = word.feature
        if (feature.pos1, feature.pos2) in _CONTENT and feature.pos3 != _COUNTER:
            surface = str(word.surface).casefold()
            found.append((surface, str(feature.lemma or surface).casefold()))
    return tuple(found)
