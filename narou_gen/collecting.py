"""What a person sees around a collected database: terms, progress, and what it holds."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from narou_gen.errors import NarouGenError
from narou_gen.report import Chart, as_lines, draw
from narou_gen.text import visible

if TYPE_CHECKING:
    import scraper
    from narou_gen.sources import Pair

_PHASES = {
    "collecting": "Collecting",
    "checking": "Checking",
    "refreshing": "Refreshing",
    "waiting": "Waiting",
}
_LOG_SECONDS = 60  # where no bar can be shown, a line at most so often
_MOST_BARS = 24  # of a chart
_SOURCE = "出典: なろうデベロッパー(なろう小説API)"  # the guideline asks for it where results are published


def agree(database: Path, accepted: bool) -> None:
    """Before anything is asked of the service: show its terms and get a yes, unless there is one already.

    `accepted` is a yes given in advance; the text is shown all the same. Nothing is recorded here.

    Raises:
        TermsNotAcceptedError: the answer is no, or there is nobody to ask.
    """
    from scraper import NOTICE, TermsNotAcceptedError, terms_accepted

    if terms_accepted(database):
        return
    _ask(f"{NOTICE.text}\n\n")
    if accepted:
        return
    if not sys.stdin.isatty():
        raise TermsNotAcceptedError(
            "Nothing was requested: read the terms above at their source, then add --accept-terms to agree"
        )
    _ask("原文を読み、従いますか? Have you read the current text, and will you comply? [y/N] ")
    if sys.stdin.readline().strip().casefold() not in ("y", "yes", "はい"):
        raise TermsNotAcceptedError("Nothing was requested: the terms were not accepted")


def _ask(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


class FetchDisplay:
    """How a collection goes, on stderr: a bar in a terminal, elsewhere a line a minute."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._console = Console(stderr=True, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=self._console,
            transient=True,
            expand=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("Asking", total=None, numbers="")
        self._first: scraper.Progress | None = None
        self._logged_at = 0.0

    def __enter__(self) -> FetchDisplay:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def update(self, event: scraper.Progress) -> None:
        """The `progress` callback of `scraper.fetch`."""
        self._first = self._first or event
        completed, total = event.read, event.matching
        if self._limit is not None:
            completed, total = event.stored, min(self._limit, event.matching or self._limit)
        numbers = (
            f"{event.stored:,} works  {event.requests:,} req  {event.received_bytes / 1e6:,.1f} MB"
            f"  {self._rate(event)}/s  {clock(event.seconds_left)} left"
        )
        phase = _PHASES[event.phase]
        self._bar.update(
            self._task, description=phase, completed=completed, total=total or None, numbers=numbers
        )
        waiting = event.phase == "waiting"
        if event.note and (self._console.is_terminal or not waiting):
            self._say(f"{phase}: {event.note}" if waiting else f"Warning: {event.note}")
        if not self._console.is_terminal and event.elapsed_seconds - self._logged_at >= _LOG_SECONDS:
            self._logged_at = event.elapsed_seconds
            self._say(f"{phase}: {numbers} {f'({event.note})' if waiting else ''}".rstrip())

    def _rate(self, event: scraper.Progress) -> str:
        """Works a second in this run; what earlier runs received is in its first event already."""
        assert self._first is not None
        seconds = event.elapsed_seconds - self._first.elapsed_seconds
        return f"{(event.read - self._first.read) / seconds:,.0f}" if seconds > 0 else "-"

    def result(self, result: scraper.FetchResult, database: Path) -> None:
        """How it ended, in a line or two."""
        how = {"finished": "Finished", "limit": "Stopped at the limit", "interrupted": "Interrupted"}
        self._say(
            f"{how[result.outcome]}: {result.stored:,} works of this query are in {database}"
            f" ({result.new:,} new, {result.changed:,} changed, {result.refreshed:,} refreshed,"
            f" {result.deleted:,} deleted);"
            f" {result.requests:,} requests, {result.received_bytes / 1e6:,.1f} MB, {clock(result.seconds)}"
        )
        if result.unreadable:
            self._say(f"Warning: {result.unreadable:,} works could not be read, even when asked for again")
        if result.outcome == "interrupted":
            self._say("Everything received is kept: the same command goes on from there")

    def _say(self, text: str) -> None:
        self._console.print(escape(visible(text)), soft_wrap=True)


