"""What a masked language model puts into the gaps of a text."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from narou_gen.errors import CheckpointError, InputError
from narou_gen.resources import find_checkpoint
from narou_gen.text import clean_title
from narou_gen.tokenizer import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_MASK = re.compile(r"\[MASK\]|<mask>")


@dataclass(frozen=True)
class Filling:
    """A token for a gap, and its probability there."""

    token: str
    probability: float


class MaskFiller:
    """A masked language model that is ready to guess."""

    def __init__(self, model: PreTrainedModel, tokenizer: Tokenizer) -> None:
        if tokenizer.mask_id is None:
            raise CheckpointError("This model's tokenizer has no mask: give one that `train mlm` wrote.")
        self._model = model
        self._tokenizer = tokenizer
        self._tokens = {index: token for token, index in tokenizer.vocabulary().items()}

    @classmethod
    def from_checkpoint(cls, path: str | Path) -> MaskFiller:
        """Load what `narou-gen train mlm` wrote, or any BertForMaskedLM in a folder.

        Raises:
            CheckpointError: there is none.
        """
        folder = find_checkpoint(str(path), "mlm")
        from narou_gen.checkpoint import load_masked_lm

        return cls(load_masked_lm(folder), load_tokenizer(folder))

    def fill(self, text: str, number: int = 5) -> list[list[Filling]]:
        """For each [MASK] in the text, in order, the likeliest tokens, the likeliest first.

        Raises:
            InputError: the text has no [MASK], is too long, or `number` is under 1.
        """
        import torch

        if number < 1:
            raise InputError(f"number = {number}: ask for one token at least.")
        ids = self._ids(text)
        places = [place for place, index in enumerate(ids) if index == self._tokenizer.mask_id]
        tokenizer = self._tokenizer
        never = [tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id, tokenizer.unk_id, tokenizer.mask_id]
        with torch.inference_mode():
            logits = self._model(input_ids=torch.tensor([ids])).logits[0, places].float()
            logits[:, never] = float("-inf")
            best = logits.softmax(-1).topk(min(number, len(self._tokens)))
        return [
            [Filling(self._word(index), chance) for index, chance in zip(tokens, chances, strict=True)]
            for tokens, chances in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]

    def _ids(self, text: str) -> list[int]:
        parts = _MASK.split(clean_title(text))
        if len(parts) < 2:
            raise InputError("The text has no gap: write [MASK] where a word is to be guessed.")
        ids: list[int] = []
        for place, part in enumerate(self._tokenizer.parts(parts)):
            ids += [self._tokenizer.mask_id or 0] * (place > 0) + part
        longest = int(self._model.config.max_position_embeddings)
        if len(ids) + 2 > longest:
            raise InputError(
                f"The text has {len(ids) + 2} tokens, and the model reads {longest}: shorten it."
            )
        return self._tokenizer.source((), ids, longest)

    def _word(self, index: int) -> str:
        return self._tokens.get(index, "").removeprefix("▁")


def fill_mask(text: str, number: int = 5, checkpoint: str | Path = "checkpoints/mlm") -> list[list[Filling]]:
    """For each [MASK] in the text the likeliest tokens, by a model that `narou-gen train mlm` wrote.

    The model is loaded once per process.

    Raises:
        InputError: the text has no [MASK], or is too long.
        CheckpointError: there is no such model.
    """
    return _kept(str(find_checkpoint(str(checkpoint), "mlm"))).fill(text, number)


@functools.lru_cache(maxsize=1)
def _kept(folder: str) -> MaskFiller:
    return MaskFiller.from_checkpoint(folder)
