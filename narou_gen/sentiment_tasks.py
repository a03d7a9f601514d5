"""Three ways to train a sentiment head: beside frozen titles, with its own encoder, jointly with titles."""

from __future__ import annotations

import filecmp
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from narou_gen.batches import Batch, tokenise
from narou_gen.checkpoint import WEIGHTS, Contents, describe_model, title_contents, write_json
from narou_gen.classification import Classification
from narou_gen.config import Config
from narou_gen.data import load_splits
from narou_gen.encoder import Encoder, TorchEncoder
from narou_gen.encoder_model import JointModel, SentimentClassifier, SentimentHead, build_encoder
from narou_gen.errors import ConfigError
from narou_gen.folders import file_written_whole
from narou_gen.loss import classification_loss, summed_loss
from narou_gen.model import build
from narou_gen.novelty import NoveltyIndex
from narou_gen.packed_attention import use_packed_attention
from narou_gen.packing import PackedBatch
from narou_gen.progress import TrainingDisplay
from narou_gen.record import data_record
from narou_gen.resources import find_checkpoint
from narou_gen.sentiment import FOLDER, HEAD, LABELS
from narou_gen.tasks import Samples, Scores, Task
from narou_gen.text_batches import Interleaved, LabelledTexts, Sources
from narou_gen.texts import Text, label_counts, labels_of, load_text_splits, read_texts
from narou_gen.tokenizer import Tokenizer
from narou_gen.validation import Validation
from narou_gen.vectors import cached_vectors

_SAMPLES = 3


class _SentimentTask(Task):
    """What the three ways share: labelled texts, the head's loss, its validation and its files."""

    def __init__(self, config: Config, display: TrainingDisplay) -> None:
        self._config = config
        self._splits = load_text_splits(config.data, config.seed, read_texts, display.reading)
        display.data(self._splits, "Texts")
        self.labels = labels_of(self._splits, ", ".join(config.data.train_sources))
        self.data = data_record(self._splits)
        counts = np.bincount(self._numbers(self._splits.train), minlength=len(self.labels))
        self._weights = None
        if config.sentiment.balance == "weights":  # of mean 1 over the training texts
            weights = len(self._splits.train) / (len(self.labels) * counts)
            self._weights = torch.tensor(weights, dtype=torch.float32)
        torch.manual_seed(config.seed)

    def loss(self, model: Any, batch: Any) -> torch.Tensor:
        smoothing = self._config.training.label_smoothing
        return classification_loss(model(**batch.inputs()), batch.labels, smoothing, self._weights)

    def validate(self, model: Any, accelerator: Accelerator) -> tuple[Scores, Samples]:
        model.eval()
        texts, total, predicted = self._splits.validation, 0.0, []
        size = self._config.training.batch_size
        # Each process judges all of them: they are few.
        with torch.inference_mode():
            for start in range(0, len(texts), size):
                rows = np.arange(start, min(start + size, len(texts)))
                batch = self._validation_items.batch(rows, None).to(accelerator.device)
                logits = self.model(**batch.inputs())
                total += float(classification_loss(logits, batch.labels))
                predicted += [self.labels[index] for index in logits.argmax(1).tolist()]
        found = Classification.of([str(text.label) for text in texts], predicted, self.labels)
        samples = [
            {"text": text.text, "label": text.label, "predicted": guess}
            for text, guess in zip(texts[:_SAMPLES], predicted, strict=False)
        ]
        values = torch.tensor([total / len(texts), found.accuracy, found.macro_f1], dtype=torch.float64)
        # Devices may differ by a float error, and all must decide alike which weights are best.
        loss, accuracy, macro_f1 = accelerator.reduce(values.to(accelerator.device), "mean").tolist()
        return {"validation_loss": loss, "accuracy": accuracy, "macro_f1": macro_f1}, samples

    def _numbers(self, texts: Sequence[Text]) -> np.ndarray:
        return np.asarray([self.labels.index(str(text.label)) for text in texts])

    def _items_of(self, inputs: Any, validation_inputs: Any) -> LabelledTexts:
        """Training items; sets those of the validation beside them."""
        splits, seed = self._splits, self._config.seed
        self._validation_items = LabelledTexts(self._numbers(splits.validation), validation_inputs, seed)
        balanced = self._config.sentiment.balance == "sampling"
        return LabelledTexts(self._numbers(splits.train), inputs, seed, balanced)

    def _tokenised(self, tokenizer: Tokenizer) -> LabelledTexts:
        limit = self._config.data.max_synopsis_tokens
        parts = (self._splits.train, self._splits.validation)
        return self._items_of(*(Sources([text.text for text in part], tokenizer, limit) for part in parts))

    def _vectors(self, encoder: Encoder, texts: Sequence[Text]) -> torch.Tensor:
        options = self._config
        limit = options.data.max_synopsis_tokens
        found = cached_vectors(encoder, [text.text for text in texts], options.sentiment.pooling, limit)
        return torch.tensor(np.asarray(found))

    def _head(self, vectors: torch.Tensor) -> SentimentHead:
        return SentimentHead(vectors, len(self.labels), self._config.sentiment.dropout)

    def _describe(self, folder: Path, record: Mapping[str, Any], **more: Any) -> None:
        config, splits = self._config, self._splits
        folder.mkdir(exist_ok=True)
        about = {
            "labels": self.labels,
            "pooling": config.sentiment.pooling,
            "max_tokens": config.data.max_synopsis_tokens,
            "mode": config.sentiment.mode,
            "balance": config.sentiment.balance,
            "trained_on": {
                "source": ", ".join(config.data.train_sources),
                "texts": label_counts(splits.train),
            },
            "validation": {"texts": len(splits.validation), **record.get("scores", {})},
        }
        write_json(folder / LABELS, about | more)


