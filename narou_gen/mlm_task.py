"""Masked language modelling: an encoder learns the language of a domain before it learns titles."""

from __future__ import annotations

from typing import Any

import torch
from accelerate import Accelerator

from narou_gen.batches import share_of
from narou_gen.checkpoint import WEIGHTS, Contents, describe_model
from narou_gen.config import Config
from narou_gen.encoder_model import build_masked_lm
from narou_gen.loss import classification_loss
from narou_gen.masking import Masking
from narou_gen.progress import TrainingDisplay
from narou_gen.record import data_record
from narou_gen.tasks import Samples, Scores, Task
from narou_gen.text_batches import MaskedTexts, Sources
from narou_gen.texts import load_text_splits, read_passages


class MlmTask(Task):
    """A BertForMaskedLM; its folder serves as `model.encoder` and `model.decoder` of titles."""

    def __init__(self, config: Config, accelerator: Accelerator, display: TrainingDisplay) -> None:
        self._config = config
        limit = config.data.max_synopsis_tokens
        splits = load_text_splits(
            config.data,
            config.seed,
            # A token is a character at least: so nothing of a passage is cut.
            lambda source, split: read_passages(source, split, limit - 2),
            display.reading,
        )
        display.data(splits, "Texts")
        torch.manual_seed(config.seed)
        model, tokenizer, fresh = build_masked_lm(config.model, config.data)
        self.model = model
        self.fresh = frozenset(fresh)
        masking = Masking(tokenizer, config.mlm.mask_fraction)
        self.items, self._validation = (
            MaskedTexts(Sources([text.text for text in texts], tokenizer, limit), masking, config.seed)
            for texts in (splits.train, splits.validation)
        )
        self.contents = Contents(
            {WEIGHTS: self.model},
            lambda folder, dtype, record: describe_model(folder, model, tokenizer, dtype),
        )
        self.data = data_record(splits)

    def loss(self, model: Any, batch: Any) -> torch.Tensor:
        smoothing = self._config.training.label_smoothing
        return classification_loss(model(**batch.inputs()).logits, batch.labels, smoothing)

    def validate(self, model: Any, accelerator: Accelerator) -> tuple[Scores, Samples]:
        """Loss in nats and accuracy per hidden token, the same ones hidden each time."""
        model.eval()
        size = self._config.training.batch_size * accelerator.num_processes
        found = torch.zeros(3, device=accelerator.device)  # loss, hits, hidden tokens
        with torch.inference_mode():
            for rows in self._validation.windows(size, epoch=0):
                share, counts = share_of(rows, accelerator.process_index, accelerator.num_processes)
                batch = self._validation.batch(share, None, counts).to(accelerator.device)
                logits = self.model(**batch.inputs()).logits
                hidden = batch.labels >= 0
                hits = (logits.argmax(-1) == batch.labels) & hidden
                found += torch.stack([classification_loss(logits, batch.labels), hits.sum(), hidden.sum()])
        loss, hits_, tokens = accelerator.reduce(found, "sum").tolist()
        return {"validation_loss": loss / max(tokens, 1), "accuracy": hits_ / max(tokens, 1)}, []
