"""What a person sees of an evaluation in a terminal: progress on stderr, tables on stdout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from narou_gen.evaluation.columns import BY_NAME, COLUMNS, CONTROLLED, LABELS
from narou_gen.evaluation.watcher import Watcher
from narou_gen.text import visible

_WIDEST = 200  # columns, where the output is no terminal


class EvaluationDisplay(Watcher):
    """A bar in a terminal, elsewhere a line a tenth; all on stderr."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._bar = Progress(
            TextColumn("Writing and scoring titles"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("titles", total=None)
        self._told = -1

    def __enter__(self) -> EvaluationDisplay:
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def note(self, text: str) -> None:
        self._console.print(escape(visible(text)), soft_wrap=True)

    def written(self, done: int, total: int) -> None:
        self._bar.start()
        self._bar.update(self._task, completed=done, total=total)
        tenth = 10 * done // max(total, 1)
        if not self._console.is_terminal and tenth > self._told:
            self._told = tenth
            self.note(f"Titles for {done:,} of {total:,} synopses")


def show_evaluation(metrics: Mapping[str, Any]) -> None:
    """The table of all systems, the control, and what is missing, on stdout."""
    console = _console()
    systems = metrics["systems"]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for name in systems:
        table.add_column(LABELS[name], justify="right")
    group = ""
    for column in COLUMNS:
        cells = [_cell(column.name, scores.get(column.name)) for scores in systems.values()]
        if any(cells):
            if column.group != group:
                group = column.group
                table.add_row(f"[bold]{group}[/bold]")
            table.add_row(f"  {escape(column.label)}", *cells)
    console.print(table)
    if metrics["control"]:
        console.print(_control(metrics["control"]))
    for name, reason in metrics["skipped"].items():
        console.print(
            escape(visible(f"Not measured: {LABELS.get(name, name)}, because {reason}")), soft_wrap=True
        )


def _control(control: Mapping[str, Any]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("Control", "own synopsis", "another's", "falls by", ""):
        table.add_column(heading, justify="left" if heading in ("Control", "") else "right")
    for name in CONTROLLED:
        if name in control:
            row, column = control[name], BY_NAME[name]
            table.add_row(
                f"  {column.label}",
                column.text(row["own"]),
                column.text(row["other"]),
                f"{column.text(row['difference'])} {column.spread(row['low'], row['high'])}",
                "falls" if row["falls"] else "[bold]does not fall[/bold]",
            )
    return table


def show_comparison(comparison: Mapping[str, Any], examples: Sequence[Mapping[str, Any]]) -> None:
    """Scores of A and B with their differences, then titles side by side, on stdout."""
    console = _console()
    names = comparison["names"]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in (
        "",
        *(escape(visible(f"{key.upper()}: {names[key]}")) for key in "ab"),
        "B − A",
        "95% interval",
        "p",
        "",
    ):
        table.add_column(heading, justify="left" if heading == "" else "right")
    for name, row in comparison["metrics"].items():
        column = BY_NAME[name]
        table.add_row(
            column.label,
            column.text(row["a"]),
            column.text(row["b"]),
            column.text(row["difference"]),
            f"{column.text(row['low'])} to {column.text(row['high'])}",
            f"{row['p']:.3f}",
            _verdict(row, column.better),
        )
    console.print(table)
    for example in examples:
        console.print(f"[dim]{escape(visible(example['synopsis'][:60]).replace(chr(10), ''))}…[/dim]")
        for key, title in (("A", example["a"]), ("B", example["b"]), ("reference", example["references"][0])):
            console.print(f"  {key:<11}{escape(visible(title))}", soft_wrap=True)


def _verdict(row: Mapping[str, Any], better: str) -> str:
    if not better or row["low"] <= 0 <= row["high"]:
        return ""
    return "B is better" if (row["difference"] > 0) == (better == "more") else "A is better"


def _cell(name: str, score: Mapping[str, Any] | None) -> str:
    if score is None:
        return ""
    column = BY_NAME[name]
    return f"{column.text(score['value'])} [dim]{column.spread(score['low'], score['high'])}[/dim]"


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDEST)
