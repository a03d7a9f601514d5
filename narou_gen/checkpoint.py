"""The checkpoint folder: which files it holds, and how they get there without ever being half written.

    model.safetensors  config.json  generation_config.json  tokenizer files    the best weights, for anyone
    run.json           what made them: config, data fingerprint, scores, versions
    metrics.jsonl      a line an update, a line an evaluation
    state/step-N/      the same files with the weights of update N, plus what resuming needs

`EncoderDecoderModel.from_pretrained` and `AutoTokenizer.from_pretrained` load it without this package.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, EncoderDecoderModel, PreTrainedModel
from transformers.utils import logging as transformers_logging

from narou_gen.errors import CheckpointError
from narou_gen.folders import sync
from narou_gen.novelty import NoveltyIndex
from narou_gen.tokenizer import Tokenizer

WEIGHTS = "model.safetensors"
RECORD = "run.json"
METRICS = "metrics.jsonl"
STATE = "state"
_OPTIMIZER = "optimizer.safetensors"
_PROGRESS = "progress.json"


@dataclass(frozen=True)
class Contents:
    """What a model leaves in its folder: weights, and the files that describe them."""

    weights: Mapping[str, nn.Module]
    """File name -> the module whose weights it holds."""
    describe: Callable[[Path, torch.dtype, Mapping[str, Any]], None]
    """Writes all other files but the record into a folder, given the weights' type and the record."""


def title_contents(
    model: EncoderDecoderModel, tokenizer: Tokenizer, novelty: NoveltyIndex | None = None
) -> Contents:
    """Of a title checkpoint; `novelty` is the index of the titles that it has learned from."""

    def describe(folder: Path, dtype: torch.dtype, record: Mapping[str, Any]) -> None:
        for config in (model.config.encoder, model.config.decoder):
            config._name_or_path = ""
        describe_model(folder, model, tokenizer, dtype)
        model.generation_config.save_pretrained(folder)
        if novelty is not None:
            novelty.save(folder)

    return Contents({WEIGHTS: model}, describe)


def describe_model(folder: Path, model: PreTrainedModel, tokenizer: Tokenizer, dtype: torch.dtype) -> None:
    """Write what `from_pretrained` needs beside the weights of a model in `folder`."""
    model.config._name_or_path = ""  # where a base model lay on this machine is nobody's business
    model.config.dtype = dtype
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    tokenizer.save(folder)


def save_checkpoint(
    folder: Path, contents: Contents, record: Mapping[str, Any], dtype: torch.dtype = torch.float32
) -> None:
    """Put a model and its record, if it has one, into `folder`: each file whole or not at all, that last."""
    staging = _staging(folder / ".new")
    _write(staging, contents, record, dtype)
    files = [file for file in staging.rglob("*") if file.is_file()]
    for file in sorted(files, key=lambda file: file.name == RECORD):
        place = folder / file.relative_to(staging)
        place.parent.mkdir(exist_ok=True)
        file.replace(place)
        sync(place.parent)
    shutil.rmtree(staging)


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


def load_encoder(folder: Path) -> PreTrainedModel:
    """The encoder of a title checkpoint, or the BERT in a folder, in float32 and ready to read.

    Raises:
        CheckpointError: a file is missing or damaged, or the folder holds neither.
    """
    try:
        kind = _read_object(folder / "config.json").get("model_type")
        if kind == "encoder-decoder":
            return load_checkpoint(folder)[0].encoder
        if kind != "bert":
            raise CheckpointError(f"{folder} holds a {kind} model, no title checkpoint and no BERT.")
        with no_loading_report(folder):
            model: PreTrainedModel = AutoModel.from_pretrained(folder, dtype=torch.float32)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(f"{folder} is no whole checkpoint: {reason}") from None
    return model.eval()


def load_masked_lm(folder: Path) -> PreTrainedModel:
    """The BertForMaskedLM in a folder, in float32 and ready to guess.

    Raises:
        CheckpointError: a file is missing or damaged, or the folder holds another kind of model.
    """
    try:
        kind = _read_object(folder / "config.json").get("model_type")
        if kind == "bert":
            with no_loading_report(folder):
                model, report = AutoModelForMaskedLM.from_pretrained(
                    folder, dtype=torch.float32, output_loading_info=True
                )
        if kind != "bert" or any(name.startswith("cls.") for name in report["missing_keys"]):
            raise CheckpointError(
                f"{folder} has no head that guesses words: train one with `narou-gen train mlm`."
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(f"{folder} is no whole checkpoint: {reason}") from None
    return model.eval()


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
    contents: Contents,
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
    _write(staging, contents, record, torch.float32)
    tensors = {
        f"{index}.{key}": value.detach().cpu().contiguous()
        for index, values in optimizer.state_dict()["state"].items()
        for key, value in values.items()
    }
    save_file(tensors, staging / _OPTIMIZER)
    write_json(staging / _PROGRESS, progress)
    for path in (staging / _OPTIMIZER, staging / _PROGRESS, staging):
        sync(path)
    shutil.rmtree(states / name, ignore_errors=True)
    staging.replace(states / name)
    sync(states)
    for old in sorted(states.glob("step-*"))[:-keep]:
        shutil.rmtree(old)
    return states / name


def last_state(folder: Path) -> Path | None:
    """The newest state in a checkpoint folder."""
    return max((folder / STATE).glob("step-*"), default=None)


def load_state(state: Path, contents: Contents, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Put model and optimizer back to where `state` was saved; returns the progress saved with it.

    Raises:
        CheckpointError: the state belongs to another model, or is damaged.
    """
    try:
        for file, module in contents.weights.items():
            missing, unexpected = module.load_state_dict(load_file(state / file), strict=False)
            if unexpected or set(missing) - _tied(module):
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


def _write(folder: Path, contents: Contents, record: Mapping[str, Any], dtype: torch.dtype) -> None:
    contents.describe(folder, dtype, record)
    for name, module in contents.weights.items():
        # Tied weights are stored once, as transformers expects; weights shared by BERTShare twice, because
        # a plain `from_pretrained` knows nothing of that.
        weights = {
            key: value.detach().to("cpu", dtype, copy=True).contiguous()
            for key, value in module.state_dict().items()
            if key not in _tied(module)
        }
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        save_file(weights, file, metadata={"format": "pt"})
    if record:
        write_json(folder / RECORD, record)
    plain = next(file for file in folder.rglob("*.json"))
    for name in contents.weights:
        # safetensors lets nobody else read its file; the rest of the folder follows the user's umask.
        (folder / name).chmod(plain.stat().st_mode)
    for path in folder.rglob("*"):
        sync(path)


def _tied(module: nn.Module) -> set[str]:
    """Names of the weights that a model of transformers ties to others."""
    return set(getattr(module, "all_tied_weights_keys", ()))


def write_json(file: Path, value: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _staging(folder: Path) -> Path:
    """An empty folder beside the one it will become, so that the rename stays on one disk."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
