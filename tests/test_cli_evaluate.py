"""`narou-gen evaluate` and `narou-gen compare` as real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def narou_gen(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "narou_gen", *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def runs(
    debug_checkpoint: Path, some_pairs: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Two evaluations of the same six synopses: asked for long and for short titles."""
    folder = tmp_path_factory.mktemp("runs")
    common = (
        "evaluate",
        str(debug_checkpoint),
        "--limit",
        "6",
        "--beams",
        "1",
        "-n",
        "1",
        "--train",
        str(some_pairs),
    )
    table = narou_gen(*common, "-o", str(folder / "long"))
    assert table.returncode == 0, table.stderr
    assert "ROUGE-L, characters" in table.stdout and "another's" in table.stdout
    assert "6 synopses, 18 references" in table.stderr and "report.html" in table.stderr
    scores = narou_gen(*common, "-o", str(folder / "short"), "--length", "short", "--json")
    assert scores.returncode == 0, scores.stderr
    (line,) = scores.stdout.splitlines()
    assert json.loads(line) == json.loads((folder / "short" / "metrics.json").read_text("utf-8"))
    return folder / "long", folder / "short"


def test_the_folder_holds_what_is_promised(runs: tuple[Path, Path]) -> None:
    for folder in runs:
        names = {file.name for file in folder.iterdir()}
        assert names == {"evaluation.json", "titles.jsonl", "metrics.json", "report.html"}


def test_comparing_in_a_terminal_and_as_json_lines(runs: tuple[Path, Path]) -> None:
    shown = narou_gen("compare", *map(str, runs), "--show", "2")
    assert shown.returncode == 0, shown.stderr
    assert "A: title-debug (long)" in shown.stdout and "95% interval" in shown.stdout
    assert shown.stdout.count("reference") == 2
    assert "They differ in length: long and short" in shown.stderr
    answer = narou_gen("compare", *map(str, runs), "--json")
    first, *titles = map(json.loads, answer.stdout.splitlines())
    assert {"a", "b", "difference", "low", "high", "p"} <= first["metrics"]["character_rouge_l"].keys()
    assert len(titles) == 6 and titles[0].keys() == {"synopsis", "references", "a", "b"}


def test_errors_are_one_line(runs: tuple[Path, Path], tmp_path: Path) -> None:
    again = narou_gen("evaluate", "-o", str(runs[0]))
    assert again.returncode == 1 and again.stdout == ""
    assert len(again.stderr.splitlines()) == 1 and "--resume" in again.stderr
    nothing = narou_gen("compare", str(runs[0]), str(tmp_path))
    assert nothing.returncode == 1 and len(nothing.stderr.splitlines()) == 1
    assert "No evaluation at" in nothing.stderr
    assert narou_gen("evaluate").returncode == 2


def test_torch_is_left_to_the_engine() -> None:
    code = "import sys, narou_gen.evaluation.run; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
