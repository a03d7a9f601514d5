"""The command `demo`: what goes together, and what a pipe brings."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from narou_gen.cli import app
from narou_gen.errors import InputError


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--record", "tour.svg", "竜の宿"], "a synopsis"),
        (["--record", "tour.svg", "--genre", "201"], "--genre"),
        (["--record", "tour.svg", "--pace", "2"], "--pace"),
        (["--record", "tour.svg", "--seed", "1"], "--seed"),
        (["--record", "tour.svg", "--once"], "--once"),
        (["--tour", "--once"], "--once"),
        (["--pace", "2"], "--pace needs --tour"),
    ],
)
def test_what_would_be_ignored_is_bad_usage(
    arguments: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(app, ["demo", *arguments], input="")
    assert answer.exit_code == 2 and answer.stdout == ""
    assert named in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_without_words_leaves_a_bundled_synopsis() -> None:
    answer = CliRunner().invoke(app, ["demo", "--seed", "1", "--threads", "1"], input="\u3000\n")
    assert answer.exit_code == 0
    assert answer.stdout.splitlines()[0].startswith("あらすじ") and "タイトルガチャ" in answer.stdout


@pytest.mark.parametrize(
    ("piped", "message"),
    [("竜の宿".encode("cp932"), "stdin: this is not UTF-8"), (b"https://a.com/", "is empty")],
)
def test_a_pipe_that_brings_no_synopsis_says_so(piped: bytes, message: str) -> None:
    answer = CliRunner().invoke(app, ["demo"], input=piped)
    assert isinstance(answer.exception, InputError) and message in str(answer.exception)
