"""Which tokens make a word: for whole-word masking, and for labels that people can read."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from narou_gen.tokenizer import Tokenizer


class Words:
    """Finds words in token ids. WordPiece marks what continues a word with ##; elsewhere MeCab tells."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        vocabulary = tokenizer.vocabulary()
        self._tokens = {index: token for token, index in vocabulary.items()}
        self._wordpiece = any(token.startswith("##") for token in vocabulary)
        known = (tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id, tokenizer.unk_id, tokenizer.mask_id)
        self._alone = {index for index in known if index is not None}

    def groups(self, ids: Sequence[int]) -> list[range]:
        """Places of the tokens of each word, in order; a special or unknown token is a word of its own."""
        starts = self._starts(ids)
        return [range(start, end) for start, end in zip(starts, [*starts[1:], len(ids)], strict=True)]

    def text(self, ids: Sequence[int]) -> str:
        """What a word of these ids reads as."""
        return "".join(map(self._surface, ids))

    def _surface(self, index: int) -> str:
        token = self._tokens.get(index, "")
        return token.removeprefix("##") if self._wordpiece else token.replace("▁", " ")

    def _starts(self, ids: Sequence[int]) -> list[int]:
        if self._wordpiece:
            return [
                place
                for place, index in enumerate(ids)
                if place == 0
                or index in self._alone
                or ids[place - 1] in self._alone
                or not self._tokens.get(index, "").startswith("##")
            ]
        starts: list[int] = []
        run: list[int] = []  # tokens between those that stand alone
        for place, index in enumerate([*ids, None]):
            if index is not None and index not in self._alone:
                run.append(index)
                continue
            starts += [place - len(run) + start for start in self._starts_in_text(run)]
            run = []
            if index is not None:
                starts.append(place)
        return starts

    def _starts_in_text(self, ids: list[int]) -> list[int]:
        """Tokens that begin where a word of MeCab does, or with the space before one."""
        surfaces = list(map(self._surface, ids))
        beginnings, place = {0}, 0
        text = "".join(surfaces)
        for word in _tagger().parse(text).split() if text.strip() else []:
            place = text.index(word, place)
            beginnings.add(place)
            place += len(word)
        starts, at = [], 0
        for token, surface in enumerate(surfaces):
            first = at + len(surface) - len(surface.lstrip())
            after_space = token > 0 and surfaces[token - 1].isspace()  # which begins the word already
            if token == 0 or surface.isspace() or (first in beginnings and not after_space):
                starts.append(token)
            at += len(surface)
        return starts


@functools.cache
def _tagger() -> Any:
    import fugashi
    import unidic_lite

    folder = unidic_lite.DICDIR
    return fugashi.GenericTagger(f'-Owakati -d "{folder}" -r "{folder}/mecabrc"')
