"""Hiding words of a text, for a language model to guess (Devlin et al. 2019, arXiv:1810.04805)."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from narou_gen.batches import IGNORED
from narou_gen.errors import ModelError
from narou_gen.tokenizer import Tokenizer
from narou_gen.words import Words

_MASKED, _REPLACED = 0.8, 0.1  # of the hidden words; the rest stay as they were


class Masking:
    """Hides whole words: about `fraction` of a text's tokens, one word at least."""

    def __init__(self, tokenizer: Tokenizer, fraction: float) -> None:
        if tokenizer.mask_id is None:
            raise ModelError("The tokenizer has no mask token; masked words need one.")
        self._mask_id = tokenizer.mask_id
        self._fraction = fraction
        self._words = Words(tokenizer)
        special = {tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id, tokenizer.unk_id, tokenizer.mask_id}
        self._special = special
        self._ordinary = sorted(set(tokenizer.vocabulary().values()) - special)

    def count(self, ids: Sequence[int], key: str) -> int:
        """Number of tokens that `hide` hides."""
        return sum(map(len, self._chosen(ids, Random(key))))

    def hide(self, ids: Sequence[int], key: str) -> tuple[list[int], list[int]]:
        """The ids with words hidden, and what stood there (IGNORED elsewhere); the same for the same key.

        Of the hidden words 80% become masks, 10% other tokens, and 10% stay.
        """
        rng = Random(key)
        hidden, labels = list(ids), [IGNORED] * len(ids)
        for word in self._chosen(ids, rng):
            draw = rng.random()
            for place in word:
                labels[place] = ids[place]
                if draw < _MASKED:
                    hidden[place] = self._mask_id
                elif draw < _MASKED + _REPLACED:
                    hidden[place] = rng.choice(self._ordinary)
        return hidden, labels

    def _chosen(self, ids: Sequence[int], rng: Random) -> list[range]:
        words = [word for word in self._words.groups(ids) if ids[word[0]] not in self._special]
        wanted = max(1, round(self._fraction * sum(map(len, words))))
        chosen: list[range] = []
        for word in rng.sample(words, len(words)):
            if wanted <= 0:
                break
            if len(word) <= wanted or not chosen:
                chosen.append(word)
                wanted -= len(word)
        return chosen
