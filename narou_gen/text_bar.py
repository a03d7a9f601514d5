"""A progress bar on stderr for whoever goes through many texts. It needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from narou_gen.text import visible


class _Rate(ProgressColumn):
    """Texts, and texts per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed:,.0f} texts  {task.speed or 0:,.0f}/s")


@contextmanager
def text_bar(label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Yields what is to be told how many more texts are done. In a log nothing is shown.

    With a `total` the bar tells the time left, without one the time gone.
    """
    console = Console(stderr=True)
    time = TimeElapsedColumn() if total is None else TimeRemainingColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), _Rate(), time)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(escape(visible(label)), total=total)
        yield lambda more: progress.advance(task, more)
