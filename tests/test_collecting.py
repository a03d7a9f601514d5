"""The text of progress, and the charts of a database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import scraper
from narou_gen.collecting import FetchDisplay, charts, clock, plot


def event(**values: object) -> scraper.Progress:
    usual = {"phase": "collecting", "stored": 400, "read": 500, "matching": 2_000, "requests": 1}
    usual |= {"received_bytes": 300_000, "elapsed_seconds": 1.0, "seconds_left": 3.0}
    return scraper.Progress(**(usual | values))  # type: ignore[arg-type]


def test_a_log_gets_warnings_at_once_and_a_line_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    with FetchDisplay(limit=1_000) as display:
        display.update(event())
        display.update(event(phase="waiting", note="HTTP 500 [red]x[/]; again in 2.0 s", elapsed_seconds=2.0))
        display.update(event(note="one second holds 3,000 works [bold]"))
        display.update(event(phase="waiting", note="HTTP 503 [/]", elapsed_seconds=61.0, read=1_100))
        display.update(event(elapsed_seconds=62.0, seconds_left=None))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "Warning: one second holds 3,000 works [bold]",
        "Waiting: 400 works  1 req  0.3 MB  10/s  0:00:03 left (HTTP 503 [/])",
    ]
    assert [clock(None), clock(59.6), clock(360_061)] == ["-:--:--", "0:01:00", "100:01:01"]


def test_a_long_tail_becomes_one_bar(collected: Path) -> None:
    bars = tuple(scraper.Bar(low, low + 4, 1) for low in range(0, 50_000, 5))
    genres = tuple(scraper.GenreCount(code, "", 2) for code in range(40))
    summary = replace(scraper.summarize(collected), title_lengths=bars, genres=genres)
    shown = {chart.name: chart.bars for chart in charts(summary)}
    assert len(shown["title_lengths"]) == 24 and shown["title_lengths"][-1] == ("115-", 10_000 - 23)
    assert len(shown["genres"]) == 24 and shown["genres"][-1] == ("(ほか)", 34)


@pytest.mark.filterwarnings("error")
def test_every_genre_and_the_tail_can_be_drawn(collected: Path, tmp_path: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    names = [*scraper.GENRES.items(), (12_345, "")]
    summary = replace(
        scraper.summarize(collected),
        genres=tuple(scraper.GenreCount(code, name, 3) for code, name in names),
        title_lengths=tuple(scraper.Bar(low, low + 4, low) for low in range(0, 200, 5)),
    )
    assert len(plot(summary, tmp_path)) == 5
    genres = tuple(scraper.GenreCount(code, name, 3) for code, name in [*names, (12_346, ""), (7, "")])
    assert len(plot(replace(summary, genres=genres), tmp_path)) == 5
    assert dict(matplotlib.rcParams) == before
