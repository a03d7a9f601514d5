"""A bar on stderr while many texts are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def reading(total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Yields what is to be told how many texts have been read. In a log nothing is shown."""
    console = Console(stderr=True)
    columns = (TextColumn("Reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("read", total=total)
        yield lambda done: progress.update(task, completed=done)
