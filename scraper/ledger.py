"""The day's allowance, counted in the database so that a restart cannot forget it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from scraper.errors import QuotaReachedError

DAY_SECONDS = 24 * 3600
MEGABYTE = 1_000_000


class Day(NamedTuple):
    """One window of 24 hours, which begins with its first request. Times are Unix seconds."""

    started: float
    requests: int
    received: int
    """Bytes of bodies as they came over the wire."""
    largest: int
    """Bytes of the largest body, the measure of what one more request may cost."""
    last: float


class Ledger:
    """Counts requests and bytes to one endpoint, and refuses the one that would be too many.

    The service allows 80,000 requests or 400 MB a day, the day being 24 hours from the first
    access. Requests are counted before they are sent and bytes when they have arrived, each in
    a transaction of its own: a kill loses at most the bytes of the answer under way.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        endpoint: str,
        daily_requests: int,
        daily_megabytes: float,
        clock: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._endpoint = endpoint
        self._requests = daily_requests
        self._bytes = daily_megabytes * MEGABYTE
        self._clock = clock

    def today(self) -> Day:
        """The window that a request now would be counted in."""
        now = self._clock()
        row = self._connection.execute(
            "SELECT started, requests, received, largest, last FROM days WHERE endpoint = ?",
            (self._endpoint,),
        ).fetchone()
        if row is None:
            return Day(now, 0, 0, 0, 0.0)
        day = Day(*row)
        if now >= day.started + DAY_SECONDS:
            return Day(now, 0, 0, 0, day.last)
        # A clock that was set back must not lock anybody out for longer than a day.
        return day._replace(started=min(day.started, now), last=min(day.last, now))

    def admit(self) -> None:
        """Count one request, about to be sent.

        Raises QuotaReachedError, having counted nothing, where it could exceed the allowance.
        """
        day = self.today()
        reason = ""
        if day.requests >= self._requests:
            reason = f"{day.requests:,} requests of {self._requests:,} a day are used"
        elif day.received + day.largest > self._bytes:
            used, allowed = day.received / MEGABYTE, self._bytes / MEGABYTE
            reason = f"{used:,.1f} MB of {allowed:,.1f} MB a day are used"
        if reason:
            resume_at = datetime.fromtimestamp(day.started + DAY_SECONDS).astimezone()
            raise QuotaReachedError(
                f"{reason}. Everything collected is kept; run the same command again after "
                f"{resume_at:%Y-%m-%d %H:%M %Z} to go on",
                resume_at,
            )
        self._write(day._replace(requests=day.requests + 1, last=self._clock()))

    def received(self, size: int) -> None:
        """Count the `size` bytes of an answer, complete or not."""
        day = self.today()
        largest = max(day.largest, size)
        self._write(day._replace(received=day.received + size, largest=largest))

    def seconds_since_last(self) -> float:
        """Since the last request of this or an earlier process; infinite where there was none."""
        last = self.today().last
        return max(0.0, self._clock() - last) if last else float("inf")

    def _write(self, day: Day) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO days (endpoint, started, requests, received, largest, last)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (self._endpoint, *day),
        )
