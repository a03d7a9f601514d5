"""The package's scores as modules for `evaluate.load`; they need no network.

    import evaluate
    from narou_gen.evaluate_metrics import metric_path

    rouge = evaluate.load(metric_path("character_rouge"))
    rouge.compute(predictions=["井戸の声"], references=[["井戸の声", "古井戸"]])

`evaluate` copies a module's file elsewhere before it runs it, and reads its imports line by line: hence one
module a line, none of them relative, and one class a file.
"""

from __future__ import annotations

from pathlib import Path

METRICS = (
    "character_rouge",
    "word_rouge",
    "distinct",
    "self_bleu",
    "copying",
    "novelty",
    "faithfulness",
    "soundness",
)


def metric_path(name: str) -> str:
    """Where the module of one of METRICS lies, for `evaluate.load`.

    Raises:
        ValueError: there is no such metric.
    """
    if name not in METRICS:
        raise ValueError(f"{name}: no such metric. There are: {', '.join(METRICS)}.")
    return str(Path(__file__).parent / f"{name}.py")
