"""Windows of texts: every text once, balanced labels, two kinds by turns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from narou_gen.batches import IGNORED
from narou_gen.resources import SAMPLE
from narou_gen.text_batches import Interleaved, LabelledTexts, Sources
from narou_gen.tokenizer import Tokenizer, load_tokenizer

TEXTS = ["井戸の底。" * (1 + number % 7) for number in range(50)]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer(SAMPLE / "bert-tiny")


def test_sources_are_the_tokenizers(tokenizer: Tokenizer) -> None:
    sources = Sources(TEXTS, tokenizer, 12)
    assert len(sources.ids) == 50 and max(sources.lengths) == 12
    for row, part in enumerate(tokenizer.parts(TEXTS)):
        assert sources.ids[row].tolist() == tokenizer.source((), part, 12)
        assert len(sources.ids[row]) == sources.lengths[row]


@pytest.mark.parametrize("as_vectors", [False, True])
def test_every_text_once_and_the_same_for_the_same_seed(tokenizer: Tokenizer, as_vectors: bool) -> None:
    labels = np.arange(50) % 3
    inputs = torch.arange(100.0).reshape(50, 2) if as_vectors else Sources(TEXTS, tokenizer, 64)
    items = LabelledTexts(labels, inputs, seed=1)
    windows = items.windows(8, epoch=0)
    assert sorted(np.concatenate(windows).tolist()) == list(range(50))
    assert all(map(np.array_equal, windows, items.windows(8, epoch=0)))
    assert not all(map(np.array_equal, windows, items.windows(8, epoch=1)))
    batch = items.batch(windows[0], epoch=0)
    assert batch.labels.tolist() == labels[windows[0]].tolist()
    assert items.targets(windows[0], 0) == len(windows[0])
    assert (items.batch(windows[0][:1], 0, counts=False).labels == IGNORED).all()
    if as_vectors:
        assert torch.equal(batch.inputs()["vectors"], inputs[torch.from_numpy(windows[0])])  # type: ignore[index]


def test_balanced_texts_have_all_labels_equally_often() -> None:
    labels = np.array([0] * 900 + [1] * 90 + [2] * 10)
    items = LabelledTexts(labels, torch.zeros(1000, 1), seed=0, balanced=True)
    drawn = np.concatenate(items.windows(64, epoch=0))
    assert len(drawn) == 1000
    assert np.bincount(labels[drawn]).min() > 270
    assert not np.array_equal(drawn, np.concatenate(items.windows(64, epoch=1)))


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.8])
def test_two_kinds_take_turns(share: float) -> None:
    first = LabelledTexts(np.zeros(400, int), torch.zeros(400, 1), seed=0)
    second = LabelledTexts(np.ones(30, int), torch.ones(30, 1), seed=0)
    items = Interleaved(first, second, share)
    seen: list[int] = []
    for epoch in range(3):
        windows = items.windows(10, epoch)
        kinds = [int(rows[0] >= 400) for rows in windows]
        assert all((rows >= 400).all() == bool(kind) for rows, kind in zip(windows, kinds, strict=True))
        titles = np.concatenate([rows for rows, kind in zip(windows, kinds, strict=True) if not kind])
        assert sorted(titles.tolist()) == list(range(400))
        assert sum(kinds) / len(kinds) == pytest.approx(share, abs=0.03)
        half = len(kinds) // 2
        assert abs(sum(kinds[:half]) - sum(kinds[half:])) <= 2  # evenly spread
        seen += [int(row) - 400 for rows, kind in zip(windows, kinds, strict=True) if kind for row in rows]
        batch = items.batch(windows[kinds.index(1)], epoch)
        assert (batch.labels == 1).all() and (batch.vectors == 1).all()
    counts = np.bincount(seen, minlength=30)
    assert counts.max() - counts.min() <= 1  # the texts come round, none before all others have
