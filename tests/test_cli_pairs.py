"""`narou-gen pairs` as a user meets it: real processes, files read back."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from collecting_world import ODD, one_line, run

import scraper
from narou_gen.data import clean_pairs
from narou_gen.sources import read_pairs
from narou_gen.text import clean_title


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_pairs_read_back_as_training_would_have_read_the_database(
    collected: Path, tmp_path: Path, suffix: str
) -> None:
    output = tmp_path / "new" / f"pairs.{suffix}"
    answer = run("pairs", collected, "-o", output)
    assert answer.returncode == 0, answer.stderr
    left_out: Counter[str] = Counter()
    expected = [
        # In every format keywords hold no space, because CSV parts them by spaces.
        replace(pair, keywords=tuple(" ".join(pair.keywords).split()))
        for pair in clean_pairs(read_pairs(str(collected)), left_out)
    ]
    assert list(read_pairs(str(output))) == expected
    assert {pair.title for pair in expected} > {clean_title(title) for title, _, _ in ODD}
    assert all(pair.genre and pair.author and pair.id for pair in expected)
    assert answer.stderr.splitlines()[:2] == [scraper.REMINDER, f"{len(expected)} pairs in {output}"]
    for reason, count in left_out.items():
        assert f"left out {count}: {reason}" in answer.stderr
    assert answer.stdout == "" and [file.name for file in output.parent.iterdir()] == [output.name]


def test_pairs_are_filtered_and_limited(collected: Path, tmp_path: Path) -> None:
    output, query = tmp_path / "pairs.jsonl", scraper.Query(genre=(201, 302), min_points=100, min_length=500)
    filters = ("--genre", 201, "--genre", 302, "--min-points", 100, "--min-length", 500)
    answer = run("pairs", collected, "-o", output, *filters)
    wanted = {work.ncode for work in scraper.iter_works(collected) if query.matches(work)}
    found = [pair.id for pair in read_pairs(str(output))]
    assert len(found) > 1 and set(found) <= wanted
    assert f"left out {300 - len(wanted)}: outside the filters" in answer.stderr
    assert run("pairs", collected, "-o", output, "--limit", 7).returncode == 0
    assert len(list(read_pairs(str(output)))) == 7


def test_pairs_that_cannot_be_written_leave_the_old_file_alone(
    collected: Path, unaccepted: Path, tmp_path: Path
) -> None:
    output = tmp_path / "pairs.jsonl"
    output.write_text("old", "utf-8")
    for database, arguments, said in (
        (unaccepted, ["-o", output], f"narou-gen fetch --db {unaccepted}"),
        (tmp_path / "nowhere.db", ["-o", output], "No database at"),
        (output, ["-o", tmp_path / "other.jsonl"], "as a database"),
        (collected, ["-o", output, "--min-points", 2**31 - 1], "(300 outside the filters)"),
        (collected, ["-o", output, "--genre", 5], "No genre 5"),
        (collected, ["-o", tmp_path / "pairs.txt"], ".jsonl, .csv, .parquet"),
        (collected, ["-o", output / "below.csv"], "Cannot write"),
    ):
        assert said in one_line(run("pairs", database, *arguments)), arguments
    assert output.read_text("utf-8") == "old"
    assert sorted(file.name for file in tmp_path.iterdir() if "pairs" in file.name) == ["pairs.jsonl"]
