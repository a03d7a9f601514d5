"""Where things that ship with the package lie: in a source tree or in an installed wheel."""

from __future__ import annotations

import os
from pathlib import Path

from narou_gen.errors import CheckpointError, ConfigError

_PACKAGE = Path(__file__).parent
SAMPLE = _PACKAGE / "sample"
BUNDLED_CHECKPOINT = "narou-mini"


def _shipped(kind: str) -> Path:
    """`configs` or `checkpoints`: inside the package in a wheel, beside it in a source tree."""
    installed = _PACKAGE / f"_{kind}"
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def find_config(name: str) -> Path:
    """The file at this path, or the shipped config of this name, with or without `.toml`.

    Raises:
        ConfigError: neither is there; the shipped names are listed.
    """
    folder = _shipped("configs")
    stem = Path(name).name.removesuffix(".toml")
    # `configs/title.toml` is what the README of a checkout says; from a wheel it means the shipped one.
    shipped_name = Path(name).parent in (Path(), Path("configs"))
    for path in (Path(name), *([folder / f"{stem}.toml"] if shipped_name else [])):
        if _is_file(path):
            return path
    names = ", ".join(sorted(path.stem for path in folder.glob("*.toml")))
    raise ConfigError(f"No config at {name}. Give a TOML file, or one of: {names}.")


def find_checkpoint(name: str | None = None, config: str = "title") -> Path:
    """The checkpoint folder at this path, or the shipped one of this name.

    Without a name: the folder in the environment variable NAROU_GEN_CHECKPOINT, else the bundled model.
    `config` names the training that makes such a checkpoint.

    Raises:
        CheckpointError: there is no such folder; what there is, is listed.
    """
    name = name or os.environ.get("NAROU_GEN_CHECKPOINT") or BUNDLED_CHECKPOINT
    folder = _shipped("checkpoints")
    for path in (Path(name), folder / name):
        if _is_file(path / "config.json"):
            return path
    found = ", ".join(sorted(path.parent.name for path in folder.glob("*/config.json"))) or "none"
    how = f"Train one with `narou-gen train {config}`."
    raise CheckpointError(f"No checkpoint at {name}. Found: {found}. {how}")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file can have
        return False


def cache_folder() -> Path:
    """What can be made again: NAROU_GEN_CACHE, else `narou-gen` in the user's cache folder."""
    if chosen := os.environ.get("NAROU_GEN_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "narou-gen"
