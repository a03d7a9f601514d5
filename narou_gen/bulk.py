"""Titles for a long file of synopses: in constant memory, with a bar, and on after an interruption.

Lines go to FILE.part, which takes the name FILE when the last one is on the disk.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from narou_gen.errors import InputError
from narou_gen.folders import sync
from narou_gen.inputs import Request, as_json_line
from narou_gen.options import Titles
from narou_gen.text import visible

Answer = Callable[[Iterable[Request]], Iterator[tuple[Request, Titles]]]
_NOTES = 5
"""So many notes on missing titles are shown; all are in the file."""


def write_titles(
    requests: Iterator[Request], answer: Answer, output: Path, source: Path | None, *, resume: bool
) -> None:
    """Write one JSON line for each request, in their order.

    Args:
        answer: requests to requests with their titles, lazily.
        source: the file that the requests come from, whose lines are counted for the bar.
        resume: go on behind the last whole line of an interrupted run over the same requests.

    Raises:
        InputError: there is an earlier run and no `resume`, or it was one over other requests.
    """
    part = output.with_name(f"{output.name}.part")
    if output.exists():
        if resume:
            sys.stderr.write(f"{visible(str(output))} is complete: nothing to do.\n")
            return
        raise InputError(f"{output} exists already: choose another --output.")
    if part.exists() and not resume:
        raise InputError(f"{part} holds an interrupted run: add --resume to go on, or delete it.")
    done = 0
    with part.open("r+b" if part.exists() else "w+b") as file:
        done, last = _whole_lines(file, part)
        behind = list(islice(requests, done))[-1:] if done else []
        if done and (not behind or json.loads(last)["synopsis"] != _as_written(behind[0])):
            raise InputError(f"{part} was made from another --input: choose another --output.")
        total = None if source is None or source.suffix.lower() != ".jsonl" else _count_lines(source)
        notes = 0
        with _bar() as progress:
            task = progress.add_task("Titles", total=total, completed=done, rate="")
            started = progress.get_time()
            for count, (request, titles) in enumerate(answer(requests), 1):
                file.write(as_json_line(request, titles).encode() + b"\n")
                file.flush()
                rate = count / max(progress.get_time() - started, 1e-9)
                progress.update(task, completed=done + count, rate=f"{rate:.1f}/s")
                if titles.note and notes < _NOTES:
                    notes += 1
                    progress.console.print(
                        f"Line {done + count}: {visible(titles.note)}", markup=False, highlight=False
                    )
        os.fsync(file.fileno())
    part.replace(output)
    sync(output.parent)


def _as_written(request: Request) -> str:
    """The synopsis as reading its JSON line gives it back."""
    return str(json.loads(as_json_line(request, Titles([])))["synopsis"])


def _whole_lines(file: BinaryIO, part: Path) -> tuple[int, bytes]:
    """How many whole lines there are, and the last one; what follows it is cut off."""
    count, end, last = 0, 0, b""
    for line in file:
        if not line.endswith(b"\n"):
            break
        count, end, last = count + 1, end + len(line), line
    file.seek(end)
    file.truncate()
    try:
        if count and "synopsis" not in json.loads(last):
            raise ValueError("no synopsis")
    except ValueError:
        raise InputError(f"{part} is not what an interrupted run leaves: choose another --output.") from None
    return count, last


def _count_lines(source: Path) -> int:
    with source.open("rb") as file:
        return sum(1 for line in file if line.strip())


def _bar() -> Progress:
    console = Console(stderr=True, highlight=False)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
