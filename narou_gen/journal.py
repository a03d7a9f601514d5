"""`metrics.jsonl`: what happened in training, a line an update and a line an evaluation."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from narou_gen.folders import write_whole


class Journal:
    """Appends lines to a file in the main process, and passes their numbers to accelerate's trackers.

    Opened at update `step`, it drops lines of later updates: a killed run had written them, and the resumed
    one repeats them. Lines that are added do not wait for the disk: no training depends on them.
    """

    def __init__(self, path: Path, step: int, accelerator: Accelerator) -> None:
        self._path = path
        self._accelerator = accelerator
        self._before = time.monotonic()
        if accelerator.is_main_process:
            path.parent.mkdir(parents=True, exist_ok=True)
            # A kill can cut the last line anywhere, within a character too; it is dropped below.
            text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
            lines = text.split("\n")
            write_whole(path, "".join(f"{line}\n" for line in lines if _is_up_to(line, step)))

    def updates(self, updates: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Write and return the lines of the updates since the last call, which share their mean speed.

        Each has its "step" and "pairs", the number of pairs that it learned from.
        """
        now = time.monotonic()
        rate = sum(line["pairs"] for line in updates) / max(now - self._before, 1e-9)
        self._before = now
        written = []
        for line in updates:
            values = {key: value for key, value in line.items() if key != "pairs"}
            written.append(self._write({"kind": "update", **values, "pairs_per_second": round(rate, 2)}))
        return written

    def evaluation(self, **values: Any) -> dict[str, Any]:
        """Write and return the line of an evaluation. Its time is not counted against the next update."""
        self._before = time.monotonic()
        return self._write({"kind": "evaluation", **values})

    def _write(self, line: dict[str, Any]) -> dict[str, Any]:
        for key, value in line.items():
            if isinstance(value, float) and not math.isfinite(value):
                line[key] = None  # JSON has no word for it
        if self._accelerator.is_main_process:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        numbers = {key: value for key, value in line.items() if isinstance(value, int | float)}
        self._accelerator.log(numbers, step=line["step"])
        return line


def _is_up_to(line: str, step: int) -> bool:
    try:
        return int(json.loads(line)["step"]) <= step
    except (ValueError, KeyError, TypeError):
        return False  # cut in the middle by a kill
