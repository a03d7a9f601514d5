"""The whole of `narou-gen fetch` as one call: terms, allowance, crawl, refresh, and how it went."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scraper.client import Client, Gate, Manners
from scraper.crawl import Crawl, Tally, collect, refresh, resume
from scraper.errors import QueryError
from scraper.ledger import MEGABYTE
from scraper.query import Query
from scraper.reader import check_collection, consents
from scraper.store import open_store
from scraper.terms import NOTICE

Phase = Literal["collecting", "checking", "refreshing", "waiting"]

BYTES_PER_WORK = 700
"""Compressed and in full pages, about: for estimates only."""


@dataclass(frozen=True)
class Progress:
    """How a run stands, handed to the `progress` callback after each answer and before waits."""

    phase: Phase
    """checking: sweeping for what changed meanwhile; waiting: something failed, see `note`."""
    stored: int
    """Works of this query in the database."""
    read: int
    """Works received in this pass, those the query did not accept included."""
    matching: int
    """Works the service says match, 0 before its first answer; may be hours old."""
    requests: int
    """Sent by this run, retries included."""
    received_bytes: int
    elapsed_seconds: float
    seconds_left: float | None
    """None while nothing can be said."""
    note: str = ""
    """What happened, one printable line: the reason of a wait, or what could not be collected."""


@dataclass(frozen=True)
class FetchResult:
    """How a run ended and what it did."""

    outcome: Literal["finished", "limit", "interrupted"]
    """finished: every work that matched throughout is stored, but for `warnings`."""
    stored: int
    """Works of this query in the database now."""
    new: int
    changed: int
    refreshed: int
    """Works older than two weeks that were asked for again."""
    deleted: int
    """Works older than two weeks that the service has no more."""
    unreadable: int
    """Elements that stayed null or broken when asked for again."""
    requests: int
    received_bytes: int
    seconds: float
    warnings: tuple[str, ...]
    """What could not be collected and why, one line each; empty when all is well."""


@dataclass(frozen=True)
class Estimate:
    """What a run would do, from one request."""

    start: Literal["new", "resume", "update"]
    """From nothing, from where an unfinished crawl stopped, or for what changed since."""
    works: int
    """Works to receive; `min_points` is applied on arrival only, so fewer may be stored."""
    requests: int
    megabytes: float
    seconds: float
    """At this delay and with the answering time of the one request."""
    days: int
    """Days it takes with the daily allowance, at the least 1."""


def fetch(
    path: str | Path,
    query: Query | None = None,
    manners: Manners | None = None,
    *,
    limit: int | None = None,
    accept_terms: bool = False,
    progress: Callable[[Progress], None] | None = None,
    clock: Callable[[], float] = time.time,
) -> FetchResult:
    """Collect every work that matches `query` into the SQLite database at `path`.

    Goes on where the last run with an equal query stopped; once finished, fetches what changed
    since. Works of any query older than two weeks are then refreshed or deleted. With `limit`,
    stops when the database holds so many works of this query (least recently updated first) and
    goes on from there when called with a higher one. `accept_terms` records that somebody read
    NOTICE and said yes. Ctrl-C ends it within a second, with the outcome "interrupted".

    Raises TermsNotAcceptedError before any request unless the terms are accepted now or were
    before; QuotaReachedError, GaveUpError and ApiError with everything so far kept;
    DatabaseBusyError and StoreError for the database. `clock` gives Unix seconds.
    """
    query, manners = query or Query(), manners or Manners()
    if limit is not None and limit < 1:
        raise QueryError("limit must be at least 1")
    with open_store(Path(path), clock) as store:
        if accept_terms:
            store.accept_terms()
        store.require_terms()
        crawl_id, saved = store.crawl(query, manners.endpoint)
        crawl = resume(saved, query, int(clock()))
        gate = store.ledger(manners.endpoint, manners.daily_requests, manners.daily_megabytes)
        run = _Run(manners, gate, limit, crawl, store.held(crawl_id), progress)
        outcome: Literal["finished", "limit", "interrupted"]
        try:
            crawl = collect(
                store,
                crawl_id,
                crawl,
                query,
                run.client.get,
                page_size=manners.page_size,
                limit=limit,
                clock=clock,
                tally=run.tally,
                report=run.answered,
                warn=run.warn,
            )
            refresh(store, manners.endpoint, run.client.get, run.tally, run.refreshed)
            outcome = "finished" if crawl.finished else "limit"
        except KeyboardInterrupt:
            outcome = "interrupted"
        finally:
            run.client.close()
        return run.result(outcome, stored=store.held(crawl_id))


class _Run:
    """One call of `fetch`: what it has done so far, and telling about it."""

    def __init__(
        self,
        manners: Manners,
        gate: Gate,
        limit: int | None,
        crawl: Crawl,
        stored: int,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._manners, self._limit, self._crawl = manners, limit, crawl
        self._progress = progress
        self._started = time.monotonic()
        self._warnings: list[str] = []
        self.tally = Tally(stored=stored)
        self.client = Client(manners, gate, self._waiting)

    def answered(self, crawl: Crawl) -> None:
        self._crawl = crawl
        self._tell("checking" if crawl.sweep else "collecting")

    def refreshed(self) -> None:
        self._tell("refreshing")

    def warn(self, note: str) -> None:
        self._warnings.append(note)
        self._tell("collecting", note)

    def _waiting(self, reason: str, seconds: float) -> None:
        self._tell("waiting", f"{reason}; again in {seconds:.1f} s")

    def _tell(self, phase: Phase, note: str = "") -> None:
        if self._progress is None:
            return
        tally, crawl = self.tally, self._crawl
        elapsed = time.monotonic() - self._started
        left = None
        if tally.answers:
            left = self._answers_left() * elapsed / tally.answers
        self._progress(
            Progress(
                phase=phase,
                stored=tally.stored,
                read=crawl.read,
                matching=crawl.matching,
                requests=self.client.sent,
                received_bytes=self.client.received,
                elapsed_seconds=elapsed,
                seconds_left=left,
                note=note,
            )
        )

    def _answers_left(self) -> float:
        """Roughly: full pages for what is left, and one for the sweep at the end."""
        crawl = self._crawl
        if crawl.finished or crawl.sweep:
            return float(not crawl.finished)
        left = max(0, crawl.matching - crawl.read)
        if self._limit is not None:
            left = min(left, max(0, self._limit - self.tally.stored))
        return left / self._manners.page_size + 1

    def result(self, outcome: Literal["finished", "limit", "interrupted"], stored: int) -> FetchResult:
        return FetchResult(
            outcome=outcome,
            stored=stored,
            new=self.tally.new,
            changed=self.tally.changed,
            refreshed=self.tally.refreshed,
            deleted=self.tally.deleted,
            unreadable=self.tally.unreadable,
            requests=self.client.sent,
            received_bytes=self.client.received,
            seconds=time.monotonic() - self._started,
            warnings=tuple(self._warnings),
        )


def estimate(
    path: str | Path,
    query: Query | None = None,
    manners: Manners | None = None,
    *,
    limit: int | None = None,
    accept_terms: bool = False,
    clock: Callable[[], float] = time.time,
) -> Estimate:
    """What `fetch` with the same arguments would do: one request, no works stored.

    The request counts towards the day's allowance, which is why it needs the database, the
    terms and the lock just as `fetch` does; raises what `fetch` raises.
    """
    query, manners = query or Query(), manners or Manners()
    with open_store(Path(path), clock) as store:
        if accept_terms:
            store.accept_terms()
        store.require_terms()
        crawl_id, saved = store.crawl(query, manners.endpoint)
        crawl = resume(saved, query, int(clock()))
        stored = store.held(crawl_id)
        gate = store.ledger(manners.endpoint, manners.daily_requests, manners.daily_megabytes)
        client = Client(manners, gate)
        parameters = {
            **query.parameters(),
            "of": "n",
            "lim": "1",
            "lastup": f"{crawl.frontier.cursor}-{query.ceiling}",
        }
        started = time.monotonic()
        works = client.get(parameters).allcount
        latency = time.monotonic() - started
        client.close()
    again = saved is not None and crawl.began == saved["began"]
    start: Literal["new", "resume", "update"] = "new"
    if saved is not None and again:
        start = "update" if saved["finished"] else "resume"
    if limit is not None:
        works = min(works, max(0, limit - stored)) if start != "update" else works
    # Windows and ties cost a few in a hundred, the check at the end a request or more.
    requests = math.ceil(1.05 * works / manners.page_size) + 2
    megabytes = works * BYTES_PER_WORK / MEGABYTE
    by_quota = max(requests / manners.daily_requests, megabytes / manners.daily_megabytes)
    return Estimate(
        start=start,
        works=works,
        requests=requests,
        megabytes=megabytes,
        seconds=requests * (manners.delay_seconds + latency),
        days=max(1, math.ceil(by_quota)),
    )


def terms_accepted(path: str | Path) -> bool:
    """Whether the current text of NOTICE was accepted for the database at `path`.

    False where there is no database yet. Raises StoreError for a file that is something else.
    """
    return any(c.version == NOTICE.version for c in consents(path))


def prune(path: str | Path) -> int:
    """Delete works fetched more than two weeks ago and nothing else; how many there were.

    Raises StoreError where there is no such database, DatabaseBusyError during a fetch.
    """
    check_collection(path)  # before anything is written
    with open_store(Path(path)) as store:
        return store.prune()
