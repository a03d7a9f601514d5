"""`scraper.fetch` against the local server, at that server's time, and what it stored."""

from __future__ import annotations

from pathlib import Path

from narou_server import NarouServer

import scraper
from scraper import FetchResult, Manners, Query, Work


def fetch(path: Path, server: NarouServer, query: Query | None = None, **options) -> FetchResult:
    """`scraper.fetch` without delays, at the world's time, the terms accepted."""
    names = Manners.__dataclass_fields__
    values = {"endpoint": server.endpoint, "delay_seconds": 0, "backoff_seconds": 0.01}
    values |= {name: options.pop(name) for name in [*options] if name in names}
    options = {"accept_terms": True, "clock": lambda: server.world.now} | options
    return scraper.fetch(path, query, Manners(**values), **options)


def stored(path: Path) -> dict[str, Work]:
    return {w.ncode: w for w in scraper.iter_works(path)}
