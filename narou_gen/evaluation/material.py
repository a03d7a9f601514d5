"""What an evaluation reads before it starts: the items, and the pairs of the training."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from narou_gen.config import DataConfig
from narou_gen.data import Splits, clean_pairs, load_splits
from narou_gen.errors import DataError
from narou_gen.evaluation.items import EvaluationOptions, Item, grouped
from narou_gen.sources import Pair, read_pairs, terms_reminder

OF_THE_RUN = "run"
"""As `data`: the splits that the checkpoint was trained with."""


@dataclass(frozen=True)
class Material:
    """`training` is empty where it cannot be had; `no_training` then says why."""

    items: Sequence[Item]
    left_out: Mapping[str, int]
    training: Sequence[Pair]
    no_training: str
    reminders: Sequence[str]


def load_material(folder: Path, options: EvaluationOptions) -> Material:
    """Read and clean what is evaluated on, and what the checkpoint in `folder` was trained on.

    Raises:
        DataError: the data, or a `train` that was asked for, cannot be read or holds nothing.
    """
    left_out: Counter[str] = Counter()
    run: Splits[Pair] | None = None
    reason = "the checkpoint has no run.json; name its training data with --train"
    config = _recorded(folder)
    if config is not None and (options.train is None or options.data == OF_THE_RUN):
        try:
            run = load_splits(config.data, config.seed)
        except DataError as error:
            reason = f"what run.json names cannot be read ({error}); name it with --train"
    if options.data == OF_THE_RUN:
        if run is None:
            raise DataError(f"No data of the run in {folder}: {reason.replace('--train', '--data')}.")
        pairs = getattr(run, options.split)
    else:
        pairs = clean_pairs(read_pairs(options.data, options.split), left_out)
    items = grouped(pairs)
    if not items:
        raise DataError(
            f"No pairs to evaluate on in {options.data} ({left_out.total()} left out): give another --data."
        )
    if options.train is not None:
        training = list(clean_pairs(read_pairs(options.train, "train"), Counter()))
        if not training:
            raise DataError(f"No pairs in {options.train}: give another --train.")
        named: tuple[str, ...] = (options.data, options.train)
    else:
        training = run.train if run else []
        named = (options.data, *(config.data.train_sources if config is not None else ()))
    reminders = {terms_reminder(DataConfig(train=source)) for source in named}
    return Material(
        list(islice(items, options.limit)),
        left_out,
        training,
        "" if training else reason,
        sorted(line for line in reminders if line),
    )


@dataclass(frozen=True)
class _Recorded:
    data: DataConfig
    seed: int


def _recorded(folder: Path) -> _Recorded | None:
    """The data that a checkpoint's `run.json` names; None where there is no such record to read."""
    try:
        config = json.loads((folder / "run.json").read_text("utf-8"))["config"]
        known = {key: value for key, value in config["data"].items() if key in DataConfig.model_fields}
        return _Recorded(DataConfig.model_validate(known), int(config["seed"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # pydantic's error is a ValueError
        return None


def checkpoint_fingerprint(folder: Path) -> str:
    """SHA-256 over the files of a checkpoint that decide its titles; states and journals do not."""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.suffix != ".md" and file.name not in ("run.json", "metrics.jsonl"):
            digest.update(file.name.encode())
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()
