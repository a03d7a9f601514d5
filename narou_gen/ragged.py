"""Rows of token ids of any length, as two flat NumPy files that are mapped into memory, not read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Ragged:
    """`ragged[i]` is row i, an int32 array."""

    def __init__(self, values: NDArray[np.int32], ends: NDArray[np.int64]) -> None:
        self._values = values
        self._ends = ends

    @classmethod
    def of(cls, blocks: Iterable[Sequence[Sequence[int]]]) -> Ragged:
        """Of rows that come in blocks; a block's Python numbers are freed before the next one comes."""
        values, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        for rows in blocks:
            values.append(np.fromiter(chain.from_iterable(rows), np.int32))
            lengths.append(np.fromiter(map(len, rows), np.int64, len(rows)))
        return cls(np.concatenate(values), np.cumsum(np.concatenate(lengths)))

    @classmethod
    def load(cls, folder: Path, name: str) -> Ragged:
        """Raises OSError or ValueError where a file is missing or no NumPy array."""
        values = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        return cls(values, np.load(folder / f"{name}.ends.npy", allow_pickle=False))

    def save(self, folder: Path, name: str) -> None:
        np.save(folder / f"{name}.npy", self._values, allow_pickle=False)
        np.save(folder / f"{name}.ends.npy", self._ends, allow_pickle=False)

    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self._ends, prepend=0)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        return self._values[self._ends[row - 1] if row else 0 : self._ends[row]]
