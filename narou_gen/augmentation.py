"""More pairs out of those there are: works with other names and fewer sentences, titles of a few words.

A model that has seen a name once in its life tends to remember it with its story; one that meets the story
under several names learns that names are to be copied from the synopsis. A sentence is left out only where no
title speaks of it, so that titles stay true. And since people without a synopsis type a few words, each title
comes once more with a few of its own nouns as the synopsis.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from random import Random

from narou_gen.errors import DataError
from narou_gen.few_words import few_words
from narou_gen.json_lines import check_json_lines, write_json_lines
from narou_gen.metrics.words import Name, content_words, names
from narou_gen.sources import Pair, read_pairs
from narou_gen.text_bar import text_bar
from narou_gen.text_rules import plain

_SENTENCE = re.compile(r"[^。！？\n]+[。！？]*[」』）]*\n*|\n+")
_KATAKANA = "[ァ-ヺー]"
_LEFT_OUT = 0.3
"""Of the sentences that no title speaks of."""
_KEPT = 0.5
"""Of the synopsis's characters at least."""


@dataclass(frozen=True)
class Work:
    """A synopsis with all its titles."""

    synopsis: str
    titles: tuple[str, ...]
    genre: str | None
    keywords: tuple[str, ...]
    id: str
    author: str | None = None


def write_augmented(
    sources: Sequence[str], output: Path, *, copies: int = 1, ideas: bool = True, seed: int = 0
) -> int:
    """Write the works of all sources as JSON Lines, each followed by `copies` varied ones and its ideas.

    An idea is one of the titles with a few of its nouns as the synopsis. Returns how many lines there are.

    All that is made of a work has its `id` and `author`, and so comes into the same split.

    Raises:
        DataError: a source cannot be read, none holds a pair, or the file cannot be written.
    """
    check_json_lines(output)
    works = _works(chain.from_iterable(map(read_pairs, sources)))
    if not works:
        raise DataError(f"{', '.join(sources)}: no pairs.")
    rows: list[dict[str, object]] = []
    with text_bar("Varying works", total=len(works)) as watch:
        for varied in augmented(works, copies=copies, ideas=ideas, seed=seed):
            rows += map(vars, varied)
            watch(1)
    write_json_lines(output, rows)
    return len(rows)


def augmented(
    works: Sequence[Work], *, copies: int = 1, ideas: bool = True, seed: int = 0
) -> Iterator[list[Work]]:
    """Of each work: itself, `copies` of it with other names and without some sentences, and its ideas."""
    pool = _pool(works)
    for number, work in enumerate(works):
        rngs = [Random(f"{seed}/{number}/{copy}") for copy in range(copies)]
        copied = [renamed(shortened(work, rng), pool, rng) for rng in rngs]
        yield [work, *copied, *(ideas_of(work, Random(f"{seed}/{number}")) if ideas else ())]


def ideas_of(work: Work, rng: Random) -> Iterator[Work]:
    """Each title, with a few of its nouns for a synopsis, and no keywords, which would tell the rest."""
    for title in work.titles:
        if words := few_words(title, rng):
            yield replace(work, synopsis=words, titles=(title,), keywords=())


def renamed(work: Work, pool: Mapping[str, Sequence[str]], rng: Random) -> Work:
    """With other names of the same kind from `pool` (kind -> names), the same ones wherever they stand."""
    others = _others(list(dict.fromkeys(names(work.synopsis))), pool, rng)
    if not others:
        return work
    # The longest first: アリア is no part of アリアドネ.
    found = re.compile("|".join(map(_where_it_stands, sorted(others, key=len, reverse=True))))

    def replaced(text: str) -> str:
        return found.sub(lambda match: others[match[0]], text)

    return replace(
        work,
        synopsis=replaced(work.synopsis),
        titles=tuple(map(replaced, work.titles)),
        keywords=tuple(map(replaced, work.keywords)),
    )


def _others(own: Sequence[Name], pool: Mapping[str, Sequence[str]], rng: Random) -> dict[str, str]:
    """name -> another one: no two the same, none of `own`. A name stays where the pool has no other."""
    taken = {name.text for name in own}
    others: dict[str, str] = {}
    for name in own:
        choices = pool.get(name.kind, ())
        drawn = rng.sample(choices, min(len(choices), len(taken) + 1))  # one more than could be taken
        for text in drawn:
            if text not in taken and name.text not in others:
                others[name.text] = text
                taken.add(text)
    return others


def _where_it_stands(name: str) -> str:
    """A pattern for the name; カレン is no part of カレンダー."""
    if re.fullmatch(f"{_KATAKANA}+", name):
        return f"(?<!{_KATAKANA}){name}(?!{_KATAKANA})"
    return re.escape(name)


def shortened(work: Work, rng: Random) -> Work:
    """Without some of the sentences that have no noun or name in common with any title."""
    said = {word for title in work.titles for word, _ in content_words(title)}
    room = len(work.synopsis) * (1 - _KEPT)
    kept = []
    for sentence in _SENTENCE.findall(work.synopsis):
        free = said.isdisjoint(word for word, _ in content_words(sentence))
        if free and len(sentence) <= room and rng.random() < _LEFT_OUT:
            room -= len(sentence)
        else:
            kept.append(sentence)
    return replace(work, synopsis="".join(kept).strip())


def _works(pairs: Iterable[Pair]) -> list[Work]:
    """Pairs that differ in their title alone are one work; texts without what no reader sees."""
    titles: dict[Pair, list[str]] = {}
    for pair in pairs:
        titles.setdefault(replace(pair, title=""), []).append(plain(pair.title))
    return [
        Work(
            plain(pair.synopsis),
            tuple(same),
            pair.genre,
            tuple(map(plain, pair.keywords)),
            pair.id or str(number),
            pair.author,
        )
        for number, (pair, same) in enumerate(titles.items())
    ]


def _pool(works: Iterable[Work]) -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = {}
    for work in works:
        for name in names(work.synopsis):
            found.setdefault(name.kind, {})[name.text] = None
    return {kind: list(texts) for kind, texts in found.items()}
