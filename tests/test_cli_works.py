"""`narou-gen works` as a user meets it: real processes, on the screen and in pictures."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from collecting_world import fetch, ncodes, one_line, run, world
from narou_server import NarouServer

import scraper
from narou_gen.collecting import charts
from narou_gen.report import as_lines


def test_works_in_the_terminal_line_up(collected: Path) -> None:
    from rich.cells import cell_len

    answer = run("works", collected)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "300 by" in answer.stdout and "every work: 300 works, finished" in answer.stdout
    assert scraper.NOTICE.version in answer.stdout
    summary = scraper.summarize(collected)
    for chart in charts(summary):
        lines = as_lines(chart)
        assert all(line in answer.stdout.splitlines() for line in lines)
        assert len({cell_len(line.partition("%")[0]) for line in lines}) == 1
        assert sum(count for _, count in chart.bars) == 300
    assert {c.name for c in charts(summary)} == {
        "genres", "title_lengths", "synopsis_lengths", "lengths", "points",
    }  # fmt: skip


def test_works_as_json_and_where_a_terminal_knows_no_japanese(collected: Path) -> None:
    found = json.loads(run("works", collected, "--json").stdout)
    assert found["works"] == 300 and found["consents"][0]["version"] == scraper.NOTICE.version
    assert sum(genre["count"] for genre in found["genres"]) == 300
    for name in ("title_lengths", "story_lengths", "lengths", "points"):
        assert sum(bar["count"] for bar in found[name]) == 300, name
    lengths = [work.length for work in scraper.iter_works(collected)]
    for bar in found["lengths"]:
        assert bar["count"] == sum(bar["low"] <= length <= bar["high"] for length in lengths)
    answer = run("works", collected, PYTHONIOENCODING="ascii")
    assert answer.returncode == 0 and "?" in answer.stdout and answer.stderr == ""


def test_works_prunes_what_is_two_weeks_old_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "narou.db"
    with NarouServer(world(40)).running() as server:
        assert fetch(path, server, "--accept-terms").returncode == 0
    old = sorted(ncodes(path))[:15]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "UPDATE works SET fetched_at = fetched_at - 15 * 86400 WHERE ncode = ?", [(n,) for n in old]
        )
    assert "15 works: refresh them" in run("works", path).stdout
    assert len(ncodes(path)) == 40  # looking deletes nothing
    answer = run("works", path, "--prune")
    assert "15 works over two weeks old deleted" in answer.stderr and "25 by" in answer.stdout
    assert not ncodes(path) & set(old) and len(ncodes(path)) == 25


def test_pictures_have_every_glyph_of_their_labels(collected: Path, tmp_path: Path) -> None:
    # A glyph that a font lacks is a UserWarning of matplotlib.
    answer = run(
        "works", collected, "--plot", tmp_path / "new" / "plots", PYTHONWARNINGS="error::UserWarning"
    )
    assert answer.returncode == 0, answer.stderr
    files = sorted((tmp_path / "new" / "plots").iterdir())
    assert [file.stem for file in files] == sorted(c.name for c in charts(scraper.summarize(collected)))
    for file in files:
        assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and file.stat().st_size > 10_000
        assert f"Wrote {file}" in answer.stderr


def test_works_that_cannot_be_shown(collected: Path, unaccepted: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a database")
    for arguments, said in (
        (["works", tmp_path / "nowhere.db"], "No database at"),
        (["works", tmp_path / "nowhere.db", "--prune"], "No database at"),
        (["works", tmp_path / "file"], "as a database"),
        (["works", collected, "--plot", tmp_path / "file" / "plots"], "Cannot write pictures to"),
        (["works", unaccepted, "--plot", tmp_path / "plots"], "no works to draw"),
    ):
        assert said in one_line(run(*arguments)), arguments
    empty = run("works", unaccepted)
    assert (empty.returncode, empty.stderr) == (0, "") and "0 by 0 authors" in empty.stdout
