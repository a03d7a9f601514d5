"""Promises of the options, and candidates that differ; over real searches in `test_generate.py`."""

from __future__ import annotations

import pytest

from narou_gen.conditions import Conditions
from narou_gen.options import GenerationOptions, Title
from narou_gen.steering import (
    Pool,
    Ranked,
    finish_start,
    likeness,
    most_relevant_and_different,
    objection,
    variants,
    wanted,
    with_missing_keyword,
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


def ranked(*texts: str) -> list[Title]:
    return [Title(text, -1.0, merit=0.5 - n / 100) for n, text in enumerate(texts)]


def texts(found: list[Title]) -> list[str]:
    return [title.text for title in found]


def test_without_diversity_the_best_are_chosen() -> None:
    candidates = ranked("猫の宿", "猫の宿屋", "竜と剣")
    assert most_relevant_and_different(candidates, 2, 0.0) == candidates[:2]


def test_diversity_prefers_other_words_to_one_more_particle() -> None:
    candidates = ranked("猫の宿", "猫は宿", "猫が宿", "竜と剣")
    assert texts(most_relevant_and_different(candidates, 2, 0.5)) == ["猫の宿", "竜と剣"]
    assert most_relevant_and_different(candidates, 4, 0.5) == candidates


def test_a_title_of_little_merit_is_only_chosen_for_being_different_where_nothing_else_counts() -> None:
    poor = [Title("竜と剣", -1.0, merit=0.02), Title("辺境の魔王と旅人の長い夜", -1.0, merit=0.01)]
    candidates = [*ranked("猫の宿", "猫は宿", "猫が宿"), *poor]
    assert texts(most_relevant_and_different(candidates, 2, 0.5)) == ["猫の宿", "猫は宿"]
    assert texts(most_relevant_and_different(candidates, 4, 0.5)) == [*texts(candidates[:3]), "竜と剣"]
    assert texts(most_relevant_and_different(candidates, 2, 1.0)) == ["猫の宿", "辺境の魔王と旅人の長い夜"]
    assert most_relevant_and_different([Title("猫", 0.0), Title("竜", 0.0)], 1, 0.5)  # none has any


def test_what_differs_in_a_particle_is_no_other_title() -> None:
    first, same = "辺境の宿屋を継いだら最初の客は竜だった", "辺境の宿屋を継いだので最初の客は竜だった"
    poor, poorer = Title("竜と剣", -1.0, merit=0.15), Title("猫の夜", -1.0, merit=0.01)
    found = most_relevant_and_different([*ranked(first, same), poor, poorer], 3, 0.5)
    assert texts(found) == [first, "竜と剣", same]  # the same again is better than a broken one


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


def test_a_pool_gives_its_titles_by_rank() -> None:
    pool = Pool(GenerationOptions(num_titles=2, diversity=0))
    for rank, text in ((-2.0, "猫の宿"), (0.5, "竜と剣"), (-1.0, "魔王の夜")):
        pool.add(Ranked(rank, Title(text, -1.0)))
    assert texts(pool.chosen()) == ["竜と剣", "魔王の夜"]


def test_a_pool_keeps_the_best_of_what_reads_alike_and_tells_what_it_lacks() -> None:
    pool = Pool(GenerationOptions(num_titles=3, diversity=0))
    pool.add(Ranked(-2.0, Title("猫の宿", -2.0)))
    pool.add(Ranked(-1.0, Title("猫の宿！", -1.0)))
    pool.add(Ranked(-3.0, Title("竜", -3.0), objection="lacked 猫"))
    pool.add(Ranked(-3.5, Title("剣", -3.5), objection="lacked 猫"))
    assert [title.text for title in pool.chosen()] == ["猫の宿！"]
    assert pool.note() == "1 of 3 titles: of the others 2 lacked 猫"
    assert "no more different ones" in str(Pool(GenerationOptions()).note())
