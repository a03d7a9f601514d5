"""What the training loop has to know of the thing it trains, and titles as one such thing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from narou_gen.batches import Items, tokenise
from narou_gen.checkpoint import Contents, title_contents
from narou_gen.config import Config
from narou_gen.data import load_splits
from narou_gen.loss import summed_loss
from narou_gen.model import build
from narou_gen.novelty import NoveltyIndex
from narou_gen.packed_attention import use_packed_attention
from narou_gen.progress import TrainingDisplay
from narou_gen.record import data_record
from narou_gen.sources import tokenised_folder
from narou_gen.tokenizer import Tokenizer
from narou_gen.validation import TitleData, Validation

Scores = dict[str, float]
Samples = list[dict[str, Any]]


class Task(ABC):
    """A model, what it learns from, its loss, its validation, and what it leaves in its folder.

    A task is prepared in every process, before the model is moved to its device.
    """

    model: nn.Module
    fresh: frozenset[str]
    """Names of the parameters that nothing has trained in their place yet."""
    warnings: Sequence[str] = ()
    items: Items
    contents: Contents
    data: Mapping[str, Any]
    """Fingerprint and numbers for the run record."""

    def start_update(self) -> None:
        """Put the model into training mode."""
        self.model.train()

    def kind(self, rows: np.ndarray) -> dict[str, str]:
        """What the line of an update says of its window, where there are several kinds."""
        return {}

    @abstractmethod
    def loss(self, model: Any, batch: Any) -> torch.Tensor:
        """Summed over the batch's targets, shape (). `model` is the task's own, wrapped by accelerate."""

    @abstractmethod
    def validate(self, model: Any, accelerator: Accelerator) -> tuple[Scores, Samples]:
        """Scores with a `validation_loss`, and a few unpicked examples. All processes must call it."""


class TitleTask(Task):
    """A BERT2BERT that learns titles."""

    def __init__(self, config: Config, accelerator: Accelerator, display: TrainingDisplay) -> None:
        torch.manual_seed(config.seed)
        self._built = build(config.model, config.data)
        self._config = config
        read = _tokenised if tokenised_folder(config.data) else _from_source
        with accelerator.main_process_first():  # one tokenises, the others find it in the cache
            data = read(config, self._built.tokenizer, display)
        self.items, self._validation, self.data = data.train, data.validation, data.record
        self.model = self._built.model
        use_packed_attention(self._built.model)
        self.fresh = self._built.fresh
        self.warnings = self._built.warnings
        novelty = data.novelty.with_those_of(config.model.checkpoint)
        self.contents = title_contents(self._built.model, self._built.tokenizer, novelty)

    def start_update(self) -> None:
        super().start_update()
        if self._config.model.freeze_encoder:
            self._built.model.encoder.eval()

    def loss(self, model: Any, batch: Any) -> torch.Tensor:
        return summed_loss(model, batch, self._config.training.label_smoothing)

    def validate(self, model: Any, accelerator: Accelerator) -> tuple[Scores, Samples]:
        return self._validation.run(model, self._built, accelerator)


def _from_source(config: Config, tokenizer: Tokenizer, display: TrainingDisplay) -> TitleData:
    splits = load_splits(config.data, config.seed, watch=display.reading)
    display.data(splits)
    return TitleData(
        tokenise(splits.train, tokenizer, config.data, config.seed, config.training.packed),
        Validation.prepare(splits.validation, tokenizer, config),
        NoveltyIndex.made_of(pair.title for pair in splits.train),
        data_record(splits),
    )


def _tokenised(config: Config, tokenizer: Tokenizer, display: TrainingDisplay) -> TitleData:
    from narou_gen.tokenised import load_tokenised

    data = load_tokenised(config, tokenizer)
    display.tokenised(data.record, ", ".join(config.data.train_sources))
    return data


def prepare(config: Config, accelerator: Accelerator, display: TrainingDisplay) -> Task:
    """Read the data and build the model of the config's task.

    Raises:
        NarouGenError: the data or the base model cannot be used.
    """
    if config.task == "title":
        return TitleTask(config, accelerator, display)
    if config.task == "mlm":
        from narou_gen.mlm_task import MlmTask

        return MlmTask(config, accelerator, display)
    from narou_gen import sentiment_tasks

    modes: dict[str, Any] = {
        "frozen": sentiment_tasks.FrozenTask,
        "finetune": sentiment_tasks.FinetuneTask,
        "joint": sentiment_tasks.JointTask,
    }
    task: Task = modes[config.sentiment.mode](config, accelerator, display)
    return task


def run_folder(config: Config) -> Path:
    """Where a run keeps its record and states: its output, or the head's folder if it writes that alone."""
    from narou_gen.sentiment import FOLDER

    head_alone = config.task == "sentiment" and config.sentiment.mode == "frozen"
    return Path(config.output) / FOLDER if head_alone else Path(config.output)
