"""How good a model is while it trains: loss, character ROUGE-L and titles to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch
from accelerate import Accelerator

from narou_gen.batches import TokenisedPairs, share_of, tokenise
from narou_gen.conditions import Conditions
from narou_gen.config import Config
from narou_gen.generate import TitleGenerator
from narou_gen.loss import summed_loss
from narou_gen.metrics.rouge import character_rouge_l
from narou_gen.model import Bert2Bert
from narou_gen.novelty import NoveltyIndex
from narou_gen.sources import Pair, by_synopsis
from narou_gen.tokenizer import Tokenizer

_SAMPLES = 3
_BATCH = 32
"""Pairs whose loss is computed together; without gradients they need little memory."""


@dataclass(frozen=True)
class ValidationItem:
    """A synopsis with all its titles; the first one's conditions are asked for."""

    synopsis: str
    titles: tuple[str, ...]
    conditions: Conditions


@dataclass(frozen=True)
class Validation:
    """Held-out pairs, and the synopses among them that titles are generated for."""

    pairs: TokenisedPairs
    items: Sequence[ValidationItem]
    config: Config
    tokenizer: Tokenizer

    @classmethod
    def prepare(cls, pairs: Sequence[Pair], tokenizer: Tokenizer, config: Config) -> Validation:
        items = items_of(pairs)[: config.training.evaluate_synopses]
        tokenised = tokenise(pairs, tokenizer, config.data, config.seed, config.training.packed)
        return cls(tokenised, items, config, tokenizer)

    def run(
        self, model: Any, built: Bert2Bert, accelerator: Accelerator
    ) -> tuple[dict[str, float], list[dict[str, Any]]]:
        """Scores, and the first few titles unpicked. All processes must call it.

        `validation_loss` is in nats per target token, with all conditions given and without label smoothing;
        `rouge_l` is over characters, of greedy titles against the best of a synopsis's titles (0 to 1).
        """
        model.eval()
        scores = {"validation_loss": self.loss(model, accelerator)}
        samples: list[dict[str, Any]] = []
        if accelerator.is_main_process and self.items:
            titles = self._titles(built)
            scores["rouge_l"] = fmean(
                character_rouge_l(title, item.titles) for title, item in zip(titles, self.items, strict=True)
            )
            samples = [
                {"synopsis": item.synopsis, "title": title, "references": list(item.titles)}
                for title, item in zip(titles[:_SAMPLES], self.items[:_SAMPLES], strict=True)
            ]
        if accelerator.num_processes > 1:  # all must decide alike which weights are best
            shared = torch.tensor(scores.get("rouge_l", 0.0), device=accelerator.device)
            if self.items:
                scores["rouge_l"] = accelerator.reduce(shared, "sum").item()
        return scores, samples

    def loss(self, model: Any, accelerator: Accelerator) -> float:
        """Mean cross-entropy per target token in nats, the pairs dealt out to all processes."""
        size = _BATCH * accelerator.num_processes
        total = torch.zeros((), device=accelerator.device)
        with torch.inference_mode():
            for rows in self.pairs.windows(size, epoch=0):
                share, counts = share_of(rows, accelerator.process_index, accelerator.num_processes)
                batch = self.pairs.batch(share, None, counts).to(accelerator.device)
                total += summed_loss(model, batch)
        everywhere = accelerator.reduce(total, "sum")
        return float(everywhere) / int(self.pairs.label_counts.sum())

    def _titles(self, built: Bert2Bert) -> list[str]:
        limit = self.config.data.max_synopsis_tokens
        generator = TitleGenerator.from_model(built.model, self.tokenizer, limit)
        found = generator.generate(
            [item.synopsis for item in self.items],
            conditions=[item.conditions for item in self.items],
            num_beams=1,
            diversity=0,
        )
        return [titles[0].text if titles else "" for titles in found]


@dataclass(frozen=True)
class TitleData:
    """What the training of titles needs of its data."""

    train: TokenisedPairs
    validation: Validation
    novelty: NoveltyIndex
    """Of the training titles."""
    record: Mapping[str, Any]
    """Fingerprint and numbers for the run record."""


def items_of(pairs: Sequence[Pair]) -> list[ValidationItem]:
    """The synopses in their order, each with all its titles."""
    return [
        ValidationItem(synopsis, tuple(pair.title for pair in group), group[0].conditions)
        for synopsis, group in by_synopsis(pairs).items()
    ]
