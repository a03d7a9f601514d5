"""Training from a tokenised folder: the same weights, and nothing that tokenises or reads data sets."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from narou_gen import NarouGenError, train
from narou_gen.config import ModelConfig
from narou_gen.novelty import FILE

# Imports that fail as they do where the packages are missing, then the command line.
BLOCKED = """
import sys
for name in ("fugashi", "unidic_lite", "datasets", "pyarrow"):
    sys.modules[name] = None
from narou_gen.cli import main
main()
"""


def tokenise(folder: Path, *changes: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "narou_gen", "tokenize", "title-debug", "-o", str(folder)]
    for change in changes:
        command += ["--set", change]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(small: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tokenised") / "pairs"
    answer = tokenise(made, *small)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == f"{made}\n"
    return made


def test_a_machine_without_fugashi_and_datasets_trains_the_same_weights(
    make_config: Callable[..., Any], folder: Path, tmp_path: Path
) -> None:
    direct = train(make_config())
    config = tmp_path / "config.toml"  # without the limits of title-debug, which were obeyed when tokenised
    text = (Path(__file__).parent.parent / "configs/title-debug.toml").read_text("utf-8")
    config.write_text("".join(line for line in text.splitlines(True) if "limit" not in line), "utf-8")
    blocked = tmp_path / "blocked"
    command = [sys.executable, "-c", BLOCKED, "train", str(config), "--output", str(blocked)]
    for change in ("training.epochs=1", "training.evaluate_synopses=2", f"data.train={folder}"):
        command += ["--set", change]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    one, other = (load_file(each / "model.safetensors") for each in (direct, blocked))
    assert all((one[name] == other[name]).all() for name in one)
    assert (direct / FILE).read_bytes() == (blocked / FILE).read_bytes()
    records = [json.loads((each / "run.json").read_text()) for each in (direct, blocked)]
    assert records[0]["data"] == records[1]["data"]
    assert records[0]["scores"] == records[1]["scores"]
    again = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr


def test_what_does_not_fit_is_refused(make_config: Callable[..., Any], folder: Path, tmp_path: Path) -> None:
    def config(*changes: str) -> Any:
        made = make_config(f"data.train='{folder}'", *changes)
        data = made.data.model_copy(update={"limit": None, "validation_limit": None})
        return made.model_copy(update={"data": data})

    with pytest.raises(NarouGenError, match=r"data\.limit was decided when .* was tokenised"):
        train(make_config(f"data.train='{folder}'"))
    with pytest.raises(NarouGenError, match=r"tokenised with data\.max_title_tokens = 32, not 16"):
        train(config("data.max_title_tokens=16"))
    with pytest.raises(NarouGenError, match="model with another vocabulary"):
        train(config().model_copy(update={"model": ModelConfig(checkpoint="narou-mini")}))
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "train/title.npy").unlink()
    with pytest.raises(NarouGenError, match="no whole tokenised folder"):
        train(config(f"data.train='{broken}'"))
    answer = tokenise(folder)
    assert answer.returncode == 1 and "is there already" in answer.stderr
    assert tokenise(tmp_path / "new", "task=mlm").returncode == 1
