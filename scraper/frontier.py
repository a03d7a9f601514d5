"""Getting past the 2,000 results a query can page through: pure steps, no HTTP, no files.

A `Frontier` is a cursor over the time of the last update, moving from old to new. Its invariant:
every work that matched throughout and was last updated before `cursor` has been received. Each
answer is one snapshot of the service, a work that is updated only moves ahead of the cursor, and
so nothing can slip between two pages, as it does when pages are counted by position.

- A window `cursor..upper` is asked for oldest first. A full answer moves the cursor to its last
  row's second, that second included: rows sharing it may not all have been in the answer.
- Windows are made to hold about twenty answers, from the density seen so far. Bounds do not cost
  much and contain the harm of a row whose date is newer than the index it was found by: it lies
  outside its window and does not move the cursor.
- Where the cursor cannot move (the last hours, whose dates the index may not know yet, or a
  service that does not honour `order`), the window is narrowed until one answer holds it all.
- A single second that overflows an answer is paged by position in ncode order, overlapping, so
  that a shift shows; one that overflows even that is cut by genre, type and length.
- `allcount` is never trusted to end anything, for it may be hours old: it only decides whether a
  short answer is worth a second look, and how much to narrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

from scraper.errors import ApiError
from scraper.page import Page
from scraper.query import OPEN_END, Query
from scraper.slices import Slice
from scraper.work import FIELDS, format_jst

# The manual: edits show after up to 2 hours, counts after up to 4. Dates younger than this may
# be newer than the index that the answer was ordered by.
FRESH_SECONDS = 4 * 3600
PAGES_PER_WINDOW = 20
# Rows that go up so many times and never down were ordered, and did not come so by chance.
ASCENTS = 8


@dataclass(frozen=True, slots=True)
class Step:
    """Where an answer leads. `fault` is set where works had to be given up, and says which."""

    frontier: Frontier
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Frontier:
    """How far one ascending pass has come. Times are Unix seconds, ends included."""

    cursor: int
    upper: int
    ceiling: int
    changed_since: int | None = None
    """Only works revised (`novelupdated_at`) at or after this."""
    pace: float = 0.0
    """Seconds of update time per work, lately; 0 before anything is known."""
    ordered: bool = True
    """Whether the last full answer came oldest first."""
    ties: tuple[Slice, ...] = ()
    """What is left of the single second `cursor` == `upper`, the first one being paged."""

    @classmethod
    def over(cls, floor: int, ceiling: int, changed_since: int | None = None) -> Frontier:
        """A pass over `floor..ceiling`, beginning with all of it in one window."""
        return cls(cursor=floor, upper=ceiling, ceiling=ceiling, changed_since=changed_since)

    @property
    def done(self) -> bool:
        return self.cursor > self.ceiling

    def parameters(self, query: Query, page_size: int) -> dict[str, str]:
        """The next request. `page_size`: rows per answer, 1 to 500."""
        parameters = query.parameters() | {
            "of": FIELDS,
            "lim": str(page_size),
            "lastup": f"{self.cursor}-{self.upper}",
            "order": "ncodeasc" if self.cursor == self.upper else "old",
        }
        if self.changed_since is not None:
            parameters["lastupdate"] = f"{self.changed_since}-{OPEN_END}"
        if self.ties:
            parameters |= self.ties[0].parameters()
        return parameters

    def advance(self, page: Page, query: Query, now: int, page_size: int) -> Step:
        """The frontier after `page`, the answer to `parameters`, received at `now`.

        Raises ApiError where the answer shows that the service ignores a range asked for, since
        going on would then never end or lose works.
        """
        full = page.rows >= page_size
        if self.ties:
            return self._advance_ties(page, query, now, page_size)
        keys = [w.last_updated for w in page.works if self.cursor <= w.last_updated <= self.upper]
        # A row newer than its index may lie anywhere after the window, but not at an older date.
        elsewhere = [w for w in page.works if w.last_updated < min(self.cursor, now - FRESH_SECONDS)]
        if full and 2 * len(elsewhere) > page.rows:
            raise ApiError(
                f"Asked for works updated {format_jst(self.cursor)} to {format_jst(self.upper)} "
                f"(JST), the service sent {len(elsewhere)} older ones of {page.rows}. It seems to "
                "ignore `lastup`; nothing complete can be collected from this endpoint"
            )
        if self.cursor == self.upper:
            if full:
                whole = replace(self, ties=(Slice(),))
                return whole._advance_ties(page, query, now, page_size)
            return Step(self._next_window(keys, now, page_size))
        missing = page.allcount - len(page.works) - page.unreadable
        if not full and missing <= 0:
            return Step(self._next_window(keys, now, page_size))
        trusted = [k for k in keys if k < now - FRESH_SECONDS]
        ordered = _ascending(trusted)
        if ordered and sum(a < b for a, b in pairwise(trusted)) >= ASCENTS:
            moved = self._moved(trusted, page.allcount, page_size)
            return Step(replace(moved, ordered=self.ordered or full))
        # Short, nothing new, and yet more are claimed: a count that is a little off is common
        # (hidden works, a stale count) and believed only where it claims a good deal more.
        if not full and missing <= 5 + page.allcount // 20:
            return Step(self._next_window(keys, now, page_size))
        narrowed = self._narrowed(keys, page.allcount, page_size)
        return Step(replace(narrowed, ordered=self.ordered and ordered))

    def _moved(self, keys: Sequence[int], allcount: int, page_size: int) -> Frontier:
        """The cursor at the last of `keys`, and the window cut where it holds far too much."""
        last = keys[-1]
        pace = self._blend((last - self.cursor) / sum(k > self.cursor for k in keys))
        target = _target(page_size, self.ordered)
        upper = self.upper
        if allcount > 2 * target and upper - last > 2 * target * pace:
            upper = last + int(target * pace)
        return replace(self, cursor=last, upper=upper, pace=pace)

    def _narrowed(self, keys: Sequence[int], allcount: int, page_size: int) -> Frontier:
        """The same cursor with a smaller window, at the least one second."""
        limit, pace = self.upper - 1, self.pace
        if keys and max(keys) == self.cursor:
            limit = self.cursor
        elif keys and _ascending(keys):  # the oldest of the window: most of them make a whole answer
            limit = min(limit, keys[len(keys) * 9 // 10])
            pace = (keys[-1] - keys[0]) / len(keys)
        else:  # any of the window: as large a share of them as fits an answer
            limit = min(limit, self.cursor + (self.upper - self.cursor) * 3 // 4)
            if keys:
                share = min(0.9, 0.8 * page_size / max(1, allcount))
                limit = min(limit, sorted(keys)[int(len(keys) * share)])
                pace = (max(keys) - min(keys)) / max(len(keys), allcount)
        return replace(self, upper=max(self.cursor, limit), pace=pace)

    def _next_window(self, keys: Sequence[int], now: int, page_size: int) -> Frontier:
        """The window after this one, which ended with an answer that held `keys`."""
        pace = self.pace
        if len(keys) >= 20:  # from the first of them: the years before it say nothing
            pace = self._blend((self.upper - min(keys) + 1) / len(keys))
        elif self.upper > self.cursor:
            pace = max(pace, (self.upper - self.cursor) / (len(keys) + 1))
        cursor, settled = self.upper + 1, now - FRESH_SECONDS
        # The cursor cannot move within a window of fresh works: each must fit one answer.
        ordered = self.ordered and cursor < settled
        upper = cursor + max(1, int(_target(page_size, ordered) * pace))
        if upper > min(self.ceiling, settled if cursor < settled else now):
            upper = self.ceiling
        return replace(self, cursor=cursor, upper=upper, pace=pace, ties=())

    def _advance_ties(self, page: Page, query: Query, now: int, page_size: int) -> Step:
        parts, fault = self.ties[0].advance(page, query, page_size)
        ties = (*parts, *self.ties[1:])
        if fault is not None:
            fault = f"{format_jst(self.cursor)} (JST): {fault}"
        if ties:
            return Step(replace(self, ties=ties), fault)
        return Step(self._next_window([], now, page_size), fault)

    def _blend(self, pace: float) -> float:
        return pace if self.pace == 0 else 0.7 * self.pace + 0.3 * pace

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Frontier:
        ties = tuple(Slice.from_dict(s) for s in values["ties"])
        return cls(**{**values, "ties": ties})


def _target(page_size: int, ordered: bool) -> float:
    """Works a window should hold: many answers, or one with some room to spare."""
    return page_size * (PAGES_PER_WINDOW if ordered else 0.8)


def _ascending(keys: Sequence[int]) -> bool:
    return all(a <= b for a, b in pairwise(keys))
