"""Training pairs from a collected database into a file, cleaned as training cleans them."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from narou_gen.data import clean_pairs
from narou_gen.errors import DataError
from narou_gen.folders import file_written_whole
from narou_gen.sources import Pair, collected_pairs
from scraper import Query, Work

_COLUMNS = ("synopsis", "title", "genre", "keywords", "author", "id")
_PARQUET_ROWS = 10_000  # held in memory at once, and a row group of the file

Row = Mapping[str, Any]


def write_pairs(
    database: Path,
    output: Path,
    query: Query,
    limit: int | None = None,
    left_out: Counter[str] | None = None,
    watch: Callable[[Iterable[Pair]], Iterable[Pair]] = lambda pairs: pairs,
) -> int:
    """Write pairs of the works that match `query`; returns how many. `read_pairs` reads them back the same.

    The file is whole or not there. What is left out is counted in `left_out` by its reason. `watch` passes on
    the pairs as they are written, and may count them for a progress bar.

    Raises:
        DataError: the database cannot be used, no pair is left, or the file cannot be written.
    """
    write = _WRITERS.get(output.suffix.lower())
    if write is None:
        raise DataError(f"{output}: give a file that ends with {', '.join(_WRITERS)}.")
    counted = Counter[str]() if left_out is None else left_out

    def wanted(work: Work) -> bool:
        matches = query.matches(work)
        counted["outside the filters"] += not matches
        return matches

    pairs = islice(clean_pairs(collected_pairs(database, wanted), counted), limit)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with file_written_whole(output) as aside:
            written = write(aside, map(_row, watch(pairs)))
            if not written:
                reasons = "; ".join(f"{count} {reason}" for reason, count in (+counted).most_common())
                raise DataError(f"No pairs in {database} to write ({reasons or 'it holds no works'}).")
    except OSError as error:
        raise DataError(f"Cannot write {output}: {error.strerror or error}.") from None
    return written


def _row(pair: Pair) -> dict[str, Any]:
    # Keywords never hold a space in any format, because CSV parts them by spaces.
    keywords = [word for keyword in pair.keywords for word in keyword.split()]
    return {name: getattr(pair, name) for name in _COLUMNS} | {"keywords": keywords}


def _jsonl(path: Path, rows: Iterable[Row]) -> int:
    written = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            written += 1
    return written


def _csv(path: Path, rows: Iterable[Row]) -> int:
    written = 0
    # utf-8-sig: with a byte order mark spreadsheets know that it is UTF-8.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow({**row, "keywords": " ".join(row["keywords"])})
            written += 1
    return written


def _parquet(path: Path, rows: Iterable[Row]) -> int:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    kinds = {"keywords": arrow.list_(arrow.string())}
    schema = arrow.schema([(name, kinds.get(name, arrow.string())) for name in _COLUMNS])
    written, iterator = 0, iter(rows)
    with parquet.ParquetWriter(path, schema) as writer:
        while batch := list(islice(iterator, _PARQUET_ROWS)):
            writer.write_table(arrow.Table.from_pylist(batch, schema))
            written += len(batch)
    return written


_WRITERS: dict[str, Callable[[Path, Iterable[Row]], int]] = {
    ".jsonl": _jsonl,
    ".csv": _csv,
    ".parquet": _parquet,
}
