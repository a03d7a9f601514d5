"""The folder of an evaluation.

evaluation.json  what is evaluated and how, written first; a resumed run must agree with it
titles.jsonl     a line a synopsis, as they are done: references, each system's titles, scores of each
metrics.json     the scores of the whole
report.html      the same for people
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from narou_gen.errors import DataError, InputError
from narou_gen.folders import write_whole

SETTINGS, TITLES, METRICS, REPORT = "evaluation.json", "titles.jsonl", "metrics.json", "report.html"


class TitleFile:
    """`titles.jsonl` while it grows, in whole chunks.

    An interrupted run goes on after the last whole chunk, because titles that are searched for together can
    differ in the last digits of their scores from titles searched for alone.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], chunk: int, resume: bool) -> None:
        """Start the folder, or go on in it.

        Raises:
            InputError: the folder holds an evaluation already, or, with `resume`, another one.
        """
        self._file = folder / TITLES
        settings = json.loads(json.dumps(settings))  # as it will be read again: lists for tuples
        check_free(folder, resume)
        if (folder / SETTINGS).exists():
            _check_same(folder, settings)
        folder.mkdir(parents=True, exist_ok=True)
        kept = self._whole_lines() if resume and (folder / SETTINGS).exists() else []
        total = int(settings["items"])
        self.done = len(kept) if len(kept) == total else len(kept) // chunk * chunk
        write_whole(self._file, "".join(f"{line}\n" for line in kept[: self.done]))
        write_whole(folder / SETTINGS, json.dumps(settings, ensure_ascii=False, indent=2) + "\n")

    def append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Add a chunk; it is on the disk when this returns."""
        with self._file.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())

    def _whole_lines(self) -> list[str]:
        """A kill can cut the last line anywhere, within a character too."""
        if not self._file.exists():
            return []
        *lines, _ = self._file.read_text("utf-8", errors="replace").split("\n")
        return lines


def check_free(folder: Path, resume: bool) -> None:
    """An evaluation is never written over.

    Raises:
        InputError: the folder holds one, and `resume` is not asked for.
    """
    if (folder / SETTINGS).exists() and not resume:
        raise InputError(f"{folder} holds an evaluation: go on with --resume, or choose another -o.")


def _check_same(folder: Path, settings: Mapping[str, Any]) -> None:
    before, now = dict(_flat(read_json(folder / SETTINGS))), dict(_flat(settings))
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            raise InputError(
                f"Cannot resume {folder}: {key} was {before.get(key)!r} and is now {now.get(key)!r}. "
                "Put it back, or choose another -o."
            )


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield key, value


def read_titles(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of `titles.jsonl`.

    Raises:
        DataError: there is no such file, or a line is damaged.
    """
    try:
        with (folder / TITLES).open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / TITLES} cannot be read: {error}.") from None


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        DataError: there is none.
    """
    try:
        value = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"No evaluation at {file.parent}: {error.strerror}: {file.name}.") from None
    except ValueError as error:
        raise DataError(f"{file} is damaged: {error}.") from None
    if not isinstance(value, dict):
        raise DataError(f"{file} is damaged: not a JSON object.")
    return value
