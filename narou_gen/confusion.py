"""Scores of a sentiment head to look at: a table for the terminal, the confusion matrix as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.cells import cell_len

from narou_gen.classification import Classification
from narou_gen.folders import file_written_whole
from narou_gen.text import visible


def as_lines(found: Classification) -> Iterator[str]:
    """Accuracy and F1, a line a label, and the confusion matrix: counts, and shares of each row."""
    scores, (low, high), majority = found.as_json(), found.interval(), found.majority()
    yield (
        f"{scores['texts']} texts: accuracy {found.accuracy:.3f}, macro-F1 {found.macro_f1:.3f} "
        f"(95% {low:.3f} to {high:.3f}), weighted F1 {found.weighted_f1:.3f}"
    )
    yield f"majority label alone: accuracy {majority.accuracy:.3f}, macro-F1 {majority.macro_f1:.3f}"
    yield ""
    labels = [visible(label) for label in found.labels]
    width = max(cell_len(label) for label in (*labels, "label"))
    yield f"{_padded('label', width)}  precision  recall     F1  texts"
    for label, name in zip(found.labels, labels, strict=True):
        row = scores["labels"][label]
        yield (
            f"{_padded(name, width)}  {row['precision']:9.3f}  {row['recall']:6.3f}  {row['f1']:5.3f}"
            f"  {row['texts']:5}"
        )
    yield ""
    columns = [max(cell_len(label), 12) for label in labels]
    header = "  ".join(_padded(label, size) for label, size in zip(labels, columns, strict=True))
    yield f"{_padded('is | called', max(width, 11))}  {header}".rstrip()
    shares = _shares(found)
    for place, name in enumerate(labels):
        cells = [
            _padded(f"{int(count):5} {share:5.0%}", size)
            for count, share, size in zip(found.confusion[place], shares[place], columns, strict=True)
        ]
        yield f"{_padded(name, max(width, 11))}  {'  '.join(cells)}".rstrip()


def draw(found: Classification, file: Path) -> None:
    """Write the confusion matrix as PNG, whole or not at all: counts beside shares of each row.

    Raises:
        OSError: the file cannot be written.
    """
    import matplotlib
    from matplotlib.figure import Figure

    file.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context():  # the font is for this picture, not for the rest of the process
        import matplotlib_fontja

        matplotlib_fontja.japanize()
        labels = [visible(label) for label in found.labels]
        side = 1.6 + 0.7 * len(found.labels)
        figure = Figure(figsize=(2 * side, side), dpi=150, layout="constrained")
        counts = [[f"{count:,}" for count in row] for row in found.confusion]
        shares = _shares(found)
        percentages = [[f"{share:.0%}" for share in row] for row in shares]
        panels = (("件数", found.confusion, counts), ("行ごとの割合", shares, percentages))
        for axes, (title, values, texts) in zip(figure.subplots(1, 2), panels, strict=True):
            axes.imshow(values, cmap="Blues", vmin=0, vmax=max(float(np.max(values)), 1e-9))
            axes.set_title(title)
            places = range(len(found.labels))
            axes.set_xticks(places, labels, rotation=30, parse_math=False)
            axes.set_yticks(places, labels, parse_math=False)
            axes.set_xlabel("予測")
            axes.set_ylabel("正解")
            for row in places:
                for column in places:
                    dark = values[row][column] > 0.6 * np.max(values)
                    colour = "white" if dark else "black"
                    axes.text(column, row, texts[row][column], ha="center", va="center", color=colour)
        with file_written_whole(file) as aside:
            figure.savefig(aside, format="png")


def _shares(found: Classification) -> np.ndarray:
    return np.asarray(found.confusion / np.maximum(found.confusion.sum(1, keepdims=True), 1))


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))
