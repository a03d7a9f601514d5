"""Titles from a trained checkpoint: the one place where strings, model and search meet."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narou_gen import steering
from narou_gen.candidates import CandidateFinder, Job
from narou_gen.conditions import Conditions
from narou_gen.ctranslate import Quantization
from narou_gen.engines import EngineName, load_engine
from narou_gen.errors import CheckpointError, InputError
from narou_gen.novelty import NoveltyIndex
from narou_gen.options import GenerationOptions, Titles
from narou_gen.resources import find_checkpoint
from narou_gen.search import Engine, Source
from narou_gen.steering import Pool
from narou_gen.text import clean_synopsis
from narou_gen.tokenizer import Tokenizer, load_tokenizer
from narou_gen.typography import finish_title

if TYPE_CHECKING:
    from transformers import EncoderDecoderModel

    from narou_gen.sentiment import SentimentAnalyzer


class TitleGenerator:
    """A checkpoint that is ready to write titles. Not for several threads at once."""

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        max_source_tokens: int | None = None,
        novelty: NoveltyIndex | None = None,
        sentiment: Callable[[], SentimentAnalyzer] | None = None,
    ) -> None:
        self._finder = CandidateFinder(engine, tokenizer, max_source_tokens, novelty, sentiment)

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path | None = None,
        engine: EngineName = "auto",
        threads: int | None = None,
        quantization: Quantization | None = None,
    ) -> TitleGenerator:
        """Load a folder that `narou-gen train` or `narou-gen export` wrote, or a shipped checkpoint by name.

        Without a path: the folder in NAROU_GEN_CHECKPOINT, else the bundled model.

        Args:
            engine: `ctranslate2` converts the checkpoint once and keeps that in the user's cache (see
                `narou_gen.ctranslate`); `torch` is the reference; `auto` is `ctranslate2` wherever it can be.
            threads: translations side by side, one core each; by default as many as there are cores.
            quantization: of the conversion: `int8` by default, `float32` for results equal to torch's. A GPU
                takes `float16`.

        Raises:
            CheckpointError: there is none, or it is no title checkpoint; or `ctranslate2` cannot convert it.
        """
        folder = find_checkpoint(None if path is None else str(path))
        tokenizer = load_tokenizer(folder)
        loaded = load_engine(folder, tokenizer, engine, threads, quantization)

        def sentiment() -> SentimentAnalyzer:
            from narou_gen.sentiment import SentimentAnalyzer

            return SentimentAnalyzer.from_checkpoint(folder, engine, threads)

        return cls(loaded, tokenizer, _trained_source_tokens(folder), NoveltyIndex.load(folder), sentiment)

    @classmethod
    def from_model(
        cls, model: EncoderDecoderModel, tokenizer: Tokenizer, max_source_tokens: int | None = None
    ) -> TitleGenerator:
        """A generator over a loaded transformers model, as training uses it for validation."""
        from narou_gen.engine_torch import TorchEngine

        return cls(TorchEngine(model, tokenizer), tokenizer, max_source_tokens)

    def generate(
        self,
        synopses: Sequence[str],
        options: GenerationOptions | None = None,
        *,
        conditions: Sequence[Conditions] | None = None,
        **changes: Any,
    ) -> list[Titles]:
        """Titles of each synopsis, best first, no two alike; one list a synopsis, in their order.

        Args:
            options: how to search; `changes` replace single fields of it (`num_titles=5`).
            conditions: genre, keywords and length of each synopsis, where they differ; by default those of
                the options serve all.

        A list can be shorter than `num_titles`, where no more titles keep what the options promise, or the
        model has no more different ones: its `note` says so.

        Raises:
            InputError: a synopsis is empty, an option impossible, or the checkpoint has no head for `tone`.
        """
        if isinstance(synopses, str):
            raise InputError("generate() takes a list of synopses; for one, use generate_title().")
        options = replace(options or GenerationOptions(), **changes)
        given = conditions or [options.conditions] * len(synopses)
        start = steering.finish_start(options.prefix)
        jobs = [
            Job(Pool(options), _cleaned(synopsis), steering.wanted(each, options), start)
            for synopsis, each in zip(synopses, given, strict=True)
        ]
        self._finder.fill(jobs, options)
        return [Titles(self._finder.chosen(job.pool), job.pool.note()) for job in jobs]

    def stream(
        self,
        synopsis: str,
        options: GenerationOptions | None = None,
        *,
        conditions: Conditions | None = None,
        **changes: Any,
    ) -> Iterator[str]:
        """One title as it grows, greedy or (`sample`) drawn: the text so far, each time it changes.

        The last text is the finished title. It begins with `prefix`; the other promises of the options are
        `generate`'s alone, and unknown words are not written.

        Raises:
            InputError: the synopsis is empty, or an option impossible.
        """
        options = replace(options or GenerationOptions(), **changes)
        source = self._finder.source(_cleaned(synopsis), conditions or options.conditions)
        return self._grow(source, options)

    def _grow(self, source: Source, options: GenerationOptions) -> Iterator[str]:
        finder, start = self._finder, steering.finish_start(options.prefix)
        written: list[int] = []
        shown = ""
        search = finder.search(options, 1)
        for token in finder.engine.stream(source, search, finder.forced(start)):
            written.append(token)
            text = finish_title(start + finder.tokenizer.decode(written))
            if text not in ("", shown):
                shown = text
                yield text


def generate_titles(synopsis: str, options: GenerationOptions | None = None, **changes: Any) -> Titles:
    """Titles of one synopsis, best first, from the default checkpoint.

    That is the folder in NAROU_GEN_CHECKPOINT, else the bundled model; it is loaded once per process.

    Raises:
        InputError: the synopsis is empty, or an option impossible.
        CheckpointError: there is no such checkpoint.
    """
    return _default_generator(str(find_checkpoint())).generate([synopsis], options, **changes)[0]


def generate_title(synopsis: str, options: GenerationOptions | None = None, **changes: Any) -> str:
    """The best title of one synopsis, from the default checkpoint; see `generate_titles`.

    Raises:
        InputError: no title keeps what the options promise; and as `generate_titles`.
    """
    titles = generate_titles(synopsis, options, **changes)
    if not titles:
        raise InputError(f"No title for this synopsis: {titles.note}")
    return titles[0].text


@functools.lru_cache(maxsize=1)
def _default_generator(folder: str) -> TitleGenerator:
    return TitleGenerator.from_checkpoint(folder)


def _cleaned(synopsis: str) -> str:
    text = clean_synopsis(synopsis)
    if not text:
        raise InputError("The synopsis is empty: give a few words of the story.")
    return text


def _trained_source_tokens(folder: Path) -> int | None:
    """How much of a synopsis the model was trained to read, where its run record tells."""
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return int(record["config"]["data"]["max_synopsis_tokens"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder / 'run.json'} is damaged: {error}.") from None
