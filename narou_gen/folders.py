"""Folders and files that are there whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(output: Path) -> Iterator[Path]:
    """A folder beside `output`, which takes its name when all is written and on the disk.

    Raises:
        OSError: it cannot be written, or `output` is a folder that is not empty.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as aside:
        folder = Path(aside) / "whole"
        folder.mkdir()
        yield folder
        for path in (*folder.rglob("*"), folder):
            sync(path)
        folder.replace(output)
        sync(output.parent)


def write_whole(file: Path, text: str) -> None:
    """Write a text file as a whole, or not at all.

    Raises:
        OSError: it cannot be written; what stood there before stays.
    """
    staged = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        staged.write_text(text, encoding="utf-8")
        sync(staged)
        staged.replace(file)
    finally:
        staged.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Have the disk hold what was written to a file or folder, before anything is renamed over it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
