"""Training configs: TOML in, frozen and checked values out.

A config that says something impossible fails here, before anything is loaded, with one line that
names the file and the key. Every key is documented beside its default; `configs/*.toml` are examples.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from narou_gen.errors import ConfigError
from narou_gen.pooling import Pooling
from narou_gen.resources import find_config

Fraction = Annotated[float, Field(gt=0, lt=1)]
Layers = Annotated[int, Field(ge=1)] | Annotated[list[int], Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=()
    )


class ModelConfig(_Section):
    """`[model]`: which BERT2BERT is built, and from what; for other tasks, which encoder.

    A model is a Hugging Face name, a local folder, or `sample:NAME` (bundled); `random:MODEL` takes the
    architecture and tokenizer of MODEL with random weights.
    """

    encoder: str | None = None
    """Base model of the encoder; its tokenizer serves both halves."""
    decoder: str | None = None
    """Base model of the decoder; by default that of the encoder."""
    checkpoint: str | None = None
    """A trained title checkpoint to go on from, instead of encoder and decoder."""
    encoder_layers: Layers | None = None
    """Keep so many layers, evenly spread (as in Shleifer & Rush 2020), or exactly these indices."""
    decoder_layers: Layers | None = None
    """Likewise; a shallow decoder makes generation fast and costs little."""
    share_weights: bool = False
    """BERTShare (Rothe et al. 2020): decoder layers use the encoder's weights but for cross attention."""
    cross_attention: Literal["fresh", "warm"] = "fresh"
    """`warm` starts cross attention from the self attention of its layer."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Dropout of hidden states and of attention weights, in encoder and decoder."""
    freeze_encoder: bool = False
    """Train the decoder alone: the encoder keeps its weights, and runs without gradients or dropout."""

    @model_validator(mode="after")
    def _one_start(self) -> ModelConfig:
        if self.checkpoint is None:
            if self.encoder is None:
                raise ValueError("give [model] encoder (a base model), or checkpoint (a trained one)")
        else:
            shape = ("encoder", "decoder", "encoder_layers", "decoder_layers", "share_weights")
            given = [key for key in (*shape, "cross_attention") if key in self.model_fields_set]
            if given:
                raise ValueError(f"[model] checkpoint already has its shape: remove {', '.join(given)}")
        if self.share_weights and self.freeze_encoder:
            raise ValueError("share_weights and freeze_encoder exclude each other")
        return self


