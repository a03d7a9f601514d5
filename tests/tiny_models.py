"""Tiny random BERT2BERTs of many shapes, whose every weight matters."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertLMHeadModel, BertModel, EncoderDecoderModel, GenerationConfig

from narou_gen.resources import SAMPLE
from narou_gen.tokenizer import load_tokenizer


def write_bert2bert(
    folder: Path,
    encoder: dict[str, Any] | None = None,
    decoder: dict[str, Any] | None = None,
    tokenizer: Path = SAMPLE / "bert-tiny",
    dtype: torch.dtype = torch.float32,
) -> Path:
    """A checkpoint in `folder`: 32 wide, of 2 and 1 layers, but for the given changes of the BERT configs."""
    words = load_tokenizer(tokenizer)
    usual = {
        "vocab_size": len(words),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 48,
        "max_position_embeddings": 96,
        "pad_token_id": words.pad_id,
        "layer_norm_eps": 1e-12,
    }
    torch.manual_seed(7)
    first = BertModel(BertConfig(**(usual | (encoder or {}))))
    usual |= {"num_hidden_layers": 1, "is_decoder": True, "add_cross_attention": True}
    second = BertLMHeadModel(BertConfig(**(usual | (decoder or {}))))
    model = EncoderDecoderModel(encoder=first, decoder=second)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = 0.4 if "word_embeddings" in name else 0.2
            parameter += scale * torch.randn_like(parameter)
    ids = {"pad_token_id": words.pad_id, "bos_token_id": words.cls_id, "eos_token_id": words.sep_id}
    model.config.decoder_start_token_id = words.cls_id
    for config in (model.config, model.config.encoder, model.config.decoder):
        for name, value in ids.items():
            setattr(config, name, value)
    model.generation_config = GenerationConfig(
        decoder_start_token_id=words.cls_id, max_length=24, begin_suppress_tokens=[words.sep_id], **ids
    )
    model.to(dtype).eval().save_pretrained(folder)
    words.save(folder)
    return folder


def fixture_vocabulary(folder: Path) -> Path:
    """The real vocabulary of a Japanese BERT as a base model's folder."""
    shutil.copytree(Path(__file__).parent / "fixtures" / "bert-base-japanese-v3", folder)
    return folder
