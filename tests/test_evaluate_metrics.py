"""The metrics as modules for `evaluate.load`: loaded from the package, without a network."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import narou_gen.evaluate_metrics as package
from narou_gen.evaluate_metrics import METRICS, metric_path

TITLES = ["井戸の声", "魔王の娘"]
INPUTS: dict[str, dict[str, Any]] = {
    "character_rouge": {"references": [["橋", "古井戸の呼声"], ["魔王の娘"]]},
    "word_rouge": {"references": [["井戸"], ["魔王の息子と娘"]]},
    "distinct": {},
    "self_bleu": {"predictions": [["魔王", "魔王"], ["魔王", "宿屋だ"], ["一つ"]]},
    "copying": {"synopses": ["古い井戸の声だった", "宿屋"]},
    "novelty": {"training_titles": ["「魔王」の娘", "宿屋"]},
    "faithfulness": {
        "predictions": ["井戸の声", "『魔王の娘』"],
        "synopses": ["古い井戸があった", "『魔王の姉』と娘だ"],
    },
    "soundness": {"predictions": ["「魔王", "魔王[UNK]", "", "三百年三百年", "魔王"]},
}
EXPECTED = {
    "character_rouge": {"rouge1": 0.9, "rouge2": 0.75, "rougeL": 0.9},
    "word_rouge": {"rouge1": (0.5 + 0.75) / 2, "rouge2": 1 / 6, "rougeL": (0.5 + 0.75) / 2},
    "distinct": {"distinct1": 5 / 6, "distinct2": 1.0},
    "self_bleu": {"self_bleu": 0.5},
    "copying": {"copied": 0.5},
    "novelty": {"identical": 0.5, "near_identical": 0.5, "novel": 0.5},
    "faithfulness": {"faithfulness": 0.75, "scored": 2, "misspelt": 0.5},
    "soundness": {"sound": 0.2, "empty": 0.2, "unknown_token": 0.2, "unbalanced": 0.2, "repeated": 0.2},
}
PROGRAM = """
import json, socket, sys
def refuse(*arguments, **options): raise OSError("this needs a network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import evaluate
from narou_gen.evaluate_metrics import metric_path
found = {}
for name, inputs in json.load(sys.stdin).items():
    metric = evaluate.load(metric_path(name))
    found[name] = metric.compute(**inputs)
single = evaluate.load(metric_path("character_rouge"))
found["single"] = single.compute(predictions=["井戸"], references=["井戸"])
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each module computes in a process that has no network and an empty cache."""
    home = tmp_path_factory.mktemp("huggingface")
    inputs = {name: {"predictions": TITLES} | given for name, given in INPUTS.items()}
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(inputs),
        env=os.environ | {"HF_HOME": str(home), "HF_EVALUATE_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@pytest.mark.parametrize("name", METRICS)
def test_every_module_loads_and_computes_what_was_counted_by_hand(
    name: str, computed: dict[str, Any]
) -> None:
    assert computed[name] == pytest.approx(EXPECTED[name])


def test_one_reference_can_be_a_text(computed: dict[str, Any]) -> None:
    assert computed["single"] == {"rouge1": 1.0, "rouge2": 1.0, "rougeL": 1.0}


def test_imports_are_as_the_loader_of_evaluate_needs_them() -> None:
    files = {
        file.stem: file for file in Path(package.__file__).parent.glob("*.py") if file.stem != "__init__"
    }
    assert set(files) == set(METRICS)
    for file in files.values():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert len(node.names) == 1, file
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0 and node.lineno == node.end_lineno, file


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(ValueError, match="character_rouge"):
        metric_path("bleurt")
