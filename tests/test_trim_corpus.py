"""How often a corpus uses each token."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_models import fixture_vocabulary

from narou_gen import NarouGenError
from narou_gen.tokenizer import Tokenizer, load_tokenizer
from narou_gen.trim_corpus import token_counts


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return load_tokenizer(fixture_vocabulary(tmp_path_factory.mktemp("words") / "base"))


def counted(words: Tokenizer, *files: Path) -> dict[str, int]:
    counts = token_counts(words, [str(file) for file in files], len(words))
    return {token: int(counts[number]) for token, number in words.vocabulary().items() if counts[number]}


def test_every_kind_of_source_counts(words: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("少年が少年に会う。\n\n井戸。\n", "utf-8")
    with lzma.open(tmp_path / "b.txt.xz", "wt", encoding="utf-8") as file:
        file.write("井戸の少年。\n")
    rows = [
        {"synopsis": "猫&amp;井戸", "titles": ["猫の井戸", "井戸"], "keywords": "宿屋 令嬢", "genre": 201},
        {"text": "宿屋。"},
    ]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    found = counted(words, tmp_path / "a.txt", tmp_path / "b.txt.xz")
    assert (found["少年"], found["井戸"]) == (3, 2)
    found = counted(words, tmp_path / "c.jsonl")
    assert (found["井戸"], found["猫"]) == (3, 2)
    assert found["宿屋" if "宿屋" in words.vocabulary() else "宿"] == 2  # keyword, text
    raw, cleaned = (set(words.parts([text])[0]) for text in ("猫&amp;井戸", "猫&井戸"))
    assert raw != cleaned and raw | cleaned <= {words.vocabulary()[token] for token in found}


def bad_sources(folder: Path) -> Iterator[tuple[str, str]]:
    for name, content in {
        "empty.txt": "\n\n",
        "sjis.txt": "少年".encode("cp932"),
        "row.jsonl": '{"name": 1}',
        "genre.jsonl": '{"text": "猫", "genre": 999}',
    }.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    yield "empty.txt", "holds no text"
    yield "sjis.txt", "Cannot read"
    yield "row.jsonl", "row 1: needs a text"
    yield "genre.jsonl", "row 1: genre = 999: no such genre"
    yield "none.txt.xz", "No corpus at"
    yield "novels.db", "terms of a collected database"


def test_sources_that_cannot_be_read(words: Tokenizer, tmp_path: Path) -> None:
    for name, reason in bad_sources(tmp_path):
        with pytest.raises(NarouGenError, match=reason) as raised:
            counted(words, tmp_path / name)
        assert "\n" not in str(raised.value)