class DataConfig(_Section):
    """`[data]`: which pairs (or texts) are read and how they are cut.

    A source is a .jsonl, .csv, .parquet or .db file, `sample:NAME`, or a name for
    `datasets.load_dataset`; for `task = "mlm"` also a plain text (.txt, .txt.xz).
    """

    train: str | Annotated[list[str], Field(min_length=1)]
    """Where the training pairs come from: a source, or several."""
    validation: str | Fraction = "auto"
    """A source, or the fraction of the works in `train` to set apart (whole authors, never a work in two).

    "auto" is the split of this name where all of `train` has one (`sample:` sources), else a fraction of
    0.02, or of 0.1 where there are fewer than 1,000 works."""
    test: str | Fraction = "auto"
    """Like `validation`; set apart so that no training ever sees it."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Use so many training pairs at most, drawn by the seed."""
    validation_limit: Annotated[int, Field(ge=1)] | None = None
    """Use so many validation pairs at most, likewise."""
    max_synopsis_tokens: Annotated[int, Field(ge=8)] = 512
    """Longest source in tokens, conditions and special tokens included; what goes beyond is cut."""
    max_title_tokens: Annotated[int, Field(ge=4)] = 64
    """Longest title in tokens, special tokens included."""
    condition_dropout: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Chance that a condition (genre, keywords, length class) is left out of a pair, drawn each epoch."""

    @property
    def train_sources(self) -> list[str]:
        """`train`, one or several."""
        return [self.train] if isinstance(self.train, str) else self.train


class TrainingConfig(_Section):
    """`[training]`: the optimisation. An update is one step of the optimiser."""

    epochs: Annotated[int, Field(ge=1)] = 13
    """How often every training pair is learned from."""
    batch_size: Annotated[int, Field(ge=1)] = 4
    """An update learns from batch_size x gradient_accumulation x processes pairs, and depends on that product
    alone. Where `micro_batch_tokens` is "off", so many pairs go through the model at a time, per process."""
    gradient_accumulation: Annotated[int, Field(ge=1)] = 16
    """See `batch_size`."""
    micro_batch_tokens: Literal["auto", "off"] | Annotated[int, Field(ge=1)] = "auto"
    """So many tokens (of sources and titles, padding included) go through the model at a time. `auto`: on a
    GPU a whole update, and half of it again and again where memory does not suffice; on a processor 4,096.
    It may change when a run is resumed."""
    attention: Literal["packed", "padded"] = "packed"
    """`packed`: the tokens of all pairs in one row, and no padding (titles only)."""
    learning_rate: Annotated[float, Field(gt=0)] = 5e-5
    """Peak rate of AdamW."""
    fresh_learning_rate: Annotated[float, Field(gt=0)] | None = None
    """Peak rate of the parts that no base model has trained: cross attention, and a head it lacks."""
    warmup_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.06
    """Part of all updates in which the rate rises linearly; then it falls linearly to zero."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """AdamW's; biases and layer norms have none."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Part of each target's probability that is spread over the whole vocabulary (Szegedy et al. 2016)."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Gradients longer than this (over all parameters) are scaled down to it."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """`auto`: bf16 autocast on a GPU that has it, else fp32. Weights are always kept in fp32."""
    evaluate_every: Annotated[int, Field(ge=1)] | None = None
    """Updates between evaluations; by default once an epoch. The last update is always evaluated."""
    evaluate_synopses: Annotated[int, Field(ge=0)] = 64
    """Validation synopses that titles are generated for, to measure character ROUGE-L."""
    best_by: Literal["loss", "rouge_l", "macro_f1", "accuracy"] = "loss"
    """What decides which weights are the best ones: `rouge_l` where titles are trained, `macro_f1` and
    `accuracy` where sentiment is."""
    keep: Annotated[int, Field(ge=1)] = 2
    """How many states to resume from are kept in `state/`."""
    saved_dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    """How the best weights are stored; states to resume from are always float32."""
    patience: Annotated[int, Field(ge=1)] | None = None
    """Stop after so many evaluations in a row without a new best."""
    tracker: Literal["none", "tensorboard", "wandb", "mlflow", "trackio"] = "none"
    """Where accelerate sends the numbers of metrics.jsonl as well."""

    @property
    def packed(self) -> bool:
        """Whether pairs go through the model in one row, without padding."""
        return self.attention == "packed"

    @model_validator(mode="after")
    def _measured(self) -> TrainingConfig:
        if self.best_by == "rouge_l" and not self.evaluate_synopses:
            raise ValueError('best_by = "rouge_l" needs evaluate_synopses above 0')
        return self


class SentimentConfig(_Section):
    """`[sentiment]`: the head that tells the feeling of a text, and what becomes of the encoder."""

    mode: Literal["frozen", "finetune", "joint"] = "frozen"
    """`frozen`: the head alone, beside title weights that stay as they are. `finetune`: with a copy of the
    encoder, which leaves the title model. `joint`: titles and sentiment together, one encoder for both."""
    pooling: Pooling = "mean"
    """How the states of a text become one vector."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Dropout of that vector."""
    balance: Literal["none", "weights", "sampling"] = "none"
    """For labels of unlike frequency: weigh their losses, or draw texts so that all come equally often."""
    titles: str = "sample:titles"
    """With `joint`: where the pairs of synopsis and title come from."""
    share: Fraction = 0.2
    """With `joint`: this part of all updates learns sentiment, spread evenly among those that learn titles.
    An epoch is every title pair once; the texts come round as often as that takes."""


class MlmConfig(_Section):
    """`[mlm]`: masked language modelling (Devlin et al. 2019, arXiv:1810.04805), whole words at a time."""

    mask_fraction: Fraction = 0.15
    """Part of a text's tokens to be guessed: 80% of their words masked, 10% replaced, 10% as they were."""


