"""One evaluation from beginning to end: read, write titles, score, sum up."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from narou_gen import __version__
from narou_gen.evaluation.files import METRICS, TitleFile, check_free, read_titles
from narou_gen.evaluation.items import EvaluationOptions, fingerprint
from narou_gen.evaluation.material import Material, checkpoint_fingerprint, load_material
from narou_gen.evaluation.report import read_journal, write_report
from narou_gen.evaluation.scores import Scorer
from narou_gen.evaluation.summary import summarise
from narou_gen.evaluation.systems import Systems
from narou_gen.evaluation.watcher import Watcher
from narou_gen.folders import write_whole
from narou_gen.resources import find_checkpoint

_CHUNK = 32
"""Synopses between two writes to the disk."""
_PACKAGES = ("ctranslate2", "rouge-score", "sacrebleu", "fugashi", "unidic-lite", "scikit-learn", "rapidfuzz")


def evaluate_checkpoint(
    checkpoint: str | None,
    folder: Path,
    options: EvaluationOptions | None = None,
    *,
    resume: bool = False,
    watcher: Watcher | None = None,
) -> dict[str, Any]:
    """Evaluate a checkpoint, by path or shipped name, into `folder`; returns what `metrics.json` holds.

    An interrupted evaluation goes on with `resume`, and ends with the same files as one that was not.

    Raises:
        CheckpointError: there is no such checkpoint.
        DataError: the data cannot be read, or holds nothing.
        InputError: the folder holds another evaluation.
    """
    options, watcher = options or EvaluationOptions(), watcher or Watcher()
    check_free(folder, resume)  # told at once, before anything is read
    source = find_checkpoint(checkpoint)
    material = load_material(source, options)
    for reminder in material.reminders:
        watcher.note(reminder)
    settings = _settings(checkpoint or source.name, source, material, options)
    file = TitleFile(folder, settings, _CHUNK, resume)
    total = len(material.items)
    watcher.note(f"{total:,} synopses, {sum(len(item.references) for item in material.items):,} references")
    for reason, count in sorted(material.left_out.items()):
        watcher.note(f"  left out {count:,}: {reason}")
    scorer = Scorer(material.training, options)
    with Systems.load(source, material, options) as systems:
        skipped = dict(systems.skipped)
        watcher.written(file.done, total)
        for start in range(file.done, total, _CHUNK):
            items = material.items[start : start + _CHUNK]
            file.append(scorer.lines(items, systems.write(items, start)))
            watcher.written(start + len(items), total)
    if scorer.judge_accuracy is None:
        skipped["titleness"] = scorer.no_judge
    if not material.training:
        skipped["novelty"] = material.no_training
    watcher.note("Summing up")
    lines = list(read_titles(folder))
    metrics = {
        "settings": settings,
        "left_out": dict(material.left_out),
        "skipped": skipped,
        "titleness_accuracy": scorer.judge_accuracy,
        **asdict(summarise(lines, options.resamples, options.seed)),
    }
    text = json.dumps(metrics, ensure_ascii=False, indent=2, allow_nan=False)
    write_whole(folder / METRICS, f"{text}\n")
    write_report(folder, metrics, lines, read_journal(source))
    return metrics


def _settings(name: str, source: Path, material: Material, options: EvaluationOptions) -> dict[str, Any]:
    """What decides the outcome, and the versions that it depends on."""
    return {
        "checkpoint": name,
        "checkpoint_fingerprint": checkpoint_fingerprint(source),
        "items": len(material.items),
        "references": sum(len(item.references) for item in material.items),
        "data_fingerprint": fingerprint(material.items),
        "training_pairs": len(material.training),
        "training_fingerprint": fingerprint(material.training),
        "options": asdict(options),
        "python": platform.python_version(),
        "versions": {"narou-gen": __version__} | {package: version(package) for package in _PACKAGES},
    }
