"""The checkpoint folder: which files it holds, and how they get there without ever being half written.

    model.safetensors  config.json  generation_config.json  tokenizer files    the best weights, for anyone
    run.json           what made them: config, data fingerprint, scores, versions
    metrics.jsonl      a line an update, a line an evaluation
    state/step-N/      the same files with the weights of update N, plus what resuming needs

`EncoderDecoderModel.from_pretrained` and `AutoTokenizer.from_pretrained` load it without this package.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, EncoderDecoderModel
from transformers.utils import logging as transformers_logging

from narou_gen.errors import CheckpointError
from narou_gen.tokenizer import Tokenizer

WEIGHTS = "model.safetensors"
RECORD = "run.json"
METRICS = "metrics.jsonl"
STATE = "state"
_OPTIMIZER = "optimizer.safetensors"
_PROGRESS = "progress.json"


def save_checkpoint(
    folder: Path,
    model: EncoderDecoderModel,
    tokenizer: Tokenizer,
    record: Mapping[str, Any],
    dtype: torch.dtype = torch.float32,
) -> None:
    """Put model, tokenizer and record into `folder`, each file whole or not at all, the record last."""
    staging = _staging(folder / ".new")
    _write_model(staging, model, tokenizer, record, dtype)
    for file in sorted(staging.iterdir(), key=lambda file: file.name == RECORD):
        file.replace(folder / file.name)
    _sync(folder)
    staging.rmdir()


def load_checkpoint(folder: Path) -> tuple[EncoderDecoderModel, dict[str, Any]]:
    """The model in `folder`, in float32 and ready to generate, and its run record ({} where it has none).

    Raises:
        CheckpointError: a file is missing or damaged, or the folder holds another kind of model.
    """
    model = load_model(folder)
    return model.eval(), load_record(folder) if (folder / RECORD).exists() else {}


def load_model(folder: Path, changes: Mapping[str, Any] | None = None) -> EncoderDecoderModel:
    """The model in `folder` in float32, both halves' configs updated with `changes`.

    Raises:
        CheckpointError: as `load_checkpoint`.
    """
    try:
        kind = _read_object(folder / "config.json").get("model_type")
        if kind != "encoder-decoder":
            raise CheckpointError(
                f"{folder} holds a {kind} model, not a title checkpoint; give it as [model] encoder."
            )
        config = AutoConfig.from_pretrained(folder)
        for half in (config.encoder, config.decoder):
            half.update(dict(changes or {}))
        with no_loading_report(folder):
            model, report = EncoderDecoderModel.from_pretrained(
                folder, config=config, dtype=torch.float32, output_loading_info=True
            )
        if missing := report["missing_keys"]:
            raise CheckpointError(f"{folder} lacks weights ({len(missing)}, e.g. {sorted(missing)[0]}).")
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(f"{folder} is no whole checkpoint: {reason}") from None
    return model


@contextmanager
def no_loading_report(location: str | Path) -> Iterator[None]:
    """Silence what transformers says while it loads; the bar of a download stays.

    Its report calls fresh cross attention a problem, where it is the recipe.
    """
    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    if Path(location).is_dir():
        transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()


def load_record(folder: Path) -> dict[str, Any]:
    """The run record of a checkpoint or state folder.

    Raises:
        CheckpointError: it is not what this package writes.
    """
    try:
        record = _read_object(folder / RECORD)
        int(record["config"]["data"]["max_synopsis_tokens"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder / RECORD} is damaged: {error}.") from None
    return record


def _read_object(file: Path) -> dict[str, Any]:
    value = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise ValueError(f"{file.name} is not a JSON object")
    return value


def save_state(
    folder: Path,
    model: EncoderDecoderModel,
    tokenizer: Tokenizer,
    record: Mapping[str, Any],
    optimizer: torch.optim.Optimizer,
    progress: Mapping[str, Any],
    keep: int,
) -> Path:
    """Add `state/step-N` with all that the next update needs, and delete all but the newest `keep`.

    Returns the folder of the new state.
    """
    states = folder / STATE
    name = f"step-{progress['step']:08d}"
    staging = _staging(states / f".{name}")
    _write_model(staging, model, tokenizer, record, torch.float32)
    tensors = {
        f"{index}.{key}": value.detach().cpu().contiguous()
        for index, values in optimizer.state_dict()["state"].items()
        for key, value in values.items()
    }
    save_file(tensors, staging / _OPTIMIZER)
    _write_json(staging / _PROGRESS, progress)
    for file in staging.iterdir():
        _sync(file)
    shutil.rmtree(states / name, ignore_errors=True)
    staging.replace(states / name)
    _sync(states)
    for old in sorted(states.glob("step-*"))[:-keep]:
        shutil.rmtree(old)
    return states / name


def last_state(folder: Path) -> Path | None:
    """The newest state in a checkpoint folder."""
    return max((folder / STATE).glob("step-*"), default=None)


def load_state(state: Path, model: EncoderDecoderModel, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Put model and optimizer back to where `state` was saved; returns the progress saved with it.

    Raises:
        CheckpointError: the state belongs to another model, or is damaged.
    """
    try:
        missing, unexpected = model.load_state_dict(load_file(state / WEIGHTS), strict=False)
        tied = set(model.all_tied_weights_keys)
        if unexpected or set(missing) - tied:
            raise ValueError("its weights belong to another model")
        whole = optimizer.state_dict()
        whole["state"] = {}
        for key, value in load_file(state / _OPTIMIZER).items():
            index, _, name = key.partition(".")
            whole["state"].setdefault(int(index), {})[name] = value
        optimizer.load_state_dict(whole)
        return _read_object(state / _PROGRESS)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(
            f"Cannot resume from {state}: {reason}. Train with the config it was made with, "
            "or choose another output."
        ) from None


def _write_model(
    folder: Path,
    model: EncoderDecoderModel,
    tokenizer: Tokenizer,
    record: Mapping[str, Any],
    dtype: torch.dtype,
) -> None:
    for config in (model.config, model.config.encoder, model.config.decoder):
        config._name_or_path = ""  # where a base model lay on this machine is nobody's business
    model.config.dtype = dtype
    model.config.architectures = ["EncoderDecoderModel"]
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    tokenizer.save(folder)
    # Tied weights are stored once, as transformers expects; weights shared by BERTShare twice, because
    # a plain `from_pretrained` knows nothing of that.
    tied = set(model.all_tied_weights_keys)
    weights = {
        name: value.detach().to("cpu", dtype, copy=True).contiguous()
        for name, value in model.state_dict().items()
        if name not in tied
    }
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    # safetensors lets nobody else read its file; the rest of the folder follows the user's umask.
    (folder / WEIGHTS).chmod((folder / "config.json").stat().st_mode)
    _write_json(folder / RECORD, record)
    for file in folder.iterdir():
        _sync(file)


def _write_json(file: Path, value: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _staging(folder: Path) -> Path:
    """An empty folder beside the one it will become, so that the rename stays on one disk."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _sync(path: Path) -> None:
    """Have the disk hold what was written, before anything is renamed over it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
