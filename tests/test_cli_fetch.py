"""`narou-gen fetch` as a user meets it: real processes, a real local server."""

from __future__ import annotations

import math
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from collecting_world import command, fetch, last_line, ncodes, one_line, run, world
from narou_server import NarouServer, settle

import scraper
from scraper.store import open_store


@contextmanager
def fetching(path: Path, server: NarouServer, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command("fetch", "--db", path, "--endpoint", server.endpoint, "--accept-terms", *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def in_terminal(arguments: list[str], question: str, reply: str) -> tuple[int, str, str]:
    """Run with a terminal of 80 columns for stdin and stderr; (exit code, what it shows, stdout)."""
    import fcntl
    import pty
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        arguments,
        stdin=slave,
        stderr=slave,
        stdout=subprocess.PIPE,
        env=os.environ | {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that ^C is a signal
    )
    os.close(slave)
    shown, deadline, pressed = b"", time.monotonic() + 60, math.inf
    assert process.stdout is not None
    try:
        while time.monotonic() < deadline:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    data = os.read(master, 65536)
                except OSError:  # Linux: the other side is closed
                    break
                if not data:
                    break
                shown += data
            if pressed == math.inf and question.encode() in shown:
                os.write(master, reply.encode())
                pressed = time.monotonic()
            elif reply == "\x03" and time.monotonic() - pressed > 5:
                # Python misses a signal that comes just before it waits for input: one presses again.
                os.write(master, reply.encode())
                pressed = time.monotonic()
        else:
            process.kill()
        output = process.stdout.read().decode()
        return process.wait(timeout=30), shown.decode().replace("\r\n", "\n"), output
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        os.close(master)


def test_fetch_collects_sums_up_and_then_asks_for_changes_only(tmp_path: Path) -> None:
    path, narou = tmp_path / "new" / "narou.db", world(1_200)
    with NarouServer(narou).running() as server:
        first = fetch(path, server, "--accept-terms", "--contact", "me@example.com")
        assert first.returncode == 0, first.stderr
        assert "Finished: 1,200 works of this query" in first.stderr and "1,200 new" in first.stderr
        assert scraper.NOTICE.text in first.stderr
        for heading in ("Genre\n", "Length of the work", "Points\n", "ハイファンタジー〔ファンタジー〕"):
            assert heading in first.stdout
        assert "\x1b" not in first.stdout + first.stderr
        assert ncodes(path) == {entry.ncode for entry in narou.entries}
        (agent,) = {request.user_agent for request in server.requests}
        assert agent.startswith("narou-gen/") and "me@example.com" in agent

        settle(narou, narou.entries[:5], to=int(time.time()))
        asked = len(server.requests)
        second = fetch(path, server)  # the terms are on record
        assert second.returncode == 0, second.stderr
        assert "0 new, 5 changed" in second.stderr and scraper.NOTICE.english not in second.stderr
        assert len(server.requests) - asked <= 3


def test_limit_and_filters(tmp_path: Path) -> None:
    path, narou = tmp_path / "narou.db", world(600)
    with NarouServer(narou).running() as server:
        answer = fetch(path, server, "--accept-terms", "--limit", 70)
        assert "Stopped at the limit: 70 works" in answer.stderr and len(ncodes(path)) == 70
        path = tmp_path / "filtered.db"
        filters = ("--genre", 201, "--genre", 302, "--biggenre", 4, "--min-points", 50, "--type", "ter")
        filters += ("--min-length", 300, "--updated-since", "2019-01-01", "--not-keyword", "旅")
        assert fetch(path, server, "--accept-terms", *filters).returncode == 0
    query = scraper.Query(
        genre=(201, 302), biggenre=(4,), min_points=50, type="ter", min_length=300,
        updated_since=date(2019, 1, 1), not_keyword=("旅",),
    )  # fmt: skip
    with NarouServer(narou).running() as server:
        everything = tmp_path / "everything.db"
        fetch(everything, server, "--accept-terms")
    matching = {work.ncode for work in scraper.iter_works(everything) if query.matches(work)}
    assert ncodes(path) == matching and 5 < len(matching) < 100


def test_dry_run_is_one_request_and_says_what_it_counts(tmp_path: Path) -> None:
    path = tmp_path / "narou.db"
    with NarouServer(world(1_200)).running() as server:
        answer = fetch(path, server, "--accept-terms", "--dry-run", "--min-points", 10)
        assert len(server.requests) == 1
    assert answer.returncode == 0, answer.stderr
    assert "1,200 to receive (counted before --min-points" in answer.stdout
    for fact in ("from the beginning", "requests  about 5", "MB", "days"):
        assert fact in answer.stdout
    assert ncodes(path) == set()


def test_without_a_yes_nothing_is_requested(tmp_path: Path) -> None:
    path = tmp_path / "narou.db"
    with NarouServer(world(5)).running() as server:
        for more in ([], ["--dry-run"]):
            answer = fetch(path, server, *more)
            assert "--accept-terms" in last_line(answer)
            assert scraper.NOTICE.text in answer.stderr
        assert server.requests == []
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--delay", "0.1"], 1, "too little for the public service"),
        (["--endpoint", "ftp://example.com"], 1, "is no endpoint"),
        (["--genre", "999"], 1, "No genre 999. Choose from"),
        (["--type", "q"], 1, "No type 'q'"),
        (["--daily-megabytes", "500"], 1, "400 MB a day"),
        (["--updated-since", "2026-02-02", "--updated-until", "2026-02-01"], 1, "Nothing can match"),
        (["--updated-since", "2026-02-30"], 2, "--updated-since"),
        (["--updated-until", "yesterday"], 2, "--updated-until"),
        (["--genre", "fantasy"], 2, "--genre"),
        (["--limit", "0"], 2, "--limit"),
        (["--delay", "nan"], 2, "--delay"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_question(
    tmp_path: Path, arguments: list[str], status: int, said: str
) -> None:
    path = tmp_path / "narou.db"
    answer = run("fetch", "--db", path, *arguments)
    assert answer.returncode == status
    assert said in answer.stderr and "Traceback" not in answer.stderr and answer.stdout == ""
    assert status == 2 or len(answer.stderr.splitlines()) == 1
    assert not path.exists()


def test_a_service_that_fails_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "narou.db"
    with NarouServer(world(5), faults=("429",), fault_share=1.0, retry_after="7200").running() as server:
        with open_store(path) as store:
            store.accept_terms()
        said = one_line(fetch(path, server))
        assert "HTTP 429" in said and "left alone for 7200 s" in said
        server.faults, server.endpoint = (), server.endpoint.replace("novelapi", "nothing")
        assert "HTTP 404" in one_line(fetch(path, server))
    (tmp_path / "other.db").write_bytes(b"not a database")
    assert "as a database" in one_line(fetch(tmp_path / "other.db", server, "--accept-terms"))


def test_ctrl_c_keeps_what_came_and_a_second_process_is_told(tmp_path: Path) -> None:
    path, asked = tmp_path / "narou.db", threading.Event()
    narou = NarouServer(world(1_200), on_request=lambda number: asked.set())
    with narou.running() as server, fetching(path, server, "--delay", "30") as process:
        assert asked.wait(timeout=30)
        while not path.exists() or not ncodes(path):
            time.sleep(0.05)
        assert "Another process is collecting into" in one_line(fetch(path, server))
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
        seconds = time.monotonic() - started
    assert (process.returncode, output) == (130, "")
    assert seconds < 2
    assert "Interrupted: 500 works of this query are in" in errors and "Traceback" not in errors
    assert "the same command goes on from there" in errors.splitlines()[-1]
    assert len(ncodes(path)) == 500


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize(
    ("said", "status"), [("y\n", 0), ("はい\n", 0), ("\n", 1), ("no\n", 1), ("\x03", 130), ("\x04", 1)]
)
def test_the_question_in_a_terminal(tmp_path: Path, said: str, status: int) -> None:
    path = tmp_path / "narou.db"
    with NarouServer(world(600), seconds=0.3).running() as server:  # the bar is drawn ten times a second
        arguments = command("fetch", "--db", path, "--endpoint", server.endpoint, "--delay", 0)
        code, shown, output = in_terminal(arguments, "[y/N] ", said)
        assert (code, bool(server.requests)) == (status, not status)
    assert scraper.NOTICE.english in shown and "Traceback" not in shown
    if status:
        assert output == "" and not path.exists()
    else:
        assert "Points" in output and "Finished: 600 works" in shown.splitlines()[-1]
        bars = [line for line in shown.split("\r") if "Collecting" in line and "500 works" in line]
        assert bars and all("1 req  0.0 MB" in line and "left" in line for line in bars)