class FrozenTask(_SentimentTask):
    """The head alone. The encoder reads each text once, before the first update; titles stay as they are."""

    def __init__(self, config: Config, accelerator: Accelerator, display: TrainingDisplay) -> None:
        super().__init__(config, display)
        checkpoint = find_checkpoint(config.model.checkpoint)
        encoder = Encoder.from_checkpoint(checkpoint)
        with accelerator.main_process_first():  # one reads, the others find it in the cache
            vectors = self._vectors(encoder, self._splits.train)
            self.items = self._items_of(vectors, self._vectors(encoder, self._splits.validation))
        self.model = self._head(vectors)
        self.fresh = frozenset(name for name, _ in self.model.named_parameters())
        with (checkpoint / WEIGHTS).open("rb") as weights:
            digest = hashlib.file_digest(weights, "sha256").hexdigest()
        if accelerator.is_main_process:
            _copy_titles(checkpoint, Path(config.output))
        self.contents = Contents(
            {HEAD: self.model},
            lambda folder, dtype, record: self._describe(folder, record, encoder_sha256=digest),
        )


class FinetuneTask(_SentimentTask):
    """Head and encoder, in a folder of their own."""

    def __init__(self, config: Config, accelerator: Accelerator, display: TrainingDisplay) -> None:
        super().__init__(config, display)
        encoder, tokenizer = build_encoder(config.model, config.data)
        head = self._head(self._vectors(Encoder(TorchEncoder(encoder.eval()), tokenizer), self._splits.train))
        self.model = SentimentClassifier(encoder, head, config.sentiment.pooling)
        self.fresh = frozenset(name for name, _ in self.model.named_parameters() if name.startswith("head."))
        self.items = self._tokenised(tokenizer)

        def describe(folder: Path, dtype: torch.dtype, record: Mapping[str, Any]) -> None:
            describe_model(folder, encoder, tokenizer, dtype)
            self._describe(folder / FOLDER, record)

        self.contents = Contents({WEIGHTS: encoder, f"{FOLDER}/{HEAD}": head}, describe)


