"""Pairs out of plain text, that teach a decoder to write and its cross attention to read before any title.

A passage takes the place of the synopsis, one of its sentences that of the title. In the passage that
sentence has lost words, or is gone altogether (gap sentences as in PEGASUS, Zhang et al. 2020,
arXiv:1912.08777; text infilling as in BART, Lewis et al. 2020, arXiv:1910.13461). A few of its words serve as
keywords, so that it can be told which sentence is asked for. Of other sentences nothing is given but a few of
their nouns (as in CommonGen, Lin et al. 2020, arXiv:1911.03705), since people type a few words, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random

from narou_gen.errors import DataError
from narou_gen.few_words import few_words
from narou_gen.json_lines import check_json_lines, write_json_lines
from narou_gen.metrics.words import analysed
from narou_gen.sources import Pair
from narou_gen.text_bar import text_bar
from narou_gen.text_rules import plain
from narou_gen.texts import read_passages

_SENTENCE = re.compile(r"[^。！？\n]+[。！？]*[」』）]?")
_PASSAGE_CHARACTERS = (60, 320)  # the range of synopses
_SENTENCE_CHARACTERS = (5, 55)  # the range of titles
_FEW_WORDS_SHARE = 0.2  # of the sentences come with a few of their nouns in place of the passage
_GAP_SHARE = 0.25  # of the others are taken out of the passage whole
_LOST_SHARE = 0.3  # of the words are taken out of the rest
_MOST_KEYWORDS = 3


def write_pretraining_pairs(
    sources: Sequence[str], output: Path, limit: int | None = None, seed: int = 0
) -> int:
    """Write pairs from all sources as JSON Lines in random order; returns how many.

    A source is a plain text (.txt, .txt.xz) or what texts and pairs come from (.jsonl, .csv, .parquet,
    `sample:NAME`, of which the train split alone is read): their texts and synopses, without any title.

    Raises:
        DataError: a source cannot be read, no passage in any is long enough, or the file cannot be written.
    """
    check_json_lines(output)
    pairs: list[Pair] = []
    for source in sources:
        pairs += pretraining_pairs(_texts(source), seed)
    if not pairs:
        raise DataError("No passage of several sentences in these texts: give longer ones.")
    Random(seed).shuffle(pairs)
    rows = [
        {"synopsis": pair.synopsis, "title": pair.title, "keywords": pair.keywords} for pair in pairs[:limit]
    ]
    write_json_lines(output, rows)
    return len(rows)


def _texts(source: str) -> Iterator[str]:
    with text_bar(f"Reading {source}") as watch:
        for passage in read_passages(source, "train", _PASSAGE_CHARACTERS[1]):
            yield plain(passage.text)
            watch(1)


def pretraining_pairs(texts: Iterable[str], seed: int = 0) -> Iterator[Pair]:
    """One pair from each passage of these texts; no passage joins two of them."""
    rng = Random(seed)
    for text in texts:
        for passage in _passages(text, rng):
            if pair := _pair(passage, rng):
                yield pair


def _passages(text: str, rng: Random) -> Iterator[list[str]]:
    """Lists of two or more whole sentences, together of a random length in the range of synopses or less."""
    sentences: list[str] = []
    wanted = rng.randint(*_PASSAGE_CHARACTERS)
    for match in _SENTENCE.finditer(text):
        sentences.append(match[0].strip())
        if len(sentences) > 1 and sum(map(len, sentences)) >= wanted:
            yield sentences
            sentences, wanted = [], rng.randint(*_PASSAGE_CHARACTERS)
    if len(sentences) > 1 and sum(map(len, sentences)) >= _PASSAGE_CHARACTERS[0]:
        yield sentences


def _pair(passage: list[str], rng: Random) -> Pair | None:
    low, high = _SENTENCE_CHARACTERS
    fitting = [index for index, text in enumerate(passage) if low <= len(text) <= high]
    if not fitting or sum(map(len, passage)) > 2 * _PASSAGE_CHARACTERS[1]:
        return None
    chosen = rng.choice(fitting)
    sentence = passage[chosen]
    target = sentence.rstrip("。")
    if rng.random() < _FEW_WORDS_SHARE and (few := few_words(target, rng)):
        return Pair(few, target)
    words = [(node.surface, node.feature.pos1) for node in analysed(target)]
    content = [word for word, kind in words if kind in ("名詞", "動詞", "形容詞") and len(word) > 1]
    lost = "" if rng.random() < _GAP_SHARE else _without_some(words, rng) + sentence[len(target) :]
    context = [*passage[:chosen], lost, *passage[chosen + 1 :]]
    keywords = rng.sample(content, min(len(content), rng.randint(1, _MOST_KEYWORDS)))
    return Pair("".join(context), target, keywords=tuple(keywords))


def _without_some(words: list[tuple[str, str]], rng: Random) -> str:
    kept = [word for word, _ in words if rng.random() >= _LOST_SHARE]
    if words and len(kept) == len(words):
        # A sentence that stands whole in its passage would teach plain copying.
        kept.pop(rng.randrange(len(kept)))
    return "".join(kept)
