"""The fast engine: search and encoder states by CTranslate2, with neither torch nor transformers."""

from __future__ import annotations

import atexit
import json
import os
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from numpy.typing import NDArray

from narou_gen.ctranslate import ENGINE_MODEL
from narou_gen.ctranslate_spec import token_names
from narou_gen.errors import CheckpointError
from narou_gen.search import Candidate, Search, Source, most_looked_at
from narou_gen.tokenizer import Tokenizer

_BATCH_TOKENS = 2048
"""Source tokens searched together at most: more takes memory, and hardly less time."""


def available_threads() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpu_available() -> bool:
    """Whether CTranslate2 finds a CUDA device that it supports."""
    try:
        return bool(ctranslate2.get_cuda_device_count())
    except RuntimeError:  # a driver older than the library's CUDA
        return False


_alive: weakref.WeakSet[CTranslate2Engine] = weakref.WeakSet()


@atexit.register
def _end_threads() -> None:
    """A thread that still lets go of a stream's callback while Python ends would abort the process."""
    for engine in list(_alive):
        del engine._translator


class CTranslate2Engine:
    """A converted checkpoint. Each translation runs on one thread, `threads` of them side by side."""

    def __init__(self, folder: Path, tokenizer: Tokenizer, threads: int | None = None) -> None:
        settings = _settings(folder)
        self.max_source_tokens: int = settings["max_source_tokens"]
        self.max_target_tokens: int = settings["max_target_tokens"]
        self._folder = folder
        self._threads = threads or available_threads()
        self._translator = self._load(self._threads)
        _alive.add(self)
        self._unk_id = tokenizer.unk_id
        self._names = token_names(tokenizer, max(tokenizer.vocabulary().values()) + 1)
        self._ids = {name: index for index, name in enumerate(self._names)}
        self._end = self._names[tokenizer.sep_id]
        self._never = [[self._names[index]] for index in (tokenizer.cls_id, tokenizer.pad_id)]

    def _load(self, threads: int) -> ctranslate2.Translator:
        return _loaded(ctranslate2.Translator, self._folder, threads)

    def search(
        self, sources: Sequence[Source], search: Search, prefixes: Sequence[Sequence[int]] | None = None
    ) -> list[list[Candidate]]:
        prefixes = prefixes or [()] * len(sources)
        found: list[list[Candidate]] = [[] for _ in sources]
        if search.sample and search.seed is not None:
            groups = [[index] for index in range(len(sources))]
        else:
            # Only where the source has an unknown word can the title name it.
            known = [index for index, source in enumerate(sources) if not source.unknowns]
            unknown = [index for index, source in enumerate(sources) if source.unknowns]
            groups = [group for group in (known, unknown) if group]
        for group in groups:
            candidates = self._search([sources[i] for i in group], search, [prefixes[i] for i in group])
            for index, each in zip(group, candidates, strict=True):
                found[index] = each
        return found

    def _search(
        self, sources: list[Source], search: Search, prefixes: list[Sequence[int]]
    ) -> list[list[Candidate]]:
        tokens = [self._tokens(source) for source in sources]
        unknowns = bool(sources[0].unknowns)
        forced = [[self._names[index] for index in prefix] for prefix in prefixes]
        total = sum(map(len, tokens))
        results = self._seeded(search).translate_batch(
            tokens,
            forced if any(forced) else None,
            max_batch_size=max(1, min(_BATCH_TOKENS, -(-total // self._threads))),
            batch_type="tokens",
            beam_size=1 if search.sample else search.candidates,
            num_hypotheses=search.candidates,
            length_penalty=search.length_penalty,
            return_attention=unknowns,
            return_scores=True,
            return_end_token=True,
            max_input_length=0,
            **self._limits(search, unknowns),
        )
        found = []
        for source, prefix, result in zip(sources, prefixes, results, strict=True):
            attentions = result.attention if unknowns else [None] * len(result.hypotheses)
            found.append(
                [
                    self._candidate(source, len(prefix), search.length_penalty, *hypothesis)
                    for hypothesis in zip(result.hypotheses, result.scores, attentions, strict=True)
                ]
            )
        if any(forced):
            self._rescore(tokens, forced, found)
        return [search.ranked(candidates) for candidates in found]

    def _tokens(self, source: Source) -> list[str]:
        return [self._names[index] for index in source.ids]

    def _limits(self, search: Search, unknowns: bool) -> dict[str, Any]:
        limits: dict[str, Any] = {
            "max_decoding_length": search.max_tokens - 1,
            "min_decoding_length": search.min_tokens,
            "no_repeat_ngram_size": search.no_repeat_ngram_size,
            "disable_unk": not unknowns,
            "suppress_sequences": self._never + [[self._names[i] for i in ids] for ids in search.never],
        }
        if search.sample:
            limits |= {
                "sampling_topk": min(search.top_k, len(self._names)),
                "sampling_topp": search.top_p,
                "sampling_temperature": search.temperature,
            }
        return limits

    def _seeded(self, search: Search) -> ctranslate2.Translator:
        """A CTranslate2 thread gets its random numbers when it starts: a seed needs a thread of its own."""
        if not search.sample or search.seed is None:
            return self._translator
        ctranslate2.set_random_seed(search.seed % 2**32)
        return self._load(1)

    def _candidate(
        self,
        source: Source,
        prefix: int,
        length_penalty: float,
        tokens: list[str],
        score: float,
        attention: list[list[float]] | None,
    ) -> Candidate:
        ids = [self._ids[token] for token in tokens]
        ended = bool(tokens) and tokens[-1] == self._end
        written = ids[prefix : len(ids) - ended]
        looks = [] if attention is None else [attention[i] for i in self._unknown_places(ids, prefix)]
        log_probability = score * len(ids) ** length_penalty
        return Candidate(written, log_probability, len(ids), most_looked_at(looks, source, self._unk_id))

    def _unknown_places(self, ids: list[int], start: int) -> list[int]:
        return [place for place, token in enumerate(ids) if place >= start and token == self._unk_id]

    def _rescore(
        self, sources: list[list[str]], prefixes: list[list[str]], found: list[list[Candidate]]
    ) -> None:
        """Score whole titles: the search counts nothing for what was forced on it."""
        places = [(i, k) for i, each in enumerate(found) if prefixes[i] for k in range(len(each))]
        titles = [prefixes[i] + [self._names[index] for index in found[i][k].ids] for i, k in places]
        scored = self._translator.score_batch(
            [sources[i] for i, _ in places],
            titles,
            max_batch_size=_BATCH_TOKENS,
            batch_type="tokens",
            max_input_length=0,
        )
        for (i, k), result in zip(places, scored, strict=True):
            old = found[i][k]
            counted = result.log_probs[: old.tokens]  # without the end of a title that was cut short
            found[i][k] = Candidate(old.ids, float(sum(counted)), len(counted), old.unknowns)

    def stream(self, source: Source, search: Search, prefix: Sequence[int] = ()) -> Iterator[int]:
        steps = self._seeded(search).generate_tokens(
            self._tokens(source),
            [self._names[index] for index in prefix] or None,
            max_input_length=0,
            **self._limits(search, unknowns=False),
        )
        for step in steps:  # the prefix comes first
            if step.step >= len(prefix) and step.token != self._end:
                yield self._ids[step.token]


class CTranslate2Encoder:
    """A converted encoder: states of token ids."""

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        settings = _settings(folder)
        self.max_source_tokens: int = settings["max_source_tokens"]
        self.hidden_size: int = settings["hidden_size"]
        self._encoder = _loaded(ctranslate2.Encoder, folder, threads or available_threads())

    def states(self, sources: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """The last hidden states of each source, special tokens included: (tokens, hidden) each."""
        if not sources:
            return []
        output = self._encoder.forward_batch([list(source) for source in sources])
        states = np.asarray(output.last_hidden_state.to_device(ctranslate2.Device.cpu)).astype(np.float32)
        return [states[row, : len(source)] for row, source in enumerate(sources)]


def _settings(folder: Path) -> dict[str, int]:
    try:
        found: dict[str, int] = json.loads((folder / "config.json").read_text(encoding="utf-8"))["narou_gen"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder} holds no engine model that this package wrote: {error}.") from None
    return found


def _loaded(kind: Any, folder: Path, threads: int) -> Any:
    on_gpu = gpu_available()
    try:
        return kind(
            str(folder),
            device="cuda" if on_gpu else "cpu",
            # On a CPU as the model was converted; a float16 one is widened by itself.
            compute_type="float16" if on_gpu else "default",
            intra_threads=1,
            inter_threads=1 if on_gpu else threads,
        )
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(f"Cannot load {folder / ENGINE_MODEL}: {error}") from None
