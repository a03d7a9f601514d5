"""The feeling of a text, read by the encoder that also reads synopses for titles. Without torch.

A head lies beside the encoder's weights:

    sentiment/head.safetensors   weight (labels, hidden), bias (labels), mean (hidden), scale (hidden)
    sentiment/labels.json        labels in their order, pooling, longest text; how it was trained

The logits of a pooled state x are weight ((x - mean) / scale) + bias.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from narou_gen.encoder import Encoder
from narou_gen.engines import EngineName
from narou_gen.errors import CheckpointError, InputError
from narou_gen.pooling import Pooling
from narou_gen.resources import find_checkpoint

FOLDER, HEAD, LABELS = "sentiment", "head.safetensors", "labels.json"


@dataclass(frozen=True)
class Sentiment:
    """The likeliest label, and the probability of each (they sum to 1)."""

    label: str
    probabilities: dict[str, float]


@dataclass(frozen=True)
class Head:
    """A trained head, as its folder holds it."""

    labels: tuple[str, ...]
    pooling: Pooling
    max_tokens: int
    """What a text was cut to in training."""
    weights: dict[str, NDArray[np.float32]]

    @classmethod
    def load(cls, checkpoint: Path) -> Head:
        """The head of a checkpoint folder.

        Raises:
            CheckpointError: the checkpoint has none, or it is damaged.
        """
        folder = checkpoint / FOLDER
        if not (folder / HEAD).exists():
            raise CheckpointError(
                f"{checkpoint} has no sentiment head: train one with "
                f"`narou-gen train sentiment --set model.checkpoint={checkpoint}`."
            )
        try:
            about = json.loads((folder / LABELS).read_text(encoding="utf-8"))
            weights = load_file(folder / HEAD)
            head = cls(tuple(about["labels"]), about["pooling"], int(about["max_tokens"]), weights)
            shape = (len(head.labels), len(weights["mean"]))
            if (weights["weight"].shape, weights["bias"].shape) != (shape, shape[:1]):
                raise ValueError("labels and weights do not fit together")
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise CheckpointError(f"{folder} is damaged: {error}.") from None
        return head

    def probabilities(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Pooled states (n, hidden) -> (n, labels)"""
        weights = self.weights
        scaled = (vectors - weights["mean"]) / weights["scale"]
        logits = (scaled @ weights["weight"].T + weights["bias"]).astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


class SentimentAnalyzer:
    """A checkpoint that is ready to tell the feeling of texts. Not for several threads at once."""

    def __init__(self, encoder: Encoder, head: Head) -> None:
        if encoder.hidden_size != len(head.weights["mean"]):
            raise CheckpointError("The sentiment head was trained on another encoder: train it again.")
        self._encoder = encoder
        self._head = head

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path | None = None,
        engine: EngineName = "auto",
        threads: int | None = None,
        encoder: Encoder | None = None,
    ) -> SentimentAnalyzer:
        """Load a folder with a sentiment head, a shipped checkpoint by name, or the default one.

        An `encoder` that was made from the same folder already is used as it is.

        Raises:
            CheckpointError: there is no such folder, or it has no head.
        """
        folder = find_checkpoint(None if path is None else str(path))
        head = Head.load(folder)
        return cls(encoder or Encoder.from_checkpoint(folder, engine, threads), head)

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, in the order of the probabilities."""
        return self._head.labels

    def analyze(self, texts: Sequence[str]) -> list[Sentiment]:
        """The feeling of each text, in their order.

        Raises:
            InputError: a text is empty.
        """
        if isinstance(texts, str):
            raise InputError("analyze() takes a list of texts; for one, use analyze_sentiment().")
        if not texts:
            return []
        vectors = self._encoder.embed(texts, self._head.pooling, self._head.max_tokens)
        return [
            Sentiment(self.labels[int(row.argmax())], dict(zip(self.labels, row.tolist(), strict=True)))
            for row in self._head.probabilities(vectors)
        ]


def analyze_sentiment(text: str) -> Sentiment:
    """The feeling of one text, by the default checkpoint; it is loaded once per process.

    Raises:
        InputError: the text is empty.
        CheckpointError: the default checkpoint is missing, or has no sentiment head.
    """
    return _default_analyzer(str(find_checkpoint())).analyze([text])[0]


@functools.lru_cache(maxsize=1)
def _default_analyzer(folder: str) -> SentimentAnalyzer:
    return SentimentAnalyzer.from_checkpoint(folder)
