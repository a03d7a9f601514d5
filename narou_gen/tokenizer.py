"""Strings to token ids and back, the same way in training and in generation.

The ids are those of transformers' AutoTokenizer, but neither it nor torch is imported for what most
models have: BertJapaneseTokenizer with MeCab and unidic-lite, or a tokenizer.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from narou_gen.errors import ModelError
from narou_gen.tokenizer_files import TokenizerFiles
from narou_gen.tokenizer_json import TokenizerJson, frame
from narou_gen.wordpiece import JapaneseWordPiece

# A text of which few tokens are wanted is read so far: this many characters for each token, and some tokens
# more, since a cut changes what is next to it. So a megabyte of input costs no more than a page.
_LONGEST_TOKEN = 32
_MORE_TOKENS = 32
CONDITION_SHARE = 4
"""A condition takes one part in so many of a source at most, in training and in generation."""
_SHARE = 1000  # texts that a worker process takes at a time
_VOCABULARIES = ("tokenizer.json", "vocab.txt", "spiece.model", "sentencepiece.bpe.model")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Engine(Protocol):
    """What finds the ids of a text. Engines can be pickled."""

    special_ids: dict[str, int]
    """`cls_token`, `sep_token`, `pad_token`, `unk_token`, ... and their ids."""
    prefix: list[int]
    """What precedes a single text where special tokens are asked for."""
    suffix: list[int]

    def parts(self, texts: Sequence[str]) -> list[list[int]]: ...
    def unknowns(self, text: str) -> list[str]: ...
    def decode(self, ids: Sequence[int]) -> str: ...
    def vocabulary(self) -> dict[str, int]: ...
    def save(self, folder: Path) -> None: ...


class Tokenizer:
    """A BERT tokenizer with the two layouts of this package.

    Source: [CLS] conditions synopsis [SEP], target: [CLS] title [SEP]. Every part is tokenised by itself,
    so that training may cache parts and drop some, and generation gets the very same ids.

    Surrogates are read as the characters they make in pairs, and one by itself as U+FFFD.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        ids = engine.special_ids
        if missing := [name for name in ("cls", "sep", "pad", "unk") if f"{name}_token" not in ids]:
            raise ModelError(f"The tokenizer has no {', '.join(missing)} token; a BERT tokenizer is needed.")
        self.cls_id, self.sep_id = ids["cls_token"], ids["sep_token"]
        self.pad_id, self.unk_id = ids["pad_token"], ids["unk_token"]
        self.mask_id = ids.get("mask_token")  # not every BERT has one left

    def parts(self, texts: Sequence[str], max_tokens: int | None = None, workers: int = 1) -> list[list[int]]:
        """Ids of each text without special tokens, cut to `max_tokens`.

        With `workers`, that many processes share the texts. Each takes half a second of its core to start,
        so it needs free cores and some ten thousand synopses to pay. (A tokenizer can be pickled and
        forked: `Dataset.map(num_proc=...)` works as well.)
        """
        if workers > 1 and len(texts) > _SHARE:
            from concurrent.futures import ProcessPoolExecutor
            from multiprocessing import get_context

            shares = [texts[start : start + _SHARE] for start in range(0, len(texts), _SHARE)]
            # Started afresh, not forked: torch may have threads here.
            with ProcessPoolExecutor(
                workers, get_context("spawn"), _start_worker, (self.engine, max_tokens)
            ) as pool:
                return list(chain.from_iterable(pool.map(_worker_parts, shares)))
        return _parts(self.engine, texts, max_tokens)

    def encode(self, text: str, max_tokens: int | None = None) -> list[int]:
        """Ids of a text between its special tokens, with them at most `max_tokens` long."""
        prefix, suffix = self.engine.prefix, self.engine.suffix
        room = None if max_tokens is None else max(0, max_tokens - len(prefix) - len(suffix))
        return [*prefix, *self.parts([text], room)[0], *suffix]

    def unknowns(self, text: str) -> list[str]:
        """The words behind the unknown tokens of a text, in their order; [] where the engine cannot tell."""
        return self.engine.unknowns(_without_surrogates(text))

    def source(
        self, conditions: Iterable[Sequence[int]], synopsis: Sequence[int], max_tokens: int
    ) -> list[int]:
        """What the encoder reads, at most `max_tokens` long; the synopsis is cut, conditions last."""
        body = [token for part in conditions for token in part] + list(synopsis)
        return [self.cls_id, *body[: max_tokens - 2], self.sep_id]

    def target(self, title: Sequence[int], max_tokens: int) -> list[int]:
        """What the decoder learns to write, at most `max_tokens` long."""
        return [self.cls_id, *title[: max_tokens - 2], self.sep_id]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids, special tokens left out; not yet in finished typography."""
        text = self.engine.decode([int(token_id) for token_id in ids])
        return text.removeprefix("##")  # WordPiece's mark of a continuation, where nothing is continued

    def vocabulary(self) -> dict[str, int]:
        """Every token and its id."""
        return self.engine.vocabulary()

    def __len__(self) -> int:
        return len(self.engine.vocabulary())

    def save(self, folder: Path) -> None:
        """Files of which `load_tokenizer` and AutoTokenizer make the same again; always the same bytes."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.engine.save(Path(folder))


