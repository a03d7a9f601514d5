"""Pairs as a folder of token ids, to train where fugashi and datasets are missing.

    tokenised.json      what was tokenised, how, and the numbers for the run record
    tokenizer/          its files
    train/  validation/ token ids, mapped into memory (see `narou_gen.ragged`)
    samples.json        validation synopses with their titles, and the ids of all that is asked of them
    novelty.safetensors the index of the training titles

`narou-gen tokenize` makes it, `data.train = FOLDER` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from narou_gen.batches import load_ids, write_ids
from narou_gen.config import Config, DataConfig
from narou_gen.data import load_splits
from narou_gen.errors import ConfigError, DataError
from narou_gen.folders import written_whole
from narou_gen.model import base_location
from narou_gen.novelty import NoveltyIndex
from narou_gen.progress import TrainingDisplay
from narou_gen.record import data_record
from narou_gen.resources import find_checkpoint
from narou_gen.sources import TOKENISED, Pair, terms_reminder
from narou_gen.text import clean_synopsis
from narou_gen.tokenizer import Engine, Tokenizer, load_tokenizer
from narou_gen.validation import TitleData, Validation, items_of

_TOKENIZER, _SAMPLES = "tokenizer", "samples.json"
_SAMPLED = 256
"""Validation synopses kept as texts, to write titles for."""


def tokenise_into_folder(config: Config, folder: Path, display: TrainingDisplay) -> None:
    """Read, clean, split and tokenise the pairs of a config into a new folder.

    Raises:
        NarouGenError: the data or the tokenizer cannot be used, or the folder is there already.
    """
    if config.task != "title":
        raise ConfigError(
            f'tokenize: only pairs of titles can be tokenised, not the data of task = "{config.task}".'
        )
    if folder.exists():
        raise ConfigError(f"{folder} is there already: choose another -o.")
    reminder = terms_reminder(config.data)  # and refuses what nobody acknowledged
    name = config.model.checkpoint or str(config.model.encoder)
    tokenizer = load_tokenizer(find_checkpoint(name) if config.model.checkpoint else base_location(name))
    if reminder:
        display.reminder(reminder)
    splits = load_splits(config.data, config.seed, display.reading)
    display.data(splits)
    with written_whole(folder) as done:
        tokenizer.save(done / _TOKENIZER)
        write_ids(splits.train, tokenizer, config.data, done / "train")
        write_ids(splits.validation, tokenizer, config.data, done / "validation")
        _write_json(done / _SAMPLES, _samples(splits.validation, tokenizer, config.data))
        NoveltyIndex.made_of(pair.title for pair in splits.train).save(done)
        about = {
            "source": ", ".join(config.data.train_sources),
            "max_synopsis_tokens": config.data.max_synopsis_tokens,
            "max_title_tokens": config.data.max_title_tokens,
            "collected": reminder is not None,
            "data": data_record(splits),
        }
        _write_json(done / TOKENISED, about)


def load_tokenised(config: Config, tokenizer: Tokenizer) -> TitleData:
    """Read the folder at `data.train` for a model with this tokenizer.

    Raises:
        NarouGenError: it is damaged, or it was made for another tokenizer or other limits.
    """
    folder = Path(config.data.train_sources[0])
    try:
        about = json.loads((folder / TOKENISED).read_text("utf-8"))
        samples = json.loads((folder / _SAMPLES).read_text("utf-8"))
        _check(config, about, tokenizer, folder)
        known = KnownTexts(tokenizer.engine, samples["ids"], samples["unknowns"])
        pairs = [
            load_ids(folder / split, tokenizer, config.data, config.seed, config.training.packed)
            for split in ("train", "validation")
        ]
        items = items_of([Pair(**{**pair, "keywords": tuple(pair["keywords"])}) for pair in samples["pairs"]])
        novelty = NoveltyIndex.load(folder)
        if novelty is None:
            raise ValueError("it has no index of titles")
        validation = Validation(
            pairs[1], items[: config.training.evaluate_synopses], config, Tokenizer(known)
        )
        return TitleData(pairs[0], validation, novelty, about["data"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder} is no whole tokenised folder ({error}): make it again with `narou-gen tokenize`."
        ) from None


class KnownTexts:
    """A tokenizer's engine that knows the ids of some texts by heart."""

    def __init__(
        self, engine: Engine, ids: Mapping[str, list[int]], unknowns: Mapping[str, list[str]]
    ) -> None:
        self._engine = engine
        self._ids = ids
        self._unknowns = unknowns
        self.special_ids, self.prefix, self.suffix = engine.special_ids, engine.prefix, engine.suffix

    def parts(self, texts: Sequence[str]) -> list[list[int]]:
        return [self._ids[text] if text in self._ids else self._engine.parts([text])[0] for text in texts]

    def unknowns(self, text: str) -> list[str]:
        return self._unknowns[text] if text in self._unknowns else self._engine.unknowns(text)

    def decode(self, ids: Sequence[int]) -> str:
        return self._engine.decode(ids)

    def vocabulary(self) -> dict[str, int]:
        return self._engine.vocabulary()

    def save(self, folder: Path) -> None:
        self._engine.save(folder)


class _Recorder(KnownTexts):
    """Learns by heart what it is asked."""

    def __init__(self, engine: Engine) -> None:
        self.ids: dict[str, list[int]] = {}
        self.words: dict[str, list[str]] = {}
        super().__init__(engine, self.ids, self.words)

    def parts(self, texts: Sequence[str]) -> list[list[int]]:
        found = self._engine.parts(texts)
        self.ids.update(zip(texts, found, strict=True))
        return found

    def unknowns(self, text: str) -> list[str]:
        self.words[text] = self._engine.unknowns(text)
        return self.words[text]


def _samples(pairs: Sequence[Pair], tokenizer: Tokenizer, config: DataConfig) -> dict[str, Any]:
    """The first synopses with all their titles, and the ids of all texts that a search for titles needs."""
    items = items_of(pairs)[:_SAMPLED]
    chosen = {item.synopsis for item in items}
    recorder = _Recorder(tokenizer.engine)
    recording = Tokenizer(recorder)
    for item in items:
        texts = ["", *item.conditions.parts().values(), clean_synopsis(item.synopsis)]
        recording.parts(texts, config.max_synopsis_tokens)
        for text in texts:
            recording.unknowns(text)
    return {
        "pairs": [
            {
                "synopsis": pair.synopsis,
                "title": pair.title,
                "genre": pair.genre,
                "keywords": list(pair.keywords),
            }
            for pair in pairs
            if pair.synopsis in chosen
        ],
        "ids": recorder.ids,
        "unknowns": recorder.words,
    }


def _check(config: Config, about: Mapping[str, Any], tokenizer: Tokenizer, folder: Path) -> None:
    for key in ("max_synopsis_tokens", "max_title_tokens"):
        if about[key] != getattr(config.data, key):
            raise ConfigError(
                f"{folder} was tokenised with data.{key} = {about[key]}, not {getattr(config.data, key)}: "
                "set it so, or tokenise again."
            )
    for key in ("validation", "test", "limit", "validation_limit"):
        if getattr(config.data, key) != DataConfig.model_fields[key].default:
            raise ConfigError(f"data.{key} was decided when {folder} was tokenised: remove it here.")
    if load_tokenizer(folder / _TOKENIZER).vocabulary() != tokenizer.vocabulary():
        raise ConfigError(f"{folder} was tokenised for a model with another vocabulary: tokenise again.")


def _write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False) + "\n", "utf-8")
