"""Titles out of a model: the API's promises, with a model whose words mean nothing."""

from __future__ import annotations

import itertools
import math
import shutil
import unicodedata
from pathlib import Path
from statistics import fmean
from typing import get_args

import pytest
import torch

from narou_gen import (
    Conditions,
    GenerationOptions,
    Title,
    TitleGenerator,
    generate_title,
    generate_titles,
    novelty,
)
from narou_gen.checkpoint import load_model
from narou_gen.conditions import LengthClass
from narou_gen.errors import CheckpointError, InputError
from narou_gen.merit import log_odds, logistic
from narou_gen.novelty import NoveltyIndex
from narou_gen.steering import likeness
from narou_gen.text import clean_synopsis, comparison_key
from narou_gen.tokenizer import load_tokenizer
from narou_gen.typography import finish_title

STORY = "古い井戸の底で、少年アオイは自分の名前を呼ぶ声を聞いた。"
STORIES = [
    STORY,
    "婚約を破棄された令嬢は、辺境で店をはじめる。" * 9,
    "猫",
    "👻👻👻",
    "\x1b[31m赤い\x07夜\u202e",
]


@pytest.fixture(scope="module", params=["torch", "ctranslate2"])
def generator(debug_checkpoint: Path, request: pytest.FixtureRequest) -> TitleGenerator:
    return TitleGenerator.from_checkpoint(debug_checkpoint, request.param, quantization="float32")


@pytest.fixture(scope="module")
def mini() -> TitleGenerator:
    """The bundled model: one whose words mean something."""
    return TitleGenerator.from_checkpoint("narou-mini", quantization="float32")


def source_ids(generator: TitleGenerator, text: str, conditions: Conditions) -> list[int]:
    return generator._finder.source(clean_synopsis(text), conditions).ids


def in_order(titles: list[Title]) -> bool:
    return titles == sorted(titles, key=lambda title: -title.merit)


def test_a_list_of_different_finished_titles_best_first(generator: TitleGenerator) -> None:
    found = generator.generate(STORIES, num_titles=4, num_beams=4)
    assert len(found) == len(STORIES)
    for titles in found:
        assert 1 <= len(titles) <= 4
        assert all(title.score < 0 for title in titles)
        assert in_order(titles) and all(0 < title.merit < 1 for title in titles)
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


def test_the_score_is_the_mean_log_probability_of_the_tokens(
    generator: TitleGenerator, debug_checkpoint: Path
) -> None:
    """Greedy search, counted by hand from the model's own steps."""
    model, tokenizer = load_model(debug_checkpoint).eval(), generator._finder.tokenizer
    title = generator.generate([STORY], num_beams=1)[0][0]
    ids = torch.tensor([tokenizer.source([], tokenizer.parts([STORY])[0], 512)])
    said = model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), num_beams=1, no_repeat_ngram_size=3
    )
    with torch.no_grad():
        logits = model(input_ids=ids, decoder_input_ids=said[:, :-1]).logits
    logits[..., [tokenizer.cls_id, tokenizer.pad_id, tokenizer.unk_id]] = -math.inf  # never written
    logits[:, 0, tokenizer.sep_id] = -math.inf  # nor a title without words
    logits = logits.log_softmax(-1)
    steps = [float(logits[0, place, token]) for place, token in enumerate(said[0, 1:])]
    assert title.text == finish_title(tokenizer.decode(said[0].tolist()))
    assert title.score == pytest.approx(sum(steps) / len(steps), abs=1e-3)


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


def test_the_model_reads_in_generation_what_it_read_in_training(
    generator: TitleGenerator, some_pairs: Path
) -> None:
    """Cleaning, conditions and truncation are the same: token for token, synopsis by synopsis."""
    from narou_gen.batches import tokenise
    from narou_gen.config import DataConfig
    from narou_gen.data import load_splits

    config = DataConfig(train=str(some_pairs), limit=50, max_synopsis_tokens=96)
    pairs = load_splits(config).train
    read = tokenise(pairs, generator._finder.tokenizer, config, seed=0).batch(range(50), epoch=None)
    for pair, ids, mask in zip(pairs, read.source_ids, read.source_mask, strict=True):
        untidy = f"\x1b[0m{pair.synopsis}\n\nhttps://example.com/"
        assert source_ids(generator, untidy, pair.conditions) == ids[mask.bool()].tolist()


def test_conditions_of_the_options_and_of_each_synopsis(generator: TitleGenerator) -> None:
    given = GenerationOptions(genre=303, keywords=("井戸",), length="long").conditions
    assert given == Conditions("歴史〔文芸〕", ("井戸",), "long")
    text = generator._finder.tokenizer.decode(source_ids(generator, STORY, given)).replace(" ", "")
    assert text.startswith("題名の長さ:長い。ジャンル:歴史〔文芸〕。キーワード:井戸。古い井戸")
    greedy = GenerationOptions(num_beams=1, diversity=0)
    together = generator.generate([STORY, STORY], greedy, conditions=[Conditions(), given])
    for found, each in zip(together, (Conditions(), given), strict=True):
        (alone,) = generator.generate([STORY], greedy, conditions=[each])[0]
        assert found[0].text == alone.text
        assert found[0].score == pytest.approx(alone.score, abs=1e-5)
    assert together[0][0].score != together[1][0].score


