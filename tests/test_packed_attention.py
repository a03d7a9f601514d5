"""Packed rows against the padded reference: the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn import functional

from narou_gen import packed_attention
from narou_gen.batches import Batch, tokenise
from narou_gen.config import Config
from narou_gen.data import load_splits
from narou_gen.loss import summed_loss
from narou_gen.model import build
from narou_gen.packed_attention import in_a_grid, one_by_one, use_packed_attention
from narou_gen.packing import Layout, PackedBatch, Packing

ROWS = range(7)


def built(config: Config) -> tuple[Any, Batch, PackedBatch]:
    """A model in evaluation mode and double precision, and the same pairs padded and packed."""
    torch.manual_seed(0)
    made = build(config.model, config.data)
    train = load_splits(config.data).train
    batches = [
        tokenise(train, made.tokenizer, config.data, 0, packed).batch(ROWS, epoch=0)
        for packed in (False, True)
    ]
    with torch.no_grad():
        for parameter in made.model.parameters():
            parameter.mul_(5)  # fresh weights attend to all tokens alike, and would hide what they attend to
    return made.model.double().eval(), *batches  # type: ignore[return-value]


def gradients(model: Any, batch: Any) -> tuple[float, dict[str, torch.Tensor]]:
    model.zero_grad()
    loss = summed_loss(model, batch, label_smoothing=0.1)
    loss.backward()
    return loss.item(), {
        name: parameter.grad.clone()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


@pytest.mark.parametrize("way", [one_by_one, in_a_grid])
@pytest.mark.parametrize("shared", [False, True])
def test_packed_rows_give_the_loss_and_gradients_of_padded_ones(
    make_config: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, way: Any, shared: bool
) -> None:
    """Both ways, also the one that a GPU takes."""
    model, padded, packed = built(make_config(f"model.share_weights={str(shared).lower()}"))
    loss, expected = gradients(model, padded)
    use_packed_attention(model)
    for name in ("one_by_one", "in_a_grid"):
        monkeypatch.setattr(packed_attention, name, way)
    found_loss, found = gradients(model, packed)
    assert found_loss == pytest.approx(loss, rel=1e-12)
    assert found.keys() == expected.keys()
    for name in expected:
        assert torch.allclose(found[name], expected[name], rtol=1e-10, atol=1e-10), name
    # A model that is set to packed attention still reads padded batches.
    assert gradients(model, padded)[0] == pytest.approx(loss, rel=1e-12)


def test_nothing_but_real_tokens_is_computed(make_config: Callable[..., Any]) -> None:
    model, padded, packed = built(make_config())
    use_packed_attention(model)
    assert packed.source_ids.shape == (1, int(padded.source_mask.sum()))
    targets = int((padded.labels != -100).sum())
    assert model(**packed.inputs(), use_cache=False).logits.shape == (1, targets, model.config.vocab_size)
    assert packed.source_ids[0].tolist() == padded.source_ids[padded.source_mask.bool()].tolist()


@pytest.mark.parametrize("causal", [False, True])
def test_the_grid_holds_apart_what_one_by_one_holds_apart(causal: bool) -> None:
    torch.manual_seed(0)
    queries = Layout.of([[0] * length for length in (1, 5, 3)])
    keys = queries if causal else Layout.of([[0] * length for length in (4, 2, 9)])
    packing = Packing(queries, keys)
    query = torch.randn(1, 2, sum(queries.lengths), 8, dtype=torch.float64)
    key, value = torch.randn(2, 1, 2, sum(keys.lengths), 8, dtype=torch.float64)
    settings = {"dropout_p": 0.0, "scale": 0.3, "is_causal": causal}
    one, other = (way(packing, query, key, value, settings) for way in (one_by_one, in_a_grid))
    assert one.shape == (1, sum(queries.lengths), 2, 8)
    assert torch.allclose(one, other, atol=1e-12)
    second = functional.scaled_dot_product_attention(
        query[:, :, 1:6],
        *(each[:, :, keys.lengths[0] : sum(keys.lengths[:2])] for each in (key, value)),
        **settings,
    )
    assert torch.allclose(one[:, 1:6], second.transpose(1, 2), atol=1e-12)


def test_the_way_of_a_gpu_learns_the_same_in_bf16(
    make_config: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the rounding of bf16 (0.01 measured); without the mask of padding 0.3, of what comes 1.1."""
    config = make_config("model.dropout=0.0")
    torch.manual_seed(0)
    model = build(config.model, config.data).model.eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(5)  # as in `built`
    use_packed_attention(model)
    ids = [torch.randint(5, model.config.vocab_size, (length,)).tolist() for length in (3, 40, 5, 9)]
    packed = PackedBatch.of(ids, ids, [row[::-1] for row in ids])

    def gradient(way: Any) -> torch.Tensor:
        monkeypatch.setattr(packed_attention, "one_by_one", way)
        with torch.autocast("cpu", torch.bfloat16):
            return torch.cat([each.flatten() for each in gradients(model, packed)[1].values()])

    def seeing_what_is_padded(packing: Packing, *states: Any) -> torch.Tensor:
        keys = replace(packing.keys, mask=torch.ones_like(packing.keys.mask))
        return in_a_grid(replace(packing, keys=keys), *states)

    def seeing_what_comes(*all_but_settings: Any) -> torch.Tensor:
        *states, settings = all_but_settings
        return in_a_grid(*states, settings | {"is_causal": False})

    expected = gradient(one_by_one)
    ways = (in_a_grid, seeing_what_is_padded, seeing_what_comes)
    found, *wrong = [float((gradient(way) - expected).norm() / expected.norm()) for way in ways]
    assert found < 0.05 and min(wrong) > 0.15, (found, wrong)
