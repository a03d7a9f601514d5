"""Reading a collected database: never writes, never blocks a crawl that is under way."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from scraper.errors import StoreError, plain
from scraper.query import GENRES
from scraper.store import APPLICATION_ID, COLUMNS, MAX_AGE_SECONDS, SCHEMA_VERSION
from scraper.work import Work


@dataclass(frozen=True)
class Consent:
    """That somebody accepted the notice: which version of its text, and when (Unix seconds)."""

    version: str
    accepted_at: int


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram: `count` works whose value lies in `low` to `high`, both included."""

    low: int
    high: int
    count: int


@dataclass(frozen=True)
class GenreCount:
    code: int
    name: str
    """The Japanese name, empty for a genre this version does not know."""
    count: int


@dataclass(frozen=True)
class CrawlState:
    """One query that was collected into the database."""

    query: str
    endpoint: str
    works: int
    """Works it was the last to see; another query may have seen some of its works since."""
    finished: bool


@dataclass(frozen=True)
class Summary:
    """What a database holds. Times are Unix seconds, 0 where there is no work."""

    works: int
    authors: int
    expired: int
    """Works fetched more than two weeks ago, due for `fetch` or `prune`."""
    oldest_fetch: int
    newest_fetch: int
    genres: tuple[GenreCount, ...]
    """Most frequent first."""
    kinds: tuple[tuple[str, int], ...]
    """short, ongoing, complete with their counts, most frequent first."""
    title_lengths: tuple[Bar, ...]
    """In characters, five wide; bars without works are included, up to the longest."""
    story_lengths: tuple[Bar, ...]
    """In characters, a hundred wide."""
    lengths: tuple[Bar, ...]
    """Of the works themselves in characters: 0, 1 to 9, 10 to 99, and so on."""
    points: tuple[Bar, ...]
    """0, 1 to 9, 10 to 99, and so on."""
    crawls: tuple[CrawlState, ...]
    consents: tuple[Consent, ...]


def is_collection(path: str | Path) -> bool:
    """Whether `path` is a database of this package, such as `fetch` makes."""
    try:
        check_collection(path)
    except StoreError:
        return False
    return True


def check_collection(path: str | Path) -> None:
    """Raises StoreError, which says why, unless `path` is a database such as `fetch` makes."""
    with _open(Path(path)):
        pass


def iter_works(path: str | Path) -> Iterator[Work]:
    """Every work in the database, in the order of ncodes, a few at a time.

    Raises StoreError for a file that is no such database.
    """
    with _open(Path(path)) as connection:
        for row in connection.execute(f"SELECT {COLUMNS} FROM works ORDER BY ncode"):
            values = dict(zip(COLUMNS.split(", "), row, strict=True))
            values["keywords"] = tuple(values["keywords"].split())
            values["flags"] = tuple(values["flags"].split())
            yield Work(**values)


def consents(path: str | Path) -> tuple[Consent, ...]:
    """The acknowledgements of the terms that the database records, the latest first.

    Empty where nobody accepted, or no such database exists yet. Raises StoreError for a file
    that is something else.
    """
    if not Path(path).exists():
        return ()
    with _open(Path(path)) as connection:
        rows = connection.execute("SELECT version, accepted_at FROM consents ORDER BY accepted_at DESC")
        return tuple(Consent(*row) for row in rows)


def summarize(path: str | Path) -> Summary:
    """Counts and histograms over the whole database: some seconds for a million works.

    Raises StoreError for a file that is no such database.
    """
    with _open(Path(path)) as connection:
        connection.execute("BEGIN")  # one snapshot, even while a crawl writes

        def pairs(sql: str) -> list[tuple[int, int]]:
            return connection.execute(sql).fetchall()

        works, authors, oldest, newest = connection.execute(
            "SELECT count(*), count(DISTINCT nullif(userid, 0)),"
            " coalesce(min(fetched_at), 0), coalesce(max(fetched_at), 0) FROM works"
        ).fetchone()
        (expired,) = connection.execute(
            "SELECT count(*) FROM works WHERE fetched_at < ?", (int(time.time()) - MAX_AGE_SECONDS,)
        ).fetchone()
        by = "SELECT {0}, count(*) FROM works GROUP BY 1"
        return Summary(
            works=works,
            authors=authors,
            expired=expired,
            oldest_fetch=oldest,
            newest_fetch=newest,
            genres=tuple(
                GenreCount(code, GENRES.get(code, ""), count)
                for code, count in pairs(by.format("genre") + " ORDER BY 2 DESC, 1")
            ),
            kinds=tuple(connection.execute(by.format("kind") + " ORDER BY 2 DESC, 1").fetchall()),
            title_lengths=_bars(pairs(by.format("length(title) / 5")), 5),
            story_lengths=_bars(pairs(by.format("length(story) / 100")), 100),
            lengths=_decades(pairs(by.format('iif("length" > 0, length("length"), 0)'))),
            points=_decades(pairs(by.format("iif(points > 0, length(points), 0)"))),
            crawls=_crawls(connection),
            consents=tuple(
                Consent(*row)
                for row in connection.execute(
                    "SELECT version, accepted_at FROM consents ORDER BY accepted_at DESC"
                )
            ),
        )


def _crawls(connection: sqlite3.Connection) -> tuple[CrawlState, ...]:
    rows = connection.execute(
        "SELECT query, endpoint, (SELECT count(*) FROM works WHERE crawl = crawls.id),"
        " coalesce(json_extract(progress, '$.finished'), 0) FROM crawls ORDER BY id"
    )
    return tuple(CrawlState(q, e, n, bool(finished)) for q, e, n, finished in rows)


def _bars(counts: list[tuple[int, int]], width: int) -> tuple[Bar, ...]:
    by_bin = dict(counts)
    last = max(by_bin, default=-1)
    return tuple(Bar(i * width, (i + 1) * width - 1, by_bin.get(i, 0)) for i in range(last + 1))


def _decades(counts: list[tuple[int, int]]) -> tuple[Bar, ...]:
    by_digits = dict(counts)
    last = max(by_digits, default=-1)
    return tuple(Bar(10 ** (d - 1) if d else 0, 10**d - 1, by_digits.get(d, 0)) for d in range(last + 1))


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    name = plain(str(path))
    if not path.is_file():
        raise StoreError(f"No database at {name}. Collect one with `narou-gen fetch --db {name}`")
    try:
        uri = path.resolve().as_uri() + "?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=10, isolation_level=None)) as reader:
            (application,) = reader.execute("PRAGMA application_id").fetchone()
            (version,) = reader.execute("PRAGMA user_version").fetchone()
            if application != APPLICATION_ID:
                raise StoreError(f"{name} was not made by `narou-gen fetch`")
            if version != SCHEMA_VERSION:
                raise StoreError(
                    f"{name} has format {version}, this version knows {SCHEMA_VERSION}. Update narou-gen"
                )
            yield reader
    except sqlite3.Error as error:
        raise StoreError(f"Cannot read {name} as a database: {error}") from error
