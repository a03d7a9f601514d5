"""What a run chooses for the machine it is on, precision and forward passes, and what it says of that."""

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


def explained(config: Config, accelerator: Accelerator, passes: MicroBatches) -> Iterator[str]:
    """A line for each choice with its reason, and what attention the config asks for."""
    options, gpu = config.training, accelerator.device.type != "cpu"
    precision = chosen_precision(options)
    yield f"  precision {precision}: " + _why(options.precision == "auto", _precision_reason())
    if config.task == "title" or config.sentiment.mode == "joint":
        yield "  attention packed: no padding" if options.packed else "  attention padded: as the config says"
    if passes.tokens != MicroBatches(options, accelerator.device).tokens:
        yield f"  forward passes of {passes}: memory did not suffice for more"
        return
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
