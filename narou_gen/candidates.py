"""The candidates of titles: searches, from the plain one to constrained ones, until there are enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from narou_gen import steering
from narou_gen.conditions import Conditions
from narou_gen.errors import InputError
from narou_gen.merit import log_odds, logistic
from narou_gen.novelty import NoveltyIndex
from narou_gen.options import LARGEST_POOL, GenerationOptions, Title
from narou_gen.search import Candidate, Engine, Search, Source
from narou_gen.steering import Pool, Ranked
from narou_gen.tokenizer import CONDITION_SHARE, Tokenizer
from narou_gen.typography import finish_title

if TYPE_CHECKING:
    from narou_gen.sentiment import SentimentAnalyzer

_RETRIED = 3
"""Titles that lack a keyword and are tried with it."""
_ROOM = 3
"""Tokens of a title behind its forced beginning, at least: a word, [CLS] and [SEP]."""
_ORDINARY = "婚約を破棄された令嬢は、辺境の古い宿屋を継いで、旅人たちの話を聞くことにしました"
_ROUNDS = 3
"""Further searches at most, where the first one finds too few titles."""


@dataclass(frozen=True)
class Job:
    """A search: for which pool, of which cleaned synopsis, under which conditions, behind which beginning."""

    pool: Pool
    text: str
    conditions: Conditions
    start: str = ""


class CandidateFinder:
    """Turns synopses into sources, has them searched, and judges what comes back."""

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        max_source_tokens: int | None,
        novelty: NoveltyIndex | None,
        sentiment: Callable[[], SentimentAnalyzer] | None,
    ) -> None:
        self.engine = engine
        self.tokenizer = tokenizer
        self._novelty = novelty
        self._load_sentiment = sentiment
        self._sentiment: SentimentAnalyzer | None = None
        self._max_source_tokens = min(max_source_tokens or engine.max_source_tokens, engine.max_source_tokens)

    def fill(self, jobs: Sequence[Job], options: GenerationOptions) -> None:
        """Fill each job's pool: one search, then wider ones for as long as titles lack.

        Raises:
            InputError: the model writes no titles so long as the prefix or a keyword.
        """
        longest = self.search(options, 1).max_tokens - _ROOM
        for text in filter(None, (options.prefix, *options.keywords)):
            if len(self.forced(text)) > longest:
                raise InputError(f"{text[:20]}… leaves no room for a title: shorten it, or raise max_tokens.")
        self._first_round(jobs, options)
        width = max(options.num_titles, options.num_beams)
        for attempt in range(1, _ROUNDS + 1):
            lacking = [job for job in jobs if job.pool.lacking()]
            if not lacking:
                return
            width = min(2 * width, LARGEST_POOL)
            self._further_round(lacking, options, width, attempt)

    def _first_round(self, jobs: Sequence[Job], options: GenerationOptions) -> None:
        width = options.num_titles if options.sample else max(options.num_titles, options.num_beams)
        beams = self.search(options, width)
        if options.sample or not options.diversity:
            self._run(jobs, options, beams)
            return
        self._run([*jobs, *_varied(jobs, options)], options, beams)
        alike = [job for job in jobs if job.conditions.length]  # beams of one length differ in particles
        if options.num_titles > 1:
            self._run(alike, options, self._sampled(options, 1))

    def _further_round(
        self, jobs: Sequence[Job], options: GenerationOptions, width: int, attempt: int
    ) -> None:
        for _ in options.keywords:  # a title that has been given one may still lack the next
            self._run(_with_keywords(jobs), options, self.search(options, 2, sample=False))
        if options.sample:
            seed = None if options.seed is None else options.seed + attempt
            self._run(jobs, options, self.search(options, width, seed=seed))
            return
        least = self._least_tokens(options)
        search = self.search(options, width, min_tokens=least)
        self._run([*jobs, *_varied(jobs, options)], options, search)
        if attempt > 1 or options.diversity:
            self._run(jobs, options, replace(self._sampled(options, attempt), min_tokens=least))

    def chosen(self, pool: Pool) -> list[Title]:
        """The titles of a pool, with how near their nearest training titles are."""
        titles = pool.chosen()
        if self._novelty is None:
            return titles
        return [replace(title, nearest=round(self._novelty.nearest(title.text), 4)) for title in titles]

    def search(self, options: GenerationOptions, candidates: int, **changes: Any) -> Search:
        """`candidates` titles by the options' own way of searching, but for `changes`."""
        longest = self.engine.max_target_tokens
        search = Search(
            candidates=candidates,
            max_tokens=min(options.max_tokens or longest, longest),
            length_penalty=options.length_penalty,
            no_repeat_ngram_size=options.no_repeat_ngram_size,
            sample=options.sample,
            temperature=options.temperature,
            top_k=options.top_k,
            top_p=options.top_p,
            seed=options.seed,
            never=self._never(options),
        )
        return replace(search, **changes)

    def _never(self, options: GenerationOptions) -> tuple[tuple[int, ...], ...]:
        """Ids of the words to avoid, at the beginning of a title and in its midst."""
        found = set()
        for word in options.avoid:
            alone, before, within = self.tokenizer.parts([word, "の", f"の{word}"])
            found |= {tuple(alone), tuple(within[len(before) :] if within[: len(before)] == before else ())}
        unknown = self.tokenizer.unk_id
        return tuple(sorted(ids for ids in found if ids and unknown not in ids))

    def _sampled(self, options: GenerationOptions, attempt: int) -> Search:
        """Draws from what is likely, more each attempt: the same ones each time, unless a seed says other."""
        number = min(options.num_titles * (attempt + 1), LARGEST_POOL)
        seed = (options.seed or 0) + attempt
        return self.search(options, number, sample=True, top_p=min(options.top_p, 0.9), seed=seed)

    def _least_tokens(self, options: GenerationOptions) -> int:
        """So many tokens reach `min_chars`, at the length that tokens have in ordinary Japanese."""
        if options.min_chars is None:
            return 1
        least = round(options.min_chars * len(self.tokenizer.parts([_ORDINARY])[0]) / len(_ORDINARY))
        return max(1, min(least, self.search(options, 1).max_tokens - _ROOM))

    def _run(self, jobs: Sequence[Job], options: GenerationOptions, search: Search) -> None:
        """Search for each job, and put what is found into its pool."""
        longest = search.max_tokens - _ROOM
        starts = [(job, self.forced(job.start)) for job in jobs]
        jobs = [job for job, ids in starts if len(ids) <= longest]
        if not jobs:
            return
        forced = [ids for _, ids in starts if len(ids) <= longest]
        sources = [self.source(job.text, job.conditions) for job in jobs]
        found = self.engine.search(sources, search, forced if any(forced) else None)
        fresh: list[tuple[Pool, Ranked]] = []
        for job, candidates in zip(jobs, found, strict=True):
            for candidate in candidates:
                text = finish_title(job.start + self._text(candidate))
                if text:
                    certainty = candidate.log_probability * candidate.tokens ** (1 - options.length_penalty)
                    rank = log_odds(text, job.text, certainty, options.grounding)
                    title = Title(text, candidate.score, logistic(rank))
                    reason = self._objection(text, job.text, options)
                    fresh.append((job.pool, Ranked(rank, title, reason)))
        if options.tone:
            fresh = self._toned(fresh, options)
        for pool, ranked in fresh:
            pool.add(ranked)

    def source(self, text: str, conditions: Conditions) -> Source:
        """What the encoder reads of a cleaned synopsis, as in training."""
        limit, tokenizer = self._max_source_tokens, self.tokenizer
        parts = [*conditions.parts().values(), text]
        ids = tokenizer.parts(parts[:-1], limit // CONDITION_SHARE) + tokenizer.parts([text], limit)
        source = tokenizer.source(ids[:-1], ids[-1], limit)
        unknowns = [
            word
            for part, found in zip(parts, ids, strict=True)
            if tokenizer.unk_id in found
            for word in tokenizer.unknowns(part)[: found.count(tokenizer.unk_id)]
        ]
        return Source(source, unknowns[: source.count(tokenizer.unk_id)])

    def forced(self, start: str) -> list[int]:
        """A title's beginning as ids."""
        return self.tokenizer.parts([start])[0] if start else []

    def _text(self, candidate: Candidate) -> str:
        """The candidate's ids as text, its unknown tokens as what they stand for."""
        if self.tokenizer.unk_id not in candidate.ids:
            return self.tokenizer.decode(candidate.ids)
        text, words, known = "", iter(candidate.unknowns), list[int]()
        for token in candidate.ids:
            if token == self.tokenizer.unk_id:
                text += self.tokenizer.decode(known) + next(words, "")
                known = []
            else:
                known.append(token)
        return text + self.tokenizer.decode(known)

    def _objection(self, title: str, synopsis: str, options: GenerationOptions) -> str | None:
        """Why the title cannot be returned, if so."""
        reason = steering.objection(title, synopsis, options)
        if reason is None and self._novelty is not None and self._novelty.holds(title):
            reason = "were training titles"
        return reason

    def _toned(
        self, fresh: list[tuple[Pool, Ranked]], options: GenerationOptions
    ) -> list[tuple[Pool, Ranked]]:
        if self._sentiment is None:
            if self._load_sentiment is None:
                raise InputError("tone: only a checkpoint with a sentiment head can tell it.")
            self._sentiment = self._load_sentiment()
            if not {"positive", "negative"} <= set(self._sentiment.labels):
                raise InputError("tone needs a sentiment head with the labels positive and negative.")
        tones = self._sentiment.analyze([found.title.text for _, found in fresh])
        toned = []
        for (pool, found), tone in zip(fresh, tones, strict=True):
            bright = tone.probabilities["positive"] >= tone.probabilities["negative"]
            reason = found.objection
            if bright != (options.tone == "bright"):
                reason = reason or f"were not {options.tone}"
            title = replace(found.title, tone=tone.label)
            toned.append((pool, replace(found, title=title, objection=reason)))
        return toned


def _varied(jobs: Sequence[Job], options: GenerationOptions) -> list[Job]:
    return [
        replace(job, conditions=variant)
        for job in jobs
        for variant in steering.variants(job.conditions, options)
    ]


def _with_keywords(jobs: Sequence[Job]) -> list[Job]:
    """Go on behind beginnings of the pools' titles that have been given the keyword that they lack."""
    return [
        replace(job, start=start)
        for job in jobs
        for start in steering.with_missing_keyword(job.pool, job.start, _RETRIED)
    ]
