"""What a user gets who installs the wheel and has no source tree."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STORY = "古い井戸の底で、少年アオイは自分の名前を呼ぶ声を聞いた。"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what `pip install` of the wheel puts into site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, folder: Path, *arguments: str) -> str:
    code = (
        "import sys, narou_gen; from narou_gen.cli import main\n"
        "assert sys.argv.pop() in narou_gen.__file__\n"
        "main()"
    )
    answer = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments, str(installed)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.mark.slow
def test_the_bundled_model_and_the_configs_come_with_the_wheel(installed: Path, tmp_path: Path) -> None:
    assert (installed / "narou_gen/py.typed").exists() and (installed / "scraper/py.typed").exists()
    assert len(run(installed, tmp_path, "title", STORY, "-n", "2").splitlines()) == 2
    small = ("data.limit=8", "training.epochs=1", "training.evaluate_synopses=0", "data.validation_limit=8")
    changes = [part for change in small for part in ("--set", change)]
    assert run(installed, tmp_path, "train", "title-debug", *changes).strip() == "checkpoints/title-debug"
    assert (tmp_path / "checkpoints/title-debug/model.safetensors").exists()
    weights = installed / "narou_gen/_checkpoints/narou-mini/model.safetensors"
    assert weights.stat().st_size <= 64_000_000
    assert not (weights.parent / "state").exists()
