"""Pairs out of plain text: a sentence, and the passage that has lost it."""

from __future__ import annotations

import json
import lzma
import re
from pathlib import Path

import pytest

from narou_gen.errors import DataError
from narou_gen.pretraining import pretraining_pairs, write_pretraining_pairs
from narou_gen.sources import read_pairs

TEXT = "".join(
    f"少年{n}は井戸をのぞいた。底から名前を{n}回呼ぶ声がした！\n「{n}日で帰る」と声は言った。{n}度目の雨が降り出した。\n"
    for n in range(1000, 1200)
)


def test_the_sentence_never_stands_whole_in_its_passage() -> None:
    pairs = list(pretraining_pairs([TEXT]))
    assert len(pairs) > 20
    for pair in pairs:
        assert 5 <= len(pair.title) + 1 <= 56 and not pair.title.endswith("。")
        assert all(word in pair.title for word in pair.keywords)
        assert pair.title in TEXT and pair.title not in pair.synopsis
    assert pairs == list(pretraining_pairs([TEXT]))
    assert pairs != list(pretraining_pairs([TEXT], seed=1))


def test_some_sentences_come_with_a_few_of_their_nouns_alone() -> None:
    short = [pair for pair in pretraining_pairs([TEXT]) if len(pair.synopsis) < 12]
    assert short and all(not pair.keywords for pair in short)
    for pair in short:
        assert all(noun in pair.title for noun in re.split("[と、 ]", pair.synopsis))


def test_a_passage_never_joins_two_texts() -> None:
    short, long = "短い話が、ここで終わった。" * 4, "".join(f"{n}日目も雨だった。" for n in range(90))
    pairs = list(pretraining_pairs([short, long]))
    assert pairs and all("短い話" not in pair.synopsis + pair.title for pair in pairs)


def test_a_short_text_is_a_passage_and_one_sentence_is_none() -> None:
    synopsis = "娘の宿屋へ傷だらけの竜が一頭やってきた。宿代は鱗で払うという。" + "娘は首を横にふった。" * 4
    for seed in range(9):
        (pair,) = pretraining_pairs([synopsis], seed)
        assert len(pair.synopsis) < len(synopsis) and pair.title in synopsis
    assert not list(pretraining_pairs(["文が一つしかない長い長いあらすじが、" * 4 + "終わった。"]))


def test_synopses_of_a_source_are_texts_and_its_titles_are_not(tmp_path: Path) -> None:
    row = {"synopsis": "竜が来た。" * 20, "titles": ["読まれない題。題はどこにも出てこない。"]}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    assert write_pretraining_pairs([str(tmp_path / "pairs.jsonl")], tmp_path / "out.jsonl") == 1
    assert "題" not in (tmp_path / "out.jsonl").read_text("utf-8")


def test_characters_that_are_none_do_no_harm(tmp_path: Path) -> None:
    row = {"text": "来\ud83dた\0来た。逃げた。" * 9}
    (tmp_path / "texts.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    assert write_pretraining_pairs([str(tmp_path / "texts.jsonl")], tmp_path / "out.jsonl") == 1
    assert "来た来た" in (tmp_path / "out.jsonl").read_text("utf-8")


def test_the_file_is_a_data_source(tmp_path: Path) -> None:
    with lzma.open(tmp_path / "text.txt.xz", "wt", encoding="utf-8") as file:
        file.write(TEXT)
    output = tmp_path / "made/pairs.jsonl"
    assert write_pretraining_pairs([str(tmp_path / "text.txt.xz")], output, limit=10) == 10
    assert len(list(read_pairs(str(output)))) == 10
    assert set(json.loads(output.read_text("utf-8").splitlines()[0])) == {"synopsis", "title", "keywords"}
    assert [path.name for path in output.parent.iterdir()] == ["pairs.jsonl"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", "短い。".encode()])
def test_texts_that_give_nothing(tmp_path: Path, content: bytes) -> None:
    for name in ("text.txt", "text.txt.xz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError) as caught:
            write_pretraining_pairs([str(tmp_path / name)], tmp_path / "out.jsonl")
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"missing\.txt"):
        write_pretraining_pairs([str(tmp_path / "missing.txt")], tmp_path / "out.jsonl")
