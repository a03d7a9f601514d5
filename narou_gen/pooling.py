"""One vector of a text out of one state per token."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Pooling = Literal["mean", "cls", "max"]
"""The mean of all states (special tokens included), that of [CLS], or the largest value of each feature."""


def pool(states: NDArray[np.float32], pooling: Pooling) -> NDArray[np.float32]:
    """(tokens, hidden) -> (hidden,)"""
    if pooling == "mean":
        return np.asarray(states.mean(axis=0), np.float32)
    return np.asarray(states[0] if pooling == "cls" else states.max(axis=0), np.float32)


def pool_batch(states: Any, mask: Any, pooling: Pooling) -> Any:
    """The same in torch: (texts, tokens, hidden) and a mask (texts, tokens) -> (texts, hidden)."""
    if pooling == "cls":
        return states[:, 0]
    kept = mask[..., None]
    if pooling == "mean":
        return (states * kept).sum(1) / kept.sum(1)
    return states.masked_fill(kept == 0, float("-inf")).amax(1)
