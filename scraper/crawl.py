"""From the first request of a query to "every work that matched throughout is stored".

A crawl is one ascending pass over all last-update times, then up to three short sweeps over
whatever was revised since the pass began. The pass alone would miss one thing: a work whose last
update moves *back* (its newest chapter was deleted) from ahead of the cursor to behind it. Such a
work was revised meanwhile, so the sweep finds it. A sweep that needed one request only was a
single snapshot; nothing can have moved during it, and the crawl is finished.

Run again, a finished crawl begins where the last one started instead of at the beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from scraper.frontier import Frontier
from scraper.page import Page
from scraper.query import Query
from scraper.store import MAX_AGE_SECONDS, Saved, Store
from scraper.work import FIELDS, Work

# The manual: edits show after up to 2 hours; an hour more for clocks that disagree.
LATENCY_SECONDS = 3 * 3600
MAX_SWEEPS = 3
REPEATS = 2
"""Most times an answer with unreadable or repeated elements is asked for again."""
REFRESH_BATCH = 300
"""Works asked for by ncode at once: known to work, and a URL of less than 4 kB."""


class Ask(Protocol):
    """Whoever answers: `Client.get`, or a simulation."""

    def __call__(self, parameters: Mapping[str, str]) -> Page: ...


@dataclass(frozen=True)
class Crawl:
    """How far a query has come: pure, and all that is needed to go on. Times are Unix seconds."""

    began: int
    """When the last pass over everything began."""
    started: int
    """When this run of it began: the same, or the start of the latest catching up."""
    changed_since: int
    """Sweeps look for works revised at or after this."""
    frontier: Frontier
    sweep: int = 0
    """0 for the pass itself, then the number of the sweep."""
    answers: int = 0
    """In this pass or sweep so far."""
    matching: int = 0
    """What the service said in its first answer; for people, never relied upon."""
    read: int = 0
    """Works received in this pass, roughly: to tell how much is left."""
    finished: bool = False

    @classmethod
    def begin(cls, query: Query, now: int) -> Crawl:
        """The first request of a pass over everything."""
        frontier = Frontier.over(query.floor, query.ceiling)
        return cls(now, now, now - LATENCY_SECONDS, frontier)

    def catch_up(self, query: Query, now: int) -> Crawl:
        """The first request of a run over what changed since this crawl, now finished, started."""
        since = self.started - LATENCY_SECONDS
        floor = min(max(query.floor, since), query.ceiling)
        return Crawl(self.began, now, since, Frontier.over(floor, query.ceiling))

    def advance(self, page: Page, query: Query, now: int, page_size: int) -> tuple[Crawl, str | None]:
        """The crawl after an answer, and what had to be given up, if anything."""
        since = self.frontier.changed_since
        if since is not None and page.works:
            honoured = sum(w.revised >= since for w in page.works)
            if page.rows >= page_size and 2 * honoured < len(page.works):
                fault = "the service ignores `lastupdate`: changes made meanwhile may be missing"
                return replace(self, finished=True), fault
        step = self.frontier.advance(page, query, now, page_size)
        first = self.sweep == 0 and self.answers == 0
        crawl = replace(
            self,
            frontier=step.frontier,
            answers=self.answers + 1,
            matching=page.allcount if first else self.matching,
            read=self.read + sum(w.last_updated > self.frontier.cursor or first for w in page.works),
        )
        if not step.frontier.done:
            return crawl, step.fault
        if crawl.sweep == MAX_SWEEPS or (crawl.sweep and crawl.answers == 1):
            return replace(crawl, finished=True), step.fault
        sweep = Frontier.over(query.floor, query.ceiling, crawl.changed_since)
        # The next sweep, if there is one, looks for what changed during this one.
        later = now - LATENCY_SECONDS
        crawl = replace(crawl, sweep=crawl.sweep + 1, answers=0, changed_since=later, frontier=sweep)
        return crawl, step.fault

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "frontier": self.frontier.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Crawl:
        return cls(**{**values, "frontier": Frontier.from_dict(values["frontier"])})


def resume(saved: Mapping[str, Any] | None, query: Query, now: int) -> Crawl:
    """Where a query goes on at `now`, given the progress the database holds.

    Nothing saved: at the beginning. Unfinished: where it stopped. Finished: with what changed
    since, or, once its oldest works are two weeks old and due anyway, at the beginning.
    """
    if saved is None:
        return Crawl.begin(query, now)
    crawl = Crawl.from_dict(saved)
    if not crawl.finished:
        return crawl
    if now - crawl.began > MAX_AGE_SECONDS:
        return Crawl.begin(query, now)
    return crawl.catch_up(query, now)


@dataclass
class Tally:
    """What a run has done so far."""

    stored: int = 0
    """Works in the database that this query saw last."""
    new: int = 0
    changed: int = 0
    refreshed: int = 0
    deleted: int = 0
    unreadable: int = 0
    """Elements that were null or broken, and stayed so when asked for again."""
    answers: int = 0
    repeats: int = 0
    """Requests for the same once more, because of unreadable or repeated elements."""

    def count(self, saved: Saved) -> None:
        self.new += saved.new
        self.changed += saved.changed
        self.stored += saved.gained


def collect(
    store: Store,
    crawl_id: int,
    crawl: Crawl,
    query: Query,
    ask: Ask,
    *,
    page_size: int,
    limit: int | None,
    clock: Callable[[], float],
    tally: Tally,
    report: Callable[[Crawl], None],
    warn: Callable[[str], None],
) -> Crawl:
    """Ask until the crawl is finished or `limit` works are stored; the crawl as it then stands.

    `report` is called after each answer is stored, `warn` with one line for what is lost.
    """
    while not crawl.finished and (limit is None or tally.stored < limit):
        answer = ask_well(ask, crawl.frontier.parameters(query, page_size), tally)
        now = int(clock())
        after, fault = crawl.advance(answer.page, query, now, page_size)
        works = [w for w in answer.works if query.accepts(w)]
        room = None if limit is None else limit - tally.stored
        saved = store.save(crawl_id, works, after.to_dict(), room)
        tally.count(saved)
        if fault is not None:
            warn(fault)
        if saved.left_out:  # the same is asked again once the limit is raised
            break
        crawl = after
        report(crawl)
    return crawl


def refresh(store: Store, endpoint: str, ask: Ask, tally: Tally, report: Callable[[], None]) -> None:
    """Ask anew for every work fetched more than two weeks ago; delete those not sent any more."""
    while batch := store.expired(endpoint, REFRESH_BATCH):
        parameters = {"ncode": "-".join(batch).lower(), "lim": "500", "of": FIELDS}
        found = {w.ncode: w for w in ask_well(ask, parameters, tally).works}
        if 2 * len(found) < len(batch):  # most of them deleted at once is likelier a hiccup
            found |= {w.ncode: w for w in ask_well(ask, parameters, tally).works}
        gone = [ncode for ncode in batch if ncode not in found]
        saved = store.refresh([w for w in found.values() if w.ncode in set(batch)], gone)
        tally.changed += saved.changed
        tally.refreshed += len(batch) - len(gone)
        tally.deleted += len(gone)
        report()


@dataclass(frozen=True, slots=True)
class Answer:
    page: Page
    """The last page received, which the cursor follows."""
    works: tuple[Work, ...]
    """Everything that was received, each ncode once in its newest version."""


def ask_well(ask: Ask, parameters: Mapping[str, str], tally: Tally) -> Answer:
    """The answer, asked for again where it had null, broken or repeated elements.

    A work may hide behind a null that is gone a second later, and where one work comes twice,
    the answer was put together while works moved, and another may have been left out. Asked
    again only as long as that stays rare: a service that always sends nulls would otherwise be
    asked for everything twice.
    """
    page = ask(parameters)
    tally.answers += 1
    if len(page.works) == page.rows:
        return Answer(page, page.works)
    newest = {w.ncode: w for w in page.works}
    for _ in range(REPEATS):
        if tally.repeats >= 5 + tally.answers // 20 or len(newest) >= page.rows:
            break
        tally.repeats += 1
        page = ask(parameters)
        for work in page.works:
            if work.ncode not in newest or newest[work.ncode].revised < work.revised:
                newest[work.ncode] = work
    tally.unreadable += max(0, min(page.unreadable, page.rows - len(newest)))
    return Answer(page, tuple(newest.values()))
