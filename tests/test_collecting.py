"""`narou-gen fetch`, `pairs` and `works` as a user meets them: real processes, a real local server."""

from __future__ import annotations

import json
import math
import os
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from narou_server import DAY, NarouServer, World, invent, settle

import scraper
from narou_gen.collecting import FetchDisplay, charts, clock, plot
from narou_gen.data import clean_pairs
from narou_gen.report import as_lines
from narou_gen.sources import read_pairs
from narou_gen.text import clean_title
from scraper.store import open_store

NOW = int(time.time())  # the commands ask the machine's clock
ODD = (
    ("=1+1", '"引用", と\n改行。\u2028区切り線と\u00a0空白のある、どこかの町の物語。', "a,b 'c'"),
    (
        "1984",
        "数字だけの題名を持つ、ある町の記録。&quot;約束&quot;は<守られる>。",
        "&amp;nbsp;青&amp;nbsp;空 海",
    ),
    ("絵文字🐈‍⬛の町", "𠮷野家の猫が🐈‍⬛町を歩く話。\t\\n はそのまま、末尾は逆斜線 \\", ""),
)


def world(count: int = 300) -> World:
    entries = invent(count, until=NOW - DAY)
    for entry, (title, story, keyword) in zip(entries, ODD, strict=False):
        entry.title, entry.story, entry.keyword = title, story, keyword
    return World(entries, now=NOW)


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "narou_gen", *map(str, arguments)]


def run(*arguments: object, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=os.environ | environment,
        timeout=120,
        check=False,
    )


def fetch(path: Path, server: NarouServer, *arguments: object) -> subprocess.CompletedProcess[str]:
    return run("fetch", "--db", path, "--endpoint", server.endpoint, "--delay", "0", *arguments)


def last_line(answer: subprocess.CompletedProcess[str]) -> str:
    assert (answer.returncode, answer.stdout) == (1, ""), answer.stderr
    assert "Traceback" not in answer.stderr
    return answer.stderr.splitlines()[-1]


def one_line(answer: subprocess.CompletedProcess[str]) -> str:
    assert len(answer.stderr.splitlines()) == 1, answer.stderr
    return last_line(answer)


