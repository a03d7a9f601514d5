"""Promises of the options, and candidates that differ; over real searches in `test_generate.py`."""

from __future__ import annotations

import math

import pytest

from narou_gen.conditions import Conditions
from narou_gen.options import GenerationOptions, Title
from narou_gen.steering import (
    Pool,
    Ranked,
    finish_start,
    gain,
    grounded,
    likeness,
    most_relevant_and_different,
    objection,
    variants,
    wanted,
    with_missing_keyword,
    worth_of_freshness,
    worth_of_grounding,
    worth_of_length,
    worth_of_spelling,
)


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("猫の宿", {"min_chars": 3, "max_chars": 3}, None),
        ("猫の宿", {"min_chars": 4}, "had fewer than 4 characters"),
        ("猫の宿", {"max_chars": 2}, "had more than 2 characters"),
        ("猫の宿", {"keywords": ("猫", "宿")}, None),
        ("猫の宿", {"keywords": ("猫", "剣")}, "lacked 剣"),
        ("ｖｒの夜", {"avoid": ("VR",)}, "held VR"),
        ("最強の猫", {"avoid": ("弱",)}, None),
        ("「はい」と猫", {"prefix": "「は"}, None),
        ("いいえ", {"prefix": "「は"}, "did not begin with 「は"),
        ("AI！？　夜", {"keywords": ("AI!?",)}, None),
    ],
)
def test_objections(text: str, options: dict[str, object], reason: str | None) -> None:
    assert objection(text, "竜が来た。", GenerationOptions(**options)) == reason  # type: ignore[arg-type]


@pytest.mark.parametrize("title", ["名探偵と猫", "「名探偵」と、猫！"])
def test_a_synopsis_is_no_title_of_itself(title: str) -> None:
    assert objection(title, "名探偵と猫。", GenerationOptions()) == "repeated the synopsis"
    assert objection(f"{title}の夜", "名探偵と猫。", GenerationOptions()) is None


def test_a_beginning_keeps_its_open_bracket() -> None:
    assert finish_start("「返事") == "「返事"
    assert finish_start("猫、") == "猫、"
    assert finish_start("") == ""


def test_grounded_is_the_share_of_pairs_that_stand_in_the_synopsis() -> None:
    synopsis = "名探偵の門脇さんと、猫。"
    assert grounded("門脇さんと猫", synopsis) == 1
    assert grounded("門鞘さんと猫", synopsis) == pytest.approx(3 / 5)
    assert grounded("ＡＩ", "aiが") == 1
    assert grounded("竜の宿", synopsis) == 0
    assert grounded("猫", synopsis) == 1


def test_of_a_few_words_it_is_their_share_that_a_title_has() -> None:
    assert grounded("名探偵と猫の夏", "名探偵と猫") == grounded("名探偵は猫に弟子入りする", "名探偵と猫") == 1
    assert grounded("名探偵は名探偵を呼ぶ", "名探偵と猫") == pytest.approx(2 / 3)
    assert grounded("竜騎士は温泉へ行く", "竜騎士、左遷、温泉") == pytest.approx(3 / 4)
    assert grounded("魔王の定年", "魔王") == grounded("猫の宿", "猫") == 1
    assert grounded("とんかつ屋の猫", "とんかつ") == 1
    assert grounded("竜の宿", "と") == grounded("竜の宿", "！？") == 0


def test_a_title_that_repeats_itself_is_worth_less() -> None:
    assert worth_of_freshness("竜の宿") == worth_of_freshness("竜") == 0
    assert worth_of_freshness("竜の宿、竜の夜") == pytest.approx(2 * math.log(4 / 5))
    assert worth_of_freshness("竜竜竜竜") < worth_of_freshness("竜の宿、竜の夜")
    assert gain("竜竜竜竜", "", 0) < gain("竜の宿屋", "", 0)


def test_a_longer_title_is_worth_more_and_ever_less_so() -> None:
    worth = [worth_of_length("竜" * length) for length in (1, 4, 8, 16, 40)]
    assert worth == sorted(worth)
    assert worth[2] == pytest.approx(math.log(1 - 1 / math.e))
    assert -0.01 < worth[4] < 0
    stated = {3: -1.16, 8: -0.46, 20: -0.09}  # in the documents
    assert {length: round(worth_of_length("竜" * length), 2) for length in stated} == stated


def test_a_misspelt_name_loses_to_any_right_one() -> None:
    synopsis = "船長サワ・キリシマは羊を運ぶ。"
    assert worth_of_spelling("船長サリシマ", synopsis) == -1
    assert gain("船長サリシマ", synopsis, 0) == gain("船長キリシマ", synopsis, 0) - 1
    assert worth_of_spelling("船長キリシマ", synopsis) == 0


def test_grounding_adds_its_share_of_what_stands_in_the_synopsis() -> None:
    title, synopsis = "竜の宿と剣", "竜の宿の話"
    assert worth_of_grounding(title, synopsis, 0.5) == pytest.approx(0.5 * 2 / 4)
    assert worth_of_grounding(title, synopsis, 0) == 0
    assert gain(title, synopsis, 0) == worth_of_length(title) < 0
    assert gain(title, synopsis, 0.5) == pytest.approx(0.25 + worth_of_length(title))


