"""What a person sees while a model trains: facts at the start, a bar, scores and titles. All on stderr."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

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
from narou_gen.model import count_parameters
from narou_gen.text import visible

if TYPE_CHECKING:
    from narou_gen import tasks

T = TypeVar("T")
# What scores are called where a person reads them, in the order to show them.
_NAMES = {
    "validation_loss": "validation loss",
    "title_loss": "of titles",
    "sentiment_loss": "of sentiment",
    "rouge_l": "character ROUGE-L",
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
}


class TrainingDisplay:
    """Writes to stderr where `shown`, else nothing (all processes but the first)."""

    def __init__(self, shown: bool = True) -> None:
        self._console = Console(stderr=True, quiet=not shown, highlight=False)

    def reminder(self, text: str) -> None:
        self._say(text)

    def reading(self, pairs: Iterable[T], source: str) -> Iterator[T]:
        """Pass on the pairs or texts, with a bar; how many there will be is not known."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate())
        shown = self._console.is_terminal  # in a log it would leave nothing but empty lines
        with Progress(*columns, console=self._console, transient=True, disable=not shown) as progress:
            yield from progress.track(pairs, description=f"Reading {escape(visible(source))}")

    def data(self, splits: Splits[Any], noun: str = "Pairs") -> None:
        self._say(
            f"{noun}: {len(splits.train)} to train, {len(splits.validation)} to validate, "
            f"{len(splits.test)} kept for the test"
        )
        for reason, count in sorted(splits.left_out.items(), key=lambda item: -item[1]):
            self._say(f"  left out {count}: {reason}")

    def tokenised(self, record: Mapping[str, Any], folder: str) -> None:
        self._say(
            f"Pairs: {record['train']} to train, {record['validation']} to validate, tokenised in {folder}"
        )

    def model(self, task: tasks.Task, accelerator: Accelerator, choices: Iterable[str]) -> None:
        every, trained = count_parameters(task.model)
        precision = {"no": "fp32"}.get(accelerator.mixed_precision, accelerator.mixed_precision)
        self._say(
            f"Model: {_size(every)} parameters, {_size(trained)} of them trained, "
            f"in {precision} on {accelerator.num_processes} x {accelerator.device.type}"
        )
        for choice in choices:
            self._say(choice)
        for warning in task.warnings:
            self._say(f"Warning: {warning}")

    @contextmanager
    def progress(self, updates: int, done: int) -> Iterator[TrainingBar]:
        columns = (
            TextColumn("Training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}  rate {task.fields[rate]}  {task.fields[speed]}/s"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task("train", total=updates, completed=done, loss="-", rate="-", speed="-")
            yield TrainingBar(progress, int(task))

    def _say(self, text: str) -> None:
        self._console.print(escape(visible(text)), soft_wrap=True)


def _size(parameters: int) -> str:
    return f"{parameters / 1e6:.1f} M" if parameters >= 1e5 else f"{parameters:,}"


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
        scores = ", ".join(f"{name} {line[key]:.3f}" for key, name in _NAMES.items() if key in line)
        self.note(f"Update {line['step']}: {scores}")
        for sample in line["samples"]:
            if "title" in sample:
                self.note(f"  {sample['title']}  ({sample['references'][0]})")
            else:
                self.note(f"  {sample['predicted']}  ({sample['label']}): {sample['text'][:40]}")

    def note(self, text: str) -> None:
        self._progress.console.print(escape(visible(text)), soft_wrap=True)
