"""Windows and batches: every pair once, like lengths together, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch

from narou_gen.batches import IGNORED, TokenisedPairs, share_of, tokenise
from narou_gen.config import DataConfig
from narou_gen.resources import SAMPLE
from narou_gen.sources import Pair, read_pairs
from narou_gen.tokenizer import Tokenizer, load_tokenizer

CONFIG = DataConfig(train="sample:titles", max_synopsis_tokens=128, max_title_tokens=24)
SOME = list(islice(read_pairs("sample:titles", "validation"), 500))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer(SAMPLE / "bert-tiny")


@pytest.fixture(scope="module")
def pairs(tokenizer: Tokenizer) -> TokenisedPairs:
    return tokenise(SOME, tokenizer, CONFIG, seed=0)


def test_windows_hold_every_pair_once_and_repeat_with_the_seed(pairs: TokenisedPairs) -> None:
    windows = pairs.windows(64, epoch=0)
    assert sorted(np.concatenate(windows).tolist()) == list(range(500))
    assert sorted(map(len, windows)) == [52] + [64] * 7
    again = pairs.windows(64, epoch=0)
    assert all(np.array_equal(one, other) for one, other in zip(windows, again, strict=True))
    assert not np.array_equal(windows[0], pairs.windows(64, epoch=1)[0])


def test_a_window_holds_pairs_of_like_length(tokenizer: Tokenizer) -> None:
    uncut = CONFIG.model_copy(update={"max_synopsis_tokens": 512})
    pairs = tokenise(SOME, tokenizer, uncut, seed=0)

    def padding(windows: list[np.ndarray]) -> float:
        lengths = [pairs.source_lengths[rows] for rows in windows]
        return 1 - sum(map(np.sum, lengths)) / sum(len(each) * each.max() for each in lengths)

    random_windows = np.array_split(np.random.default_rng(0).permutation(500), 8)
    assert padding(pairs.windows(64, 0)) < 0.4 * padding(random_windows)


def test_a_batch_is_what_the_model_needs(pairs: TokenisedPairs, tokenizer: Tokenizer) -> None:
    batch = pairs.batch([3, 4, 5], epoch=None)
    assert batch.source_ids.shape == batch.source_mask.shape
    assert batch.target_ids.shape == batch.labels.shape
    assert batch.source_ids.shape[1] <= 128 and batch.labels.shape[1] <= 23
    for row, index in enumerate((3, 4, 5)):
        length = int(batch.source_mask[row].sum())
        assert length == pairs.source_lengths[index]
        assert batch.source_ids[row, 0] == tokenizer.cls_id
        assert batch.source_ids[row, length - 1] == tokenizer.sep_id
        assert (batch.source_ids[row, length:] == tokenizer.pad_id).all()
        said = batch.labels[row][batch.labels[row] != IGNORED]
        assert len(said) == pairs.label_counts[index] and said[-1] == tokenizer.sep_id
        # What is read is what was said, one step later.
        assert batch.target_ids[row, 0] == tokenizer.cls_id
        assert torch.equal(batch.target_ids[row, 1 : len(said)], said[:-1])


def test_a_share_without_pairs_does_not_count(pairs: TokenisedPairs) -> None:
    batch = pairs.batch([0], epoch=0, counts=False)
    assert (batch.labels == IGNORED).all()
    assert batch.source_ids.shape[0] == 1


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_window_is_dealt_out_once_and_nobody_stays_away(size: int) -> None:
    shares = [share_of(np.arange(10, 10 + size), process, 3) for process in range(3)]
    dealt = np.concatenate([share for share, counts in shares if counts])
    assert sorted(dealt.tolist()) == list(range(10, 10 + size))
    assert all(len(share) for share, _ in shares)


def test_conditions_are_left_out_at_random_in_training_alone(
    pairs: TokenisedPairs, tokenizer: Tokenizer
) -> None:
    def text(index: int, epoch: int | None) -> str:
        ids = pairs.batch([index], epoch).source_ids[0].tolist()
        return tokenizer.decode(ids).replace(" ", "")

    whole = [text(index, None) for index in range(40)]
    assert all(each.startswith("題名の長さ:") for each in whole)
    seen = [text(index, epoch) for index in range(40) for epoch in range(5)]
    for words in ("題名の長さ:", "ジャンル:", "キーワード:"):
        share = sum(words in each for each in seen) / len(seen)
        assert 0.55 < share < 0.85, (words, share)
    assert [text(7, epoch) for epoch in range(5)] == [text(7, epoch) for epoch in range(5)]
    assert len({text(7, epoch) for epoch in range(12)}) > 1


def test_conditions_are_kept_where_the_synopsis_must_be_cut(tokenizer: Tokenizer) -> None:
    pair = Pair("夜が来る。" * 400, "夜の題", genre="歴史", keywords=tuple("夜朝昼夕"))
    batch = tokenise([pair], tokenizer, CONFIG, 0).batch([0], None)
    text = tokenizer.decode(batch.source_ids[0].tolist()).replace(" ", "")
    assert batch.source_ids.shape == (1, 128)
    assert text.startswith("題名の長さ:短い。ジャンル:歴史。キーワード:夜、朝、昼、夕。夜が来る。夜が")


def test_ids_are_cached_by_all_they_depend_on(
    tokenizer: Tokenizer, cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = SOME[:20]
    tokenise(some, tokenizer, CONFIG, 0)
    folders = set((cache / "tokenised").iterdir())

    def fail(*_: Any, **__: Any) -> Callable[..., Any]:
        raise AssertionError("tokenised again")

    with monkeypatch.context() as patch:
        patch.setattr(Tokenizer, "parts", fail)
        tokenise(some, tokenizer, CONFIG, 5)
    tokenise(some[:-1], tokenizer, CONFIG, 0)
    tokenise(some, tokenizer, CONFIG.model_copy(update={"max_title_tokens": 12}), 0)
    assert len(set((cache / "tokenised").iterdir()) - folders) == 2
    assert all(len(folder.name) == 64 for folder in (cache / "tokenised").iterdir())
