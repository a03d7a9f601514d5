"""What a person sees while a model trains: facts at the start, a bar, scores and titles. All on stderr."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from accelerate import Accelerator
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from narou_gen.data import Splits
from narou_gen.model import Bert2Bert, count_parameters
from narou_gen.sources import Pair
from narou_gen.text import visible


class TrainingDisplay:
    """Writes to stderr where `shown`, else nothing (all processes but the first)."""

    def __init__(self, shown: bool = True) -> None:
        self._console = Console(stderr=True, quiet=not shown, highlight=False)

    def reminder(self, text: str) -> None:
        self._say(text)

    def reading(self, pairs: Iterable[Pair], source: str) -> Iterator[Pair]:
        """Pass on the pairs, with a bar; how many there will be is not known."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate())
        shown = self._console.is_terminal  # in a log it would leave nothing but empty lines
        with Progress(*columns, console=self._console, transient=True, disable=not shown) as progress:
            yield from progress.track(pairs, description=f"Reading {escape(visible(source))}")

    def data(self, splits: Splits) -> None:
        self._say(
            f"Pairs: {len(splits.train)} to train, {len(splits.validation)} to validate, "
            f"{len(splits.test)} kept for the test"
        )
        for reason, count in sorted(splits.left_out.items(), key=lambda item: -item[1]):
            self._say(f"  left out {count}: {reason}")

    def model(self, built: Bert2Bert, accelerator: Accelerator) -> None:
        every, trained = count_parameters(built.model)
        precision = {"no": "fp32"}.get(accelerator.mixed_precision, accelerator.mixed_precision)
        self._say(
            f"Model: {every / 1e6:.1f} M parameters, {trained / 1e6:.1f} M of them trained, "
            f"in {precision} on {accelerator.num_processes} x {accelerator.device.type}"
        )
        for warning in built.warnings:
            self._say(f"Warning: {warning}")

    @contextmanager
    def progress(self, updates: int, done: int) -> Iterator[TrainingBar]:
        columns = (
            TextColumn("Training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}  rate {task.fields[rate]}  {task.fields[speed]} pairs/s"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task("train", total=updates, completed=done, loss="-", rate="-", speed="-")
            yield TrainingBar(progress, int(task))

    def _say(self, text: str) -> None:
        self._console.print(escape(visible(text)), soft_wrap=True)


class _Rate(ProgressColumn):
    """Pairs per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f} pairs/s")


class TrainingBar:
    """The bar of one run, and the lines above it."""

    def __init__(self, progress: Progress, task: int) -> None:
        self._progress = progress
        self._task: Any = task

    def update(self, line: Mapping[str, Any]) -> None:
        self._progress.update(
            self._task,
            completed=line["step"],
            loss=f"{line['loss']:.3f}",
            rate=f"{line['learning_rate']:.2e}",
            speed=f"{line['pairs_per_second']:.0f}",
        )

    def evaluation(self, line: Mapping[str, Any]) -> None:
        scores = f"validation loss {line['validation_loss']:.3f}"
        if "rouge_l" in line:
            scores += f", character ROUGE-L {line['rouge_l']:.3f}"
        self.note(f"Update {line['step']}: {scores}")
        for sample in line["samples"]:
            self.note(f"  {sample['title']}  ({sample['references'][0]})")

    def note(self, text: str) -> None:
        self._progress.console.print(escape(visible(text)), soft_wrap=True)
