"""Titles out of a model: the API's promises, with a model whose words mean nothing."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from narou_gen import Conditions, GenerationOptions, TitleGenerator, generate_title, generate_titles
from narou_gen.errors import CheckpointError, InputError
from narou_gen.text import comparison_key, finish_title

STORY = "古い井戸の底で、少年アオイは自分の名前を呼ぶ声を聞いた。"
STORIES = [
    STORY,
    "婚約を破棄された令嬢は、辺境で店をはじめる。" * 9,
    "猫",
    "👻👻👻",
    "\x1b[31m赤い\x07夜\u202e",
]


@pytest.fixture(scope="module")
def generator(debug_checkpoint: Path) -> TitleGenerator:
    return TitleGenerator.from_checkpoint(debug_checkpoint)


def test_a_list_of_different_finished_titles_best_first(generator: TitleGenerator) -> None:
    found = generator.generate(STORIES, num_titles=4, num_beams=4)
    assert len(found) == len(STORIES)
    for titles in found:
        assert 1 <= len(titles) <= 4
        scores = [title.score for title in titles]
        assert scores == sorted(scores, reverse=True) and all(score < 0 for score in scores)
        assert len({comparison_key(title.text) for title in titles}) == len(titles)
        for title in titles:
            assert title.text and title.text == finish_title(title.text)
            assert "[UNK]" not in title.text and "[SEP]" not in title.text


def test_a_batch_gives_what_each_synopsis_gives_alone(generator: TitleGenerator) -> None:
    together = generator.generate(STORIES, num_titles=2)
    for story, titles in zip(STORIES, together, strict=True):
        alone = generator.generate([story], num_titles=2)[0]
        assert [title.text for title in alone] == [title.text for title in titles]
        assert [title.score for title in alone] == pytest.approx([title.score for title in titles], abs=1e-4)


def test_the_score_is_the_mean_log_probability_of_the_tokens(generator: TitleGenerator) -> None:
    """Greedy search, counted by hand from the model's own steps."""
    model, tokenizer = generator._model, generator._tokenizer
    title = generator.generate([STORY], num_beams=1)[0][0]
    ids = torch.tensor([tokenizer.source([], tokenizer.parts([STORY])[0], 512)])
    said = model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), num_beams=1, no_repeat_ngram_size=3
    )
    with torch.no_grad():
        logits = model(input_ids=ids, decoder_input_ids=said[:, :-1]).logits.log_softmax(-1)
    steps = [float(logits[0, place, token]) for place, token in enumerate(said[0, 1:])]
    assert title.text == finish_title(tokenizer.decode(said[0].tolist()))
    assert title.score == pytest.approx(sum(steps) / len(steps), abs=1e-4)


def test_sampling_repeats_with_its_seed_and_leaves_other_randomness_alone(generator: TitleGenerator) -> None:
    options = GenerationOptions(num_titles=3, sample=True, temperature=1.5, seed=5)
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    one = generator.generate([STORY], options)
    assert torch.equal(torch.rand(1), expected)
    assert one == generator.generate([STORY], options)
    assert one != generator.generate([STORY], options, seed=6)
    assert len(one[0]) == 3


def test_the_model_reads_in_generation_what_it_read_in_training(generator: TitleGenerator) -> None:
    """Cleaning, conditions and truncation are the same: token for token, synopsis by synopsis."""
    from narou_gen.batches import tokenise
    from narou_gen.config import DataConfig
    from narou_gen.data import load_splits

    config = DataConfig(train="sample:titles", limit=50, max_synopsis_tokens=96)
    pairs = load_splits(config).train
    read = tokenise(pairs, generator._tokenizer, config, seed=0).batch(range(50), epoch=None)
    for pair, ids, mask in zip(pairs, read.source_ids, read.source_mask, strict=True):
        untidy = f"\x1b[0m{pair.synopsis}\n\nhttps://example.com/"
        assert generator._source(untidy, pair.conditions) == ids[mask.bool()].tolist()


