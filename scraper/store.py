"""The SQLite file: works, how far each crawl has come, the day's requests, and consent.

Works and the progress that accounts for them are written in one transaction, so a kill at any
moment leaves a file that the next run can go on from. The file is in WAL mode: it can be read
while a crawl writes.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scraper.errors import DatabaseBusyError, StoreError, TermsNotAcceptedError, plain
from scraper.ledger import Ledger
from scraper.query import Query
from scraper.terms import NOTICE
from scraper.work import Work

MAX_AGE_SECONDS = 14 * 24 * 3600
"""The service: cached data is to be refreshed or deleted within two weeks at the longest."""

APPLICATION_ID = 0x4E61726F  # "Naro"
SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE works (
    ncode TEXT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    story TEXT NOT NULL,
    keywords TEXT NOT NULL,          -- separated by single spaces
    biggenre INTEGER NOT NULL,
    genre INTEGER NOT NULL,
    points INTEGER NOT NULL,
    length INTEGER NOT NULL,         -- characters of the work
    kind TEXT NOT NULL,              -- short, ongoing, complete
    flags TEXT NOT NULL,             -- separated by single spaces
    userid INTEGER NOT NULL,
    first_published INTEGER NOT NULL,  -- this and all other times: Unix seconds
    last_updated INTEGER NOT NULL,
    revised INTEGER NOT NULL,
    fetched_at INTEGER NOT NULL,
    crawl INTEGER NOT NULL REFERENCES crawls (id)  -- the crawl that last saw it
);
CREATE INDEX works_by_crawl_and_age ON works (crawl, fetched_at);
CREATE TABLE crawls (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    query TEXT NOT NULL,             -- for people
    progress TEXT,                   -- JSON, NULL before the first answer
    began INTEGER NOT NULL DEFAULT 0,  -- of the last pass over everything
    UNIQUE (digest, endpoint)
);
CREATE TABLE days (
    endpoint TEXT NOT NULL PRIMARY KEY,
    started REAL NOT NULL,
    requests INTEGER NOT NULL,
    received INTEGER NOT NULL,
    largest INTEGER NOT NULL,
    last REAL NOT NULL
);
CREATE TABLE consents (
    version TEXT NOT NULL PRIMARY KEY,
    accepted_at INTEGER NOT NULL
);
"""
COLUMNS = (
    "ncode, title, story, keywords, biggenre, genre, points, length, kind, flags, userid, "
    "first_published, last_updated, revised, fetched_at"
)


@dataclass(frozen=True)
class Saved:
    """What one answer did to the database."""

    new: int = 0
    """Works that were not in the database at all."""
    changed: int = 0
    """Works whose stored version was replaced by one revised later."""
    gained: int = 0
    """Works this crawl had not seen before, whoever stored them."""
    left_out: int = 0
    """Works over the limit, which were not stored."""


