"""Titles from a trained checkpoint: the one place where strings, model and search meet."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from narou_gen.conditions import Conditions, LengthClass
from narou_gen.errors import CheckpointError, InputError
from narou_gen.resources import find_checkpoint
from narou_gen.sources import genre_name
from narou_gen.text import clean_synopsis, comparison_key, finish_title
from narou_gen.tokenizer import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    from transformers import EncoderDecoderModel, GenerationConfig

_BATCH = 16
"""Synopses searched together."""
_LARGEST_POOL = 64
"""Candidates per synopsis at most, when many different titles are asked for."""


@dataclass(frozen=True)
class GenerationOptions:
    """How titles are searched for. Beam search unless `sample`.

    `genre`, `keywords` and `length` are conditions that the model was trained with; they steer, and promise
    nothing.

    Raises:
        InputError: a value is impossible.
    """

    num_titles: int = 1
    num_beams: int = 5
    length_penalty: float = 1.0
    """Titles are ranked by log-probability / tokens ** this: by their score at 1, over 1 longer ones win."""
    no_repeat_ngram_size: int = 3
    """No so many tokens in a row stand twice in a title; 0 lifts that."""
    max_tokens: int | None = None
    """Longest title in tokens; by default what the checkpoint was trained with."""
    sample: bool = False
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 0.95
    seed: int | None = None
    """For `sample`: the same seed gives the same titles."""
    genre: str | int | None = None
    """A Narou genre, by name (ハイファンタジー) or code (201)."""
    keywords: tuple[str, ...] = ()
    length: LengthClass | None = None

    def __post_init__(self) -> None:
        for name, low, high in (
            ("num_titles", 1, _LARGEST_POOL),
            ("num_beams", 1, _LARGEST_POOL),
            ("length_penalty", -10, 10),
            ("no_repeat_ngram_size", 0, 100),
            ("max_tokens", 2, 10_000),
            ("temperature", 0.01, 100),
            ("top_k", 0, 1_000_000),
            ("top_p", 0.001, 1),
            ("seed", 0, 2**63 - 1),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise InputError(f"{name} = {value}: it must be {low} to {high}.")
        if isinstance(self.keywords, str):
            raise InputError("keywords must be a list of texts, not one text.")
        if self.length not in (None, *get_args(LengthClass)):
            raise InputError(f"length = {self.length}: it must be long, middle or short.")
        genre_name(self.genre)  # raises where there is no such genre

    @property
    def conditions(self) -> Conditions:
        return Conditions(genre_name(self.genre), tuple(self.keywords), self.length)


@dataclass(frozen=True)
class Title:
    """A finished title. `score` is the mean log-probability per token, its end included: 0 is certain."""

    text: str
    score: float


class TitleGenerator:
    """A checkpoint that is ready to write titles. Not for several threads at once."""

    def __init__(
        self, model: EncoderDecoderModel, tokenizer: Tokenizer, max_source_tokens: int | None = None
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        longest = int(model.config.encoder.max_position_embeddings)
        self._max_source_tokens = min(max_source_tokens or longest, longest)

    @classmethod
    def from_checkpoint(cls, path: str | Path | None = None) -> TitleGenerator:
        """Load a folder that `narou-gen train` wrote, a shipped checkpoint by name, or the default one.

        Raises:
            CheckpointError: there is none, or it is no title checkpoint.
        """
        folder = find_checkpoint(None if path is None else str(path))
        from narou_gen.checkpoint import load_checkpoint  # brings torch, which a wrong path need not wait for

        model, record = load_checkpoint(folder)
        limit = record["config"]["data"]["max_synopsis_tokens"] if record else None
        return cls(model, load_tokenizer(folder), limit)

    def generate(
        self,
        synopses: Sequence[str],
        options: GenerationOptions | None = None,
        *,
        conditions: Sequence[Conditions] | None = None,
        **changes: Any,
    ) -> list[list[Title]]:
        """Titles of each synopsis, best first, no two alike; one list a synopsis, in their order.

        Args:
            options: how to search; `changes` replace single fields of it (`num_titles=5`).
            conditions: genre, keywords and length of each synopsis, where they differ; by default those of
                the options serve all.

        A list can be shorter than `num_titles` where the model has no more different titles to offer.

        Raises:
            InputError: a synopsis is empty, or an option impossible.
        """
        if isinstance(synopses, str):
            raise InputError("generate() takes a list of synopses; for one, use generate_title().")
        options = replace(options or GenerationOptions(), **changes)
        conditions = conditions or [options.conditions] * len(synopses)
        sources = [self._source(text, given) for text, given in zip(synopses, conditions, strict=True)]
        titles: list[list[Title]] = [[] for _ in sources]
        by_length = sorted(range(len(sources)), key=lambda index: len(sources[index]))
        for start in range(0, len(by_length), _BATCH):
            batch = by_length[start : start + _BATCH]
            found = self._search_enough([sources[index] for index in batch], options)
            for index, candidates in zip(batch, found, strict=True):
                titles[index] = candidates
        return titles

    def _source(self, synopsis: str, conditions: Conditions) -> list[int]:
        text = clean_synopsis(synopsis)
        if not text:
            raise InputError("The synopsis is empty: give a few words of the story.")
        limit = self._max_source_tokens
        *parts, body = self._tokenizer.parts([*conditions.parts().values(), text], limit)
        return self._tokenizer.source(parts, body, limit)

    def _search_enough(self, sources: list[list[int]], options: GenerationOptions) -> list[list[Title]]:
        """Search with a pool that grows until every synopsis has its number of different titles."""
        pool = max(options.num_titles, 1 if options.sample else options.num_beams)
        while True:
            found = [
                _distinct(titles)[: options.num_titles] for titles in self._search(sources, options, pool)
            ]
            if pool >= _LARGEST_POOL or min(map(len, found)) >= options.num_titles:
                return found
            pool = min(2 * pool, _LARGEST_POOL)

    def _search(
        self, sources: list[list[int]], options: GenerationOptions, pool: int
    ) -> list[list[tuple[float, Title]]]:
        """All `pool` candidates of each source, each behind its rank: the highest is the best."""
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        from narou_gen.batches import padded

        model, tokenizer = self._model, self._tokenizer
        source_ids = padded(sources, tokenizer.pad_id).to(model.device)
        mask = padded([[1] * len(source) for source in sources], 0).to(model.device)
        devices = [model.device] if model.device.type == "cuda" else []
        with torch.inference_mode(), torch.random.fork_rng(devices=devices):
            if options.seed is not None:
                torch.manual_seed(options.seed)
            states = model.encoder(input_ids=source_ids, attention_mask=mask).last_hidden_state
            # generate() repeats what it is given for each candidate in place: hand it a wrapper of its own.
            sequences = model.generate(
                encoder_outputs=BaseModelOutput(last_hidden_state=states),
                attention_mask=mask,
                generation_config=self._search_config(options, pool),
            )
            scores = self._scores(
                sequences, states.repeat_interleave(pool, 0), mask.repeat_interleave(pool, 0)
            )
        titles = []
        for ids, (score, tokens) in zip(sequences.tolist(), scores, strict=True):
            rank = score * tokens ** (1 - options.length_penalty)
            titles.append((rank, Title(finish_title(tokenizer.decode(ids)), score)))
        return [titles[start : start + pool] for start in range(0, len(titles), pool)]

    def _search_config(self, options: GenerationOptions, pool: int) -> GenerationConfig:
        import copy

        config = copy.deepcopy(self._model.generation_config)
        config.update(
            num_beams=1 if options.sample else pool,
            num_return_sequences=pool,
            length_penalty=options.length_penalty,
            no_repeat_ngram_size=options.no_repeat_ngram_size,
            max_length=options.max_tokens or config.max_length,
            do_sample=options.sample,
        )
        if options.sample:
            config.update(temperature=options.temperature, top_k=options.top_k, top_p=options.top_p)
        return config

    def _scores(self, sequences: Any, states: Any, mask: Any) -> list[tuple[float, int]]:
        """Mean log-probability per token of each sequence, whatever search found it; its number of tokens.

        `sequences`: (candidates, tokens) from [CLS] on; `states`: (candidates, source tokens, width).
        """
        import torch

        given, said = sequences[:, :-1], sequences[:, 1:]
        # Padding follows the first end; the end itself counts as said.
        ended = (given == self._tokenizer.sep_id).cumsum(1) > 0
        logits = self._model.decoder(
            input_ids=given, encoder_hidden_states=self._projected(states), encoder_attention_mask=mask
        ).logits
        log_probabilities = torch.log_softmax(logits.float(), -1).gather(2, said[..., None])[..., 0]
        summed = log_probabilities.masked_fill(ended, 0).sum(1)
        tokens = (~ended).sum(1)
        return list(zip((summed / tokens).tolist(), tokens.tolist(), strict=True))

    def _projected(self, states: Any) -> Any:
        projection = getattr(self._model, "enc_to_dec_proj", None)
        return states if projection is None else projection(states)


def generate_titles(synopsis: str, options: GenerationOptions | None = None, **changes: Any) -> list[Title]:
    """Titles of one synopsis, best first, from the default checkpoint.

    That is the folder in NAROU_GEN_CHECKPOINT, else the bundled model; it is loaded once per process.

    Raises:
        InputError: the synopsis is empty, or an option impossible.
        CheckpointError: there is no such checkpoint.
    """
    return _default_generator(str(find_checkpoint())).generate([synopsis], options, **changes)[0]


def generate_title(synopsis: str, options: GenerationOptions | None = None, **changes: Any) -> str:
    """The best title of one synopsis, from the default checkpoint; see `generate_titles`."""
    titles = generate_titles(synopsis, options, **changes)
    if not titles:
        raise CheckpointError("The model wrote no title for this synopsis; train it longer.")
    return titles[0].text


@functools.lru_cache(maxsize=1)
def _default_generator(folder: str) -> TitleGenerator:
    return TitleGenerator.from_checkpoint(folder)


def _distinct(ranked: Sequence[tuple[float, Title]]) -> list[Title]:
    """The titles that say something, best first, each once whatever its punctuation."""
    best: dict[str, Title] = {}
    for _, title in sorted(ranked, key=lambda pair: -pair[0]):
        if title.text:
            best.setdefault(comparison_key(title.text), title)
    return list(best.values())
