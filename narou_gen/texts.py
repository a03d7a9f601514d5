"""Texts with or without a label, from the sources that titles come from, and from plain text."""

from __future__ import annotations

import hashlib
import lzma
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narou_gen.data import Splits, split_sources
from narou_gen.errors import DataError
from narou_gen.sources import read_rows
from narou_gen.text import clean_synopsis, clean_title, comparison_key

if TYPE_CHECKING:
    from narou_gen.config import DataConfig

Watch = Callable[[Iterable["Text"], str], Iterable["Text"]]
_SENTENCE = re.compile(r"[^。！？\n]*[。！？\n]+[」』）]*|[^。！？\n]+")


@dataclass(frozen=True)
class Text:
    """A text of a source, and what the source says of it. `author` and `id` serve to split without leaks."""

    text: str
    label: str | None = None
    title: str | None = None
    author: str | None = None
    id: str | None = None


def read_texts(source: str, split: str = "train") -> Iterator[Text]:
    """Texts of a source as it holds them, in its order.

    Sources are those of `read_pairs`. A row has a `text` or a `synopsis`, and where known a `label` or a
    `tone`, and a `title` or `titles` (the first counts).

    Raises:
        DataError: the source is not there, or a row has no text.
    """
    for number, row in enumerate(read_rows(source, split), 1):
        text = row.get("synopsis") if row.get("text") is None else row["text"]
        if not isinstance(text, str):
            raise DataError(f"{source}, row {number}: needs a text `text` (or `synopsis`).")
        titles = row.get("titles") or row.get("title")
        title = titles[0] if isinstance(titles, list | tuple) else titles
        yield Text(
            text,
            _word(row.get("label") if row.get("label") not in (None, "") else row.get("tone")),
            title if isinstance(title, str) else None,
            _word(row.get("author")),
            _word(row.get("id")),
        )


def read_passages(source: str, split: str, characters: int) -> Iterator[Text]:
    """What a language model learns from: passages of a plain text (.txt, .txt.xz), else a source's texts.

    A passage is whole lines, or sentences of a long line, up to so many characters; a blank line in a plain
    text parts works, and no passage holds two.

    Raises:
        DataError: as `read_texts`; a plain text is not UTF-8.
    """
    path = Path(source)
    if path.name.endswith((".txt", ".txt.xz")):  # no dataset's name, even where the file is missing
        try:
            with (lzma.open if path.suffix == ".xz" else open)(path, "rt", encoding="utf-8") as lines:
                yield from map(Text, _passages(lines, characters))
        except (OSError, EOFError, UnicodeDecodeError, lzma.LZMAError) as error:
            raise DataError(f"Cannot read {source} as text: {error}") from None
    else:
        yield from read_texts(source, split)


def _passages(lines: Iterable[str], characters: int) -> Iterator[str]:
    passage = ""
    for line in lines:
        pieces = [line] if len(line) <= characters else _SENTENCE.findall(line)
        for piece in pieces if line.strip() else [""]:
            if passage.strip() and (not piece or len(passage) + len(piece) > characters):
                yield passage.strip()
                passage = ""
            passage += piece
    if passage.strip():
        yield passage.strip()


def load_text_splits(
    config: DataConfig,
    seed: int,
    read: Callable[[str, str], Iterable[Text]],
    watch: Watch = lambda texts, source: texts,
) -> Splits[Text]:
    """Read, clean and split what `[data]` names, as `load_splits` does with pairs.

    Raises:
        DataError: a source cannot be read, or a split that is asked for is empty.
    """
    left_out: Counter[str] = Counter()

    def load(sources: Sequence[str], split: str) -> list[Text]:
        texts = (watch(read(source, split), source) for source in sources)
        return list(_cleaned(chain.from_iterable(texts), left_out))

    return split_sources(config, seed, load, lambda text: text.text, left_out, "texts")


def _cleaned(texts: Iterable[Text], left_out: Counter[str]) -> Iterator[Text]:
    """The texts as the encoder reads them; what is left out is counted by its reason."""
    seen: set[bytes] = set()
    for text in texts:
        clean = clean_synopsis(text.text) or clean_title(text.text)
        key = hashlib.blake2b(comparison_key(clean).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if not clean:
            left_out["empty text"] += 1
        elif key in seen:
            left_out["duplicate"] += 1
        else:
            seen.add(key)
            yield replace(text, text=clean)


def labels_of(splits: Splits[Text], source: str) -> list[str]:
    """The labels of the training texts, sorted; every text must have one of them.

    Raises:
        DataError: a text has no label, validation or test have one that training lacks, or there is but one.
    """
    for text in (*splits.train, *splits.validation, *splits.test):
        if text.label is None:
            raise DataError(f"{source}: a text has no `label` (or `tone`): {text.text[:20]}…")
    labels = sorted({str(text.label) for text in splits.train})
    if len(labels) < 2:
        raise DataError(f"{source}: every text is labelled {labels[0]}; give texts of two labels at least.")
    for name in ("validation", "test"):
        unknown = {str(text.label) for text in getattr(splits, name)} - set(labels)
        if unknown:
            raise DataError(
                f"The {name} texts are labelled {', '.join(sorted(unknown))}, which no training text is. "
                f"Labels in training: {', '.join(labels)}."
            )
    return labels


def label_counts(texts: Iterable[Text]) -> Mapping[str, int]:
    """Label -> number of texts, the most frequent first."""
    return dict(Counter(str(text.label) for text in texts).most_common())


def _word(value: Any) -> str | None:
    return None if value in (None, "") else str(value)
