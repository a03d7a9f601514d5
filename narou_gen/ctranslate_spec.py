"""How BERT2BERT is expressed in CTranslate2's Transformer, exactly.

That has no counterpart of BERT's LM head, logits = E LN(act(W h + b)) + c. It becomes one more decoder
layer. Its attentions are zero; their layer norms act all the same: the last real layer's output norm is
left to them, its scale and shift behind the second. Its feed-forward block must yield act(W x + b) in spite
of the residual x. In float32 and int8 the residual is made so small that it vanishes: x / 2^30 comes in,
and W is 2^30 times as large. Float16 cannot hold that. There the residual is taken away again: for GELU,
ReLU and SiLU act(x) - act(-x) = x, so inner weights [W; I; -I] and outer weights [I, -I, I] give x + act(W
x + b) - x. (In int8 the large x would make the rest coarse.)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narou_gen.errors import CheckpointError
from narou_gen.tokenizer import Tokenizer

Weights = Mapping[str, NDArray[Any]]
"""Parameters by their names in transformers, in float32."""

# For each of them act(x) - act(-x) = x.
ACTIVATIONS = {
    "gelu": "GELU",
    "gelu_new": "GELUTanh",
    "gelu_pytorch_tanh": "GELUTanh",
    "relu": "RELU",
    "silu": "SWISH",
    "swish": "SWISH",
}


@contextmanager
def _specs() -> Iterator[Any]:
    """`ctranslate2.specs`, which would import torch for seconds, only to accept its tensors: here are none.

    The import is undone, so that others find it complete.
    """
    import ctranslate2

    blocked = "torch" not in sys.modules
    if blocked:
        sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        yield ctranslate2.specs
    finally:
        if blocked:
            for name in [name for name in sys.modules if name.startswith("ctranslate2.specs")]:
                del sys.modules[name]
            vars(ctranslate2).pop("specs", None)
            del sys.modules["torch"]


def bert2bert_spec(
    weights: Weights,
    config: dict[str, Any],
    tokenizer: Tokenizer,
    max_target_tokens: int,
    *,
    in_float16: bool = False,
) -> Any:
    """The `TransformerSpec` of an EncoderDecoderModel with this config.json, filled and checked.

    `in_float16`: made for that, in which it can then be stored.

    Raises:
        CheckpointError: weights are missing, or of an architecture that CTranslate2 cannot express.
    """
    encoder, decoder = config["encoder"], config["decoder"]
    layers, heads = decoder["num_hidden_layers"], decoder["num_attention_heads"]
    with _specs() as specs:
        spec = specs.TransformerSpec(
            _encoder_layers(specs, encoder),
            specs.TransformerDecoderSpec(
                layers + 1,
                heads,
                pre_norm=False,
                activation=_activation(specs, decoder),
                layernorm_embedding=True,
                # Of the last layer that attends: the one added for the head sees all alike.
                alignment_layer=layers - 1,
                alignment_heads=heads,
            ),
        )
        _fill_encoder(spec.encoder, _Bert(weights, "encoder."))
        _fill_decoder(spec.decoder, weights, in_float16)
        spec.register_source_vocabulary(token_names(tokenizer, encoder["vocab_size"]))
        spec.register_target_vocabulary(token_names(tokenizer, decoder["vocab_size"]))
        limits = {
            "max_source_tokens": encoder["max_position_embeddings"],
            "max_target_tokens": max_target_tokens,
        }
        _configure(spec, decoder, tokenizer, limits)
        spec.config.decoder_start_token = spec.config.bos_token
    return spec


def encoder_spec(weights: Weights, config: dict[str, Any], tokenizer: Tokenizer) -> Any:
    """The `TransformerEncoderModelSpec` of a title checkpoint's encoder, or of a BERT by itself.

    Raises:
        CheckpointError: as `bert2bert_spec`.
    """
    config, prefix = (config["encoder"], "encoder.") if "encoder" in config else (config, "")
    if not any(name.startswith(f"{prefix}embeddings.") for name in weights):
        prefix = "bert."  # a BERT with a head of some task
    with _specs() as specs:
        spec = specs.TransformerEncoderModelSpec(_encoder_layers(specs, config), pooling_layer=False)
        _fill_encoder(spec.encoder, _Bert(weights, prefix))
        spec.register_vocabulary(token_names(tokenizer, config["vocab_size"]))
        limits = {
            "max_source_tokens": config["max_position_embeddings"],
            "hidden_size": config["hidden_size"],
        }
        _configure(spec, config, tokenizer, limits)
    return spec


def _configure(spec: Any, config: dict[str, Any], tokenizer: Tokenizer, limits: dict[str, int]) -> None:
    """What the engine has to know beside the weights."""
    names = token_names(tokenizer, config["vocab_size"])
    spec.config.unk_token = names[tokenizer.unk_id]
    spec.config.bos_token, spec.config.eos_token = names[tokenizer.cls_id], names[tokenizer.sep_id]
    spec.config.layer_norm_epsilon = config["layer_norm_eps"]
    spec.config.add_attribute("narou_gen", limits)
    spec.validate()


def token_names(tokenizer: Tokenizer, size: int) -> list[str]:
    """A name for every row of the embeddings; rows that no token has get one that no text can hold."""
    names = [f"\x00{index}" for index in range(size)]
    for token, index in tokenizer.vocabulary().items():
        names[index] = token
    return names


def _activation(specs: Any, config: dict[str, Any]) -> Any:
    name = config["hidden_act"]
    if name not in ACTIVATIONS:
        raise CheckpointError(f"No CTranslate2 engine for the activation {name}: use engine=torch.")
    return getattr(specs.Activation, ACTIVATIONS[name])


def _encoder_layers(specs: Any, config: dict[str, Any]) -> Any:
    return specs.TransformerEncoderSpec(
        config["num_hidden_layers"],
        config["num_attention_heads"],
        pre_norm=False,
        activation=_activation(specs, config),
        layernorm_embedding=True,
    )


class _Bert:
    """Weights of one BERT, by their names behind a prefix."""

    def __init__(self, weights: Weights, prefix: str) -> None:
        self._weights = weights
        self._prefix = prefix

    def under(self, prefix: str) -> _Bert:
        return _Bert(self._weights, self._prefix + prefix)

    def __getitem__(self, name: str) -> NDArray[Any]:
        if self._prefix + name not in self._weights:
            raise CheckpointError(f"The checkpoint lacks the weights {self._prefix}{name}.")
        return self._weights[self._prefix + name]

    def linear(self, *names: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Weights and biases of linear layers that read the same, one below the other."""
        return (
            np.concatenate([self[f"{name}.weight"] for name in names]),
            np.concatenate([self[f"{name}.bias"] for name in names]),
        )

    def norm(self, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
        return self[f"{name}.weight"], self[f"{name}.bias"]


def _set(spec: Any, values: tuple[NDArray[Any], NDArray[Any]]) -> None:
    """A linear layer's weight and bias, or a layer norm's scale and shift."""
    first, second = ("weight", "bias") if hasattr(spec, "weight") else ("gamma", "beta")
    setattr(spec, first, np.ascontiguousarray(values[0]))
    setattr(spec, second, np.ascontiguousarray(values[1]))


def _fill_encoder(spec: Any, bert: _Bert) -> None:
    _fill_embeddings(spec, spec.embeddings[0], bert)
    for index, layer in enumerate(spec.layer):
        source = bert.under(f"encoder.layer.{index}.")
        _fill_self_attention(layer.self_attention, source)
        _fill_ffn(layer.ffn, source)


def _fill_decoder(spec: Any, weights: Weights, in_float16: bool) -> None:
    bert = _Bert(weights, "decoder.bert.")
    _fill_embeddings(spec, spec.embeddings, bert)
    for index, layer in enumerate(spec.layer[:-1]):
        source = bert.under(f"encoder.layer.{index}.")
        _fill_self_attention(layer.self_attention, source)
        cross = source.under("crossattention.")
        _set(layer.attention.linear[0], cross.linear("self.query"))
        _set(layer.attention.linear[1], _read_from_encoder(weights, *cross.linear("self.key", "self.value")))
        _set(layer.attention.linear[2], cross.linear("output.dense"))
        _set(layer.attention.layer_norm, cross.norm("output.LayerNorm"))
        _fill_ffn(layer.ffn, source)
    head = _Bert(weights, "decoder.cls.predictions.")
    _fill_head(spec.layer[-1], spec.layer[-2].ffn.layer_norm, head, weights, in_float16)
    tied = "decoder.cls.predictions.decoder.weight" not in weights
    spec.projection.weight = bert["embeddings.word_embeddings.weight"] if tied else head["decoder.weight"]
    spec.projection.bias = head["bias"] if tied else head["decoder.bias"]


def _read_from_encoder(
    weights: Weights, weight: NDArray[Any], bias: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Keys and values straight from the encoder's states, where these are projected to another size first."""
    if "enc_to_dec_proj.weight" not in weights:
        return weight, bias
    return weight @ weights["enc_to_dec_proj.weight"], weight @ weights["enc_to_dec_proj.bias"] + bias


def _fill_embeddings(spec: Any, words: Any, bert: _Bert) -> None:
    embeddings = bert.under("embeddings.")
    words.weight = embeddings["word_embeddings.weight"]
    # All tokens are of type 0.
    types = embeddings["token_type_embeddings.weight"]
    spec.position_encodings.encodings = embeddings["position_embeddings.weight"] + types[0]
    spec.scale_embeddings = False
    _set(spec.layernorm_embedding, embeddings.norm("LayerNorm"))


def _fill_self_attention(spec: Any, layer: _Bert) -> None:
    attention = layer.under("attention.")
    _set(spec.linear[0], attention.linear("self.query", "self.key", "self.value"))
    _set(spec.linear[1], attention.linear("output.dense"))
    _set(spec.layer_norm, attention.norm("output.LayerNorm"))


def _fill_ffn(spec: Any, layer: _Bert) -> None:
    _set(spec.linear_0, layer.linear("intermediate.dense"))
    _set(spec.linear_1, layer.linear("output.dense"))
    _set(spec.layer_norm, layer.norm("output.LayerNorm"))


def _fill_head(spec: Any, last_norm: Any, head: _Bert, weights: Weights, in_float16: bool) -> None:
    """The LM head's dense layer, activation and layer norm as a decoder layer; see the module's docstring."""
    size = len(head["transform.dense.bias"])
    zero, one = np.zeros(size, np.float32), np.ones(size, np.float32)
    identity = np.eye(size, dtype=np.float32)
    attention, cross = spec.self_attention, spec.attention
    encoder_size = _read_from_encoder(weights, np.zeros((1, size), np.float32), zero[:1])[0].shape[1]
    for linear, inputs, outputs in (
        (attention.linear[0], size, 3 * size),
        (attention.linear[1], size, size),
        (cross.linear[0], size, size),
        (cross.linear[1], encoder_size, 2 * size),
        (cross.linear[2], size, size),
    ):
        _set(linear, (np.zeros((outputs, inputs), np.float32), np.zeros(outputs, np.float32)))
    shrink = np.float32(1 if in_float16 else 2**-30)
    _set(cross.layer_norm, (shrink * last_norm.gamma, shrink * last_norm.beta))
    _set(last_norm, (one, zero))
    _set(attention.layer_norm, (one, zero))  # what is normalised stays as it is
    weight, bias = head.linear("transform.dense")
    if in_float16:
        inner = np.concatenate([weight, identity, -identity]), np.concatenate([bias, zero, zero])
        outer = np.concatenate([identity, -identity, identity], axis=1)
    else:
        inner, outer = (weight / shrink, bias), identity
    _set(spec.ffn.linear_0, inner)
    _set(spec.ffn.linear_1, (outer, zero))
    _set(spec.ffn.layer_norm, head.norm("transform.LayerNorm"))
