"""The training losses."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from narou_gen.batches import IGNORED, Batch


def summed_loss(model: Any, batch: Batch, label_smoothing: float = 0.0) -> torch.Tensor:
    """Cross-entropy (nats) summed over the batch's target tokens; shape ()."""
    logits = model(
        input_ids=batch.source_ids,
        attention_mask=batch.source_mask,
        decoder_input_ids=batch.target_ids,
        use_cache=False,
    ).logits
    return functional.cross_entropy(
        logits.flatten(0, 1).float(),
        batch.labels.flatten(),
        ignore_index=IGNORED,
        reduction="sum",
        label_smoothing=label_smoothing,
    )


def classification_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    label_smoothing: float = 0.0,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Cross-entropy (nats) summed over what is to be labelled; shape ().

    `logits`: (..., classes), `labels`: (...), IGNORED where nothing counts, `weights`: (classes,).
    """
    return functional.cross_entropy(
        logits.flatten(0, -2).float(),
        labels.flatten(),
        weight=None if weights is None else weights.to(logits.device),
        ignore_index=IGNORED,
        reduction="sum",
        label_smoothing=label_smoothing,
    )
