"""Pairs to tensors: tokenised once and cached, then dealt out in windows of similar length."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Protocol, Self

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from narou_gen.config import DataConfig
from narou_gen.folders import written_whole
from narou_gen.packing import PackedBatch
from narou_gen.ragged import Ragged
from narou_gen.resources import cache_folder
from narou_gen.sources import Pair
from narou_gen.tokenizer import CONDITION_SHARE, Tokenizer

IGNORED = -100  # label of positions that do not count, as in torch's cross entropy
# Windows whose pairs are sorted by length together: enough to save most padding, few enough to stay random.
_WINDOWS_SORTED_TOGETHER = 50
_CONDITIONS = ("length", "genre", "keywords")
_TOKENISED_TOGETHER = 10_000  # pairs


class Tensors:
    """A frozen dataclass of tensors: those of one forward pass."""

    def to(self, device: torch.device) -> Self:
        return type(self)(*(tensor.to(device, non_blocking=True) for tensor in vars(self).values()))


class Items(Protocol):
    """What a model learns from, dealt out in windows: a window is what one update learns from."""

    def windows(self, size: int, epoch: int) -> list[np.ndarray]:
        """The epoch's items as index arrays of `size` items at most, in the order to learn them."""

    def targets(self, rows: np.ndarray, epoch: int | None) -> int:
        """What their summed loss is divided by: tokens to predict, or texts to label."""

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        """What each of them costs in a forward pass, in tokens."""

    def batch(self, rows: Sequence[int] | np.ndarray, epoch: int | None, counts: bool = True) -> Any:
        """Tensors of these items, with what is random in this epoch; nothing of it for epoch None.

        Not to count: the loss of such a batch is 0, for a process whose share of a window is empty.
        """


@dataclass(frozen=True)
class Batch(Tensors):
    """Pairs; every shape is (pairs, tokens)."""

    source_ids: Tensor
    source_mask: Tensor
    """1 where a token is, 0 where padding."""
    target_ids: Tensor
    """What the decoder reads: [CLS] t1 ... tn."""
    labels: Tensor
    """What it must say: t1 ... tn [SEP]; IGNORED at padding."""

    def inputs(self) -> dict[str, Tensor]:
        return {
            "input_ids": self.source_ids,
            "attention_mask": self.source_mask,
            "decoder_input_ids": self.target_ids,
        }


class TokenisedPairs:
    """Token ids of pairs, memory-mapped, and the batches made of them.

    Conditions are kept as parts of their own, so that each epoch can leave out others.
    """

    def __init__(
        self,
        columns: Mapping[str, Ragged],
        tokenizer: Tokenizer,
        config: DataConfig,
        seed: int,
        packed: bool = False,
    ) -> None:
        self.columns = columns
        self._tokenizer = tokenizer
        self._config = config
        self._seed = seed
        self._packed = packed
        whole = sum(columns[name].lengths() for name in (*_CONDITIONS, "synopsis")) + 2
        self.source_lengths = np.minimum(whole, config.max_synopsis_tokens)
        self.label_counts = columns["title"].lengths() + 1  # [SEP] is said too

    def __len__(self) -> int:
        return len(self.columns["title"])

    def windows(self, size: int, epoch: int) -> list[np.ndarray]:
        """The epoch's pairs, each once, as index arrays of `size` pairs (the last to be cut may be shorter).

        A window is what one update learns from. Its pairs are of similar length, its place in the epoch is
        random; both depend on seed and epoch alone.
        """
        rng = np.random.default_rng((self._seed, epoch))
        return windows_of_like_length(rng.permutation(len(self)), self.source_lengths, size, rng)

    def targets(self, rows: np.ndarray, epoch: int | None) -> int:
        """Number of tokens that their titles must say."""
        return int(self.label_counts[rows].sum())

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        """Tokens of each pair, source and title."""
        found: np.ndarray = self.source_lengths[rows] + self.label_counts[rows]
        return found

    def batch(
        self, rows: Sequence[int] | np.ndarray, epoch: int | None, counts: bool = True
    ) -> Batch | PackedBatch:
        """The pairs at `rows`, packed or padded to the longest.

        With an epoch, conditions are left out at random. Unless it `counts`, every label is IGNORED.
        """
        sources = [self._source(int(index), epoch) for index in rows]
        limit = self._config.max_title_tokens
        targets = [
            self._tokenizer.target(self.columns["title"][int(index)].tolist(), limit) for index in rows
        ]
        labels = [target[1:] if counts else [IGNORED] * (len(target) - 1) for target in targets]
        read = [target[:-1] for target in targets]
        if self._packed:
            return PackedBatch.of(sources, read, labels)
        pad = self._tokenizer.pad_id
        return Batch(
            padded(sources, pad),
            padded([[1] * len(source) for source in sources], 0),
            padded(read, pad),
            padded(labels, IGNORED),
        )

    def _source(self, index: int, epoch: int | None) -> list[int]:
        names: Sequence[str] = _CONDITIONS
        if epoch is not None:
            rng = Random(f"{self._seed}/{epoch}/{index}")
            names = [name for name in names if rng.random() >= self._config.condition_dropout]
        parts = [self.columns[name][index].tolist() for name in names]
        synopsis = self.columns["synopsis"][index].tolist()
        return self._tokenizer.source(parts, synopsis, self._config.max_synopsis_tokens)