def test_conditions_of_the_options_and_of_each_synopsis(generator: TitleGenerator) -> None:
    given = GenerationOptions(genre=303, keywords=("井戸",), length="long").conditions
    assert given == Conditions("歴史〔文芸〕", ("井戸",), "long")
    text = generator._tokenizer.decode(generator._source(STORY, given)).replace(" ", "")
    assert text.startswith("題名の長さ:長い。ジャンル:歴史〔文芸〕。キーワード:井戸。古い井戸")
    own = generator.generate([STORY, STORY], conditions=[Conditions(), given], num_beams=1)
    assert own[0] == generator.generate([STORY], num_beams=1)[0]
    assert own[1][0].score == pytest.approx(
        generator.generate([STORY], num_beams=1, genre="歴史", keywords=("井戸",), length="long")[0][0].score,
        abs=1e-5,
    )


def test_a_title_that_begins_with_a_continuation_shows_no_mark(generator: TitleGenerator) -> None:
    tokenizer = generator._tokenizer
    ids = [tokenizer.vocabulary()[token] for token in ["[CLS]", "##声", "##は", "[SEP]"]]
    assert finish_title(tokenizer.decode(ids)) == "声は"


def test_titles_stay_within_max_tokens(generator: TitleGenerator) -> None:
    for titles in generator.generate(STORIES, max_tokens=4):
        assert all(len(generator._tokenizer.parts([title.text])[0]) <= 3 for title in titles)


@pytest.mark.parametrize("text", ["", "   \n\u3000", "\x00\x1b[2J", "https://example.com/"])
def test_nothing_to_read_is_said(generator: TitleGenerator, text: str) -> None:
    with pytest.raises(InputError, match="The synopsis is empty"):
        generator.generate([text])


def test_a_megabyte_is_read_as_far_as_the_model_reads(generator: TitleGenerator) -> None:
    long = STORY * 40_000
    assert generator.generate([long])[0] == generator.generate([long[:20_000]])[0]


def test_one_text_is_not_a_list(generator: TitleGenerator) -> None:
    with pytest.raises(InputError, match="takes a list"):
        generator.generate(STORY)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_titles", 0),
        ("num_titles", 1000),
        ("num_beams", 0),
        ("temperature", 0.0),
        ("temperature", math.nan),
        ("temperature", 1e-40),
        ("length_penalty", 1e9),
        ("seed", 10**20),
        ("top_p", 1.5),
        ("top_k", -1),
        ("max_tokens", 1),
        ("length", "huge"),
    ],
)
def test_impossible_options_name_themselves(name: str, value: object) -> None:
    with pytest.raises(InputError, match=f"{name} = .*: it must be"):
        GenerationOptions(**{name: value})  # type: ignore[arg-type]


def test_one_keyword_is_still_a_list() -> None:
    with pytest.raises(InputError, match="keywords must be a list"):
        GenerationOptions(keywords="宿屋")  # type: ignore[arg-type]


def test_conditions_are_clean_wherever_they_come_from() -> None:
    assert Conditions("\x1b[1m歴史 ", (" R&amp;D", "", "井戸\ud800")) == Conditions("歴史", ("R&D", "井戸"))


def test_the_length_penalty_ranks(generator: TitleGenerator) -> None:
    def lengths(penalty: float) -> list[int]:
        titles = generator.generate(STORIES, num_beams=8, num_titles=8, length_penalty=penalty)
        return [len(each[0].text) for each in titles]

    assert sum(lengths(-5.0)) < sum(lengths(5.0))


def test_the_default_checkpoint(debug_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAROU_GEN_CHECKPOINT", str(debug_checkpoint))
    titles = generate_titles(STORY, num_titles=2)
    assert generate_title(STORY, num_titles=2) == titles[0].text
    monkeypatch.setenv("NAROU_GEN_CHECKPOINT", "/nowhere")
    with pytest.raises(CheckpointError, match=r"No checkpoint at /nowhere\. Found: .*Train one with"):
        generate_title(STORY)