def ncodes(path: Path) -> set[str]:
    return {work.ncode for work in scraper.iter_works(path)}


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of 300 works, some of them odd."""
    path = tmp_path_factory.mktemp("collected") / "narou.db"
    with NarouServer(world()).running() as server:
        manners = scraper.Manners(endpoint=server.endpoint, delay_seconds=0)
        assert scraper.fetch(path, manners=manners, accept_terms=True).new == 300
    return path


@pytest.fixture
def unaccepted(tmp_path: Path) -> Path:
    """A database for which nobody accepted the terms."""
    with open_store(tmp_path / "unaccepted.db"):
        return tmp_path / "unaccepted.db"


# fetch


@pytest.mark.parametrize("name", ["fetch", "pairs", "works"])
def test_help_imports_nothing_heavy(name: str) -> None:
    code = (
        f"import sys; from narou_gen.cli import main; sys.argv = ['narou-gen', '{name}', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'requests', 'matplotlib', 'pyarrow', 'scraper'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stderr.strip() == "[]"
    assert "Usage: narou-gen" in answer.stdout


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


def event(**values: object) -> scraper.Progress:
    usual = {"phase": "collecting", "stored": 400, "read": 500, "matching": 2_000, "requests": 1}
    usual |= {"received_bytes": 300_000, "elapsed_seconds": 1.0, "seconds_left": 3.0}
    return scraper.Progress(**(usual | values))  # type: ignore[arg-type]


def test_a_log_gets_warnings_at_once_and_a_line_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    with FetchDisplay(limit=1_000) as display:
        display.update(event())
        display.update(event(phase="waiting", note="HTTP 500 [red]x[/]; again in 2.0 s", elapsed_seconds=2.0))
        display.update(event(note="one second holds 3,000 works [bold]"))
        display.update(event(phase="waiting", note="HTTP 503 [/]", elapsed_seconds=61.0, read=1_100))
        display.update(event(elapsed_seconds=62.0, seconds_left=None))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "Warning: one second holds 3,000 works [bold]",
        "Waiting: 400 works  1 req  0.3 MB  10/s  0:00:03 left (HTTP 503 [/])",
    ]
    assert [clock(None), clock(59.6), clock(360_061)] == ["-:--:--", "0:01:00", "100:01:01"]


# pairs


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_pairs_read_back_as_training_would_have_read_the_database(
    collected: Path, tmp_path: Path, suffix: str
) -> None:
    output = tmp_path / "new" / f"pairs.{suffix}"
    answer = run("pairs", collected, "-o", output)
    assert answer.returncode == 0, answer.stderr
    left_out: Counter[str] = Counter()
    expected = [
        # In every format keywords hold no space, because CSV parts them by spaces.
        replace(pair, keywords=tuple(" ".join(pair.keywords).split()))
        for pair in clean_pairs(read_pairs(str(collected)), left_out)
    ]
    assert list(read_pairs(str(output))) == expected
    assert {pair.title for pair in expected} > {clean_title(title) for title, _, _ in ODD}
    assert all(pair.genre and pair.author and pair.id for pair in expected)
    assert answer.stderr.splitlines()[:2] == [scraper.REMINDER, f"{len(expected)} pairs in {output}"]
    for reason, count in left_out.items():
        assert f"left out {count}: {reason}" in answer.stderr
    assert answer.stdout == "" and [file.name for file in output.parent.iterdir()] == [output.name]


def test_pairs_are_filtered_and_limited(collected: Path, tmp_path: Path) -> None:
    output, query = tmp_path / "pairs.jsonl", scraper.Query(genre=(201, 302), min_points=100, min_length=500)
    filters = ("--genre", 201, "--genre", 302, "--min-points", 100, "--min-length", 500)
    answer = run("pairs", collected, "-o", output, *filters)
    wanted = {work.ncode for work in scraper.iter_works(collected) if query.matches(work)}
    found = [pair.id for pair in read_pairs(str(output))]
    assert len(found) > 1 and set(found) <= wanted
    assert f"left out {300 - len(wanted)}: outside the filters" in answer.stderr
    assert run("pairs", collected, "-o", output, "--limit", 7).returncode == 0
    assert len(list(read_pairs(str(output)))) == 7


def test_pairs_that_cannot_be_written_leave_the_old_file_alone(
    collected: Path, unaccepted: Path, tmp_path: Path
) -> None:
    output = tmp_path / "pairs.jsonl"
    output.write_text("old", "utf-8")
    for database, arguments, said in (
        (unaccepted, ["-o", output], f"narou-gen fetch --db {unaccepted}"),
        (tmp_path / "nowhere.db", ["-o", output], "No database at"),
        (output, ["-o", tmp_path / "other.jsonl"], "as a database"),
        (collected, ["-o", output, "--min-points", 2**31 - 1], "(300 outside the filters)"),
        (collected, ["-o", output, "--genre", 5], "No genre 5"),
        (collected, ["-o", tmp_path / "pairs.txt"], ".jsonl, .csv, .parquet"),
        (collected, ["-o", output / "below.csv"], "Cannot write"),
    ):
        assert said in one_line(run("pairs", database, *arguments)), arguments
    assert output.read_text("utf-8") == "old"
    assert sorted(file.name for file in tmp_path.iterdir() if "pairs" in file.name) == ["pairs.jsonl"]


@pytest.mark.parametrize(
    "query",
    [
        scraper.Query(genre=(201,), biggenre=(4, 98)),
        scraper.Query(type="t"),
        scraper.Query(type="r"),
        scraper.Query(type="er"),
        scraper.Query(type="re", min_points=30),
        scraper.Query(word=("手紙",), keyword=("魔法",), not_keyword=("旅",)),
        scraper.Query(keyword=("魔", "料理")),
        scraper.Query(min_length=5_000),
        scraper.Query(updated_since=date(2020, 1, 1), updated_until=date(2025, 6, 30)),
    ],
    ids=scraper.Query.describe,
)
def test_a_query_matches_what_the_service_would_have_sent(
    collected: Path, tmp_path: Path, query: scraper.Query
) -> None:
    with NarouServer(world()).running() as server:
        manners = scraper.Manners(endpoint=server.endpoint, delay_seconds=0)
        scraper.fetch(tmp_path / "narou.db", query, manners, accept_terms=True)
    matching = {work.ncode for work in scraper.iter_works(collected) if query.matches(work)}
    assert ncodes(tmp_path / "narou.db") == matching and 0 < len(matching) < 300


# works


def test_works_in_the_terminal_line_up(collected: Path) -> None:
    from rich.cells import cell_len

    answer = run("works", collected)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "300 by" in answer.stdout and "every work: 300 works, finished" in answer.stdout
    assert scraper.NOTICE.version in answer.stdout
    summary = scraper.summarize(collected)
    for chart in charts(summary):
        lines = as_lines(chart)
        assert all(line in answer.stdout.splitlines() for line in lines)
        assert len({cell_len(line.partition("%")[0]) for line in lines}) == 1
        assert sum(count for _, count in chart.bars) == 300
    assert {c.name for c in charts(summary)} == {
        "genres", "title_lengths", "synopsis_lengths", "lengths", "points",
    }  # fmt: skip


def test_a_long_tail_becomes_one_bar(collected: Path) -> None:
    bars = tuple(scraper.Bar(low, low + 4, 1) for low in range(0, 50_000, 5))
    genres = tuple(scraper.GenreCount(code, "", 2) for code in range(40))
    summary = replace(scraper.summarize(collected), title_lengths=bars, genres=genres)
    shown = {chart.name: chart.bars for chart in charts(summary)}
    assert len(shown["title_lengths"]) == 24 and shown["title_lengths"][-1] == ("115-", 10_000 - 23)
    assert len(shown["genres"]) == 24 and shown["genres"][-1] == ("(ほか)", 34)


def test_works_as_json_and_where_a_terminal_knows_no_japanese(collected: Path) -> None:
    found = json.loads(run("works", collected, "--json").stdout)
    assert found["works"] == 300 and found["consents"][0]["version"] == scraper.NOTICE.version
    assert sum(genre["count"] for genre in found["genres"]) == 300
    for name in ("title_lengths", "story_lengths", "lengths", "points"):
        assert sum(bar["count"] for bar in found[name]) == 300, name
    lengths = [work.length for work in scraper.iter_works(collected)]
    for bar in found["lengths"]:
        assert bar["count"] == sum(bar["low"] <= length <= bar["high"] for length in lengths)
    answer = run("works", collected, PYTHONIOENCODING="ascii")
    assert answer.returncode == 0 and "?" in answer.stdout and answer.stderr == ""


def test_works_prunes_what_is_two_weeks_old_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "narou.db"
    with NarouServer(world(40)).running() as server:
        assert fetch(path, server, "--accept-terms").returncode == 0
    old = sorted(ncodes(path))[:15]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "UPDATE works SET fetched_at = fetched_at - 15 * 86400 WHERE ncode = ?", [(n,) for n in old]
        )
    assert "15 works: refresh them" in run("works", path).stdout
    assert len(ncodes(path)) == 40  # looking deletes nothing
    answer = run("works", path, "--prune")
    assert "15 works over two weeks old deleted" in answer.stderr and "25 by" in answer.stdout
    assert not ncodes(path) & set(old) and len(ncodes(path)) == 25


def test_pictures_have_every_glyph_of_their_labels(collected: Path, tmp_path: Path) -> None:
    # A glyph that a font lacks is a UserWarning of matplotlib.
    answer = run(
        "works", collected, "--plot", tmp_path / "new" / "plots", PYTHONWARNINGS="error::UserWarning"
    )
    assert answer.returncode == 0, answer.stderr
    files = sorted((tmp_path / "new" / "plots").iterdir())
    assert [file.stem for file in files] == sorted(c.name for c in charts(scraper.summarize(collected)))
    for file in files:
        assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and file.stat().st_size > 10_000
        assert f"Wrote {file}" in answer.stderr


@pytest.mark.filterwarnings("error")
def test_every_genre_and_the_tail_can_be_drawn(collected: Path, tmp_path: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    names = [*scraper.GENRES.items(), (12_345, "")]
    summary = replace(
        scraper.summarize(collected),
        genres=tuple(scraper.GenreCount(code, name, 3) for code, name in names),
        title_lengths=tuple(scraper.Bar(low, low + 4, low) for low in range(0, 200, 5)),
    )
    assert len(plot(summary, tmp_path)) == 5
    genres = tuple(scraper.GenreCount(code, name, 3) for code, name in [*names, (12_346, ""), (7, "")])
    assert len(plot(replace(summary, genres=genres), tmp_path)) == 5
    assert dict(matplotlib.rcParams) == before


def test_works_that_cannot_be_shown(collected: Path, unaccepted: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a database")
    for arguments, said in (
        (["works", tmp_path / "nowhere.db"], "No database at"),
        (["works", tmp_path / "nowhere.db", "--prune"], "No database at"),
        (["works", tmp_path / "file"], "as a database"),
        (["works", collected, "--plot", tmp_path / "file" / "plots"], "Cannot write pictures to"),
        (["works", unaccepted, "--plot", tmp_path / "plots"], "no works to draw"),
    ):
        assert said in one_line(run(*arguments)), arguments
    empty = run("works", unaccepted)
    assert (empty.returncode, empty.stderr) == (0, "") and "0 by 0 authors" in empty.stdout


# train


@pytest.mark.slow
def test_train_repeats_the_reminder_and_needs_the_acknowledgement(
    collected: Path, unaccepted: Path, tmp_path: Path
) -> None:
    def train(*changes: str) -> subprocess.CompletedProcess[str]:
        small = ("training.epochs=1", "training.evaluate_synopses=0", "data.limit=20", "data.validation=0.2")
        settings = [part for change in (*small, *changes) for part in ("--set", change)]
        return run("train", "title-debug", "--output", tmp_path / "run", *settings)

    for source in ("train", "validation"):
        said = one_line(train(f"data.{source}={str(unaccepted)!r}"))
        assert f"narou-gen fetch --db {unaccepted}" in said
    assert not (tmp_path / "run" / "model.safetensors").exists()
    answer = train(f"data.train={str(collected)!r}")
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.splitlines().count(scraper.REMINDER) == 1
    assert (tmp_path / "run" / "model.safetensors").exists()
