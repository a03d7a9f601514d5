"""What a training has left behind, and trainings in two processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from narou_gen.checkpoint import last_state


def lines(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The lines of its metrics of this kind."""
    text = (folder / "metrics.jsonl").read_text("utf-8")
    return [line for line in map(json.loads, text.splitlines()) if line["kind"] == kind]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Those of its last state."""
    state = last_state(folder)
    assert state is not None
    return load_file(state / "model.safetensors")


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """The largest difference of any weight."""
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def train_in_two_processes(
    config: dict[str, Any], folder: Path, setting: str = "nullcontext()", imports: str = ""
) -> subprocess.CompletedProcess[str]:
    """Train a config (as `model_dump` gives it) on two processes of this machine, within `with {setting}:`.

    The program and its config are written into `folder`.
    """
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    (folder / "run.py").write_text(
        "import json, sys; from contextlib import nullcontext\n"
        f"from narou_gen import train; from narou_gen.config import parse_config\n{imports}\n"
        f"with {setting}:\n"
        "    train(parse_config(json.load(open(sys.argv[1]))))\n"
    )
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*launch, str(folder / "run.py"), str(folder / "config.json")],
        capture_output=True,
        text=True,
        env=os.environ | {"ACCELERATE_USE_CPU": "1", "PYTHONPATH": str(Path(__file__).parent)},
        check=False,
    )
