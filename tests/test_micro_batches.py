"""Forward passes by tokens: every item once, whatever memory does to them, and the same update."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.modules.module import register_module_forward_pre_hook
from training_runs import train_in_two_processes
from transformers.models.bert.modeling_bert import BertEncoder

from narou_gen import NarouGenError, train
from narou_gen.checkpoint import last_state
from narou_gen.config import TrainingConfig
from narou_gen.micro_batches import MicroBatches

CPU = torch.device("cpu")
LENGTHS = np.array([10, 20, 20, 30, 90, 200, 40, 40])


def passes(**options: Any) -> MicroBatches:
    return MicroBatches(TrainingConfig(**options), CPU)


@contextmanager
def scarce_memory(limit: int) -> Iterator[list[int]]:
    """Memory for so many source tokens in a training's forward pass; yields what was refused."""
    refused = []

    def refuse(module: torch.nn.Module, inputs: Any) -> None:
        if isinstance(module, BertEncoder) and module.training and inputs[0].shape[1] > limit:
            refused.append(inputs[0].shape[1])
            raise torch.OutOfMemoryError("no memory left")

    handle = register_module_forward_pre_hook(refuse)
    try:
        yield refused
    finally:
        handle.remove()


def tokens_of(folder: Path) -> int:
    """So many a pass at the end of a run."""
    progress = json.loads((last_state(folder) / "progress.json").read_text())  # type: ignore[operator]
    return int(progress["micro_batch_tokens"])


def distance(one: Path, other: Path) -> float:
    """The furthest that two runs' last weights are apart."""
    found = [load_file(last_state(folder) / "model.safetensors") for folder in (one, other)]  # type: ignore[operator]
    return max(float((found[0][name] - found[1][name]).abs().max()) for name in found[0])


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
    with scarce_memory(600) as refused:
        folder = train(make_config(*changes, f"output='{tmp_path / 'scarce'}'"))
    assert refused
    assert tokens_of(folder) < 1000
    assert distance(expected, folder) < 2e-5
    with scarce_memory(20), pytest.raises(NarouGenError, match="Out of memory with a single item"):
        train(make_config(*changes, f"output='{tmp_path / 'none'}'"))


def test_a_resumed_run_keeps_its_halves_unless_the_config_has_another_number(
    make_config: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ("model.dropout=0.0", "training.epochs=2")
    with scarce_memory(600):
        whole = train(make_config(*changes))
    halved = tokens_of(whole)

    def resumed(name: str, *more: str) -> tuple[Path, str]:
        """Without what `whole` learned last."""
        folder = tmp_path / name
        if not folder.exists():
            shutil.copytree(whole, folder)
        shutil.rmtree(str(last_state(folder)))
        capsys.readouterr()
        train(make_config(*changes, *more, f"output='{folder}'"), resume=True)
        return folder, capsys.readouterr().err

    same, said = resumed("same")
    assert f"forward passes of up to {halved} tokens: memory did not suffice for more" in said
    assert tokens_of(same) == halved and distance(whole, same) == 0
    for _ in range(2):
        other, said = resumed("other", "training.micro_batch_tokens=150")
        assert "forward passes of up to 150 tokens: as the config says" in said
        assert tokens_of(other) == 150 and 0 < distance(whole, other) < 2e-5


@pytest.mark.slow
def test_several_processes_say_which_number_to_resume_with(
    make_config: Callable[..., Any], tmp_path: Path
) -> None:
    answer = train_in_two_processes(
        make_config().model_dump(),
        tmp_path,
        setting="scarce_memory(200)",
        imports="from test_micro_batches import scarce_memory",
    )
    assert answer.returncode != 0
    advice = r"Out of memory at update 1: go on with --resume and --set training\.micro_batch_tokens=(\d+)"
    found = re.search(advice, answer.stderr)
    assert found is not None, answer.stderr[-2000:]
    assert 0 < int(found[1]) < 1000


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
