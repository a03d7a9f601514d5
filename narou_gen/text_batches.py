"""Texts to tensors: tokenised once, dealt out in windows of similar length, with labels or with masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from narou_gen.batches import IGNORED, Tensors, padded, windows_of_like_length
from narou_gen.masking import Masking
from narou_gen.ragged import Ragged
from narou_gen.tokenizer import Tokenizer

_TOKENISED_TOGETHER = 10_000  # texts


@dataclass(frozen=True)
class TextBatch(Tensors):
    """Texts with what is to be said of them."""

    source_ids: Tensor
    """Shape (texts, tokens)."""
    source_mask: Tensor
    """Shape (texts, tokens); 1 where a token is, 0 where padding."""
    labels: Tensor
    """Shape (texts,) to label texts, (texts, tokens) to guess tokens; IGNORED at what does not count."""

    def inputs(self) -> dict[str, Tensor]:
        return {"input_ids": self.source_ids, "attention_mask": self.source_mask}


@dataclass(frozen=True)
class VectorBatch(Tensors):
    """Texts that are one vector each already."""

    vectors: Tensor
    """Shape (texts, hidden)."""
    labels: Tensor
    """Shape (texts,); IGNORED at what does not count."""

    def inputs(self) -> dict[str, Tensor]:
        return {"vectors": self.vectors}


class Sources:
    """Texts as `ids`, [CLS] text [SEP] each, of known `lengths`."""

    def __init__(self, texts: Sequence[str], tokenizer: Tokenizer, max_tokens: int) -> None:
        def blocks() -> Iterator[list[list[int]]]:
            for start in range(0, len(texts), _TOKENISED_TOGETHER):
                parts = tokenizer.parts(texts[start : start + _TOKENISED_TOGETHER], max_tokens - 2)
                yield [tokenizer.source((), part, max_tokens) for part in parts]

        self.ids = Ragged.of(blocks())
        self.lengths = self.ids.lengths()
        self.pad_id = tokenizer.pad_id

    def padded(self, sources: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Ids and mask, each of shape (texts, tokens)."""
        return padded(sources, self.pad_id), padded([[1] * len(source) for source in sources], 0)


class LabelledTexts:
    """Labelled texts, as ids or as vectors. `balanced`: drawn so that all labels come equally often."""

    def __init__(
        self, labels: np.ndarray, inputs: Sources | Tensor, seed: int, balanced: bool = False
    ) -> None:
        self.labels = labels
        self._inputs = inputs
        self._seed = seed
        self._balanced = balanced

    def __len__(self) -> int:
        return len(self.labels)

    def windows(self, size: int, epoch: int) -> list[np.ndarray]:
        rng = np.random.default_rng((self._seed, epoch))
        if self._balanced:
            chances = 1 / np.bincount(self.labels)[self.labels]
            order = rng.choice(len(self), len(self), p=chances / chances.sum())
        else:
            order = rng.permutation(len(self))
        lengths = self._inputs.lengths if isinstance(self._inputs, Sources) else np.zeros(len(self))
        return windows_of_like_length(order, lengths, size, rng)

    def targets(self, rows: np.ndarray, epoch: int | None) -> int:
        return len(rows)

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        inputs = self._inputs
        return inputs.lengths[rows] if isinstance(inputs, Sources) else np.ones(len(rows), np.int64)

    def batch(
        self, rows: Sequence[int] | np.ndarray, epoch: int | None, counts: bool = True
    ) -> TextBatch | VectorBatch:
        rows = np.asarray(rows)
        labels = torch.from_numpy(self.labels[rows] if counts else np.full(len(rows), IGNORED))
        if isinstance(self._inputs, Sources):
            return TextBatch(*self._inputs.padded([self._inputs.ids[row].tolist() for row in rows]), labels)
        return VectorBatch(self._inputs[torch.from_numpy(rows)], labels)


class MaskedTexts:
    """Texts with some of their words hidden: others in each epoch, the same ones where none is given."""

    def __init__(self, sources: Sources, masking: Masking, seed: int) -> None:
        self._sources = sources
        self._masking = masking
        self._seed = seed

    def __len__(self) -> int:
        return len(self._sources.ids)

    def windows(self, size: int, epoch: int) -> list[np.ndarray]:
        rng = np.random.default_rng((self._seed, epoch))
        return windows_of_like_length(rng.permutation(len(self)), self._sources.lengths, size, rng)

    def targets(self, rows: np.ndarray, epoch: int | None) -> int:
        """Number of hidden tokens."""
        return sum(self._masking.count(self._ids(row), self._key(row, epoch)) for row in rows)

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        found: np.ndarray = self._sources.lengths[rows]
        return found

    def batch(self, rows: Sequence[int] | np.ndarray, epoch: int | None, counts: bool = True) -> TextBatch:
        hidden = [self._masking.hide(self._ids(row), self._key(row, epoch)) for row in rows]
        labels = [row if counts else [IGNORED] * len(row) for _, row in hidden]
        return TextBatch(*self._sources.padded([ids for ids, _ in hidden]), padded(labels, IGNORED))

    def _ids(self, row: int) -> list[int]:
        ids: list[int] = self._sources.ids[row].tolist()
        return ids

    def _key(self, row: int, epoch: int | None) -> str:
        return f"{self._seed}/{epoch}/{row}"


class Interleaved:
    """Two kinds of items in an epoch: every `first` once, among them windows of `second`, again and again.

    Indices from `len(first)` on are those of `second`; no window holds both kinds. `share` is the part of all
    windows that are of `second`, evenly spread.
    """

    def __init__(self, first: Any, second: Any, share: float) -> None:
        self._first = first
        self._second = second
        self._share = share

    def windows(self, size: int, epoch: int) -> list[np.ndarray]:
        first = self._first.windows(size, epoch)
        wanted = max(1, round(len(first) * self._share / (1 - self._share)))
        second: list[np.ndarray] = []
        # Rounds are counted on from epoch to epoch, so that each has an order of its own.
        start, turn = epoch * wanted, 0
        per_round = len(self._second.windows(size, 0))
        while len(second) < wanted:
            turn, offset = divmod(start + len(second), per_round)
            second += self._second.windows(size, turn)[offset : offset + wanted - len(second)]
        windows = list(first)
        for place, rows in enumerate(second):
            at = round((place + 0.5) * len(first) / wanted) + place
            windows.insert(at, rows + len(self._first))
        return windows

    def targets(self, rows: np.ndarray, epoch: int | None) -> int:
        items, own = self._own(rows)
        return int(items.targets(own, epoch))

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        items, own = self._own(rows)
        found: np.ndarray = items.lengths(own)
        return found

    def batch(self, rows: Sequence[int] | np.ndarray, epoch: int | None, counts: bool = True) -> Any:
        items, own = self._own(np.asarray(rows))
        return items.batch(own, epoch, counts)

    def _own(self, rows: np.ndarray) -> tuple[Any, np.ndarray]:
        before = len(self._first)
        return (self._first, rows) if rows[0] < before else (self._second, rows - before)
