"""Words out of tokens, and words hidden from a language model."""

from __future__ import annotations

from collections import Counter

import pytest

from narou_gen.batches import IGNORED
from narou_gen.masking import Masking
from narou_gen.resources import SAMPLE, find_checkpoint
from narou_gen.tokenizer import Tokenizer, load_tokenizer
from narou_gen.words import Words

TEXT = "古い井戸の底で、少年アオイは自分の名前を呼ぶ声を聞いた。"


@pytest.fixture(scope="module", params=["wordpiece", "unigram"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    """Two kinds: MeCab with WordPiece, and pieces that know nothing of words."""
    if request.param == "wordpiece":
        return load_tokenizer(SAMPLE / "bert-tiny")
    return load_tokenizer(find_checkpoint("narou-mini"))


def test_the_words_of_a_text_in_their_order(tokenizer: Tokenizer) -> None:
    ids = tokenizer.source((), tokenizer.parts([TEXT])[0], 64)
    words = Words(tokenizer)
    groups = words.groups(ids)
    assert [place for group in groups for place in group] == list(range(len(ids)))
    assert groups[0] == range(1) and groups[-1] == range(len(ids) - 1, len(ids))
    inner = [words.text([ids[place] for place in group]).strip() for group in groups[1:-1]]
    assert "".join(inner) == TEXT.replace("、", ",") or "".join(inner) == TEXT
    assert {"少年", "名前", "声"} <= set(inner)


def test_a_word_of_several_pieces_is_one_group() -> None:
    tokenizer = load_tokenizer(SAMPLE / "bert-tiny")
    ids = tokenizer.parts(["薔薇園芸師匠様"])[0]
    tokens = {index: token for token, index in tokenizer.vocabulary().items()}
    pieces = [tokens[index] for index in ids]
    starts = [group[0] for group in Words(tokenizer).groups(ids)]
    assert all(not pieces[start].startswith("##") for start in starts if start)
    assert len(starts) <= len(ids)


def test_hidden_words_are_whole_about_the_fraction_and_repeat(tokenizer: Tokenizer) -> None:
    ids = tokenizer.source((), tokenizer.parts([TEXT * 12])[0], 512)
    masking, words = Masking(tokenizer, 0.15), Words(tokenizer)
    what: Counter[str] = Counter()
    for key in map(str, range(60)):
        hidden, labels = masking.hide(ids, key)
        assert (hidden, labels) == masking.hide(ids, key)
        guessed = [place for place, label in enumerate(labels) if label != IGNORED]
        assert len(guessed) == masking.count(ids, key)
        assert 0.12 < len(guessed) / (len(ids) - 2) < 0.17
        for group in words.groups(ids):
            assert len({labels[place] == IGNORED for place in group}) == 1  # a word at a time
            if labels[group[0]] != IGNORED:
                now = [hidden[place] for place in group]
                before = [ids[place] for place in group]
                kind = (
                    "masked" if set(now) == {tokenizer.mask_id} else "kept" if now == before else "replaced"
                )
                what[kind] += 1
        assert all(labels[place] in (IGNORED, ids[place]) for place in range(len(ids)))
        assert labels[0] == labels[-1] == IGNORED
        kept = [place for place, label in enumerate(labels) if label == IGNORED]
        assert [hidden[place] for place in kept] == [ids[place] for place in kept]
    total = what.total()
    assert 0.75 < what["masked"] / total < 0.85
    assert 0.06 < what["replaced"] / total < 0.14 and 0.06 < what["kept"] / total < 0.14
    assert masking.hide(ids, "1") != masking.hide(ids, "2")


def test_one_word_at_least_is_hidden(tokenizer: Tokenizer) -> None:
    ids = tokenizer.source((), tokenizer.parts(["夜"])[0], 8)
    hidden, labels = Masking(tokenizer, 0.15).hide(ids, "key")
    assert sum(label != IGNORED for label in labels) >= 1
    assert len(hidden) == len(ids)
