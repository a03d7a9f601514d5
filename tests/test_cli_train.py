"""`narou-gen train` on collected works, as a user meets it: a real process."""

from __future__ import annotations

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
