"""What a run chooses for the machine it is on, and why: precision, attention, micro-batches."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from accelerate import Accelerator

from narou_gen.config import Config, TrainingConfig
from narou_gen.micro_batches import MicroBatches


def chosen_precision(options: TrainingConfig) -> str:
    """fp32, bf16 or fp16: `training.precision` with "auto" resolved."""
    if options.precision != "auto":
        return options.precision
    return "bf16" if _bf16_on_gpu() else "fp32"


def packs(config: Config) -> bool:
    """Whether pairs go through the model packed, without padding."""
    return config.training.attention == "packed"


def explained(config: Config, accelerator: Accelerator, passes: MicroBatches) -> Iterator[str]:
    """A line for each choice."""
    options, gpu = config.training, accelerator.device.type != "cpu"
    precision = chosen_precision(options)
    yield f"  precision {precision}: " + _why(options.precision == "auto", _precision_reason())
    if config.task == "title" or config.sentiment.mode == "joint":
        yield "  attention packed: no padding" if packs(config) else "  attention padded: as the config says"
    reason = "halved where memory does not suffice" if gpu else "more does not make a processor faster"
    yield f"  forward passes of {passes}: " + _why(options.micro_batch_tokens == "auto", reason)


def _why(automatic: bool, reason: str) -> str:
    return reason if automatic else "as the config says"


def _precision_reason() -> str:
    if _bf16_on_gpu():
        return "this GPU has it; weights stay in fp32"
    return "this GPU has no bf16" if torch.cuda.is_available() else "a processor"


def _bf16_on_gpu() -> bool:
    return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
