"""The untrained-encoder baseline: the same checkpoint, but its encoder never learned anything.

Its titles show what the decoder says without reading.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from narou_gen.errors import CheckpointError

_WEIGHTS = "model.safetensors"
_OF_THE_MODEL = ("config.json", "generation_config.json", "run.json", "tokenizer*", "vocab*", "*.model")


@contextmanager
def untrained_encoder(folder: Path, seed: int = 0) -> Iterator[Path]:
    """A temporary copy of the checkpoint in `folder` whose encoder weights are as BERT's are at the start.

    That is normal with the config's `initializer_range` (0.02), layer norms one, biases zero (Devlin et al.
    2019). Needs no torch.

    Raises:
        CheckpointError: the weights cannot be had (an exported folder, bfloat16).
    """
    with TemporaryDirectory(prefix="narou-gen-") as name:
        copy = Path(name)
        if not (folder / _WEIGHTS).is_file():
            raise CheckpointError(
                f"there is no {_WEIGHTS} to begin anew with; evaluate what was exported from"
            )
        try:
            config = json.loads((folder / "config.json").read_text("utf-8"))
            spread = float(config["encoder"].get("initializer_range", 0.02))
            weights = load_file(folder / _WEIGHTS)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise CheckpointError(f"its weights cannot be read from {_WEIGHTS} ({error})") from None
        draw = np.random.default_rng(seed)
        for key, value in weights.items():
            if not key.startswith("encoder."):
                continue
            if key.endswith("bias"):
                weights[key] = np.zeros_like(value)
            elif value.ndim == 1:  # the weight of a layer norm
                weights[key] = np.ones_like(value)
            else:
                weights[key] = draw.normal(0, spread, value.shape).astype(value.dtype)
        for pattern in _OF_THE_MODEL:
            for file in folder.glob(pattern):
                shutil.copy(file, copy)
        save_file(weights, copy / _WEIGHTS, metadata={"format": "pt"})
        yield copy