class JointTask(_SentimentTask):
    """A title model and a head on its encoder. Updates learn the one or the other, by turns."""

    def __init__(self, config: Config, accelerator: Accelerator, display: TrainingDisplay) -> None:
        super().__init__(config, display)
        sources = {"train": config.sentiment.titles, "validation": "auto", "test": "auto"}
        config = config.model_copy(update={"data": config.data.model_copy(update=sources)})
        pairs = load_splits(config.data, config.seed, watch=display.reading)
        display.data(pairs)
        self._built = build(config.model, config.data)
        title, tokenizer = self._built.model, self._built.tokenizer
        with accelerator.main_process_first():
            titles = tokenise(pairs.train, tokenizer, config.data, config.seed, config.training.packed)
            self._titles = Validation.prepare(pairs.validation, tokenizer, config)
        use_packed_attention(title)
        encoder = Encoder(TorchEncoder(title.encoder.eval()), tokenizer)
        head = self._head(self._vectors(encoder, self._splits.train))
        self.model = JointModel(title, head, config.sentiment.pooling)
        names = {f"head.{name}" for name, _ in head.named_parameters()}
        self.fresh = frozenset(names | {f"title.{name}" for name in self._built.fresh})
        self.warnings = self._built.warnings
        self.items = Interleaved(titles, self._tokenised(tokenizer), config.sentiment.share)
        self._pairs = len(titles)
        self.data = _both(self.data, data_record(pairs))
        learned = (pair.title for pair in pairs.train)
        novelty = NoveltyIndex.made_of(learned).with_those_of(config.model.checkpoint)
        written = title_contents(title, tokenizer, novelty)

        def describe(folder: Path, dtype: torch.dtype, record: Mapping[str, Any]) -> None:
            written.describe(folder, dtype, record)
            self._describe(folder / FOLDER, record)

        self.contents = Contents({**written.weights, f"{FOLDER}/{HEAD}": head}, describe)

    def kind(self, rows: np.ndarray) -> dict[str, str]:
        return {"learned": "titles" if rows[0] < self._pairs else "sentiment"}

    def loss(self, model: Any, batch: Any) -> torch.Tensor:
        if isinstance(batch, Batch | PackedBatch):
            return summed_loss(model, batch, self._config.training.label_smoothing)
        return super().loss(model, batch)

    def validate(self, model: Any, accelerator: Accelerator) -> tuple[Scores, Samples]:
        """`validation_loss` weighs both losses as training does."""
        titles, title_samples = self._titles.run(model, self._built, accelerator)
        sentiment, samples = super().validate(model, accelerator)
        share = self._config.sentiment.share
        losses = titles.pop("validation_loss"), sentiment.pop("validation_loss")
        scores = {
            "validation_loss": (1 - share) * losses[0] + share * losses[1],
            "title_loss": losses[0],
            "sentiment_loss": losses[1],
        }
        return {**scores, **titles, **sentiment}, [*title_samples, *samples]


def _both(sentiment: Mapping[str, Any], titles: Mapping[str, Any]) -> dict[str, Any]:
    together = hashlib.sha256(f"{sentiment['fingerprint']} {titles['fingerprint']}".encode()).hexdigest()
    return {**sentiment, "fingerprint": together, "titles": titles}


def _copy_titles(checkpoint: Path, output: Path) -> None:
    """Put the files of the title checkpoint, as they are, beside the head, where they are not there.

    Raises:
        ConfigError: another model is there.
    """
    if output.exists() and output.samefile(checkpoint):
        return
    for file in sorted(checkpoint.iterdir()):
        if not file.is_file() or file.suffix == ".md":  # the card speaks of the checkpoint, not of the copy
            continue
        copy = output / file.name
        if not copy.exists():
            with file_written_whole(copy) as aside:
                shutil.copyfile(file, aside)
        elif file.name == WEIGHTS and not filecmp.cmp(file, copy, shallow=False):
            raise ConfigError(f"{output} holds another model than {checkpoint}: choose another --output.")