class _Transformers:
    """Whatever AutoTokenizer knows and the two engines of this package do not."""

    def __init__(self, name: str) -> None:
        from transformers import AutoTokenizer

        self._backend = AutoTokenizer.from_pretrained(name)
        names = self._backend.special_tokens_map
        self.special_ids = {key: self._backend.convert_tokens_to_ids(token) for key, token in names.items()}
        bare, framed = self._backend.encode("a", add_special_tokens=False), self._backend.encode("a")
        self.prefix, self.suffix = frame(bare, framed)

    def parts(self, texts: Sequence[str]) -> list[list[int]]:
        # An empty batch is an error to some tokenizers; `verbose` would warn of texts cut later.
        found = self._backend(list(texts), add_special_tokens=False, verbose=False) if texts else {}
        return list(found["input_ids"]) if texts else []

    def unknowns(self, text: str) -> list[str]:
        if not self._backend.is_fast:
            return []
        found = self._backend(text, add_special_tokens=False, verbose=False, return_offsets_mapping=True)
        pairs = zip(found["input_ids"], found["offset_mapping"], strict=True)
        return [text[start:end] for token, (start, end) in pairs if token == self._backend.unk_token_id]

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._backend.decode(ids, skip_special_tokens=True))

    def vocabulary(self) -> dict[str, int]:
        return dict(self._backend.get_vocab())

    def save(self, folder: Path) -> None:
        self._backend.save_pretrained(folder)


def load_tokenizer(name: str | Path) -> Tokenizer:
    """The tokenizer in a local folder, or of a Hugging Face model.

    Raises:
        ModelError: there is none, or it is not one for BERT.
    """
    # Without a vocabulary transformers makes up an empty tokenizer rather than fail.
    if Path(name).is_dir() and not any((Path(name) / file).exists() for file in _VOCABULARIES):
        raise ModelError(f"No tokenizer at {name}: it holds none of {', '.join(_VOCABULARIES)}.")
    try:
        files = TokenizerFiles.read(name)
        engine = JapaneseWordPiece.made_from(files) or TokenizerJson.made_from(files)
        return Tokenizer(engine or _Transformers(str(name)))
    except (OSError, ValueError, ImportError) as error:  # ImportError: a dictionary that is not installed
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"No tokenizer at {name}: {reason}") from None


def _parts(engine: Engine, texts: Sequence[str], max_tokens: int | None) -> list[list[int]]:
    texts = [_without_surrogates(text) if _SURROGATE.search(text) else text for text in texts]
    if max_tokens is None:
        return engine.parts(texts)
    enough = max_tokens + _MORE_TOKENS
    found = engine.parts([text[: enough * _LONGEST_TOKEN] for text in texts])
    for place, text in enumerate(texts):
        if len(text) > enough * _LONGEST_TOKEN and len(found[place]) < enough:  # blanks, or very long words
            found[place] = engine.parts([text])[0]
    return [ids[:max_tokens] for ids in found]


def _without_surrogates(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


_worker: dict[str, Any] = {}


def _start_worker(engine: Engine, max_tokens: int | None) -> None:
    _worker.update(engine=engine, max_tokens=max_tokens)


def _worker_parts(texts: Sequence[str]) -> list[list[int]]:
    return _parts(_worker["engine"], texts, _worker["max_tokens"])
