"""The encoder of a checkpoint by itself: texts to states, and to one vector each.

Through CTranslate2 neither torch nor transformers is imported; torch serves where that cannot convert.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from narou_gen.engines import EngineName
from narou_gen.errors import CheckpointError, InputError
from narou_gen.pooling import Pooling, pool
from narou_gen.resources import find_checkpoint
from narou_gen.text import clean_synopsis, clean_title
from narou_gen.tokenizer import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Floats = NDArray[np.float32]
_MOST_TEXTS, _MOST_TOKENS = 32, 2048  # in one forward pass, padding counted: more is no faster on a CPU


class EncoderEngine(Protocol):
    """What turns token ids into states."""

    hidden_size: int
    max_source_tokens: int

    def states(self, sources: Sequence[Sequence[int]]) -> list[Floats]:
        """One array (tokens, hidden) a source."""


class Encoder:
    """An encoder that is ready to read. Not for several threads at once."""

    def __init__(
        self, engine: EncoderEngine, tokenizer: Tokenizer, weights: Path | None = None, threads: int = 1
    ) -> None:
        self._engine = engine
        self._tokenizer = tokenizer
        self._weights = weights
        self._threads = threads
        self.hidden_size = engine.hidden_size
        self.max_tokens = engine.max_source_tokens

    @classmethod
    def from_checkpoint(
        cls, path: str | Path | None = None, engine: EngineName = "auto", threads: int | None = None
    ) -> Encoder:
        """The encoder of a title checkpoint, or any BERT in a folder; by default of the default checkpoint.

        Args:
            path: a folder, or the name of a shipped checkpoint.
            engine: `auto` is CTranslate2 in float32 where the folder can be converted, else torch.
            threads: cores to use (with torch: in the whole process); by default all.

        Raises:
            CheckpointError: there is none, or it holds no BERT.
        """
        from narou_gen.ctranslate import ENCODER, ENGINE_MODEL, can_convert, converted

        folder = find_checkpoint(None if path is None else str(path))
        if engine == "ctranslate2" or (engine == "auto" and can_convert(folder)):
            from narou_gen.engine_ctranslate import CTranslate2Encoder, available_threads

            if (folder / ENGINE_MODEL).exists() and not (folder / ENCODER).is_dir():
                raise CheckpointError(
                    f"{folder} was exported without its encoder: give the checkpoint itself."
                )

            model = converted(folder, "float32", "encoder")
            files = (folder / name for name in ("model.safetensors", ENGINE_MODEL))
            weights = next(file for file in files if file.exists())
            # The engine serves several batches at a time, on one core each.
            threads = threads or available_threads()
            return cls(CTranslate2Encoder(model, threads), load_tokenizer(folder), weights, threads)
        from narou_gen.checkpoint import load_encoder

        return cls(TorchEncoder(load_encoder(folder), threads), load_tokenizer(folder))

    def fingerprint(self) -> str | None:
        """SHA-256 of the file that the weights came from; None where they came from none or from several."""
        if self._weights is None:
            return None
        with self._weights.open("rb") as weights:
            return hashlib.file_digest(weights, "sha256").hexdigest()

    def states(self, texts: Sequence[str], max_tokens: int | None = None) -> list[Floats]:
        """The last hidden states of each text, in their order; (tokens, hidden) each.

        A text is read as [CLS] text [SEP], cut to `max_tokens` or to what the model can read.

        Raises:
            InputError: a text is empty.
        """
        found: list[Floats] = [np.empty(0, np.float32)] * len(texts)
        for place, states in self._each(texts, max_tokens, lambda states: states):
            found[place] = states
        return found

    def embed(self, texts: Sequence[str], pooling: Pooling = "mean", max_tokens: int | None = None) -> Floats:
        """One vector a text, in their order; shape (n, hidden), float32.

        Raises:
            InputError: a text is empty, or there is no such pooling.
        """
        if isinstance(texts, str):
            raise InputError("embed() takes a list of texts, not one text.")
        if pooling not in ("mean", "cls", "max"):
            raise InputError(f"pooling = {pooling}: it must be mean, cls or max.")
        vectors = np.empty((len(texts), self.hidden_size), np.float32)
        for place, vector in self._each(texts, max_tokens, lambda states: pool(states, pooling)):
            vectors[place] = vector
        return vectors

    def _each(
        self, texts: Sequence[str], max_tokens: int | None, kept: Callable[[Floats], Floats]
    ) -> Iterator[tuple[int, Floats]]:
        """(place, what is `kept` of its states) of each text, those of like length together."""
        limit = min(max_tokens or self.max_tokens, self.max_tokens)
        parts = self._tokenizer.parts([readable(text) for text in texts], limit - 2)
        sources = [self._tokenizer.source((), part, limit) for part in parts]

        def read(places: list[int]) -> list[tuple[int, Floats]]:
            states = self._engine.states([sources[place] for place in places])
            return [(place, kept(each)) for place, each in zip(places, states, strict=True)]

        batches = _batches([len(source) for source in sources])
        if len(batches) < 2 or self._threads < 2:
            yield from chain.from_iterable(map(read, batches))
            return
        with ThreadPoolExecutor(min(self._threads, len(batches))) as pool_of_threads:
            yield from chain.from_iterable(pool_of_threads.map(read, batches))


class TorchEncoder:
    """A BertModel, in evaluation mode, on the device where it lies."""

    def __init__(self, model: PreTrainedModel, threads: int | None = None) -> None:
        import torch

        if threads is not None:
            torch.set_num_threads(threads)
        self._model = model
        self.hidden_size: int = model.config.hidden_size
        self.max_source_tokens: int = model.config.max_position_embeddings

    def states(self, sources: Sequence[Sequence[int]]) -> list[Floats]:
        import torch

        width = max(map(len, sources))
        ids = torch.tensor([[*source, *[0] * (width - len(source))] for source in sources])
        mask = torch.tensor([[1] * len(source) + [0] * (width - len(source)) for source in sources])
        device = self._model.device
        with torch.inference_mode():
            answer = self._model(input_ids=ids.to(device), attention_mask=mask.to(device))
        found = answer.last_hidden_state.float().cpu().numpy()
        return [row[: len(source)] for row, source in zip(found, sources, strict=True)]


def embed(texts: Sequence[str], pooling: Pooling = "mean", checkpoint: str | Path | None = None) -> Floats:
    """Vectors of texts by the encoder of a checkpoint, else the default one; shape (n, hidden), float32.

    The encoder is loaded once per process.

    Raises:
        InputError: a text is empty, or there is no such pooling.
        CheckpointError: there is no such checkpoint.
    """
    folder = find_checkpoint(None if checkpoint is None else str(checkpoint))
    return _kept(str(folder)).embed(texts, pooling)


def readable(text: str) -> str:
    """A text as the encoder reads it: cleaned as synopses are. One of nothing but notices keeps them.

    Raises:
        InputError: nothing is left of it.
    """
    clean = clean_synopsis(text) or clean_title(text)
    if not clean:
        raise InputError("The text is empty: give a few words at least.")
    return clean


@functools.lru_cache(maxsize=1)
def _kept(folder: str) -> Encoder:
    return Encoder.from_checkpoint(folder)


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Places of sources of like length, as many as fit into one forward pass; the longest first."""
    batches: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        last = batches[-1] if batches else []
        if last and len(last) < _MOST_TEXTS and (len(last) + 1) * lengths[last[0]] <= _MOST_TOKENS:
            last.append(place)
        else:
            batches.append([place])
    return batches
