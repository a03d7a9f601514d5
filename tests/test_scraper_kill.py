"""Real processes: killed at any moment, interrupted, and two at once."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from narou_server import SPRING_2026, NarouServer, World, invent

import scraper

ROOT = Path(scraper.__file__).parent.parent
COLLECT = f"""
import sys
import scraper
path, endpoint, page_size, delay, backoff = sys.argv[1:]
manners = scraper.Manners(endpoint=endpoint, page_size=int(page_size), delay_seconds=float(delay),
                          backoff_seconds=float(backoff))
try:
    result = scraper.fetch(path, manners=manners, accept_terms=True, clock=lambda: {SPRING_2026})
except scraper.ScraperError as error:
    sys.exit(f"{{type(error).__name__}}: {{error}}")
print(result.outcome, result.stored)
"""


@contextmanager
def collecting(
    path: Path, server: NarouServer, *, page_size: int = 500, delay: float = 0, backoff: float = 0.01
) -> Iterator[subprocess.Popen[str]]:
    arguments = [str(path), server.endpoint, str(page_size), str(delay), str(backoff)]
    process = subprocess.Popen(
        [sys.executable, "-c", COLLECT, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def rows(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute("SELECT * FROM works ORDER BY ncode").fetchall()


@pytest.mark.slow
def test_fifty_kills_end_like_no_kill_at_all(tmp_path: Path) -> None:
    rng, entries = random.Random(8), invent(1_000)
    reference, killed = tmp_path / "reference.db", tmp_path / "killed.db"
    with NarouServer(World(entries)).running() as server:
        with collecting(reference, server, page_size=12) as process:
            assert process.communicate(timeout=60)[0] == "finished 1000\n"
        least = len(server.requests)

    arrived = threading.Condition()

    def announce(number: int) -> None:
        with arrived:
            arrived.notify_all()

    kept = 0
    with NarouServer(World(entries), on_request=announce, seconds=0.002).running() as server:
        for _ in range(50):
            more = rng.choice((1, 1, 2, 3))
            with collecting(killed, server, page_size=12) as process, arrived:
                seen = len(server.requests) + more
                assert arrived.wait_for(lambda n=seen: len(server.requests) >= n, timeout=30)
                # From before the answer to well after it is stored.
                time.sleep(rng.uniform(0, 0.02))
                process.send_signal(signal.SIGKILL)
                assert process.wait(timeout=10) == -signal.SIGKILL
            now = len(rows(killed)) if killed.exists() else 0
            assert now >= kept, "a kill lost what was stored"
            kept = now
        with collecting(killed, server, page_size=12) as process:
            assert process.communicate(timeout=60)[0] == "finished 1000\n"
        # Each kill repeats the one request under way, and no more.
        assert len(server.requests) <= least + 50
    assert rows(killed) == rows(reference)


@pytest.mark.parametrize("moment", ["answer", "delay", "backoff"])
def test_ctrl_c_ends_within_a_second_with_what_was_kept(tmp_path: Path, moment: str) -> None:
    path, asked = tmp_path / "narou.db", threading.Event()
    server = NarouServer(World(invent(1_200)))

    def on_request(number: int) -> None:
        if number == 2 or moment == "delay":
            server.seconds = 20.0 if moment == "answer" else 0.0
            server.faults, server.fault_share = ("500",), 1.0
            asked.set()
        elif moment == "backoff":
            server.faults, server.fault_share = ("500",), 1.0

    server.on_request = on_request
    with server.running(), collecting(path, server, delay=30 * (moment == "delay"), backoff=60) as process:
        assert asked.wait(timeout=20)
        time.sleep(0.5)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
        seconds = time.monotonic() - started
    assert (output, errors) == ("interrupted 500\n", "")
    assert seconds < 1
    assert len(rows(path)) == 500


def test_a_second_process_is_told_and_the_lock_dies_with_the_first(tmp_path: Path) -> None:
    path, asked = tmp_path / "narou.db", threading.Event()
    with NarouServer(World(invent(5)), seconds=3.0, on_request=lambda n: asked.set()).running() as server:
        with collecting(path, server) as first:
            assert asked.wait(timeout=20)
            with collecting(path, server) as second:
                _, errors = second.communicate(timeout=20)
            assert second.returncode == 1
            assert errors.startswith("DatabaseBusyError: Another process is collecting into")
            first.send_signal(signal.SIGKILL)
            first.wait(timeout=10)
        server.seconds = 0.0
        with collecting(path, server) as third:
            assert third.communicate(timeout=20)[0] == "finished 5\n"
