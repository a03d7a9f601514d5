"""Vectors of many texts, kept in the cache: reading them takes long, and the same texts come again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from narou_gen.encoder import Encoder
from narou_gen.errors import DataError
from narou_gen.folders import file_written_whole
from narou_gen.pooling import Pooling
from narou_gen.resources import cache_folder
from narou_gen.texts import Text

_READ_TOGETHER = 2048  # texts
Watch = Callable[[int], None]
"""Told how many texts have been read."""


def cached_vectors(
    encoder: Encoder,
    texts: Sequence[str],
    pooling: Pooling = "mean",
    max_tokens: int | None = None,
    watch: Watch = lambda done: None,
) -> NDArray[np.float32]:
    """As `Encoder.embed`, but read once for the same weights and texts; (n, hidden), mapped from a file.

    Raises:
        InputError: a text is empty.
    """
    weights = encoder.fingerprint()
    if weights is None or not texts:  # the next encoder without a fingerprint would be another one
        return encoder.embed(texts, pooling, max_tokens)
    digest = hashlib.sha256(f"{weights} {pooling} {max_tokens}".encode())
    for text in texts:
        digest.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    file = cache_folder() / "vectors" / f"{digest.hexdigest()}.npy"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_vectors(file, encoder, texts, pooling, max_tokens, watch)
    vectors: NDArray[np.float32] = np.load(file, mmap_mode="r")
    return vectors


def write_vectors(
    file: Path,
    encoder: Encoder,
    texts: Sequence[str],
    pooling: Pooling = "mean",
    max_tokens: int | None = None,
    watch: Watch = lambda done: None,
) -> None:
    """Write the vectors of texts as .npy, whole or not at all, without holding them all.

    Raises:
        InputError: a text is empty.
    """
    with file_written_whole(file) as aside:
        vectors = open_memmap(aside, "w+", np.float32, (len(texts), encoder.hidden_size))
        for start in range(0, len(texts), _READ_TOGETHER):
            some = texts[start : start + _READ_TOGETHER]
            vectors[start : start + len(some)] = encoder.embed(some, pooling, max_tokens)
            watch(start + len(some))
        vectors.flush()


def save_embeddings(
    file: Path,
    encoder: Encoder,
    texts: Sequence[Text],
    pooling: Pooling = "mean",
    watch: Watch = lambda done: None,
) -> None:
    """Write the vectors of texts in their order: .npy, or .parquet with `id`, `title` and `text` beside them.

    Raises:
        DataError: the file's suffix is another, or there are no texts.
        InputError: a text is empty.
    """
    if file.suffix.lower() not in (".npy", ".parquet"):
        raise DataError(f"{file}: write .npy or .parquet.")
    if file.is_dir():
        raise DataError(f"{file} is a folder: give the file to write.")
    if not texts:
        raise DataError("No texts to read: the source is empty.")
    file.parent.mkdir(parents=True, exist_ok=True)
    contents = [text.text for text in texts]
    if file.suffix.lower() == ".npy":
        write_vectors(file, encoder, contents, pooling, watch=watch)
        return
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    vector = arrow.list_(arrow.float32(), encoder.hidden_size)
    words = [(name, arrow.string()) for name in ("id", "title", "text")]
    schema = arrow.schema([*words, ("vector", vector)])
    with file_written_whole(file) as aside, parquet.ParquetWriter(aside, schema) as writer:
        for start in range(0, len(texts), _READ_TOGETHER):
            some = texts[start : start + _READ_TOGETHER]
            found = encoder.embed([text.text for text in some], pooling)
            columns = [arrow.array([getattr(text, name) for text in some], kind) for name, kind in words]
            flat = arrow.FixedSizeListArray.from_arrays(arrow.array(found.ravel()), encoder.hidden_size)
            writer.write_table(arrow.Table.from_arrays([*columns, flat], schema=schema))
            watch(start + len(some))
