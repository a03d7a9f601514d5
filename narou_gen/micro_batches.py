"""How a window is cut into forward passes: by tokens, as many at a time as memory takes."""

from __future__ import annotations

import gc

import numpy as np
import torch

from narou_gen.config import TrainingConfig
from narou_gen.errors import NarouGenError

_TOKENS_ON_CPU = 4096
"""Enough for matrix products at full speed; more only leaves the processor's caches."""


class MicroBatches:
    """Cuts windows, and cuts them smaller once memory has not sufficed.

    The update does not depend on the cut: its loss is divided by the targets of the whole window.
    """

    def __init__(self, options: TrainingConfig, device: torch.device) -> None:
        wanted = options.micro_batch_tokens
        self.pairs = options.batch_size if wanted == "off" else None
        """So many pairs a pass at most, None for no such limit."""
        self.tokens = wanted if isinstance(wanted, int) else None
        """So many tokens a pass at most, padding included; None for no such limit."""
        if wanted == "auto" and device.type == "cpu":
            self.tokens = _TOKENS_ON_CPU

    def cut(self, lengths: np.ndarray) -> list[slice]:
        """The passes over items of these lengths (tokens); one that is longer than allowed has its own."""
        found, start, longest = [], 0, 0
        for place, length in enumerate(lengths.tolist()):
            longest = max(longest, length)
            pairs = place + 1 - start
            if pairs > 1 and not self._fits(pairs, longest):
                found.append(slice(start, place))
                start, longest = place, length
        return [*found, slice(start, len(lengths))]

    def _fits(self, pairs: int, longest: int) -> bool:
        return (self.pairs is None or pairs <= self.pairs) and (
            self.tokens is None or pairs * longest <= self.tokens
        )

    def halve(self, lengths: np.ndarray) -> None:
        """Allow half of what a window of these lengths has just been cut into, and free what can be freed.

        Raises:
            NarouGenError: its passes were of one item each already.
        """
        passes = [lengths[part] for part in self.cut(lengths)]
        if all(len(part) == 1 for part in passes):
            raise NarouGenError(
                f"Out of memory with a single item of {int(lengths.max())} tokens: lower "
                "data.max_synopsis_tokens, train a smaller model, or use another device."
            )
        self.tokens = max(len(part) * int(part.max()) for part in passes if len(part) > 1) // 2
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def __str__(self) -> str:
        if self.pairs is not None and self.tokens is None:
            return f"{self.pairs} items"
        return "a whole update" if self.tokens is None else f"up to {self.tokens:,} tokens"