def writing(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Pass on the pairs; in a terminal, with how many there were so far."""
    columns = (TextColumn("Writing"), BarColumn(), TextColumn("{task.completed:,.0f} pairs"))
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield from progress.track(pairs)


def show_estimate(found: scraper.Estimate, manners: scraper.Manners, query: scraper.Query) -> None:
    """What a run would do, on stdout."""
    start = {
        "new": "from the beginning",
        "resume": "where the last run stopped",
        "update": "with what changed since the last run",
    }
    works = f"{found.works:,} to receive"
    if query.min_points:
        works += " (counted before --min-points, which is applied on arrival: fewer may be stored)"
    _show_facts(
        ("query", query.describe()),
        ("starts", start[found.start]),
        ("works", works),
        ("requests", f"about {found.requests:,}"),
        ("traffic", f"about {found.megabytes:,.1f} MB"),
        ("time", f"about {clock(found.seconds)} at a delay of {manners.delay_seconds} s"),
        (
            "days",
            f"{found.days} with {manners.daily_requests:,} requests and {manners.daily_megabytes:g} MB a day",
        ),
    )


def show_summary(summary: scraper.Summary, names: Sequence[str] | None = None) -> None:
    """The charts of these names (all by default), on stdout."""
    for chart in charts(summary):
        if names is None or chart.name in names:
            _print(f"[bold]{chart.heading}[/bold]")
            for line in as_lines(chart):
                _print(escape(line))
            _print("")


def show_facts(summary: scraper.Summary, database: Path) -> None:
    """What a database holds, but for the charts, on stdout."""
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in summary.kinds)
    expired = f"{summary.expired:,} works"
    if summary.expired:
        expired += ": refresh them with `narou-gen fetch`, or delete them with --prune"
    _show_facts(
        ("database", str(database)),
        ("works", f"{summary.works:,} by {summary.authors:,} authors" + (f" ({kinds})" if kinds else "")),
        (
            "fetched",
            f"{_day(summary.oldest_fetch)} to {_day(summary.newest_fetch)}" if summary.works else "-",
        ),
        ("over two weeks", expired),
        *(
            (
                "query",
                f"{crawl.query}: {crawl.works:,} works, {'finished' if crawl.finished else 'unfinished'}, "
                f"{crawl.endpoint}",
            )
            for crawl in summary.crawls
        ),
        *(
            ("terms", f"version {consent.version} acknowledged {_day(consent.accepted_at)}")
            for consent in summary.consents
        ),
    )


def plot(summary: scraper.Summary, folder: Path) -> list[Path]:
    """The charts as PNG files in `folder`.

    Raises:
        NarouGenError: there is nothing to draw, or the folder cannot be written.
    """
    found = charts(summary)
    if not found:
        raise NarouGenError("There are no works to draw: collect some with `narou-gen fetch`.")
    try:
        return draw(found, folder, _SOURCE)
    except OSError as error:
        raise NarouGenError(f"Cannot write pictures to {folder}: {error.strerror or error}.") from None


def charts(summary: scraper.Summary) -> list[Chart]:
    """What there is to see of a database, charts without works left out."""
    genres = [(genre.name or f"ジャンル {genre.code}", genre.count) for genre in summary.genres]
    if len(genres) > _MOST_BARS:
        rest = sum(count for _, count in genres[_MOST_BARS - 1 :])
        genres[_MOST_BARS - 1 :] = [("(ほか)", rest)]
    found = [
        Chart("genres", "Genre", "ジャンル別の作品数", "ジャンル", tuple(genres), sideways=True),
        Chart(
            "title_lengths",
            "Length of the title, in characters",
            "タイトルの長さ",
            "文字数",
            _labelled(summary.title_lengths),
        ),
        Chart(
            "synopsis_lengths",
            "Length of the synopsis, in characters",
            "あらすじの長さ",
            "文字数",
            _labelled(summary.story_lengths),
        ),
        Chart(
            "lengths", "Length of the work, in characters", "作品の長さ", "文字数", _labelled(summary.lengths)
        ),
        Chart("points", "Points", "総合評価ポイント", "ポイント", _labelled(summary.points)),
    ]
    return [chart for chart in found if chart.bars]


def _labelled(bars: Sequence[scraper.Bar]) -> tuple[tuple[str, int], ...]:
    """Labels such as 10-14; a long tail becomes one last bar."""
    shown, tail = bars[: _MOST_BARS - 1], bars[_MOST_BARS - 1 :]
    if len(tail) < 2:
        shown, tail = bars, ()
    found = [
        (f"{bar.low:,}-{bar.high:,}" if bar.low < bar.high else f"{bar.low}", bar.count) for bar in shown
    ]
    if tail:
        found.append((f"{tail[0].low:,}-", sum(bar.count for bar in tail)))
    return tuple(found)


def clock(seconds: float | None) -> str:
    """Seconds as hours:minutes:seconds, dashes for None."""
    if seconds is None:
        return "-:--:--"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def _show_facts(*facts: tuple[str, str]) -> None:
    width = max(len(name) for name, _ in facts) + 2
    for name, value in facts:
        _print(f"[bold]{name:<{width}}[/bold]{escape(visible(value))}")
    _print("")


def _print(line: str) -> None:
    Console(highlight=False).print(line, soft_wrap=True)
