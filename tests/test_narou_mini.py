"""The bundled model itself: that it is what its card says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from narou_gen import TitleGenerator, load_config
from narou_gen.batches import Batch, tokenise
from narou_gen.checkpoint import load_checkpoint
from narou_gen.data import load_splits
from narou_gen.loss import summed_loss
from narou_gen.resources import find_checkpoint
from narou_gen.tokenizer import load_tokenizer

FOLDER = find_checkpoint("narou-mini")


def test_it_says_where_it_comes_from() -> None:
    card = (FOLDER / "README.md").read_text("utf-8")
    for credit in ("intfloat/multilingual-e5-small", "MIT", "青空文庫", "CC0"):
        assert credit in card
    record = json.loads((FOLDER / "run.json").read_text("utf-8"))
    assert record["config"]["data"]["train"] == ["sample:titles", "sample:ideas"]


@pytest.mark.slow
def test_it_reads_the_synopsis() -> None:
    """On the test split, titles are likelier given their own synopsis than given another."""
    model, _ = load_checkpoint(FOLDER)
    changes = ["data.validation_limit=1", "data.condition_dropout=1.0"]
    config = load_config("title-mini", changes)
    test = load_splits(config.data).test[:96]
    pairs = tokenise(test, load_tokenizer(FOLDER), config.data, seed=0)
    own = of_others = 0.0
    with torch.inference_mode():
        for batch in batches(pairs):
            own += float(summed_loss(model, batch))
            order = torch.arange(len(batch.labels)).roll(16)
            others = Batch(batch.source_ids[order], batch.source_mask[order], batch.target_ids, batch.labels)
            of_others += float(summed_loss(model, others))
    tokens = int(pairs.label_counts.sum())
    assert own / tokens < of_others / tokens - 0.4


def batches(pairs: object) -> Iterator[Batch]:
    for start in range(0, 96, 32):
        yield pairs.batch(range(start, start + 32), epoch=0)  # type: ignore[attr-defined]


@pytest.mark.slow
def test_its_titles_are_sound(tmp_path: Path) -> None:
    generator = TitleGenerator.from_checkpoint(FOLDER)
    config = load_config("title-mini")
    synopses = list(dict.fromkeys(pair.synopsis for pair in load_splits(config.data).test))[:12]
    for titles in generator.generate(synopses, num_titles=3):
        assert len(titles) == 3
        for title in titles:
            assert 1 <= len(title.text) <= 100
            assert "unk" not in title.text.lower() and "\ufffd" not in title.text
            assert title.text.count("「") == title.text.count("」")