class Store:
    """The one process that writes to a database, from `open_store` until it is closed."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock

    def accept_terms(self) -> None:
        """Record that somebody said yes to the current text of the notice, now."""
        self._connection.execute(
            "INSERT OR IGNORE INTO consents (version, accepted_at) VALUES (?, ?)",
            (NOTICE.version, int(self._clock())),
        )

    def require_terms(self) -> None:
        """Raises TermsNotAcceptedError unless the current text of the notice was accepted."""
        found = self._connection.execute(
            "SELECT 1 FROM consents WHERE version = ?", (NOTICE.version,)
        ).fetchone()
        if found is None:
            raise TermsNotAcceptedError(
                "The service's terms have not been accepted for this database. Read them "
                f"({NOTICE.source}) and say yes, or pass --accept-terms"
            )

    def ledger(self, endpoint: str, daily_requests: int, daily_megabytes: float) -> Ledger:
        """The count of what is asked of `endpoint` through this database."""
        return Ledger(self._connection, endpoint, daily_requests, daily_megabytes, self._clock)

    def crawl(self, query: Query, endpoint: str) -> tuple[int, dict[str, Any] | None]:
        """The number of this query's crawl, and its progress as last saved."""
        key = (query.digest, endpoint)
        self._connection.execute(
            "INSERT OR IGNORE INTO crawls (digest, endpoint, query) VALUES (?, ?, ?)",
            (*key, query.describe()),
        )
        crawl, progress = self._connection.execute(
            "SELECT id, progress FROM crawls WHERE digest = ? AND endpoint = ?", key
        ).fetchone()
        return crawl, json.loads(progress) if progress else None

    def held(self, crawl: int) -> int:
        """Works in the database that this crawl was the last to see."""
        sql = "SELECT count(*) FROM works WHERE crawl = ?"
        return int(self._connection.execute(sql, (crawl,)).fetchone()[0])

    def save(self, crawl: int, works: Sequence[Work], progress: Mapping[str, Any], room: int | None) -> Saved:
        """Store `works` and the crawl's `progress` in one transaction.

        A work that is stored already is replaced only by a version revised as late or later.
        `progress` is plain values with at least `began`, the Unix time at which the pass over
        everything began. With `room`, at most so many works that this crawl had not seen are
        stored; where that leaves some out, `progress` is not saved, for they are still to come.
        """
        known = self._known([w.ncode for w in works])
        kept: list[Work] = []
        gained = left_out = 0
        for work in works:
            if known.get(work.ncode, (0, None))[1] != crawl:
                if room is not None and gained >= room:
                    left_out += 1
                    continue
                gained += 1
            kept.append(work)
        with self._transaction():
            new, changed = self._write(kept, known, crawl)
            if not left_out:
                self._connection.execute(
                    "UPDATE crawls SET progress = ?, began = ? WHERE id = ?",
                    (json.dumps(progress), progress["began"], crawl),
                )
        return Saved(new, changed, gained, left_out)

    def expired(self, endpoint: str, limit: int) -> list[str]:
        """At most `limit` ncodes from `endpoint` that were fetched more than two weeks ago."""
        rows = self._connection.execute(
            "SELECT ncode FROM works WHERE fetched_at < ? AND crawl IN"
            " (SELECT id FROM crawls WHERE endpoint = ?) LIMIT ?",
            (int(self._clock()) - MAX_AGE_SECONDS, endpoint, limit),
        )
        return [ncode for (ncode,) in rows]

    def refresh(self, works: Sequence[Work], gone: Iterable[str]) -> Saved:
        """Store new versions of works that are known, and delete those that are `gone`."""
        known = self._known([w.ncode for w in works])
        with self._transaction():
            new, changed = self._write([w for w in works if w.ncode in known], known, None)
            self._connection.executemany("DELETE FROM works WHERE ncode = ?", [(n,) for n in gone])
        return Saved(new, changed)

    def prune(self) -> int:
        """Delete works fetched more than two weeks ago; how many there were.

        Crawls that may have lost works by it start anew the next time.
        """
        cutoff = int(self._clock()) - MAX_AGE_SECONDS
        with self._transaction():
            sql = "DELETE FROM works WHERE fetched_at < ?"
            deleted = self._connection.execute(sql, (cutoff,)).rowcount
            if deleted:
                self._connection.execute("UPDATE crawls SET progress = NULL WHERE began < ?", (cutoff,))
        if deleted:  # their text stays in the file's free pages until those are given back
            self._connection.execute("VACUUM")
        return deleted

    def _known(self, ncodes: Sequence[str]) -> dict[str, tuple[int, int]]:
        """ncode -> (revised, crawl) of those that are stored."""
        marks = ",".join("?" * len(ncodes))
        sql = f"SELECT ncode, revised, crawl FROM works WHERE ncode IN ({marks})"
        return {n: (revised, crawl) for n, revised, crawl in self._connection.execute(sql, ncodes)}

    def _write(
        self, works: Sequence[Work], known: Mapping[str, tuple[int, int]], crawl: int | None
    ) -> tuple[int, int]:
        now = int(self._clock())
        rows, seen = [], []
        new = changed = 0
        for work in works:
            revised, owner = known.get(work.ncode, (-1, crawl))
            mark = owner if crawl is None else crawl
            new += work.ncode not in known
            changed += -1 < revised < work.revised
            if work.revised >= revised:
                rows.append((*_row(work), now, mark))
            else:  # an older version, from a copy of the service that lags: only its existence
                seen.append((now, mark, work.ncode))
        marks = ",".join("?" * 16)
        self._connection.executemany(
            f"INSERT OR REPLACE INTO works ({COLUMNS}, crawl) VALUES ({marks})", rows
        )
        self._connection.executemany("UPDATE works SET fetched_at = ?, crawl = ? WHERE ncode = ?", seen)
        return new, changed

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:  # Ctrl-C as well: half an answer must never be committed later
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


@contextmanager
def open_store(path: Path, clock: Callable[[], float] = time.time) -> Iterator[Store]:
    """The database at `path`, made where there is none, for this process alone.

    Raises DatabaseBusyError while another process has it open this way, and StoreError where it
    cannot be used; also for any SQLite error until it is closed (a full disk, say).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"Cannot make the folder {path.parent}: {error.strerror}") from error
    try:
        with closing(_lock(path)), closing(connect(path)) as connection:
            create_schema(connection, path)  # first: it leaves other programs' files alone
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            yield Store(connection, clock)
    except sqlite3.Error as error:
        raise StoreError(f"The database {path} failed: {error}. Check the disk and retry") from error


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode that waits ten seconds for a lock."""
    return sqlite3.connect(path, timeout=10, isolation_level=None)


def create_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables in an empty file. Raises StoreError for a file that is not one of ours."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables == 0:
        connection.executescript(
            f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )
        return
    if application != APPLICATION_ID:
        raise StoreError(f"{path} is a database of another program. Choose another file")
    if version != SCHEMA_VERSION:
        raise StoreError(
            f"{path} has format {version}, this version knows {SCHEMA_VERSION}. Update narou-gen"
        )


def _lock(path: Path) -> sqlite3.Connection:
    """A lock that dies with this process, on every system SQLite runs on.

    A file of its own beside the database: an exclusive lock on the database itself would keep
    readers out.
    """
    lock = sqlite3.connect(f"{path}.lock", timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if "locked" not in str(error):
            raise
        raise DatabaseBusyError(
            f"Another process is collecting into {plain(str(path))}. Wait for it, stop it, or "
            "choose another --db"
        ) from error
    return lock


def _row(work: Work) -> tuple[object, ...]:
    return (
        work.ncode,
        work.title,
        work.story,
        " ".join(work.keywords),
        work.biggenre,
        work.genre,
        work.points,
        work.length,
        work.kind,
        " ".join(work.flags),
        work.userid,
        work.first_published,
        work.last_updated,
        work.revised,
    )
