"""Which works are most like a text: cosine of their vectors, searched exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from narou_gen.encoder import Encoder
from narou_gen.errors import DataError, InputError
from narou_gen.pooling import Pooling
from narou_gen.text import clean_synopsis
from narou_gen.texts import Text, read_texts
from narou_gen.vectors import Watch, cached_vectors

_BLOCK = 65_536  # vectors compared at a time: 100 MB where hidden = 384


@dataclass(frozen=True)
class Neighbour:
    """A work and its cosine to the text that was asked for; 1 is the same direction."""

    work: Text
    similarity: float


class SimilarWorks:
    """Works with their vectors, ready to be searched."""

    def __init__(
        self,
        works: Sequence[Text],
        encoder: Encoder,
        pooling: Pooling = "mean",
        watch: Watch = lambda done: None,
    ) -> None:
        """Reads all synopses: a while the first time, from the cache later.

        Raises:
            DataError: there are no works.
        """
        self._works = [work for work in works if clean_synopsis(work.text)]
        if not self._works:
            raise DataError("No works to search in: none of them has a synopsis.")
        self._encoder = encoder
        self._pooling = pooling
        self._vectors = cached_vectors(encoder, [work.text for work in self._works], pooling, watch=watch)

    @classmethod
    def from_source(
        cls, source: str, checkpoint: str | Path | None = None, watch: Watch = lambda done: None
    ) -> SimilarWorks:
        """The works of a file, a collected database or a `sample:` source, once each.

        Raises:
            DataError: the source cannot be read.
            CheckpointError: there is no such checkpoint.
        """
        seen: dict[str, Text] = {}
        for work in read_texts(source):
            seen.setdefault(work.text, work)
        return cls(list(seen.values()), Encoder.from_checkpoint(checkpoint), watch=watch)

    def nearest(self, text: str, number: int = 10) -> list[Neighbour]:
        """The works most like `text`, the nearest first.

        Raises:
            InputError: the text is empty, or `number` is under 1.
        """
        if number < 1:
            raise InputError(f"number = {number}: ask for one work at least.")
        (query,) = self._encoder.embed([text], self._pooling)
        return [
            Neighbour(self._works[place], cosine) for place, cosine in nearest(query, self._vectors, number)
        ]


def nearest(query: NDArray[np.float32], vectors: NDArray[np.float32], number: int) -> list[tuple[int, float]]:
    """(row, cosine) of the rows nearest to `query` (hidden,), the nearest first; of like ones the first row.

    Exact: every row of `vectors` (n, hidden), which may be mapped from a file, is compared.
    """
    unit = query / max(float(np.linalg.norm(query)), 1e-12)
    found = np.empty(0, np.int64)
    cosines = np.empty(0, np.float32)
    for start in range(0, len(vectors), _BLOCK):
        block = np.asarray(vectors[start : start + _BLOCK])
        lengths = np.sqrt(np.einsum("ij,ij->i", block, block))
        own = (block @ unit) / np.maximum(lengths, 1e-12)
        cosines = np.concatenate([cosines, own])
        found = np.concatenate([found, np.arange(start, start + len(block))])
        if len(cosines) > number:
            # Those at the border are kept all, so that the rows before win below.
            border = np.partition(cosines, -number)[-number]
            kept = cosines >= border
            cosines, found = cosines[kept], found[kept]
    order = np.lexsort((found, -cosines))[:number]
    return [(int(found[place]), float(cosines[place])) for place in order]
