"""What tests of `narou-gen fetch`, `pairs` and `works` share: real processes, and a world of odd works."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from narou_server import DAY, NarouServer, World, invent

import scraper

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
