"""The encoder as an ordinary BERT, for whatever transformers does with one."""

from __future__ import annotations

from pathlib import Path

import torch

from narou_gen.checkpoint import WEIGHTS, Contents, describe_model, load_encoder, save_checkpoint
from narou_gen.errors import CheckpointError
from narou_gen.resources import find_checkpoint
from narou_gen.tokenizer import load_tokenizer


def export_bert(checkpoint: str | Path | None, output: Path) -> None:
    """Write the encoder of a checkpoint as a BertModel with its tokenizer, in float32.

    `AutoModel`, `AutoTokenizer` and the `AutoModelFor...` of transformers load the folder; as `model.encoder`
    it starts another training. A pooler that no training has touched is random, as it is in many BERTs.

    Raises:
        CheckpointError: there is no such checkpoint, it holds no BERT, or `output` is not empty.
    """
    folder = find_checkpoint(None if checkpoint is None else str(checkpoint))
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise CheckpointError(f"{output} is not an empty folder: choose another one.")
    torch.manual_seed(0)  # the same checkpoint makes the same folder
    encoder = load_encoder(folder)
    config = encoder.config
    config.update({"decoder_start_token_id": None, "bos_token_id": None, "eos_token_id": None})
    tokenizer = load_tokenizer(folder)
    contents = Contents(
        {WEIGHTS: encoder}, lambda target, dtype, record: describe_model(target, encoder, tokenizer, dtype)
    )
    output.mkdir(parents=True, exist_ok=True)
    save_checkpoint(output, contents, {})
