"""How near a title is to the titles that a model was trained with.

The index holds no text: of each title a hash of its letters, and hashes of its character pairs. Two titles
are compared by the Dice coefficient of their sets of pairs, 2 x common / (pairs of one + of the other).
About 50 bytes a title; a lookup among 100,000 takes milliseconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from narou_gen.errors import CheckpointError
from narou_gen.folders import write_whole
from narou_gen.resources import find_checkpoint
from narou_gen.text import comparison_key

FILE = "novelty.safetensors"


class NoveltyIndex:
    """Training titles by their hashes."""

    def __init__(
        self, keys: NDArray[np.uint64], pairs: NDArray[np.uint16], counts: NDArray[np.uint16]
    ) -> None:
        """`keys`: (titles,), sorted; `pairs`: of all titles, one after another; `counts`: (titles,)."""
        self._keys = keys
        self._pairs = pairs
        self._counts = counts
        self._starts = np.cumsum(counts, dtype=np.int64) - counts

    @classmethod
    def made_of(cls, titles: Iterable[str]) -> NoveltyIndex:
        """Titles that differ in letters, each once."""
        return cls._made_of_sets({_key(title): _pairs(title) for title in titles})

    @classmethod
    def _made_of_sets(cls, kept: Mapping[int, NDArray[np.uint16]]) -> NoveltyIndex:
        order = sorted(kept)
        sets = [kept[key] for key in order]
        return cls(
            np.array(order, np.uint64),
            np.concatenate(sets) if sets else np.zeros(0, np.uint16),
            np.array([len(pairs) for pairs in sets], np.uint16),
        )

    def with_those_of(self, checkpoint: str | None) -> NoveltyIndex:
        """Joined with the index of the checkpoint that a run goes on from, if there is one and it has one."""
        earlier = None if checkpoint is None else self.load(find_checkpoint(checkpoint))
        if earlier is None:
            return self
        return self._made_of_sets(dict(earlier._sets()) | dict(self._sets()))

    def _sets(self) -> Iterator[tuple[int, NDArray[np.uint16]]]:
        for key, start, count in zip(self._keys, self._starts, self._counts, strict=True):
            yield int(key), self._pairs[start : start + count]

    @classmethod
    def load(cls, folder: Path) -> NoveltyIndex | None:
        """The index in a checkpoint folder, if it has one.

        Raises:
            CheckpointError: it is damaged.
        """
        if not (folder / FILE).exists():
            return None
        try:
            found = load_file(folder / FILE)
            return cls(found["keys"], found["pairs"], found["counts"])
        except (OSError, KeyError, SafetensorError) as error:
            raise CheckpointError(f"{folder / FILE} is damaged: {error}.") from None

    def save(self, folder: Path) -> None:
        """Write the index into a checkpoint folder, whole or not at all."""
        write_whole(folder / FILE, save({"keys": self._keys, "pairs": self._pairs, "counts": self._counts}))

    def __len__(self) -> int:
        return len(self._keys)

    def holds(self, title: str) -> bool:
        """Whether a training title has just these letters."""
        key = np.uint64(_key(title))
        place = int(np.searchsorted(self._keys, key))
        return place < len(self._keys) and bool(self._keys[place] == key)

    def nearest(self, title: str) -> float:
        """Dice coefficient (0 to 1) to the training title most like this one."""
        if self.holds(title):
            return 1.0
        if not len(self._keys):
            return 0.0
        pairs = _pairs(title)
        wanted = np.zeros(2**16, bool)
        wanted[pairs] = True
        # Other letters can have the same pairs (ののの has those of のの): that is near, and no copy.
        common = np.add.reduceat(wanted[self._pairs].astype(np.int32), self._starts)
        nearest = (2 * common / (self._counts.astype(np.int64) + len(pairs))).max()
        return min(float(nearest), 0.99)


def _key(title: str) -> int:
    return int.from_bytes(hashlib.blake2b(comparison_key(title).encode(), digest_size=8).digest(), "little")


def _pairs(title: str) -> NDArray[np.uint16]:
    """Hashes of the character pairs of a title with its bounds: at least two."""
    text = f"\x02{comparison_key(title)}\x03"
    hashes = {
        int.from_bytes(hashlib.blake2b(text[i : i + 2].encode(), digest_size=2).digest(), "little")
        for i in range(len(text) - 1)
    }
    return np.array(sorted(hashes), np.uint16)
