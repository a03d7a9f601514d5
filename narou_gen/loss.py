"""The training losses."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from narou_gen.batches import IGNORED, Batch
from narou_gen.packing import PackedBatch


def summed_loss(model: Any, batch: Batch | PackedBatch, label_smoothing: float = 0.0) -> torch.Tensor:
    """Cross-entropy (nats) summed over the batch's target tokens; shape ().

    A packed batch has no positions but those: the head over the vocabulary runs on nothing else.
    """
    return classification_loss(model(**batch.inputs(), use_cache=False).logits, batch.labels, label_smoothing)


def classification_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    label_smoothing: float = 0.0,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Cross-entropy (nats) summed over what is to be labelled; shape ().

    `logits`: (..., classes), `labels`: (...), IGNORED where nothing counts, `weights`: (classes,).
    """
    # Half precision cannot hold the sum over a vocabulary.
    exact = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return functional.cross_entropy(
        exact.flatten(0, -2),
        labels.flatten(),
        weight=None if weights is None else weights.to(logits.device),
        ignore_index=IGNORED,
        reduction="sum",
        label_smoothing=label_smoothing,
    )