def windows_of_like_length(
    order: np.ndarray, lengths: np.ndarray, size: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """Windows of `size` indices out of `order`, each of similar `lengths`; the windows in random order."""
    windows = []
    for start in range(0, len(order), size * _WINDOWS_SORTED_TOGETHER):
        near = order[start : start + size * _WINDOWS_SORTED_TOGETHER]
        near = near[np.argsort(lengths[near], kind="stable")]
        windows += [near[at : at + size] for at in range(0, len(near), size)]
    return [windows[index] for index in rng.permutation(len(windows))]


def share_of(rows: np.ndarray, process: int, processes: int) -> tuple[np.ndarray, bool]:
    """What falls to a process of a window that is dealt out to all, and whether it counts.

    Where nothing is left for it, it runs an item that does not: all processes must meet in every pass.
    """
    share = rows[process::processes]
    return (share, True) if len(share) else (rows[:1], False)


def padded(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    """Shape (rows, longest row), filled with `value` on the right."""
    width = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows])


def tokenise(
    pairs: Sequence[Pair], tokenizer: Tokenizer, config: DataConfig, seed: int, packed: bool = False
) -> TokenisedPairs:
    """Token ids of the pairs, from the cache where these pairs met this tokenizer before."""
    folder = cache_folder() / "tokenised" / _digest(pairs, tokenizer, config)
    if not folder.is_dir():
        try:
            write_ids(pairs, tokenizer, config, folder)
        except OSError:  # another process was first, with the same content
            if not folder.is_dir():
                raise
    return load_ids(folder, tokenizer, config, seed, packed)


def load_ids(
    folder: Path, tokenizer: Tokenizer, config: DataConfig, seed: int, packed: bool = False
) -> TokenisedPairs:
    """The pairs that `write_ids` wrote; raises OSError or ValueError where the folder is not whole."""
    columns = {name: Ragged.load(folder, name) for name in (*_CONDITIONS, "synopsis", "title")}
    return TokenisedPairs(columns, tokenizer, config, seed, packed)


def write_ids(pairs: Sequence[Pair], tokenizer: Tokenizer, config: DataConfig, folder: Path) -> None:
    """Write the token ids of the pairs into a new folder, whole or not at all."""
    limits = dict.fromkeys(_CONDITIONS, config.max_synopsis_tokens // CONDITION_SHARE)
    limits |= {"synopsis": config.max_synopsis_tokens - 2, "title": config.max_title_tokens - 2}
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    with written_whole(folder) as done, bar as progress:
        task = progress.add_task("Tokenising", total=len(limits) * len(pairs))
        for name, limit in limits.items():

            def blocks(name: str = name, limit: int = limit) -> Iterator[list[list[int]]]:
                for start in range(0, len(pairs), _TOKENISED_TOGETHER):
                    texts = [_texts(pair)[name] for pair in pairs[start : start + _TOKENISED_TOGETHER]]
                    yield tokenizer.parts(texts, limit)
                    progress.advance(task, len(texts))

            Ragged.of(blocks()).save(done, name)


def _texts(pair: Pair) -> dict[str, str]:
    return {"synopsis": pair.synopsis, "title": pair.title, **pair.conditions.parts()}


def _digest(pairs: Sequence[Pair], tokenizer: Tokenizer, config: DataConfig) -> str:
    """SHA-256 over all that the files depend on: their format, texts, limits, and the tokenizer's files."""
    digest = hashlib.sha256(f"2 {config.max_synopsis_tokens} {config.max_title_tokens}".encode())
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(Path(folder))
        for file in sorted(Path(folder).iterdir()):
            digest.update(file.read_bytes())
    for pair in pairs:
        digest.update(repr(sorted(_texts(pair).items())).encode())
    return digest.hexdigest()
