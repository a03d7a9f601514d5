"""`narou-gen train` and what makes pairs for it, as a user meets them: real processes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from collecting_world import one_line, run

import scraper


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


def test_augment_writes_copies_and_ideas_as_they_are_asked_for(tmp_path: Path) -> None:
    pairs, output = tmp_path / "pairs.jsonl", tmp_path / "more.jsonl"
    row = {"synopsis": "真鍋は宿屋を継ぎ、竜騎士を泊めた。", "title": "宿屋の真鍋と竜騎士"}
    pairs.write_text(json.dumps(row) + "\n", "utf-8")
    for options, count in (((), 3), (("--copies", "0"), 2), (("--copies", "0", "--no-ideas"), 1)):
        answer = run("augment", pairs, "-o", output, *options)
        assert answer.returncode == 0 and answer.stdout == "", answer.stderr
        assert f"{count} rows in" in answer.stderr
        written = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
        assert len(written) == count and written[0]["synopsis"] == row["synopsis"]
