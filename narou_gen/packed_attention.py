"""Attention over packed rows (see `narou_gen.packing`), in the form that transformers takes.

Every layer of a BERT but attention looks at tokens one by one, so the model runs unchanged over one row.
Attention has to know where sequences begin: `attend` takes that from a `Packing`. Without one it is `sdpa` of
transformers, so that a model set to it (`use_packed_attention`) still reads padded batches, and generates.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AttentionInterface, EncoderDecoderModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
from transformers.models.bert.modeling_bert import BertCrossAttention

from narou_gen.packing import Packing

_NAME = "narou_gen_packed"


def use_packed_attention(model: EncoderDecoderModel) -> None:
    """Have both halves of `model` read packed rows wherever they are given a packing. In place."""
    AttentionInterface.register(_NAME, attend)
    AttentionMaskInterface.register(_NAME, sdpa_mask)
    # Not by `set_attn_implementation`: EncoderDecoderModel gives its halves new configs, and their layers,
    # which go by the old ones, would not hear of it.
    for module in model.modules():
        if hasattr(module, "config"):
            module.config._attn_implementation = _NAME


def attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    packing: Packing | None = None,
    cross_packing: Packing | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attention of a BERT's layer over tensors (1, heads, tokens, width); returns (1, tokens, heads, width).

    `packing` is that of self attention, `cross_packing` that of a decoder's cross attention.
    """
    crosses = isinstance(module, BertCrossAttention)
    packed = cross_packing if crosses else packing
    if packed is None:
        states, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
        return states, None
    settings = {
        "dropout_p": options["dropout"],
        "scale": options["scaling"],
        "is_causal": bool(module.is_causal) and not crosses,
    }
    # A processor does best with what stays in its caches, a GPU with one call for all.
    run = one_by_one if query.device.type == "cpu" else in_a_grid
    return run(packed, query, key, value, settings), None


def one_by_one(packed: Packing, query: Tensor, key: Tensor, value: Tensor, settings: Any) -> Tensor:
    """No padding at all; as many calls as there are sequences."""
    queries, keys = packed.queries.lengths, packed.keys.lengths
    cut = zip(
        torch.split(query, queries, 2), torch.split(key, keys, 2), torch.split(value, keys, 2), strict=True
    )
    found = [functional.scaled_dot_product_attention(*one, **settings) for one in cut]
    return torch.cat(found, 2).transpose(1, 2)


def in_a_grid(packed: Packing, query: Tensor, key: Tensor, value: Tensor, settings: Any) -> Tensor:
    """One call; padded for this step alone, to the longest of the batch."""
    # A causal query never sees what is padded behind it: no mask, which the fastest kernels do not take.
    mask = None if settings["is_causal"] else packed.keys.mask
    found = functional.scaled_dot_product_attention(
        packed.queries.grid(query), packed.keys.grid(key), packed.keys.grid(value), attn_mask=mask, **settings
    )
    return packed.queries.row(found)