class Config(_Section):
    """One training run. `output` is the checkpoint folder it writes."""

    task: Literal["title", "sentiment", "mlm"] = "title"
    output: Annotated[str, Field(min_length=1)]
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    model: ModelConfig
    data: DataConfig
    training: TrainingConfig = TrainingConfig()
    sentiment: SentimentConfig = SentimentConfig()
    mlm: MlmConfig = MlmConfig()

    @model_validator(mode="after")
    def _fits_its_task(self) -> Config:
        for section in ("sentiment", "mlm"):
            if section != self.task and getattr(self, section) != Config.model_fields[section].default:
                raise ValueError(f'[{section}] belongs to task = "{section}", not to "{self.task}"')
        joint = self.task == "sentiment" and self.sentiment.mode == "joint"
        if self.task == "sentiment" and self.sentiment.mode != "finetune" and self.model.checkpoint is None:
            mode = self.sentiment.mode
            raise ValueError(f'sentiment.mode = "{mode}" needs [model] checkpoint, a title one')
        if self.task != "title":
            shape = ("decoder", "decoder_layers", "share_weights", "cross_attention", "freeze_encoder")
            plain = {key: ModelConfig.model_fields[key].default for key in shape}
            if given := [key for key in shape if getattr(self.model, key) != plain[key]]:
                raise ValueError(
                    f"[model] {', '.join(given)}: only the training of titles knows that, remove it"
                )
        scores = {"title": {"rouge_l"}, "mlm": set(), "sentiment": {"macro_f1", "accuracy"}}[self.task]
        allowed = {"loss"} | scores | ({"rouge_l"} if joint else set())
        if self.training.best_by not in allowed:
            known = ", ".join(sorted(allowed))
            raise ValueError(f'training.best_by = "{self.training.best_by}": this task knows {known}')
        return self


def load_config(source: str | Path, changes: Sequence[str] = (), output: str | None = None) -> Config:
    """Read the config at a path, or the shipped one of that name ("title-debug"), with changes.

    `changes` are "section.key=value" strings: the value is read as TOML, and as plain text where it is none.
    `output` replaces the config's own, character for character.

    Raises:
        ConfigError: no such config, no TOML, an unknown key, a wrong type or an impossible value.
    """
    path = find_config(str(source))
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file that can be read: {error}") from None
    for change in changes:
        _apply(values, change)
    if output is not None:
        values["output"] = output
    return parse_config(values, str(path))


def parse_config(values: dict[str, Any], name: str = "config") -> Config:
    """Check a config that is already a dict; `name` stands for it in errors.

    Raises:
        ConfigError: as `load_config`.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{name}: {_explain(error)}") from None


def _apply(values: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    *sections, last = key.strip().split(".")
    if not equals or not last:
        raise ConfigError(f"--set {change}: write it as section.key=value, e.g. training.epochs=3")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    table = values
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {change}: {section} is a value, not a section")
    table[last] = value


_SECTIONS: dict[str, type[_Section]] = {
    "model": ModelConfig,
    "data": DataConfig,
    "training": TrainingConfig,
    "sentiment": SentimentConfig,
    "mlm": MlmConfig,
}


def _explain(error: ValidationError) -> str:
    """The first problem as one line: the key as it stands in the file, what is wrong, what is allowed."""
    problems = error.errors(include_url=False)
    problem = problems[0]
    # Pydantic names the branches of a union behind the key; the file knows only section and key.
    path = [str(part) for part in problem["loc"]]
    depth = 2 if path and path[0] in _SECTIONS else 1
    key = ".".join(path[:depth])
    if problem["type"] == "extra_forbidden":
        known = list((_SECTIONS[path[0]] if len(path) > 1 else Config).model_fields)
        near = difflib.get_close_matches(path[depth - 1], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
        return f"unknown key {key}; {hint}"
    if problem["type"] == "missing":
        return f"{key} is missing"
    if problem["type"] == "value_error":
        return problem["msg"].removeprefix("Value error, ")
    branches = [each["msg"] for each in problems if each["loc"][:depth] == problem["loc"][:depth]]
    messages = dict.fromkeys(message[0].lower() + message[1:] for message in branches)
    return f"{key} = {problem['input']!r}: {', or '.join(messages)}"
