"""What is read of a database: its summary, and which files are none."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from narou_server import SPRING_2026, NarouServer, World, invent
from scraping_world import fetch, stored

import scraper
from scraper import Query, QuotaReachedError, StoreError
from scraper.store import open_store


@pytest.mark.parametrize("content", [b"no database at all, but a letter", b"", None])
def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "other.db"
    if content is None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE mine (x)")
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    for act in (
        lambda: [*scraper.iter_works(path)],
        lambda: scraper.summarize(path),
        lambda: scraper.prune(path),
    ):
        with pytest.raises(StoreError):
            act()
    assert not scraper.is_collection(path)
    if content != b"":  # an empty file may become a database
        with pytest.raises(StoreError):
            scraper.fetch(path, accept_terms=True)
    assert path.read_bytes() == before


def test_a_format_of_the_future_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "narou.db"
    with open_store(path):
        pass
    assert scraper.is_collection(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    for act in (lambda: scraper.summarize(path), lambda: scraper.fetch(path, accept_terms=True)):
        with pytest.raises(StoreError, match=r"format 99.*Update narou-gen"):
            act()


def test_a_summary_counts_what_is_there(tmp_path: Path) -> None:
    path, entries = tmp_path / "narou.db", invent(400)
    with NarouServer(World(entries)).running() as server:
        fetch(path, server)
        with pytest.raises(QuotaReachedError):
            fetch(path, server, Query(genre=(201,)), daily_requests=1)
    summary = scraper.summarize(path)
    assert summary.works == 400 == sum(g.count for g in summary.genres) == sum(n for _, n in summary.kinds)
    assert summary.authors == len({e.userid for e in entries})
    assert summary.genres[0].count >= summary.genres[-1].count and summary.genres[0].name
    for bars, values in (
        (summary.title_lengths, [len(w.title) for w in stored(path).values()]),
        (summary.story_lengths, [len(w.story) for w in stored(path).values()]),
        (summary.points, [w.points for w in stored(path).values()]),
    ):
        assert [b.count for b in bars] == [sum(b.low <= v <= b.high for v in values) for b in bars]
        assert sum(b.count for b in bars) == 400
        assert all(a.high + 1 == b.low for a, b in pairwise(bars))
    assert [(c.query, c.finished) for c in summary.crawls] == [("every work", True), ("genre=201", False)]
    assert summary.oldest_fetch == summary.newest_fetch == SPRING_2026


def test_an_empty_database_has_an_empty_summary(tmp_path: Path) -> None:
    with open_store(tmp_path / "narou.db"):
        pass
    summary = scraper.summarize(tmp_path / "narou.db")
    assert (summary.works, summary.title_lengths, summary.points) == (0, (), ())