def test_a_name_spelt_right_comes_before_a_likelier_one() -> None:
    wrong, right = Title("門鞘さん", -1.0), Title("門脇さん", -1.2)
    candidates = [Ranked(-0.95, right, gain=0.25), Ranked(-1.0, wrong)]
    assert texts(most_relevant_and_different(candidates, 1, 0.5)) == ["門脇さん"]
    pool = Pool(GenerationOptions(num_titles=2))
    for each in candidates:
        pool.add(each)
    assert [title.text for title in pool.chosen()] == ["門脇さん", "門鞘さん"]


def ranked(*texts: str, manner: str | None = None) -> list[Ranked]:
    return [Ranked(-1 - n / 100, Title(text, -1 - n / 100), manner) for n, text in enumerate(texts)]


def texts(found: list[Ranked]) -> list[str]:
    return [each.title.text for each in found]


def test_without_diversity_the_best_are_chosen() -> None:
    candidates = ranked("猫の宿", "猫の宿屋", "竜と剣")
    assert most_relevant_and_different(candidates, 2, 0.0) == candidates[:2]


def test_diversity_prefers_other_words_to_one_more_particle() -> None:
    candidates = ranked("猫の宿", "猫は宿", "猫が宿", "竜と剣")
    assert texts(most_relevant_and_different(candidates, 2, 0.5)) == ["猫の宿", "竜と剣"]
    assert most_relevant_and_different(candidates, 4, 0.5) == candidates


def test_an_improbable_title_is_not_chosen_for_being_different() -> None:
    candidates = [*ranked("猫の宿", "猫は宿", "猫が宿"), Ranked(-5.0, Title("竜と剣", -5.0))]
    assert "竜と剣" not in texts(most_relevant_and_different(candidates, 2, 1.0))


def test_a_long_title_is_measured_against_long_ones() -> None:
    long = [Ranked(-3.0, Title("辺境の宿屋を継いだ猫は旅人の夢を買い取っている", -3.0), "long")]
    short = ranked("猫の宿", "猫の夢", "夢の宿", manner="short")
    assert long[0] in most_relevant_and_different([*short, *long], 2, 0.5)


def test_likeness_is_of_words_and_shape() -> None:
    assert likeness("猫の宿", "猫の宿") == 1.0
    assert likeness("猫の宿", "竜と剣") == pytest.approx(0.25)  # as long, and nothing else
    assert likeness("猫の宿", "竜と剣と長い長い旅の終わり") < likeness("猫の宿", "竜と剣")


def test_bounds_choose_the_length_class() -> None:
    assert wanted(Conditions(), GenerationOptions(max_chars=8)).length == "short"
    assert wanted(Conditions(), GenerationOptions(min_chars=30)).length == "long"
    assert wanted(Conditions(), GenerationOptions(min_chars=5)).length is None
    assert wanted(Conditions(length="long"), GenerationOptions(max_chars=8)).length == "long"
    assert wanted(Conditions(keywords=("剣",)), GenerationOptions(keywords=("猫",))).keywords == ("猫", "剣")


def test_variants_differ_from_what_they_vary() -> None:
    given = Conditions("歴史〔文芸〕", ("井戸",))
    found = variants(given, GenerationOptions())
    assert {each.length for each in found} == {None, "long", "middle", "short"} and given not in found
    assert variants(Conditions(length="long"), GenerationOptions()) == []


def test_keywords_are_put_behind_those_that_are_there() -> None:
    pool = Pool(GenerationOptions(keywords=("猫", "剣")))
    pool.add(Ranked(-1.0, Title("宿屋の夜", -1.0), objection="lacked 猫"))
    pool.add(Ranked(-2.0, Title("夜の猫の宿", -2.0), objection="lacked 剣"))
    starts = with_missing_keyword(pool, "", 1)
    assert "夜の猫剣" in starts and "夜の猫の剣" in starts
    assert all("猫" in start for start in starts)
    assert all(start.startswith("夜") for start in with_missing_keyword(pool, "夜", 2))


def test_a_pool_keeps_the_best_of_what_reads_alike_and_tells_what_it_lacks() -> None:
    pool = Pool(GenerationOptions(num_titles=3, diversity=0))
    pool.add(Ranked(-2.0, Title("猫の宿", -2.0)))
    pool.add(Ranked(-1.0, Title("猫の宿！", -1.0)))
    pool.add(Ranked(-3.0, Title("竜", -3.0), objection="lacked 猫"))
    pool.add(Ranked(-3.5, Title("剣", -3.5), objection="lacked 猫"))
    assert [title.text for title in pool.chosen()] == ["猫の宿！"]
    assert pool.note() == "1 of 3 titles: of the others 2 lacked 猫"
    assert "no more different ones" in str(Pool(GenerationOptions()).note())