def test_a_title_that_begins_with_a_continuation_shows_no_mark(generator: TitleGenerator) -> None:
    tokenizer = generator._finder.tokenizer
    ids = [tokenizer.vocabulary()[token] for token in ["[CLS]", "##声", "##は", "[SEP]"]]
    assert finish_title(tokenizer.decode(ids)) == "声は"


@pytest.mark.parametrize("most", [3, 4])
def test_titles_stay_within_max_tokens(generator: TitleGenerator, most: int) -> None:
    found = generator.generate(STORIES, max_tokens=most)
    assert any(found)
    for titles in found:
        assert all(len(generator._finder.tokenizer.parts([title.text])[0]) < most for title in titles)


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
        ("max_tokens", 2),  # [CLS] and [SEP] alone
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


SYNOPSIS = """名前を呼ばれた物は、一度だけ返事をする。それが、古道具屋を継いだ俺に見えてしまった力だった。
ある雨の日、ずぶぬれの少女が一本の傘を抱えてやって来た。傘は、どんなに呼んでも返事をしなかった。"""


def test_bounds_are_kept(mini: TitleGenerator) -> None:
    for low, high in ((1, 6), (10, 14), (30, 40)):
        titles = mini.generate([SYNOPSIS], num_titles=4, min_chars=low, max_chars=high)[0]
        assert titles and all(low <= len(title.text) <= high for title in titles)
        assert len(titles) == 4 or titles.note


def test_too_few_come_with_the_reason(mini: TitleGenerator) -> None:
    titles = mini.generate([SYNOPSIS], num_titles=2, num_beams=2, min_chars=500)[0]
    assert titles == [] and titles.note is not None
    assert titles.note.startswith("0 of 2 titles: of the others") and "fewer than 500" in titles.note


@pytest.mark.parametrize("keywords", [("幼なじみ",), ("傘", "銀行"), ("𩸽の𠮷",)])
def test_keywords_stand_in_every_title(mini: TitleGenerator, keywords: tuple[str, ...]) -> None:
    titles = mini.generate([SYNOPSIS], num_titles=3, keywords=keywords)[0]
    assert len(titles) == 3
    assert all(word in title.text for title in titles for word in keywords)


def test_what_is_avoided_stands_in_none(mini: TitleGenerator) -> None:
    free = mini.generate([SYNOPSIS], num_titles=3)[0]
    assert any("返事" in title.text for title in free)
    titles = mini.generate([SYNOPSIS], num_titles=3, avoid=("返事", "古道具"))[0]
    assert len(titles) == 3
    assert not any("返事" in title.text or "古道具" in title.text for title in titles)


@pytest.mark.parametrize("prefix", ["「返事を", "傘、", "AI!?と", "𠮷野の"])
def test_every_title_begins_with_the_prefix(mini: TitleGenerator, prefix: str) -> None:
    titles = mini.generate([SYNOPSIS], num_titles=2, prefix=prefix)[0]
    assert titles
    assert all(
        unicodedata.normalize("NFKC", title.text).startswith(unicodedata.normalize("NFKC", prefix))
        for title in titles
    )


@pytest.mark.parametrize("name", ["prefix", "keywords"])
def test_words_without_room_for_a_title(mini: TitleGenerator, name: str) -> None:
    long = "婚約破棄された令嬢の" * 20
    with pytest.raises(InputError, match=r"婚約破棄.*leaves no room for a title"):
        mini.generate([SYNOPSIS], **{name: long if name == "prefix" else (long,)})


@pytest.mark.parametrize("engine", ["torch", "ctranslate2"])
@pytest.mark.parametrize(
    "options", [{"top_k": 0}, {"top_k": 1_000_000}, {"top_p": 1.0}, {"temperature": 50.0}]
)
def test_sampling_at_its_bounds(debug_checkpoint: Path, engine: str, options: dict[str, float]) -> None:
    generator = TitleGenerator.from_checkpoint(debug_checkpoint, engine)  # type: ignore[arg-type]
    assert generator.generate([STORY], sample=True, seed=1, **options)[0]


def test_promises_hold_for_sampled_titles_and_for_torch(debug_checkpoint: Path) -> None:
    generator = TitleGenerator.from_checkpoint(debug_checkpoint, "torch")
    titles = generator.generate(
        [STORY],
        num_titles=2,
        keywords=("井戸",),
        max_chars=20,
        prefix="夜",
        avoid=("朝",),
        sample=True,
        seed=1,
    )[0]
    assert titles
    for title in titles:
        assert title.text.startswith("夜") and "井戸" in title.text and len(title.text) <= 20


