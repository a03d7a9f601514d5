"""Two evaluations of the same synopses, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from narou_gen.errors import DataError
from narou_gen.evaluation.bootstrap import differences
from narou_gen.evaluation.columns import MODEL, OF_ITEMS
from narou_gen.evaluation.files import SETTINGS, read_json, read_titles
from narou_gen.evaluation.tables import Line, score_table, titles_of


@dataclass(frozen=True)
class Comparison:
    """`metrics`: metric -> {"a", "b", "difference", "low", "high", "p", "items"}; the difference is b - a.

    `titles`: {"synopsis", "references", "a", "b"} of each item, in order. `different`: the options in which
    the two evaluations differ.
    """

    names: dict[str, str]
    metrics: dict[str, dict[str, Any]]
    titles: list[dict[str, Any]]
    different: dict[str, tuple[Any, Any]]


def compare_evaluations(a: Path, b: Path, resamples: int = 2000, seed: int = 0) -> Comparison:
    """Compare the models of two folders that `narou-gen evaluate` wrote.

    Raises:
        DataError: a folder holds no finished evaluation, or they are of different synopses.
    """
    settings = [read_json(folder / SETTINGS) for folder in (a, b)]
    lines = [_finished(folder, given) for folder, given in zip((a, b), settings, strict=True)]
    if settings[0]["data_fingerprint"] != settings[1]["data_fingerprint"]:
        raise DataError(f"{a} and {b} are of different synopses: evaluate both on the same data.")
    tables = [score_table(its, MODEL) for its in lines]
    gaps = differences(tables[1], tables[0], resamples, seed)
    both = ~np.isnan(tables[0] + tables[1])
    return Comparison(
        {"a": _name(settings[0], a), "b": _name(settings[1], b)},
        {
            name: {
                "a": float(tables[0][both[:, place], place].mean()),
                "b": float(tables[1][both[:, place], place].mean()),
                "difference": gap.value,
                "low": gap.low,
                "high": gap.high,
                "p": gap.p,
                "items": gap.items,
            }
            for place, (name, gap) in enumerate(zip(OF_ITEMS, gaps, strict=True))
            if gap.items
        },
        [
            {"synopsis": line["synopsis"], "references": line["references"], "a": first, "b": second}
            for line, first, second in zip(
                lines[0], titles_of(lines[0], MODEL), titles_of(lines[1], MODEL), strict=True
            )
        ],
        {
            key: (value, settings[1]["options"].get(key))
            for key, value in settings[0]["options"].items()
            if value != settings[1]["options"].get(key)
        },
    )


def _finished(folder: Path, settings: dict[str, Any]) -> list[Line]:
    lines = list(read_titles(folder))
    if len(lines) != settings["items"]:
        raise DataError(
            f"{folder} has titles for {len(lines)} of {settings['items']} synopses: "
            "go on with `narou-gen evaluate --resume`."
        )
    return lines


def _name(settings: dict[str, Any], folder: Path) -> str:
    """The checkpoint's name and the folder's: two evaluations may be of one checkpoint."""
    return f"{Path(settings['checkpoint']).name} ({folder.name})"
