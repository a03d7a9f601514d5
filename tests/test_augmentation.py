"""Other names, the same wherever they stand; fewer sentences, but none that a title speaks of; few words."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from narou_gen.augmentation import Work, augmented, ideas_of, renamed, shortened, write_augmented
from narou_gen.errors import DataError
from narou_gen.sources import read_pairs

WORK = Work(
    "佐藤さんの隣に、竜騎士ゼルディアが越してきた。朝から竜が鳴く。佐藤さんは今日もゼルディアに苦情を言う。",
    ("竜騎士ゼルディアの隣人は佐藤さん", "隣の竜"),
    "コメディー〔文芸〕",
    ("竜騎士", "佐藤さん"),
    "n1",
)
POOL = {"姓": ["鵜飼"], "katakana": ["モルタナ"]}


def test_a_name_is_changed_wherever_it_stands() -> None:
    assert renamed(WORK, POOL, Random(0)) == Work(
        "鵜飼さんの隣に、竜騎士モルタナが越してきた。朝から竜が鳴く。鵜飼さんは今日もモルタナに苦情を言う。",
        ("竜騎士モルタナの隣人は鵜飼さん", "隣の竜"),
        "コメディー〔文芸〕",
        ("竜騎士", "鵜飼さん"),
        "n1",
    )


def test_names_without_others_of_their_kind_stay() -> None:
    assert renamed(WORK, {}, Random(0)) == WORK


def test_a_name_within_a_word_is_not_touched() -> None:
    work = Work("アリアドネとアリアは双子だ。", ("アリアドネの妹アリア", "アリアンテの歌"), None, (), "1")
    changed = renamed(work, {"katakana": ["ゾルダ", "ミルティア"]}, Random(0))
    assert re.fullmatch("(ゾルダ|ミルティア)と(?!\\1)(ゾルダ|ミルティア)は双子だ。", changed.synopsis)
    assert changed.titles[1] == "アリアンテの歌"


@pytest.mark.parametrize("seed", range(8))
def test_other_names_are_other_and_each_its_own(seed: int) -> None:
    work = Work("ゼルディアとミルティアは恋をした。", ("ゼルディアの恋",), None, (), "1")
    pool = {"katakana": ["ゼルディア", "ミルティア", "モルタナ", "オルヴィス"]}
    changed = renamed(work, pool, Random(seed))
    first, second = changed.synopsis.removesuffix("は恋をした。").split("と")
    assert {first, second} == {"モルタナ", "オルヴィス"}
    assert changed.titles == (f"{first}の恋",)
    assert renamed(work, {"katakana": pool["katakana"][:2]}, Random(seed)) == work


def test_pairs_of_one_synopsis_by_two_authors_stay_two_works(tmp_path: Path) -> None:
    rows = [{"synopsis": "猫が宿を継ぐ。", "title": "猫の宿", "author": author} for author in ("a", "b")]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    write_augmented([str(tmp_path / "pairs.jsonl")], tmp_path / "out.jsonl")
    authors = [pair.author for pair in read_pairs(str(tmp_path / "out.jsonl"))]
    assert authors == ["a"] * 3 + ["b"] * 3  # as it is, varied, as an idea


def test_characters_that_are_none_do_no_harm(tmp_path: Path) -> None:
    row = {"synopsis": "竜が\ud83d来\0た。猫は逃げた。" * 9, "title": "竜\ud83dの宿"}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    write_augmented([str(tmp_path / "pairs.jsonl")], tmp_path / "out.jsonl")
    assert next(read_pairs(str(tmp_path / "out.jsonl"))).title == "竜の宿"


def test_a_place_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    for output in (tmp_path, tmp_path / "pairs.csv"):
        with pytest.raises(DataError, match=r"ends with \.jsonl"):
            write_augmented(["nowhere"], output)


def test_only_sentences_that_no_title_speaks_of_are_left_out() -> None:
    work = Work("竜が来た。雨が降る。パンが焼ける。\n靴が鳴る。竜は鳴く。", ("竜の話",), None, (), "1")
    shorter = {shortened(work, Random(seed)).synopsis for seed in range(40)}
    assert len(shorter) > 3
    for synopsis in shorter:
        assert "竜が来た。" in synopsis
        assert "竜は鳴く。" in synopsis
        assert len(synopsis) >= len(work.synopsis) / 2


def test_an_idea_is_nouns_of_one_title_alone() -> None:
    work = Work(
        "あらすじ。", ("竜騎士ゼルディアは子猫と温泉へ行く", "走れ！"), "コメディー〔文芸〕", ("湯治",), "1"
    )
    drawn = [list(ideas_of(work, Random(seed))) for seed in range(40)]
    for (idea,) in drawn:  # nothing stands for 走れ！
        assert idea == replace(work, synopsis=idea.synopsis, titles=work.titles[:1], keywords=())
        assert set(re.split("[と、 ]", idea.synopsis)) <= {"竜騎士ゼルディア", "子猫", "温泉"}
    assert len({idea.synopsis for (idea,) in drawn}) > 5


def test_the_same_seed_varies_alike_and_another_differs() -> None:
    works = [WORK, Work("真鍋は猫のミルティアとモルタナの店に行く。", ("ミルティア",), None, (), "n2")]
    made = list(augmented(works, copies=2))
    assert made == list(augmented(works, copies=2))
    assert [{work.id for work in each} for each in made] == [{"n1"}, {"n2"}]
    assert [each[:3] for each in made] == list(augmented(works, copies=2, ideas=False))
    assert len({str(list(augmented(works, copies=2, seed=seed))) for seed in range(8)}) > 1


def test_what_is_written_reads_as_pairs_of_the_same_works(tmp_path: Path, some_pairs: Path) -> None:
    more, output = tmp_path / "more.jsonl", tmp_path / "new" / "augmented.jsonl"
    row = {
        "synopsis": "ヴェルニカと竜",
        "titles": ["ヴェルニカは竜を乗りつぶす", "竜"],
        "author": "a7",
        "genre": 201,
    }
    more.write_text(json.dumps(row) + "\n", "utf-8")
    sources = [str(some_pairs), str(more)]
    original = [pair for source in sources for pair in read_pairs(source)]
    assert write_augmented(sources, output, ideas=False) == 2 * len({pair.synopsis for pair in original})
    pairs = list(read_pairs(str(output)))
    assert len(pairs) == 2 * len(original)
    assert {pair.title for pair in original} <= {pair.title for pair in pairs}
    assert {pair.genre for pair in pairs} == {pair.genre for pair in original}
    rows = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    ids = [row["id"] for row in rows]
    assert ids[::2] == ids[1::2]
    assert len(set(ids)) == len(ids) // 2
    assert [row["author"] for row in rows[-3:]] == [None, "a7", "a7"]


def test_sources_without_pairs_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("", "utf-8")
    with pytest.raises(DataError, match="no pairs"):
        write_augmented([str(tmp_path / "empty.jsonl")], tmp_path / "out.jsonl")
