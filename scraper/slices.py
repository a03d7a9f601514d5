"""Works that share one second of last update: paged by position, cut by filters where too many."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from scraper.errors import ApiError
from scraper.page import Page
from scraper.query import GENRES, Query

REACH = 2000
"""Rows of one query that can be paged through: `st` + `lim` - 1 beyond it is undocumented."""

_LONGEST = 2**31 - 1
_KINDS: dict[str | None, tuple[str, ...]] = {
    None: ("t", "r", "er"),
    "re": ("r", "er"),
    "ter": ("t", "er"),
}
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of one second's works, and how far its pages have been read."""

    filters: tuple[tuple[str, str], ...] = ()
    start: int = 1
    """`st` of the next page, counted from 1."""
    tail: tuple[str, ...] = ()
    """The last ncodes of the page before: one of them must show up in the next, or works left
    this second meanwhile, everything moved up, and some may have been passed over."""
    tries: int = 0

    def parameters(self) -> dict[str, str]:
        return dict(self.filters) | ({"st": str(self.start)} if self.start > 1 else {})

    def advance(self, page: Page, query: Query, page_size: int) -> tuple[tuple[Slice, ...], str | None]:
        """What is left of this slice after `page`, and what had to be given up, if anything."""
        self._check_length(page)
        if self.tail and not {w.ncode for w in page.works} & set(self.tail):
            if self.tries < _TRIES:
                return (Slice(self.filters, tries=self.tries + 1),), None
            return self._split(query)
        if page.rows < page_size:
            return (), None
        last_start = max(1, REACH - page_size + 1)
        if self.start >= last_start or (self.start == 1 and page.allcount > REACH):
            return self._split(query)
        overlap = min(page_size - 1, 1 + page_size // 25)
        start = min(self.start + page_size - overlap, last_start)
        tail = tuple(w.ncode for w in page.works)[len(page.works) - overlap :]
        return (replace(self, start=start, tail=tail),), None

    def _split(self, query: Query) -> tuple[tuple[Slice, ...], str | None]:
        """Slices that together hold what this one holds, by the first filter that can cut it."""
        own = dict(self.filters)
        if "genre" not in own and "notgenre" not in own and len(query.genre) != 1:
            codes = [str(g) for g in query.genres or GENRES if g or query.genre]
            cuts = [{"genre": code} for code in codes]
            if not query.genre:  # whatever the service may have that GENRES lacks
                cuts.append({"notgenre": "-".join(codes)})
            return self._cut(cuts), None
        if "type" not in own and query.type in _KINDS:
            return self._cut([{"type": kind} for kind in _KINDS[query.type]]), None
        low = int(own.get("minlen", query.min_length or 0))
        high = int(own.get("maxlen", _LONGEST))
        if low < high:
            # Lengths spread over orders of magnitude: cut at the geometric mean first.
            middle = math.isqrt(max(1, low) * high) if high > 4 * low else (low + high) // 2
            middle = min(middle, high - 1)
            first = {"minlen": str(low), "maxlen": str(middle)}
            return self._cut([first, {"minlen": str(middle + 1), "maxlen": str(high)}]), None
        where = " ".join(f"{k}={v}" for k, v in self.filters)
        return (), f"this second holds more works than can be paged ({where}); some were missed"

    def _cut(self, cuts: list[dict[str, str]]) -> tuple[Slice, ...]:
        return tuple(Slice(tuple((dict(self.filters) | cut).items())) for cut in cuts)

    def _check_length(self, page: Page) -> None:
        """Cutting by length ends only with a service that filters by length."""
        own = dict(self.filters)
        if "maxlen" not in own:
            return
        low, high = int(own["minlen"]), int(own["maxlen"])
        if 2 * sum(low <= w.length <= high for w in page.works) < len(page.works):
            raise ApiError(
                f"The service ignores minlen and maxlen ({low} to {high}), which are needed to "
                "tell apart the works of one second; narrow the query, by --word for example"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Slice:
        filters = tuple((str(k), str(v)) for k, v in values["filters"])
        return cls(**{**values, "filters": filters, "tail": tuple(values["tail"])})
