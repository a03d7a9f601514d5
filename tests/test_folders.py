"""Folders and files that are there whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from narou_gen.folders import file_written_whole, write_whole, written_whole


def write_file(place: Path) -> None:
    write_whole(place, "新")


def write_folder(place: Path) -> None:
    with written_whole(place) as folder:
        (folder / "file").write_text("新", "utf-8")


@pytest.mark.parametrize("write", [write_file, write_folder])
def test_a_new_name_stands_on_the_disk_behind_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    """A crash of the machine cannot leave the name without what it stands for, nor lose both."""
    place, synced = tmp_path / "new", []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, place.exists()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write(place)
    *contents, last = synced
    assert contents and not any(there for _, there in contents)
    assert last == (tmp_path.stat().st_ino, True)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    write_whole(file, "旧\r\n")
    with pytest.raises(ValueError, match="halfway"), file_written_whole(file) as aside:
        assert aside.suffix == ".txt"
        aside.write_text("新", "utf-8")
        raise ValueError("halfway")
    assert file.read_bytes() == "旧\r\n".encode()
    with pytest.raises(ValueError, match="halfway"), written_whole(tmp_path / "folder"):
        raise ValueError("halfway")
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]
    write_whole(file, b"\x00")
    assert file.read_bytes() == b"\x00"
