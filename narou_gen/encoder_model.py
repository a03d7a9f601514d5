"""The encoder as a model of its own to train: alone, with a language model's head, with a sentiment head."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AutoModel, AutoModelForMaskedLM, BertForMaskedLM, PreTrainedModel

from narou_gen.checkpoint import load_model
from narou_gen.config import DataConfig, ModelConfig
from narou_gen.errors import ModelError
from narou_gen.model import base_location, check_fits, dropout_of, keep_layers, load_base
from narou_gen.pooling import Pooling, pool_batch
from narou_gen.resources import find_checkpoint
from narou_gen.tokenizer import Tokenizer, load_tokenizer


def build_encoder(config: ModelConfig, data: DataConfig) -> tuple[PreTrainedModel, Tokenizer]:
    """A BertModel of its own: a copy of a title checkpoint's encoder, or a base model.

    Raises:
        CheckpointError, ModelError: there is none, or it does not fit the rest of the config.
    """
    name, tokenizer = _source(config)
    if config.checkpoint is not None:
        encoder = load_model(find_checkpoint(config.checkpoint), dropout_of(config)).encoder
    else:
        encoder, _ = load_base(AutoModel, name, **dropout_of(config))
        keep_layers(encoder, config.encoder_layers, "encoder_layers")
    check_fits(encoder, tokenizer, data, name)
    if encoder.pooler is not None:  # nothing reads it; see `model.build`
        encoder.pooler.requires_grad_(False)
    return encoder, tokenizer


def build_masked_lm(config: ModelConfig, data: DataConfig) -> tuple[PreTrainedModel, Tokenizer, set[str]]:
    """A BertForMaskedLM, its tokenizer, and the names of the parameters that no base model has trained.

    Random weights come from torch's global generator: seed it first.

    Raises:
        CheckpointError, ModelError: as `build_encoder`; the tokenizer has no mask.
    """
    name, tokenizer = _source(config)
    if tokenizer.mask_id is None:
        raise ModelError(f"The tokenizer of {name} has no mask token; masked words need one.")
    if config.checkpoint is not None:
        encoder = load_model(find_checkpoint(config.checkpoint), dropout_of(config)).encoder
        model = BertForMaskedLM(encoder.config)
        model.bert.load_state_dict(encoder.state_dict(), strict=False)  # this one has no pooler
        missing = {key for key, _ in model.named_parameters() if key.startswith("cls.")}
    else:
        model, missing = load_base(AutoModelForMaskedLM, name, **dropout_of(config))
        keep_layers(model.bert, config.encoder_layers, "encoder_layers")
    check_fits(model, tokenizer, data, name)
    return model, tokenizer, missing & {key for key, _ in model.named_parameters()}


def _source(config: ModelConfig) -> tuple[str, Tokenizer]:
    if config.checkpoint is not None:
        folder = find_checkpoint(config.checkpoint)
        return str(folder), load_tokenizer(folder)
    name = str(config.encoder)
    return name, load_tokenizer(base_location(name))


class SentimentHead(nn.Module):
    """Pooled states to logits: standardised, dropout, linear. `sentiment.Head` is the same without torch.

    `vectors`, shape (texts, hidden), are pooled states of the training texts: their mean and spread are what
    later ones are standardised by. States of a BERT share a large mean, slow to learn for a linear layer.
    """

    def __init__(self, vectors: torch.Tensor, labels: int, dropout: float) -> None:
        super().__init__()
        hidden = vectors.shape[1]
        self.mean: torch.Tensor
        self.scale: torch.Tensor
        self.register_buffer("mean", vectors.mean(0))
        self.register_buffer("scale", vectors.std(0).clamp(min=1e-6))
        self.dropout = nn.Dropout(dropout)
        self.weight = nn.Parameter(torch.zeros(labels, hidden))
        self.bias = nn.Parameter(torch.zeros(labels))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """(texts, hidden) -> logits (texts, labels)"""
        scaled = self.dropout((vectors.float() - self.mean) / self.scale)
        return nn.functional.linear(scaled, self.weight, self.bias)


class SentimentClassifier(nn.Module):
    """A head on the states of an encoder; the same encoder may belong to a title model."""

    def __init__(self, encoder: PreTrainedModel, head: SentimentHead, pooling: Pooling) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self._pooling = pooling

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Token ids (texts, tokens) -> logits (texts, labels)"""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        logits: torch.Tensor = self.head(pool_batch(states, attention_mask, self._pooling))
        return logits


class JointModel(nn.Module):
    """A title model and a sentiment head on its encoder, behind the one forward that accelerate wraps."""

    def __init__(self, title: PreTrainedModel, head: SentimentHead, pooling: Pooling) -> None:
        super().__init__()
        self.title = title
        self.head = head
        self._pooling = pooling

    def forward(self, **inputs: Any) -> Any:
        """What the title model says to its inputs; logits (texts, labels) where no title is among them."""
        if "decoder_input_ids" in inputs:
            return self.title(**inputs)
        states = self.title.encoder(**inputs).last_hidden_state
        return self.head(pool_batch(states, inputs["attention_mask"], self._pooling))
