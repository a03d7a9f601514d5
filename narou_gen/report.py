"""Pictures of numbers: bars in a terminal, and the same as PNG with Japanese labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len

from narou_gen.folders import file_written_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import XAxis, YAxis

_WIDEST_BAR = 30  # columns
_COLOUR = "#4c72b0"
_BLOCKS = " ▏▎▍▌▋▊▉█"  # eighths of a column


@dataclass(frozen=True)
class Chart:
    """Counts of one thing, the same for the terminal and for a picture."""

    name: str
    """The picture is called so."""
    heading: str
    """English, above the bars in a terminal."""
    title: str
    """Japanese, above the picture."""
    axis: str
    """Japanese: what the labels are."""
    bars: tuple[tuple[str, int], ...]
    """(label, count), in the order to show."""
    sideways: bool = False
    """Long labels: the picture's bars lie down."""


def as_lines(chart: Chart) -> list[str]:
    """Label, count, share and bar a line. The bar is last: its width depends on the terminal's font."""
    width = max(cell_len(label) for label, _ in chart.bars)  # in columns: Japanese is two wide
    most, total = max(count for _, count in chart.bars), sum(count for _, count in chart.bars)
    lines = []
    for label, count in chart.bars:
        space = " " * (width - cell_len(label))
        left = label + space if chart.sideways else space + label
        lines.append(f"{left}{count:>11,}{count / total:>8.1%}  {_blocks(count, most)}".rstrip())
    return lines


def _blocks(count: int, most: int) -> str:
    """A bar as wide as `count` is to `most`; whatever is there shows, be it as an eighth of a column."""
    if not count:
        return ""
    eighths = max(1, round(8 * _WIDEST_BAR * count / most))
    return "█" * (eighths // 8) + _BLOCKS[eighths % 8].strip()


def draw(charts: Iterable[Chart], folder: Path, source: str) -> list[Path]:
    """Write each chart as `NAME.png` into `folder`; `source` is credited in the corner.

    Raises:
        OSError: the folder cannot be written.
    """
    import matplotlib
    from matplotlib.figure import Figure

    files = []
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context():  # the font is for these pictures, not for the rest of the process
        import matplotlib_fontja

        matplotlib_fontja.japanize()
        for chart in charts:
            height = 1.5 + 0.28 * len(chart.bars) if chart.sideways else 4.5
            figure = Figure(figsize=(8, height), dpi=150, layout="constrained")
            _fill(figure.subplots(), chart)
            figure.supxlabel(source, x=0.99, ha="right", fontsize=7, color="0.35")
            files.append(folder / f"{chart.name}.png")
            with file_written_whole(files[-1]) as aside:
                figure.savefig(aside, format="png")
    return files


def _fill(axes: Axes, chart: Chart) -> None:
    from matplotlib.ticker import MaxNLocator

    labels, counts = [label for label, _ in chart.bars], [count for _, count in chart.bars]
    places = range(len(labels))
    numbers = [f"{count:,}" for count in counts]
    axes.set_title(f"{chart.title} (全{sum(counts):,}作品)", loc="left")
    values: XAxis | YAxis
    if chart.sideways:
        axes.bar_label(axes.barh(places, counts, color=_COLOUR), numbers, padding=3, fontsize=8)
        axes.set_yticks(places, labels)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.margins(x=0.12)
        axes.set_xlabel("作品数")
        values = axes.xaxis
    else:
        bars = axes.bar(places, counts, width=0.9, color=_COLOUR)
        if len(labels) <= 12:
            axes.bar_label(bars, numbers, padding=2, fontsize=8)
        axes.set_xticks(places, labels)
        if len(labels) > 5:
            axes.tick_params("x", rotation=45)
            for text in axes.get_xticklabels():
                text.set(horizontalalignment="right", rotation_mode="anchor")
        axes.set_xlabel(chart.axis)
        axes.set_ylabel("作品数")
        values = axes.yaxis
    values.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    values.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
