"""Which words of the synopsis each word of a title looked at: the decoder's cross attention, word by word."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from narou_gen.errors import CheckpointError, InputError
from narou_gen.resources import find_checkpoint
from narou_gen.text import clean_synopsis, clean_title
from narou_gen.tokenizer import Tokenizer, load_tokenizer
from narou_gen.words import Words

if TYPE_CHECKING:
    from transformers import EncoderDecoderModel


@dataclass(frozen=True)
class Attention:
    """How much each word of a title looked at each word of its synopsis."""

    title: tuple[str, ...]
    synopsis: tuple[str, ...]
    weights: NDArray[np.float32]
    """Shape (title words, synopsis words). Rows sum to 1: what [CLS] and [SEP] received is left out."""


def title_attention(
    synopsis: str,
    title: str | None = None,
    checkpoint: str | Path | None = None,
    layer: int | None = None,
) -> Attention:
    """The mean cross attention of all heads, when each token of the title was about to be written.

    Args:
        synopsis: as for a title, without conditions.
        title: any title; by default the one that the checkpoint writes.
        checkpoint: a title checkpoint; by default the default one.
        layer: of the decoder, from 0; by default the mean of all.

    Raises:
        InputError: a text is empty, or there is no such layer.
        CheckpointError: there is no such checkpoint.
    """
    folder = find_checkpoint(None if checkpoint is None else str(checkpoint))
    synopsis = clean_synopsis(synopsis)
    if not synopsis:
        raise InputError("The synopsis is empty: give a few words of the story.")
    if title is None:
        from narou_gen.generate import TitleGenerator

        found = TitleGenerator.from_checkpoint(folder).generate([synopsis], diversity=0)[0]
        if not found:
            raise CheckpointError("The model wrote no title for this synopsis; give one with --title.")
        title = found[0].text
    title = clean_title(title)
    if not title:
        raise InputError("The title is empty: give one, or leave it to the model.")
    from narou_gen.checkpoint import load_checkpoint

    return _look(load_checkpoint(folder)[0], load_tokenizer(folder), synopsis, title, layer)


def _look(
    model: EncoderDecoderModel, tokenizer: Tokenizer, synopsis: str, title: str, layer: int | None
) -> Attention:
    import torch

    layers = int(model.config.decoder.num_hidden_layers)
    if layer is not None and not 0 <= layer < layers:
        raise InputError(f"layer = {layer}: the decoder has layers 0 to {layers - 1}.")
    model.set_attn_implementation("eager")  # the fast ones keep no attention
    longest = int(model.config.encoder.max_position_embeddings)
    longest_title = int(model.config.decoder.max_position_embeddings)
    source, target = tokenizer.parts([synopsis, title])
    source_ids = tokenizer.source((), source, longest)
    target_ids = tokenizer.target(target, longest_title)[:-1]  # [SEP] is written, and read by nothing
    with torch.inference_mode():
        answer = model(
            input_ids=torch.tensor([source_ids]),
            decoder_input_ids=torch.tensor([target_ids]),
            output_attentions=True,
            use_cache=False,
        )
    # Each layer: (1, heads, target, source). A token is written by the position before it.
    heads = torch.stack(answer.cross_attentions)[:, 0].float()
    chosen = heads.mean(0) if layer is None else heads[layer]
    weights = chosen.mean(0)[:-1, 1:-1].numpy()
    words = Words(tokenizer)
    read, written = source_ids[1:-1], target_ids[1:]
    columns, rows = words.groups(read), words.groups(written)
    by_word = np.stack([weights[:, list(group)].sum(1) for group in columns], axis=1)
    merged = np.stack([by_word[list(group)].mean(0) for group in rows])
    return Attention(
        tuple(words.text([written[place] for place in group]).strip() for group in rows),
        tuple(words.text([read[place] for place in group]).strip() for group in columns),
        np.asarray(merged / merged.sum(1, keepdims=True), np.float32),
    )
