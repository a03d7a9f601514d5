"""Long files of synopses: memory, order, interruption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from narou_gen.bulk import write_titles
from narou_gen.conditions import Conditions
from narou_gen.errors import InputError
from narou_gen.inputs import Request, read_requests
from narou_gen.options import Title, Titles


def lines(number: int) -> list[dict[str, str]]:
    return [{"synopsis": f"{place}番目の井戸の底で、\u202e声がした。"} for place in range(number)]


def write(path: Path, rows: Iterable[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def echo(requests: Iterable[Request]) -> Iterator[tuple[Request, Titles]]:
    """Something quick in a model's place: what is tested here is the file."""
    for request in requests:
        yield request, Titles([Title(request.synopsis[:4], -1.0)])


def test_a_line_for_each_in_their_order(tmp_path: Path) -> None:
    source, output = write(tmp_path / "in.jsonl", lines(150)), tmp_path / "out.jsonl"
    write_titles(read_requests(None, source, Conditions()), echo, output, source, resume=False)
    rows = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert [row["synopsis"] for row in rows] == [row["synopsis"] for row in lines(150)]
    assert rows[3]["titles"] == [{"text": "3番目の", "score": -1.0, "merit": 0.0}]
    assert not (tmp_path / "out.jsonl.part").exists()


@pytest.mark.parametrize("torn", [b"", b'{"synopsis": "2'])
def test_going_on_equals_never_having_stopped(tmp_path: Path, torn: bytes) -> None:
    source, output = write(tmp_path / "in.jsonl", lines(20)), tmp_path / "out.jsonl"
    write_titles(read_requests(None, source, Conditions()), echo, output, source, resume=False)
    whole = output.read_bytes()
    part = tmp_path / "again.jsonl.part"
    part.write_bytes(b"".join(whole.splitlines(keepends=True)[:7]) + torn)
    seen: list[str] = []

    def counted(requests: Iterable[Request]) -> Iterator[tuple[Request, Titles]]:
        for request, titles in echo(requests):
            seen.append(request.synopsis)
            yield request, titles

    again = tmp_path / "again.jsonl"
    with pytest.raises(InputError, match=r"add --resume to go on, or delete it"):
        write_titles(read_requests(None, source, Conditions()), counted, again, source, resume=False)
    write_titles(read_requests(None, source, Conditions()), counted, again, source, resume=True)
    assert again.read_bytes() == whole and len(seen) == 13
    # Nothing is done, or lost, when it is complete.
    write_titles(read_requests(None, source, Conditions()), counted, again, source, resume=True)
    assert again.read_bytes() == whole and len(seen) == 13
    with pytest.raises(InputError, match="exists already: choose another"):
        write_titles(read_requests(None, source, Conditions()), counted, again, source, resume=False)


def test_another_input_is_noticed(tmp_path: Path) -> None:
    source, output = write(tmp_path / "in.jsonl", lines(5)), tmp_path / "out.jsonl"
    part = tmp_path / "out.jsonl.part"
    for content, message in (
        (b'{"synopsis": "another", "titles": []}\n', "was made from another --input"),
        (b'{"synopsis": "x", "titles": []}\n' * 9, "was made from another --input"),
        (b"something else\n", "is not what an interrupted run leaves"),
    ):
        part.write_bytes(content)
        with pytest.raises(InputError, match=message):
            write_titles(read_requests(None, source, Conditions()), echo, output, source, resume=True)


@pytest.mark.slow
def test_a_real_kill_in_the_midst(debug_checkpoint: Path, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", lines(1500))
    command = [sys.executable, "-m", "narou_gen", "title", "--input", str(source)]
    command += ["--checkpoint", str(debug_checkpoint), "--beams", "1"]
    part = tmp_path / "killed.jsonl.part"
    process = subprocess.Popen([*command, "-o", str(tmp_path / "killed.jsonl")])
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert part.exists() and not (tmp_path / "killed.jsonl").exists()
    for arguments in (
        ["-o", str(tmp_path / "killed.jsonl"), "--resume"],
        ["-o", str(tmp_path / "whole.jsonl")],
    ):
        subprocess.run([*command, *arguments], check=True)
    assert (tmp_path / "killed.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A hundred thousand lines through reading and writing, within a few megabytes."""
    source = write(tmp_path / "in.jsonl", lines(100_000))
    program = f"""
import resource, sys
from pathlib import Path
from narou_gen.bulk import write_titles
from narou_gen.conditions import Conditions
from narou_gen.inputs import read_requests
from narou_gen.options import Title, Titles
def echo(requests):
    for number, request in enumerate(requests):
        if number == 1000:
            before.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        yield request, Titles([Title("猫", -1.0)])
before = []
source = Path({str(source)!r})
requests = read_requests(None, source, Conditions())
write_titles(requests, echo, Path({str(tmp_path / "out.jsonl")!r}), source, resume=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before[0])
"""
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert int(ran.stdout) < 20_000  # kilobytes
