"""BERT2BERT as a CTranslate2 model: an exact conversion, by hand or kept in the user's cache.

Neither torch nor transformers is imported here. The conversion itself is in `ctranslate_spec.py`.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from narou_gen import novelty
from narou_gen.ctranslate_spec import ACTIVATIONS, Weights, bert2bert_spec, encoder_spec
from narou_gen.errors import CheckpointError
from narou_gen.folders import written_whole
from narou_gen.resources import cache_folder
from narou_gen.tokenizer import load_tokenizer

Quantization = Literal["int8", "float32", "float16"]

ENGINE_MODEL = "model.bin"
_FORMAT = 2
"""Part of the cache's key: raise it when the same checkpoint converts to something else than before."""
_WEIGHTS, _CONFIG, _RECORD, _SENTIMENT = "model.safetensors", "config.json", "run.json", "sentiment"
_HEAD = (".safetensors", ".json")
ENCODER = "encoder"
"""Subfolder of an engine folder: the encoder by itself, for sentiment and embeddings."""


def convert(checkpoint: Path, output: Path, quantization: Quantization = "int8") -> None:
    """Write a title checkpoint as a CTranslate2 model, whole or not at all.

    `output` gets the translator, the tokenizer and the run record: all that `TitleGenerator` needs. Where the
    checkpoint has a sentiment head, that and the encoder by itself come along.

    Raises:
        CheckpointError: the checkpoint is damaged, or of a kind that cannot be converted; `output` exists.
    """
    weights, config = _read(checkpoint)
    if config.get("model_type") != "encoder-decoder":
        raise CheckpointError(f"{checkpoint} holds a {config.get('model_type')} model, no title checkpoint.")
    tokenizer = load_tokenizer(checkpoint)
    with _new_folder(output) as folder:
        longest = _longest_title(checkpoint)
        half = quantization == "float16"
        spec = bert2bert_spec(weights, config, tokenizer, longest, in_float16=half)
        _save(spec, folder, quantization)
        tokenizer.save(folder)
        for file in (_RECORD, novelty.FILE):
            if (checkpoint / file).exists():
                shutil.copyfile(checkpoint / file, folder / file)
        if (checkpoint / _SENTIMENT).is_dir():
            (folder / _SENTIMENT).mkdir()
            for path in (checkpoint / _SENTIMENT).iterdir():
                if path.suffix in _HEAD:  # its training state stays behind
                    shutil.copyfile(path, folder / _SENTIMENT / path.name)
            _save(encoder_spec(weights, config, tokenizer), folder / ENCODER, quantization)


def convert_encoder(checkpoint: Path, output: Path, quantization: Quantization = "int8") -> None:
    """Write the encoder of a title checkpoint, or any BERT, as a CTranslate2 encoder, whole or not at all.

    Raises:
        CheckpointError: as `convert`.
    """
    weights, config = _read(checkpoint)
    with _new_folder(output) as folder:
        _save(encoder_spec(weights, config, load_tokenizer(checkpoint)), folder, quantization)


def _save(spec: Any, folder: Path, quantization: Quantization) -> None:
    folder.mkdir(exist_ok=True)
    spec.optimize(quantization)
    spec.save(str(folder))


def _longest_title(checkpoint: Path) -> int:
    """In tokens, [CLS] and [SEP] included."""
    try:
        config = json.loads((checkpoint / "generation_config.json").read_text(encoding="utf-8"))
        return int(config["max_length"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{checkpoint} is no whole checkpoint: {error}") from None


def converted(checkpoint: Path, quantization: Quantization, part: Literal["titles", "encoder"]) -> Path:
    """The cached conversion of a checkpoint, made if there is none yet; its key is a digest of the weights.

    An exported folder is its own conversion.

    Raises:
        CheckpointError: as `convert`.
    """
    if (checkpoint / ENGINE_MODEL).exists():
        return checkpoint if part == "titles" else checkpoint / ENCODER
    write = convert if part == "titles" else convert_encoder
    name = f"{part}-{quantization}-{_digest(checkpoint, part)}"
    folder = cache_folder() / "ctranslate2" / name
    if not (folder / ENGINE_MODEL).exists():
        try:
            write(checkpoint, folder, quantization)
        except (OSError, CheckpointError) as error:
            if (folder / ENGINE_MODEL).exists():
                return folder  # another process was first, with the same
            if isinstance(error, CheckpointError):
                raise
            # No place in the cache, or none that can be written: it serves this process alone.
            folder = Path(_until_exit().name) / name
            if not folder.exists():
                write(checkpoint, folder, quantization)
    return folder


@functools.cache
def _until_exit() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="narou-gen-")


def can_convert(checkpoint: Path) -> bool:
    """Whether the folder holds an engine's model, or one of a kind that CTranslate2 has the parts for."""
    if (checkpoint / ENGINE_MODEL).exists():
        return True
    try:
        config = json.loads((checkpoint / _CONFIG).read_text(encoding="utf-8"))
        halves = [config[half] for half in ("encoder", "decoder") if half in config] or [config]
        known = all(half["hidden_act"] in ACTIVATIONS for half in halves)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return known and (checkpoint / _WEIGHTS).exists()


def _digest(checkpoint: Path, part: str) -> str:
    """Of all that a conversion is made from."""
    digest = hashlib.sha256(str(_FORMAT).encode())
    try:
        with (checkpoint / _WEIGHTS).open("rb") as weights:
            digest.update(hashlib.file_digest(weights, "sha256").digest())
    except OSError as error:
        raise CheckpointError(f"{checkpoint} is no whole checkpoint: {error}") from None
    small = [path for path in checkpoint.iterdir() if path.suffix in (".json", ".txt")]
    # A head beside the encoder changes nothing of it: training one after the other converts once.
    heads = sorted((checkpoint / _SENTIMENT).glob("*")) if part == "titles" else []
    heads = [path for path in heads if path.suffix in _HEAD]
    for file in [*sorted(small), *heads]:
        digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _read(checkpoint: Path) -> tuple[Weights, dict[str, Any]]:
    try:
        config = json.loads((checkpoint / _CONFIG).read_text(encoding="utf-8"))
        stored = deserialize((checkpoint / _WEIGHTS).read_bytes())  # type: ignore[no-untyped-call]
        weights = {name: _array(value) for name, value in stored}
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"{checkpoint} is no whole checkpoint: {error}") from None
    return weights, config


def _array(stored: Mapping[str, Any]) -> NDArray[Any]:
    kind, data = stored["dtype"], stored["data"]
    if kind == "BF16":  # numpy has none: the upper half of a float32
        values = (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    elif kind in ("F16", "F32"):
        values = np.frombuffer(data, {"F16": "<f2", "F32": "<f4"}[kind])
    else:
        raise ValueError(f"weights of type {kind} are not supported")
    return values.reshape(stored["shape"]).astype(np.float32)


@contextmanager
def _new_folder(output: Path) -> Iterator[Path]:
    if output.exists() and any(output.iterdir()):
        raise CheckpointError(f"{output} is not empty: choose another folder.")
    with written_whole(output) as folder:
        yield folder
