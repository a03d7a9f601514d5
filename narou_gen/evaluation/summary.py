"""From the scores of items to those of the whole: means, intervals, the control, groups."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from narou_gen.evaluation.bootstrap import Difference, Interval, differences, distinct_interval, intervals
from narou_gen.evaluation.columns import CONTROLLED, GROUPED, MODEL, OF_ITEMS, OF_THE_SET
from narou_gen.evaluation.scores import strange_scores
from narou_gen.evaluation.tables import Line, as_table, score_table, titles_of

_BINS = 4
_NO_GENRE = "(none)"

Scoreboard = dict[str, dict[str, Any]]
"""metric -> {"value", "low", "high", "items"}"""


@dataclass(frozen=True)
class Summary:
    """What `metrics.json` says, beside settings.

    `systems`: name -> metric -> {"value", "low", "high", "items"}. `against`: of each other system, metric ->
    {"value", "low", "high", "p", "items"}, the model minus that system by the paired bootstrap. `control`:
    metric -> {"own", "other", "difference", "low", "high", "p", "falls"}; empty for fewer than two items.
    `by_genre`, `by_synopsis_length`: a list of {"group", "items", "scores"} of the model.
    """

    systems: dict[str, Scoreboard]
    against: dict[str, Scoreboard]
    control: Scoreboard
    by_genre: list[dict[str, Any]]
    by_synopsis_length: list[dict[str, Any]]


def summarise(lines: Sequence[Line], resamples: int, seed: int) -> Summary:
    """All that `metrics.json` says of the lines of `titles.jsonl`."""
    names = list(lines[0]["systems"])
    return Summary(
        {name: _scoreboard(lines, name, resamples, seed) for name in names},
        {name: _against(lines, name, resamples, seed) for name in names if name != MODEL},
        _control(lines, resamples, seed) if len(lines) > 1 else {},
        _by_group(lines, [line["genre"] or _NO_GENRE for line in lines], resamples, seed),
        _by_length(lines, resamples, seed),
    )


def _scoreboard(lines: Sequence[Line], system: str, resamples: int, seed: int) -> Scoreboard:
    found = dict(zip(OF_ITEMS, intervals(score_table(lines, system), resamples, seed), strict=True))
    titles = titles_of(lines, system)
    found |= {name: distinct_interval(titles, n) for name, n in OF_THE_SET.items()}
    return {name: _plain(interval) for name, interval in found.items() if interval.items}


def _against(lines: Sequence[Line], system: str, resamples: int, seed: int) -> Scoreboard:
    model, other = score_table(lines, MODEL), score_table(lines, system)
    gaps = zip(OF_ITEMS, differences(model, other, resamples, seed), strict=True)
    return {name: _plain(gap) for name, gap in gaps if gap.items}


def _plain(interval: Interval | Difference) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in asdict(interval).items()
    }


def _control(lines: Sequence[Line], resamples: int, seed: int) -> Scoreboard:
    """The model's titles against another work's synopsis and references, drawn so that nobody keeps its own.

    That is also what titles score that were generated from another synopsis.
    """
    others = _derangement(len(lines), seed)
    strange = [
        strange_scores(title, lines[other])
        for title, other in zip(titles_of(lines, MODEL), others, strict=True)
    ]
    own, other = score_table(lines, MODEL, CONTROLLED), as_table(strange, CONTROLLED)
    gaps = differences(own, other, resamples, seed)
    return {
        name: {
            "own": float(np.nanmean(own[:, place])),
            "other": float(np.nanmean(other[:, place])),
            "difference": gap.value,
            "low": gap.low,
            "high": gap.high,
            "p": gap.p,
            "falls": gap.low > 0,
        }
        for place, (name, gap) in enumerate(zip(CONTROLLED, gaps, strict=True))
        if gap.items
    }


def _derangement(size: int, seed: int) -> list[int]:
    """A permutation of one cycle (Sattolo 1986), so that nothing stays in its place."""
    places, draw = list(range(size)), random.Random(seed)
    for last in range(size - 1, 0, -1):
        other = draw.randrange(last)
        places[last], places[other] = places[other], places[last]
    return places


def _by_length(lines: Sequence[Line], resamples: int, seed: int) -> list[dict[str, Any]]:
    """Quarters of the items by the length of their synopsis in characters."""
    lengths = [len(line["synopsis"]) for line in lines]
    edges = sorted({int(edge) for edge in np.quantile(lengths, np.linspace(0, 1, _BINS + 1)[1:-1])})
    labels = [
        f"{low}–{high - 1}"
        for low, high in zip([min(lengths), *edges], [*edges, max(lengths) + 1], strict=True)
    ]
    places = [sum(length >= edge for edge in edges) for length in lengths]
    groups = _by_group(lines, [labels[place] for place in places], resamples, seed)
    return sorted(groups, key=lambda group: labels.index(group["group"]))


def _by_group(
    lines: Sequence[Line], groups: Sequence[str], resamples: int, seed: int
) -> list[dict[str, Any]]:
    """The model's scores in each group, the largest group first."""
    members: dict[str, list[Line]] = {}
    for line, group in zip(lines, groups, strict=True):
        members.setdefault(group, []).append(line)
    return [
        {
            "group": group,
            "items": len(its),
            "scores": {
                name: _plain(interval)
                for name, interval in zip(
                    GROUPED, intervals(score_table(its, MODEL, GROUPED), resamples, seed), strict=True
                )
                if interval.items
            },
        }
        for group, its in sorted(members.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    ]
