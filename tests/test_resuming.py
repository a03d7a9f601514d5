"""Runs that are interrupted, fail or are resumed: nothing is lost, and nothing else comes of them."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from training_runs import distance, lines, weights

from narou_gen import NarouGenError, train
from narou_gen.checkpoint import last_state, load_checkpoint

RATES = {"pairs_per_second"}  # the only part of a line that a second run need not repeat


def without_rates(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in line.items() if key not in RATES} for line in found]


def test_resuming_after_a_kill_repeats_the_uninterrupted_run(
    make_config: Callable[..., Any], small: tuple[str, ...], tmp_path: Path
) -> None:
    changes = (
        "training.epochs=3",
        "training.evaluate_every=2",
        "data.limit=60",
        "training.label_smoothing=0.1",
    )
    whole = train(make_config(*changes, f"output='{tmp_path / 'whole'}'"))
    killed = tmp_path / "killed"
    command = [sys.executable, "-m", "narou_gen", "train", "title-debug", "--output", str(killed)]
    for change in (*small, *changes):
        command += ["--set", change]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(read(killed / "metrics.jsonl").splitlines()) >= 5, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert last_state(killed) is not None and not (killed / "state/step-00000012").exists()
    answer = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == str(killed)
    assert distance(weights(whole), weights(killed)) == 0
    assert distance(load_file(whole / "model.safetensors"), load_file(killed / "model.safetensors")) == 0
    for kind in ("update", "evaluation"):
        assert without_rates(lines(whole, kind)) == without_rates(lines(killed, kind))


def test_a_termination_signal_saves_and_says_how_to_go_on(small: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "narou_gen", "train", "title-debug", "--output", str(folder)]
    for change in (*small, "training.epochs=200", "training.evaluate_synopses=0"):
        command += ["--set", change]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(read(folder / "metrics.jsonl").splitlines()) >= 3, process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "go on with --resume" in errors.splitlines()[-1]
    assert "Traceback" not in errors
    state = last_state(folder)
    assert state is not None
    step = json.loads((state / "progress.json").read_text())["step"]
    assert lines(folder, "update")[-1]["step"] == step


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[Any], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "ended before it was interrupted"
        assert time.monotonic() < end
        time.sleep(0.02)


def read(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


def test_what_would_not_repeat_the_run_is_refused(make_config: Callable[..., Any]) -> None:
    folder = train(make_config())
    with pytest.raises(NarouGenError, match="already holds a run: add --resume"):
        train(make_config())
    with pytest.raises(NarouGenError, match=r"training\.epochs was 1 and is now 2\. Put it back"):
        train(make_config("training.epochs=2"), resume=True)
    before = weights(folder)
    assert train(make_config("training.keep=1"), resume=True) == folder  # nothing left to do
    assert distance(before, weights(folder)) == 0


def test_a_save_that_fails_leaves_what_was_there(
    make_config: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up in the middle of the second save: the first one stays whole, and resuming works."""
    from narou_gen import checkpoint

    changes = ("training.epochs=3", "training.keep=1")
    real, calls = checkpoint.save_file, []

    def save_file(tensors: Any, path: Path, **options: Any) -> None:
        calls.append(path)
        real(tensors, path, **options)
        if len(calls) == 4:  # the best weights of the second evaluation; a save writes best, state, optimiser
            path.write_bytes(path.read_bytes()[:1000])
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_file", save_file)
        with pytest.raises(OSError, match="No space left"):
            train(make_config(*changes))
    folder = Path(make_config(*changes).output)
    assert load_checkpoint(folder)[1]["step"] == 3
    assert load_checkpoint(last_state(folder))[0]  # type: ignore[arg-type]
    train(make_config(*changes), resume=True)
    assert load_checkpoint(folder)[1]["step"] == 9
    assert not (folder / ".new").exists()


def test_a_run_is_resumed_in_its_own_precision(make_config: Callable[..., Any]) -> None:
    folder = train(make_config("training.precision=fp16"))
    assert lines(folder, "update")[-1]["learning_rate"] > 0
    train(make_config("training.precision=fp16"), resume=True)
    with pytest.raises(NarouGenError, match=r"training\.precision was 'fp16' and is now 'fp32'"):
        train(make_config("training.precision=fp32"), resume=True)
    record = folder / "state/step-00000003/run.json"  # as a GPU would have written it for "auto"
    record.write_text(
        record.read_text().replace('"precision": "fp16",\n  "device"', '"precision": "bf16",\n  "device"')
    )
    with pytest.raises(NarouGenError, match="it ran in bf16, not in fp16"):
        train(make_config("training.precision=fp16"), resume=True)


def test_resuming_never_starts_over_a_finished_model(make_config: Callable[..., Any]) -> None:
    folder = train(make_config())
    shutil.rmtree(folder / "state")  # as the documents allow once a training is done
    with pytest.raises(NarouGenError, match="already holds a model, and no state to resume"):
        train(make_config(), resume=True)


def test_a_line_that_a_kill_cut_within_a_character_is_dropped(tmp_path: Path) -> None:
    from accelerate import Accelerator

    from narou_gen.journal import Journal

    path = tmp_path / "metrics.jsonl"
    whole = '{"step": 1, "title": "井戸\u2028の声"}\n'.encode()
    path.write_bytes(whole + '{"step": 2, "title": "井'.encode()[:-1])
    Journal(path, 1, Accelerator())
    assert path.read_bytes() == whole
