"""What a run says of itself: `run.json`."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from narou_gen import __version__
from narou_gen.checkpoint import load_record
from narou_gen.config import Config
from narou_gen.data import Splits
from narou_gen.errors import ConfigError

_PACKAGES = ("torch", "transformers", "tokenizers", "accelerate", "datasets")
# What may differ when a run is resumed: it changes no weight, or only how sums are rounded.
_FREE = {
    "output",
    "training.tracker",
    "training.keep",
    "training.patience",
    "training.micro_batch_tokens",
}


def data_record(splits: Splits[Any]) -> dict[str, Any]:
    """Fingerprint and numbers of the data of a run."""
    return {
        "fingerprint": splits.fingerprint(),
        "train": len(splits.train),
        "validation": len(splits.validation),
        "test": len(splits.test),
        "left_out": dict(splits.left_out),
    }


def run_record(config: Config, data: Mapping[str, Any], accelerator: Accelerator) -> dict[str, Any]:
    """The resolved config, the data's fingerprint and numbers, versions and machine of a run."""
    return {
        "config": config.model_dump(),
        "data": dict(data),
        "processes": accelerator.num_processes,
        "precision": accelerator.mixed_precision,
        "device": str(accelerator.device.type),
        "python": platform.python_version(),
        "versions": {"narou-gen": __version__} | dict(_versions()),
        "git_commit": _git_commit(),
    }


def check_same_run(state: Path, record: Mapping[str, Any]) -> None:
    """Resuming must repeat what an uninterrupted run does.

    Raises:
        ConfigError: config, data or number of processes differ from those of the state.
    """
    before = load_record(state)
    old, new = dict(_flat(before["config"])), dict(_flat(record["config"]))
    for key in sorted(old.keys() | new.keys()):
        if key not in _FREE and old.get(key) != new.get(key):
            raise ConfigError(
                f"Cannot resume {state}: {key} was {old.get(key)!r} and is now {new.get(key)!r}. "
                "Put it back, or choose another --output."
            )
    if before["data"]["fingerprint"] != record["data"]["fingerprint"]:
        raise ConfigError(f"Cannot resume {state}: the data has changed since. Choose another --output.")
    if before["precision"] != record["precision"]:
        raise ConfigError(
            f"Cannot resume {state}: it ran in {before['precision']}, not in {record['precision']}. "
            "Set training.precision, or choose another --output."
        )
    if before["processes"] != record["processes"]:
        raise ConfigError(f"Cannot resume {state}: it ran on {before['processes']} processes.")


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _versions() -> Iterator[tuple[str, str]]:
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):  # from a tokenised folder one can train without datasets
            yield package, version(package)


def _git_commit() -> str | None:
    """The commit of the source tree that this package runs from; None for an installed wheel."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):  # no git, or no commit yet
        return None
    return answer.stdout.strip()
