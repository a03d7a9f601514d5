"""Which engine searches a checkpoint: CTranslate2 wherever it can, else torch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from narou_gen.ctranslate import ENGINE_MODEL, Quantization, can_convert, converted
from narou_gen.errors import CheckpointError, InputError
from narou_gen.search import Engine
from narou_gen.tokenizer import Tokenizer

EngineName = Literal["auto", "ctranslate2", "torch"]


def load_engine(
    folder: Path,
    tokenizer: Tokenizer,
    name: EngineName = "auto",
    threads: int | None = None,
    quantization: Quantization | None = None,
) -> Engine:
    """An engine over the checkpoint in `folder`; see `TitleGenerator.from_checkpoint`.

    Raises:
        InputError: no engine, or no quantization, of that name.
        CheckpointError: the folder holds no title checkpoint, or one that the engine cannot load.
    """
    for key, value, choices in (
        ("engine", name, get_args(EngineName)),
        ("quantization", quantization, (None, *get_args(Quantization))),
    ):
        if value not in choices:
            raise InputError(f"{key} = {value}: it must be {', '.join(filter(None, choices))}.")
    if threads is not None and threads < 1:
        raise InputError(f"threads = {threads}: it must be 1 or more.")
    from narou_gen.engine_ctranslate import CTranslate2Engine, gpu_available

    # A GPU that CTranslate2 does not support serves torch.
    unsupported_gpu = Path("/dev/nvidiactl").exists() and not gpu_available()
    if name == "ctranslate2" or (name == "auto" and can_convert(folder) and not unsupported_gpu):
        kind = quantization or ("float16" if gpu_available() else "int8")
        return CTranslate2Engine(converted(folder, kind, "titles"), tokenizer, threads)
    if (folder / ENGINE_MODEL).exists():
        raise CheckpointError(f"{folder} was exported for CTranslate2: torch needs the checkpoint itself.")
    import torch

    from narou_gen.checkpoint import load_checkpoint
    from narou_gen.engine_torch import TorchEngine

    model, _ = load_checkpoint(folder)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    return TorchEngine(model, tokenizer)