def test_diverse_titles_differ_and_are_the_same_again(mini: TitleGenerator) -> None:
    def likest(diversity: float) -> float:
        titles = mini.generate([SYNOPSIS], num_titles=5, diversity=diversity)[0]
        assert titles == mini.generate([SYNOPSIS], num_titles=5, diversity=diversity)[0]
        return max(likeness(a.text, b.text) for a, b in itertools.combinations(titles, 2))

    assert likest(0.9) < likest(0.0)


def test_a_single_title_is_the_best_of_all_lengths(mini: TitleGenerator) -> None:
    (best,) = mini.generate([SYNOPSIS])[0]
    (plain,) = mini.generate([SYNOPSIS], diversity=0)[0]
    by_length = [mini.generate([SYNOPSIS], length=each, diversity=0)[0][0] for each in get_args(LengthClass)]
    assert best.merit == pytest.approx(max(title.merit for title in (plain, *by_length)), rel=1e-3)
    assert best.merit > plain.merit


def test_long_titles_differ_too(mini: TitleGenerator) -> None:
    inn = "婚約を破棄された令嬢が、辺境の古い宿屋を継ぐことになった。最初の客は竜だけだった。"

    def likeness_of_all(diversity: float) -> float:
        titles = mini.generate([inn], num_titles=5, diversity=diversity, length="long")[0]
        return fmean(likeness(a.text, b.text) for a, b in itertools.combinations(titles, 2))

    assert likeness_of_all(1.0) < likeness_of_all(0.0) - 0.1


@pytest.mark.parametrize("grounding", [0.0, 1.0, 2.0])
def test_titles_are_ordered_by_merit(mini: TitleGenerator, grounding: float) -> None:
    titles = mini.generate([SYNOPSIS], num_titles=12, grounding=grounding)[0]
    assert len({len(title.text) for title in titles}) > 3 and len({title.merit for title in titles}) > 6
    assert in_order(titles)
    for title in titles:
        tokens = len(mini._finder.tokenizer.parts([title.text])[0]) + 1
        expected = logistic(log_odds(title.text, SYNOPSIS, tokens * title.score, grounding))
        assert title.merit == pytest.approx(expected, rel=1e-3)


def test_copies_of_training_titles_are_not_returned(debug_checkpoint: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(debug_checkpoint, tmp_path / "model", ignore=shutil.ignore_patterns("state"))
    (folder / novelty.FILE).unlink(missing_ok=True)
    before = TitleGenerator.from_checkpoint(folder).generate([STORY], num_titles=2, diversity=0)[0]
    assert before[0].nearest is None
    NoveltyIndex.made_of([before[0].text]).save(folder)
    after = TitleGenerator.from_checkpoint(folder).generate([STORY], num_titles=2, diversity=0)[0]
    assert after[0].text == before[1].text
    assert after[0].nearest is not None and 0 <= after[0].nearest < 1


def test_an_unknown_name_comes_through_whole(debug_checkpoint: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(debug_checkpoint, tmp_path / "model", ignore=shutil.ignore_patterns("state"))
    model, tokenizer = load_model(folder), load_tokenizer(folder)
    with torch.no_grad():
        model.decoder.cls.predictions.bias[tokenizer.unk_id] += 20
    model.save_pretrained(folder)
    for engine in ("torch", "ctranslate2"):
        generator = TitleGenerator.from_checkpoint(folder, engine, quantization="float32")  # type: ignore[arg-type]
        titles = generator.generate(["𩸽ヶ丘の少年は井戸を覗く。"], num_titles=1)[0]
        assert "𩸽" in titles[0].text


def test_a_stream_grows_to_the_greedy_title(mini: TitleGenerator) -> None:
    shown = list(mini.stream(SYNOPSIS))
    assert len(shown) > 3 and shown == list(dict.fromkeys(shown))
    assert shown[-1] == mini.generate([SYNOPSIS], num_beams=1)[0][0].text
    assert all(text.startswith("傘の") for text in mini.stream(SYNOPSIS, prefix="傘の", sample=True, seed=1))
    with pytest.raises(InputError, match="The synopsis is empty"):
        mini.stream(" ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_chars": 9, "max_chars": 3}, "exclude each other"),
        ({"keywords": ("魔王の猫",), "avoid": ("猫",)}, "keywords and avoid exclude"),
        ({"prefix": "猫の", "avoid": ("猫",)}, "prefix and avoid exclude"),
        ({"keywords": ("とても長い言葉",), "max_chars": 3}, "less than the keywords"),
        ({"avoid": ("",)}, "no letter to look for"),
        ({"keywords": ("、",)}, "nothing that can stand"),
        ({"tone": "funny"}, "tone = funny: it must be bright or dark"),
        ({"diversity": 1.5}, "diversity = 1.5"),
    ],
)
def test_promises_that_exclude_each_other(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        GenerationOptions(**options)  # type: ignore[arg-type]
