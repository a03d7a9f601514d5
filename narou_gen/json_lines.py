"""A file of JSON Lines, whole or not there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from narou_gen.errors import DataError
from narou_gen.folders import write_whole


def check_json_lines(output: Path) -> None:
    """Raises DataError where rows cannot be written there; to be asked before the work."""
    if output.suffix.lower() != ".jsonl" or output.is_dir():
        raise DataError(f"{output}: give a file that ends with .jsonl.")


def write_json_lines(output: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the rows, and the folder where it is missing.

    Raises:
        DataError: it cannot be written.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_whole(output, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    except OSError as error:
        raise DataError(f"Cannot write {output}: {error.strerror or error}.") from None
