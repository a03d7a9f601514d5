"""Assembling a BERT2BERT: two BERTs into one `EncoderDecoderModel` (Rothe et al. 2020, arXiv:1907.12461)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    EncoderDecoderModel,
    GenerationConfig,
    PreTrainedModel,
)

from narou_gen.checkpoint import load_model, no_loading_report
from narou_gen.config import DataConfig, ModelConfig
from narou_gen.errors import ModelError
from narou_gen.resources import SAMPLE, find_checkpoint
from narou_gen.tokenizer import Tokenizer, load_tokenizer

_RANDOM, _SAMPLE = "random:", "sample:"


@dataclass(frozen=True)
class Bert2Bert:
    """A model to train, its tokenizer, and what a person should know before it is trained."""

    model: EncoderDecoderModel
    tokenizer: Tokenizer
    fresh: frozenset[str]
    """Names of the parameters that no base model has trained in their place."""
    warnings: tuple[str, ...] = ()


def build(config: ModelConfig, data: DataConfig) -> Bert2Bert:
    """The model that `[model]` describes, its special ids set in every config that is saved with it.

    Random weights come from torch's global generator: seed it first.

    Raises:
        ModelError: a base model is missing, is no BERT, or does not fit the rest of the config.
    """
    if config.checkpoint is not None:
        return _from_checkpoint(config, data)
    encoder_name = str(config.encoder)
    decoder_name = config.decoder or encoder_name
    tokenizer = load_tokenizer(base_location(encoder_name))
    dropout = dropout_of(config)
    encoder, _ = load_base(AutoModel, encoder_name, **dropout)
    decoder, missing = load_base(
        AutoModelForCausalLM, decoder_name, is_decoder=True, add_cross_attention=True, **dropout
    )
    check_fits(encoder, tokenizer, data, encoder_name)
    check_fits(decoder, tokenizer, data, decoder_name)
    encoder_kept = keep_layers(encoder, config.encoder_layers, "encoder_layers")
    decoder_kept = keep_layers(decoder.bert, config.decoder_layers, "decoder_layers")
    fresh_layers = {name for name in missing if ".layer." not in name}
    if config.cross_attention == "warm":
        _warm_cross_attention(decoder, encoder.config.hidden_size)
    model = EncoderDecoderModel(encoder=encoder, decoder=decoder)
    if config.share_weights:
        if encoder_name != decoder_name:
            raise ModelError(f"share_weights needs one base model, not {encoder_name} and {decoder_name}.")
        share_weights(model, [_source_of(index, encoder_kept) for index in decoder_kept])
    _set_special_ids(model, tokenizer, data.max_title_tokens)
    random_halves = tuple(
        f"{half}."
        for half, base in (("encoder", encoder_name), ("decoder", decoder_name))
        if base.startswith(_RANDOM)
    )
    fresh = {
        name
        for name, _ in model.named_parameters()
        if name.startswith(random_halves)
        or ".crossattention." in name
        or name.startswith("enc_to_dec_proj.")
        or name.removeprefix("decoder.") in fresh_layers
    }
    return _prepared(model, tokenizer, config, fresh, _vocabulary_warnings(config, tokenizer))


def share_weights(model: EncoderDecoderModel, sources: Sequence[int]) -> None:
    """BERTShare: decoder layer i uses the weights of encoder layer `sources[i]`, but for cross attention.

    Embeddings are shared as well. In place; the saved folder holds both copies, so that it loads anywhere.
    """
    _share(model.encoder.embeddings, model.decoder.bert.embeddings)
    for layer, source in zip(model.decoder.bert.encoder.layer, sources, strict=True):
        _share(model.encoder.encoder.layer[source], layer)
    model.decoder.tie_weights()  # the head follows the decoder's embeddings


def _share(source: nn.Module, target: nn.Module) -> None:
    """Every parameter of `source` takes the place of the one of the same name in `target`.

    Parameters, not modules: a decoder layer's modules know that they are causal, and their place in the
    cache.
    """
    for name, parameter in source.named_parameters():
        module, _, last = name.rpartition(".")
        setattr(target.get_submodule(module), last, parameter)


def _source_of(layer: int, encoder_kept: Sequence[int]) -> int:
    if layer not in encoder_kept:
        raise ModelError(
            f"share_weights: decoder layer {layer} has no counterpart in encoder_layers; "
            "keep the same layers of both."
        )
    return encoder_kept.index(layer)


def _from_checkpoint(config: ModelConfig, data: DataConfig) -> Bert2Bert:
    folder = find_checkpoint(config.checkpoint)
    model = load_model(folder, dropout_of(config))
    tokenizer = load_tokenizer(folder)
    for part in (model.encoder, model.decoder):
        check_fits(part, tokenizer, data, str(folder))
    _set_special_ids(model, tokenizer, data.max_title_tokens)
    return _prepared(model, tokenizer, config, set())


def _prepared(
    model: EncoderDecoderModel,
    tokenizer: Tokenizer,
    config: ModelConfig,
    fresh: set[str],
    warnings: Sequence[str] = (),
) -> Bert2Bert:
    # Nothing reads the pooler, but a plain `from_pretrained` expects it in the folder. Without a gradient it
    # neither decays nor holds up distributed training.
    frozen = model.encoder if config.freeze_encoder else model.encoder.pooler
    if frozen is not None:
        frozen.requires_grad_(False)
    return Bert2Bert(model, tokenizer, frozenset(fresh), tuple(warnings))


def dropout_of(config: ModelConfig) -> dict[str, float]:
    """What `[model] dropout` sets in the config of a BERT."""
    return {
        "hidden_dropout_prob": config.dropout,
        "attention_probs_dropout_prob": config.dropout,
    }


def base_location(name: str) -> str:
    """Where transformers finds a model name of a config."""
    name = name.removeprefix(_RANDOM)
    return str(SAMPLE / name.removeprefix(_SAMPLE)) if name.startswith(_SAMPLE) else name


def load_base(factory: Any, name: str, **changes: Any) -> tuple[Any, set[str]]:
    """A BERT with the changed config, and the names of its parameters that the base model lacks.

    Raises:
        ModelError: there is no such base model, or it is no BERT.
    """
    location = base_location(name)
    try:
        config = AutoConfig.from_pretrained(location)
        if config.model_type != "bert":
            raise ModelError(f"{name} is a {config.model_type} model; encoder and decoder must be BERTs.")
        config.update(changes)
        if name.startswith(_RANDOM):
            return factory.from_config(config), set()
        with no_loading_report(location):
            model, report = factory.from_pretrained(
                location, config=config, dtype=torch.float32, output_loading_info=True
            )
        return model, set(report["missing_keys"])
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"No base model at {name}: {reason} Give a local folder, or a Hugging Face name with a network."
        ) from None


def check_fits(model: PreTrainedModel, tokenizer: Tokenizer, data: DataConfig, name: str) -> None:
    """Raises ModelError where the model lacks embeddings for the tokens, or positions for the texts."""
    if len(tokenizer) > model.config.vocab_size:
        raise ModelError(
            f"{name} has {model.config.vocab_size} embeddings, fewer than the {len(tokenizer)} tokens of the "
            "encoder's tokenizer."
        )
    longest = max(data.max_synopsis_tokens, data.max_title_tokens)
    if longest > model.config.max_position_embeddings:
        raise ModelError(
            f"{name} reads {model.config.max_position_embeddings} tokens at most: lower "
            f"data.max_synopsis_tokens or max_title_tokens (now {longest})."
        )


def keep_layers(bert: Any, wanted: int | list[int] | None, key: str) -> list[int]:
    """Cut `bert` to the wanted layers, in place, and return their old indices."""
    layers = bert.encoder.layer
    depth = len(layers)
    if wanted is None:
        kept = list(range(depth))
    elif isinstance(wanted, int):
        # Evenly spread from the first to the last (Shleifer & Rush 2020, arXiv:2010.13002).
        kept = torch.linspace(0, depth - 1, min(wanted, depth)).round().int().tolist()
    else:
        kept = wanted
    if (isinstance(wanted, int) and wanted > depth) or not all(0 <= index < depth for index in kept):
        raise ModelError(f"{key} = {wanted}: the base model has layers 0 to {depth - 1}.")
    if len(set(kept)) < len(kept):
        raise ModelError(f"{key} = {wanted}: a layer stands there twice.")
    bert.encoder.layer = nn.ModuleList(layers[index] for index in kept)
    bert.config.num_hidden_layers = len(kept)
    for place, layer in enumerate(bert.encoder.layer):
        for module in layer.modules():
            if hasattr(module, "layer_idx"):
                module.layer_idx = place  # its slot in the cache of keys and values
    return kept


def _warm_cross_attention(decoder: Any, encoder_width: int) -> None:
    """Start cross attention from the self attention of its layer, as if the layer read its own states."""
    if encoder_width != decoder.config.hidden_size:
        raise ModelError('cross_attention = "warm" needs encoder and decoder of one hidden size.')
    for layer in decoder.bert.encoder.layer:
        layer.crossattention.load_state_dict(layer.attention.state_dict())


def _set_special_ids(model: Any, tokenizer: Tokenizer, max_title_tokens: int) -> None:
    for config in (model.config, model.config.encoder, model.config.decoder):
        config.pad_token_id = tokenizer.pad_id
        config.bos_token_id = tokenizer.cls_id
        config.eos_token_id = tokenizer.sep_id
        config.decoder_start_token_id = tokenizer.cls_id
    model.config.vocab_size = model.config.decoder.vocab_size
    model.generation_config = GenerationConfig(
        decoder_start_token_id=tokenizer.cls_id,
        bos_token_id=tokenizer.cls_id,
        eos_token_id=tokenizer.sep_id,
        pad_token_id=tokenizer.pad_id,
        # Never written: what no title holds, and (at the start alone) the end.
        suppress_tokens=sorted({tokenizer.unk_id, tokenizer.cls_id, tokenizer.pad_id}),
        begin_suppress_tokens=[tokenizer.sep_id],
        num_beams=5,
        no_repeat_ngram_size=3,
        length_penalty=1.0,
        max_length=max_title_tokens,
    )


def _vocabulary_warnings(config: ModelConfig, tokenizer: Tokenizer) -> list[str]:
    """Both sides use the encoder's tokenizer: the decoder's base model should have the same vocabulary."""
    if config.decoder is None or config.decoder == config.encoder:
        return []
    other = load_tokenizer(base_location(config.decoder))
    if other.vocabulary() == tokenizer.vocabulary():
        return []
    return [
        f"{config.encoder} and {config.decoder} have different vocabularies; titles use the encoder's, "
        "so the decoder's embeddings start out meaning other tokens."
    ]


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """Numbers of all and of trainable parameters, shared ones counted once."""
    parameters = list(model.parameters())
    return sum(p.numel() for p in parameters), sum(p.numel() for p in parameters if p.requires_grad)
