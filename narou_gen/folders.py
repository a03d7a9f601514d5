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


@contextmanager
def file_written_whole(file: Path) -> Iterator[Path]:
    """A path beside `file` for its content; it takes that name when all is written and on the disk.

    Raises:
        OSError: it cannot be written; what stood there before stays.
    """
    aside = file.with_name(f".{os.getpid()}-{file.name}")  # it keeps the suffix, by which some writers go
    try:
        yield aside
        sync(aside)
        aside.replace(file)
        sync(file.parent)
    finally:
        aside.unlink(missing_ok=True)


def write_whole(file: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8, as a whole or not at all.

    Raises:
        OSError: it cannot be written; what stood there before stays.
    """
    with file_written_whole(file) as aside:
        aside.write_bytes(content if isinstance(content, bytes) else content.encode())


def sync(path: Path) -> None:
    """Have the disk hold what was written to a file, or which names a folder has."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folders, and syncs nothing that is read-only
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
