"""How many requests, and how much memory, collecting all of Narou takes: a simulation, no HTTP.

    python benchmarks/crawl_simulation.py [--works 1100000] [--seed 0] [--seconds-per-request 1.5]

The service is simulated with as many works as it has, updated as people write: more every year,
in the evening, scheduled for the full hour, and going on while the crawl runs (some works even
move back, because their newest chapter is deleted). Answers are JSON bytes, parsed and stored by
the code that `narou-gen fetch` runs; only the network is missing. The works are invented.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from scraper.crawl import Crawl, Tally, collect
from scraper.page import Page, parse_page
from scraper.query import Query
from scraper.reader import iter_works
from scraper.store import open_store
from scraper.work import format_jst

NOW = 1_775_000_000
DAY = 86_400
YEARS = 20
# Share of a day's updates by hour, JST: quiet at four, most between eighteen and midnight.
HOURS = (6, 4, 2, 1, 1, 2, 3, 5, 4, 4, 4, 5, 7, 5, 4, 4, 5, 7, 9, 9, 10, 10, 9, 8)


class Service:
    """Works by the second of their last update, as numbers only: texts are made when asked for."""

    def __init__(self, works: int, seed: int, seconds_per_request: float) -> None:
        self._rng = random.Random(seed)
        self._step = seconds_per_request
        self.now = float(NOW)
        self.requests = 0
        keys = array("q", (self._moment() for _ in range(works)))
        self._keys = array("q", sorted(keys))
        self._left: list[int] = []
        """Places in `_keys` whose work has moved, ascending."""
        self._moved: list[tuple[int, int]] = []
        """(second, number) of works that moved or are new, ascending."""
        self._revised: dict[int, int] = {}
        self._count = works

    def _moment(self) -> int:
        """One last update: half of them in the last fifth of the time, some in these days."""
        rng, share = self._rng, self._rng.random()
        days = rng.expovariate(1 / 5) if share < 0.05 else YEARS * 365 * (1 - share**0.6)
        midnight = NOW - int(min(days, YEARS * 365)) * DAY
        midnight -= (midnight + 9 * 3600) % DAY
        hour = rng.choices(range(24), HOURS)[0] * 3600
        # A third is scheduled, and comes out in the first seconds of an hour.
        within = int(rng.expovariate(0.5)) if rng.random() < 0.35 else rng.randrange(3600)
        moment = midnight + hour + within
        return moment if moment < NOW else moment - DAY

    def ask(self, parameters: Mapping[str, str]) -> Page:
        self.requests += 1
        self.now += self._step
        self._live()
        low, high = map(int, parameters["lastup"].split("-"))
        since = int(parameters.get("lastupdate", "0-0").split("-")[0])
        start, limit = int(parameters.get("st", "1")) - 1, int(parameters["lim"])
        first, last = bisect_left(self._keys, low), bisect_right(self._keys, high)
        recent = self._moved[bisect_left(self._moved, (low, 0)) : bisect_right(self._moved, (high + 1, -1))]
        if since:
            first = max(first, bisect_left(self._keys, since))
            edited = [(self._keys[n], n) for n in self._revised if n < len(self._keys)]
            recent += [(k, n) for k, n in edited if low <= k <= high and not self._gone(n) and k < since]
            recent.sort()
        count = last - first - (bisect_left(self._left, last) - bisect_left(self._left, first)) + len(recent)
        rows, place = [], first
        while place < last and len(rows) < start + limit:
            if not self._gone(place):
                rows.append((self._keys[place], place))
            place += 1
        rows = sorted(rows + recent)[start : start + limit]
        stale = count if count < 1000 else int(count * self._rng.uniform(0.99, 1.0))
        body = json.dumps([{"allcount": stale}, *(self._item(k, n) for k, n in rows)])
        return parse_page(body.encode())

    def _gone(self, place: int) -> bool:
        found = bisect_left(self._left, place)
        return found < len(self._left) and self._left[found] == place

    def _live(self) -> None:
        """What authors did since the last request: about one update every two seconds."""
        rng = self._rng
        for _ in range(int(rng.random() < 0.5) + int(self._step / 2)):
            number, now = rng.randrange(len(self._keys)), int(self.now)
            act = rng.random()
            if act < 0.05:  # a new work
                self._moved.append((now, self._count))
                self._revised[self._count] = now
                self._count += 1
            elif self._gone(number):
                continue
            elif act < 0.15:  # the synopsis is edited, the date of the last chapter stays
                self._revised[number] = now
            else:  # a new chapter, or the newest one deleted
                insort(self._left, number)
                insort(self._moved, (self._keys[number] - 30 * DAY if act > 0.99 else now, number))
                self._revised[number] = now

    def _item(self, key: int, number: int) -> dict[str, object]:
        revised = self._revised.get(number, key)
        return {
            "ncode": f"N{number % 10_000:04d}{_letters(number // 10_000)}",
            "title": f"発明された作品の長めの題名、その{number}",
            "story": f"{number}番目の作品のあらすじ。\n" + "灯台の番人は今日も手紙を待っている。" * 8,
            "keyword": "冒険 ほのぼの 魔法",
            "biggenre": 2,
            "genre": 201,
            "global_point": number % 5000,
            "length": 100 + number % 300_000,
            "noveltype": 1 + number % 2,
            "end": 0,
            "userid": number // 4,
            "general_firstup": format_jst(key - 90 * DAY),
            "general_lastup": format_jst(key),
            "novelupdated_at": format_jst(revised),
        }


def _letters(number: int) -> str:
    return chr(65 + number // 26) + chr(65 + number % 26)


def _forget_peak() -> None:
    """Start counting peak memory anew, where the system can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_megabytes() -> float:
    with suppress(OSError):
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--works", type=int, default=1_100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds-per-request", type=float, default=1.5)
    options = parser.parse_args()
    service = Service(options.works, options.seed, options.seconds_per_request)
    _forget_peak()
    before, started, query = _peak_megabytes(), time.perf_counter(), Query()
    clock, tally, faults = (lambda: service.now), Tally(), []

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "narou.db"
        with open_store(path, clock) as store:
            crawl_id, _ = store.crawl(query, "simulation")
            collect(
                store,
                crawl_id,
                Crawl.begin(query, NOW),
                query,
                service.ask,
                page_size=500,
                limit=None,
                clock=clock,
                tally=tally,
                report=lambda crawl: None,
                warn=faults.append,
            )
        peak = _peak_megabytes()
        seconds = time.perf_counter() - started
        size = path.stat().st_size / 1e6
        # The works there from the beginning; those published meanwhile have higher numbers.
        there = {_number(w.ncode) for w in iter_works(path)}
        missing = options.works - sum(n in there for n in range(options.works))
    least = options.works / 500
    print(f"works                {options.works:>12,}   (those stored: {tally.stored:,})")
    print(f"requests             {service.requests:>12,}")
    print(f"  against works/500  {service.requests / least:>12.3f}")
    print(f"missing works        {missing:>12,}")
    print(f"given up             {len(faults):>12,}")
    print(f"peak memory          {peak:>12.0f} MB, of which {before:.0f} MB before the first request")
    print(f"database             {size:>12.0f} MB")
    print(f"time here            {seconds:>12.0f} s; at {options.seconds_per_request} s a request, ", end="")
    print(f"{service.requests * options.seconds_per_request / 3600:.2f} h")
    if missing or faults:
        raise SystemExit("The crawl was not complete")


def _number(ncode: str) -> int:
    first, second = ncode[5:]
    return int(ncode[1:5]) + 10_000 * (26 * (ord(first) - 65) + ord(second) - 65)


if __name__ == "__main__":
    main()
