"""Lines of `titles.jsonl` as numbers and as titles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narou_gen.evaluation.columns import OF_ITEMS

Line = dict[str, Any]


def score_table(lines: Sequence[Line], system: str, names: Sequence[str] = OF_ITEMS) -> NDArray[np.float64]:
    """(items, metrics) of one system, NaN where a metric does not apply."""
    return as_table([line["systems"][system]["scores"] for line in lines], names)


def as_table(scores: Sequence[Mapping[str, float | None]], names: Sequence[str]) -> NDArray[np.float64]:
    """(items, metrics); NaN for None, and for what an older version did not score."""
    rows = [[math.nan if (value := one.get(name)) is None else value for name in names] for one in scores]
    return np.array(rows, dtype=np.float64)


def titles_of(lines: Sequence[Line], system: str) -> list[str]:
    """The first title of each item."""
    return [line["systems"][system]["titles"][0]["text"] for line in lines]
