"""Forward passes by tokens: every item once, whatever memory does to them, and the same update."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.modules.module import register_module_forward_pre_hook
from transformers.models.bert.modeling_bert import BertEncoder

from narou_gen import NarouGenError, train
from narou_gen.checkpoint import last_state
from narou_gen.config import TrainingConfig
from narou_gen.micro_batches import MicroBatches

CPU = torch.device("cpu")
LENGTHS = np.array([10, 20, 20, 30, 90, 200, 40, 40])


def passes(**options: Any) -> MicroBatches:
    return MicroBatches(TrainingConfig(**options), CPU)


@pytest.mark.parametrize("tokens", [1, 60, 100, 250, 10_000])
def test_every_item_goes_through_once_and_no_pass_is_too_large(tokens: int) -> None:
    cut = passes(micro_batch_tokens=tokens).cut(LENGTHS)
    assert np.concatenate([LENGTHS[part] for part in cut]).tolist() == LENGTHS.tolist()
    for part in cut:
        assert len(LENGTHS[part]) == 1 or len(LENGTHS[part]) * LENGTHS[part].max() <= tokens


def test_the_limits_of_the_config() -> None:
    assert [len(LENGTHS[part]) for part in passes(micro_batch_tokens="off", batch_size=3).cut(LENGTHS)] == [
        3,
        3,
        2,
    ]
    assert passes().tokens == 4096
    assert MicroBatches(TrainingConfig(), torch.device("cuda")).cut(LENGTHS) == [slice(0, 8)]


def test_halving_ends_at_single_items() -> None:
    found = MicroBatches(TrainingConfig(), torch.device("cuda"))
    seen = []
    with pytest.raises(NarouGenError, match=r"single item of 200 tokens: lower data\.max_synopsis_tokens"):
        for _ in range(20):
            found.halve(LENGTHS)
            seen.append(found.tokens)
    assert seen[0] == 800
    assert all(later <= earlier / 2 for earlier, later in pairwise(seen))


def test_out_of_memory_repeats_the_update_with_smaller_passes(
    make_config: Callable[..., Any], tmp_path: Path
) -> None:
    changes = ("model.dropout=0.0", "training.epochs=1")
    expected = train(make_config(*changes, f"output='{tmp_path / 'enough'}'"))
    refused = []

    def too_small(limit: int) -> Callable[..., None]:
        def hook(module: torch.nn.Module, inputs: Any) -> None:
            if isinstance(module, BertEncoder) and module.training and inputs[0].shape[1] > limit:
                refused.append(inputs[0].shape[1])
                raise torch.OutOfMemoryError("no memory left")

        return hook

    handle = register_module_forward_pre_hook(too_small(600))
    try:
        folder = train(make_config(*changes, f"output='{tmp_path / 'scarce'}'"))
    finally:
        handle.remove()
    assert refused
    state = last_state(folder)
    assert state is not None
    assert json.loads((state / "progress.json").read_text())["micro_batch_tokens"] < 1000
    one, other = (load_file(each / "model.safetensors") for each in (expected, folder))
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 2e-5
    handle = register_module_forward_pre_hook(too_small(20))
    try:
        with pytest.raises(NarouGenError, match="Out of memory with a single item"):
            train(make_config(*changes, f"output='{tmp_path / 'none'}'"))
    finally:
        handle.remove()


@pytest.mark.parametrize(
    "change",
    ["training.attention=padded", "training.micro_batch_tokens=300", "training.micro_batch_tokens=off"],
)
def test_the_update_is_that_of_the_padded_reference(
    make_config: Callable[..., Any], tmp_path: Path, change: str
) -> None:
    changes = ("model.dropout=0.0", "training.label_smoothing=0.1")
    one = load_file(train(make_config(*changes)) / "model.safetensors")
    other = load_file(
        train(make_config(*changes, change, f"output='{tmp_path / 'other'}'")) / "model.safetensors"
    )
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 2e-5
