"""Pairs as tensors without padding: the tokens of all sequences stand in one row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """Where sequences lie in a row, and in the grid (sequences, longest) that attention can pad them to."""

    lengths: list[int]
    """Tokens of each sequence."""
    places: Tensor
    """Shape (tokens,): each token's place in the flattened grid."""
    mask: Tensor
    """Shape (sequences, 1, 1, longest): True where the grid has a token."""

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]]) -> Layout:
        lengths = list(map(len, sequences))
        mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        return cls(lengths, mask.flatten().nonzero()[:, 0], mask[:, None, None, :])

    def to(self, device: torch.device) -> Self:
        return type(self)(self.lengths, *(_moved(tensor, device) for tensor in (self.places, self.mask)))

    def positions(self) -> Tensor:
        """Shape (1, tokens): each token's place in its sequence."""
        return torch.cat([torch.arange(length) for length in self.lengths])[None]

    def grid(self, row: Tensor) -> Tensor:
        """(1, heads, tokens, width) to (sequences, heads, longest, width), zero where no token is."""
        _, heads, _, width = row.shape
        sequences, longest = len(self.lengths), self.mask.shape[-1]
        empty = row.new_zeros(sequences * longest, heads, width)
        filled = empty.index_copy(0, self.places, row[0].transpose(0, 1))
        return filled.view(sequences, longest, heads, width).transpose(1, 2)

    def row(self, grid: Tensor) -> Tensor:
        """(sequences, heads, longest, width) to (1, tokens, heads, width)."""
        return grid.transpose(1, 2).flatten(0, 1).index_select(0, self.places)[None]


@dataclass(frozen=True)
class Packing:
    """What attention is told: sequence i of the queries reads sequence i of the keys."""

    queries: Layout
    keys: Layout


@dataclass(frozen=True)
class PackedBatch:
    """Pairs; tokens of sources, and of titles, are one row each."""

    source_ids: Tensor
    """Shape (1, source tokens)."""
    source_positions: Tensor
    target_ids: Tensor
    """Shape (1, target tokens): what the decoder reads, [CLS] t1 ... tn of each title."""
    target_positions: Tensor
    labels: Tensor
    """Shape (1, target tokens): what it must say, t1 ... tn [SEP]; IGNORED where nothing counts."""
    source: Layout
    target: Layout

    @classmethod
    def of(
        cls,
        sources: Sequence[Sequence[int]],
        targets: Sequence[Sequence[int]],
        labels: Sequence[Sequence[int]],
    ) -> PackedBatch:
        source, target = Layout.of(sources), Layout.of(targets)
        return cls(
            _row(sources), source.positions(), _row(targets), target.positions(), _row(labels), source, target
        )

    def to(self, device: torch.device) -> Self:
        tensors = {
            name: _moved(value, device) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **tensors, source=self.source.to(device), target=self.target.to(device))

    def inputs(self) -> dict[str, Any]:
        """What an EncoderDecoderModel with packed attention is called with."""
        return {
            "input_ids": self.source_ids,
            "position_ids": self.source_positions,
            "packing": Packing(self.source, self.source),
            "decoder_input_ids": self.target_ids,
            "decoder_position_ids": self.target_positions,
            "decoder_packing": Packing(self.target, self.target),
            "decoder_cross_packing": Packing(self.target, self.source),
        }


def _row(sequences: Sequence[Sequence[int]]) -> Tensor:
    return torch.from_numpy(np.fromiter(chain.from_iterable(sequences), np.int64))[None]


def _moved(tensor: Tensor, device: torch.device) -> Tensor:
    """On the device; to a GPU from pinned memory, so that the processor need not wait for the copy."""
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
