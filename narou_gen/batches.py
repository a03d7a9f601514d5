"""Pairs to tensors: tokenised once and cached, then dealt out in windows of similar length."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from narou_gen.config import DataConfig
from narou_gen.resources import cache_folder
from narou_gen.sources import Pair
from narou_gen.tokenizer import CONDITION_SHARE, Tokenizer

if TYPE_CHECKING:
    from datasets import Dataset

IGNORED = -100  # label of positions that do not count, as in torch's cross entropy
# Windows whose pairs are sorted by length together: enough to save most padding, few enough to stay random.
_WINDOWS_SORTED_TOGETHER = 50


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


class TokenisedPairs:
    """Token ids of pairs, memory-mapped, and the batches made of them.

    Conditions are kept as parts of their own, so that each epoch can leave out others.
    """

    def __init__(self, dataset: Dataset, tokenizer: Tokenizer, config: DataConfig, seed: int) -> None:
        self._dataset = dataset
        self._tokenizer = tokenizer
        self._config = config
        self._seed = seed
        self.source_lengths = np.asarray(dataset["source_length"])
        self.label_counts = np.asarray(dataset["title_length"]) + 1  # [SEP] is said too

    def __len__(self) -> int:
        return len(self._dataset)

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

    def batch(self, rows: Sequence[int] | np.ndarray, epoch: int | None, counts: bool = True) -> Batch:
        """The pairs at `rows`, padded to the longest. With an epoch, conditions are left out at random.

        Unless it `counts`, every label is IGNORED.
        """
        rows = [int(index) for index in rows]
        columns = self._dataset[rows]
        config = self._config
        sources, targets = [], []
        for place, index in enumerate(rows):
            parts = {name: columns[name][place] for name in ("length", "genre", "keywords")}
            if epoch is not None:
                rng = Random(f"{self._seed}/{epoch}/{index}")
                parts = {
                    name: part for name, part in parts.items() if rng.random() >= config.condition_dropout
                }
            sources.append(
                self._tokenizer.source(parts.values(), columns["synopsis"][place], config.max_synopsis_tokens)
            )
            targets.append(self._tokenizer.target(columns["title"][place], config.max_title_tokens))
        pad = self._tokenizer.pad_id
        labels = [target[1:] if counts else [IGNORED] * (len(target) - 1) for target in targets]
        return Batch(
            padded(sources, pad),
            padded([[1] * len(source) for source in sources], 0),
            padded([target[:-1] for target in targets], pad),
            padded(labels, IGNORED),
        )


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


def padded(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    """Shape (rows, longest row), filled with `value` on the right."""
    width = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows])


def tokenise(pairs: Sequence[Pair], tokenizer: Tokenizer, config: DataConfig, seed: int) -> TokenisedPairs:
    """Token ids of the pairs, from the cache where these pairs met this tokenizer before."""
    import datasets

    digest = _digest(pairs, tokenizer, config)
    folder = cache_folder() / "tokenised" / digest
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        dataset = datasets.Dataset.from_list([_texts(pair) for pair in pairs]).map(
            lambda rows: _tokenise_rows(rows, tokenizer, config),
            batched=True,
            new_fingerprint=digest,
            desc="Tokenising",
        )
        columns = ["length", "genre", "keywords", "synopsis", "title", "source_length", "title_length"]
        _save(dataset.select_columns(columns), folder)
    return TokenisedPairs(datasets.load_from_disk(folder), tokenizer, config, seed)


def _save(dataset: Dataset, folder: Path) -> None:
    """Write the dataset aside and rename it; without a bar of its own, which would last a blink."""
    import datasets

    shown = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
            dataset.save_to_disk(Path(aside) / "done")
            (Path(aside) / "done").rename(folder)
    except OSError:  # another process was first, with the same content
        if not folder.is_dir():
            raise
    finally:
        if shown:
            datasets.enable_progress_bars()


def _texts(pair: Pair) -> dict[str, str]:
    return {"synopsis": pair.synopsis, "title": pair.title, **pair.conditions.parts()}


def _tokenise_rows(
    rows: dict[str, list[str]], tokenizer: Tokenizer, config: DataConfig
) -> dict[str, list[Any]]:
    synopses = tokenizer.parts(rows["synopsis"], config.max_synopsis_tokens - 2)
    titles = tokenizer.parts(rows["title"], config.max_title_tokens - 2)
    parts = {
        name: tokenizer.parts(rows[name], config.max_synopsis_tokens // CONDITION_SHARE)
        for name in ("length", "genre", "keywords")
    }
    together = zip(synopses, *parts.values(), strict=True)
    lengths = [min(sum(map(len, row)) + 2, config.max_synopsis_tokens) for row in together]
    return {
        **parts,
        "synopsis": synopses,
        "title": titles,
        "source_length": lengths,
        "title_length": [len(title) for title in titles],
    }


def _digest(pairs: Sequence[Pair], tokenizer: Tokenizer, config: DataConfig) -> str:
    """SHA-256 over all that the ids depend on: texts, limits, and the tokenizer's files."""
    digest = hashlib.sha256(f"{config.max_synopsis_tokens} {config.max_title_tokens}".encode())
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(Path(folder))
        for file in sorted(Path(folder).iterdir()):
            digest.update(file.read_bytes())
    for pair in pairs:
        digest.update(repr(sorted(_texts(pair).items())).encode())
    return digest.hexdigest()
