"""A model with the vocabulary that a corpus uses, and nothing else changed.

Most of a small multilingual model is embeddings of tokens that Japanese text never has. The rows of all
others are kept as they are (Abdaoui et al. 2020, arXiv:2010.05609), so that text made of kept tokens gets the
same hidden states.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from transformers import AutoConfig, PreTrainedModel

from narou_gen.checkpoint import (
    METRICS,
    RECORD,
    WEIGHTS,
    Contents,
    describe_model,
    load_record,
    no_loading_report,
    save_checkpoint,
    title_contents,
)
from narou_gen.errors import CheckpointError, ModelError
from narou_gen.folders import written_whole
from narou_gen.model import count_parameters
from narou_gen.novelty import NoveltyIndex
from narou_gen.resources import find_checkpoint
from narou_gen.sentiment import FOLDER as SENTIMENT
from narou_gen.tokenizer import Tokenizer, load_tokenizer
from narou_gen.trim_corpus import condition_texts, token_counts
from narou_gen.trim_tokenizer import indispensable, tokenizer_files, trimmed

_ID_LISTS = ("suppress_tokens", "begin_suppress_tokens", "bad_words_ids")


@dataclass(frozen=True)
class Trimmed:
    """What was cut, each as before and after."""

    tokens: tuple[int, int]
    parameters: tuple[int, int]


def trim_vocabulary(model: str, corpus: Sequence[str], output: Path, min_count: int = 1) -> Trimmed:
    """Write a BERT or a title checkpoint with the tokens that a corpus uses `min_count` times or more.

    What else is kept: `trim_tokenizer.indispensable` tells. `model` is a folder, a shipped checkpoint or a
    Hugging Face name; `corpus` names sources as `trim_corpus.token_counts` takes them. A run record,
    sentiment head and novelty index come along; the model card and the state to resume from, which are the
    old model's, do not. Weights keep their type. `output` appears whole or not at all.

    Raises:
        ModelError, CheckpointError: there is no such model, its kind or its vocabulary cannot be cut, or
            `output` is not empty.
        DataError: a source cannot be read, or holds no text.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise CheckpointError(f"{output} is not an empty folder: choose another one.")
    location = _location(model)
    config = _read_config(location)
    tokenizer = load_tokenizer(location)
    files = tokenizer_files(tokenizer)
    # What cannot be cut, and weights that cannot be read, are told before the corpus is read.
    kept = indispensable(tokenizer, files)
    bert = _load(location, config)
    vocabulary = set(tokenizer.vocabulary().values())
    counts = token_counts(tokenizer, corpus, max(vocabulary) + 1)
    kept |= {int(number) for number in (counts >= min_count).nonzero()[0]}
    kept |= set(chain.from_iterable(tokenizer.parts(condition_texts())))
    kept |= {number for each in _configs(bert) for value in _ids_in(each).values() for number in _flat(value)}
    new_ids = {old: new for new, old in enumerate(sorted(kept & vocabulary))}
    cut = trimmed(tokenizer, files, new_ids)
    before = count_parameters(bert)[0]
    _cut_weights(bert, new_ids, model)
    for each in _configs(bert):
        for name, value in _ids_in(each).items():
            setattr(each, name, _renumbered(value, new_ids))
    record = _record(location, {"before": len(vocabulary), "after": len(new_ids), "min_count": min_count})
    _save(bert, cut, location, output, record)
    return Trimmed((len(vocabulary), len(new_ids)), (before, count_parameters(bert)[0]))


def _location(model: str) -> str:
    """A folder, or else a name for the hub."""
    try:
        return str(find_checkpoint(model))
    except CheckpointError:
        return model


def _read_config(location: str) -> Any:
    try:
        config = AutoConfig.from_pretrained(location)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"No model at {location}: {reason} Give a folder, or a Hugging Face name with a network."
        ) from None
    halves = [config.encoder, config.decoder] if config.model_type == "encoder-decoder" else [config]
    if kinds := sorted({half.model_type for half in halves} - {"bert"}):
        raise ModelError(
            f"{location} is a {', '.join(kinds)} model; only BERTs and pairs of BERTs can be cut."
        )
    return config


def _load(location: str, config: Any) -> PreTrainedModel:
    """The model with the heads that it was saved with, in its own type."""
    name = (config.architectures or ["BertModel"])[0]
    factory = getattr(transformers, name, None)
    if factory is None:
        raise ModelError(
            f"{location} is a {name}, which transformers does not have: export it as a BertModel."
        )
    try:
        with no_loading_report(location):
            model, report = factory.from_pretrained(
                location, config=config, dtype="auto", output_loading_info=True
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"{location} is no whole model: {reason}") from None
    missing = set(report["missing_keys"])
    if missing and all(key.startswith("pooler.") for key in missing):
        model.pooler = None  # many BERTs are published without; random numbers are not written in its place
    elif missing:
        raise ModelError(f"{location} lacks weights ({len(missing)}, e.g. {min(missing)}).")
    loaded: PreTrainedModel = model.eval()
    return loaded


def _halves(model: Any) -> list[Any]:
    return [model.encoder, model.decoder] if model.config.model_type == "encoder-decoder" else [model]


def _cut_weights(model: Any, new_ids: Mapping[int, int], name: str) -> None:
    """In place: of embeddings, and of the head and bias over the vocabulary, the rows of the kept tokens."""
    rows = torch.tensor(list(new_ids))
    for half in _halves(model):
        embeddings, head = half.get_input_embeddings(), half.get_output_embeddings()
        if len(embeddings.weight) <= int(rows[-1]):
            raise ModelError(
                f"{name} has {len(embeddings.weight)} embeddings, fewer than the tokens of its tokenizer."
            )
        tables = {id(table): table for table in (embeddings.weight, *(head.parameters() if head else ()))}
        with torch.no_grad():
            for table in tables.values():  # tied ones once
                table[: len(rows)] = table[rows]
        half.resize_token_embeddings(len(rows))  # cuts the rest off
    model.config.vocab_size = len(rows)


def _configs(model: Any) -> list[Any]:
    """Everything that names token ids."""
    configs = [model.config, *(half.config for half in _halves(model))]
    configs += [model.generation_config] if model.can_generate() else []
    return list({id(config): config for config in configs}.values())


def _ids_in(config: Any) -> dict[str, Any]:
    """Name -> one token id or (nested) lists of them."""
    return {
        name: value
        for name, value in vars(config).items()
        if (name.endswith(("_token_id", "_token_ids")) or name in _ID_LISTS) and value is not None
    }


def _flat(value: Any) -> Iterator[int]:
    if isinstance(value, list):
        for item in value:
            yield from _flat(item)
    else:
        yield int(value)


def _renumbered(value: Any, new_ids: Mapping[int, int]) -> Any:
    """An id that no token has becomes None, and is left out of lists."""
    if isinstance(value, list):
        return [new for new in (_renumbered(item, new_ids) for item in value) if new is not None]
    return new_ids.get(int(value))


def _record(location: str, vocabulary: Mapping[str, int]) -> dict[str, Any]:
    """The run record of a checkpoint of this package, with what was cut; {} of any other model."""
    folder = Path(location)
    return load_record(folder) | {"vocabulary": vocabulary} if (folder / RECORD).is_file() else {}


def _save(model: Any, tokenizer: Tokenizer, location: str, output: Path, record: Mapping[str, Any]) -> None:
    if model.config.model_type == "encoder-decoder":
        contents = title_contents(model, tokenizer)
    else:
        contents = Contents(
            {WEIGHTS: model}, lambda folder, dtype, _: describe_model(folder, model, tokenizer, dtype)
        )
    with written_whole(output) as folder:
        save_checkpoint(folder, contents, record, model.dtype)
        if (novelty := NoveltyIndex.load(Path(location))) is not None:
            novelty.save(folder)
        if (Path(location) / METRICS).is_file():
            shutil.copyfile(Path(location) / METRICS, folder / METRICS)
        if (Path(location) / SENTIMENT).is_dir():
            (folder / SENTIMENT).mkdir()
            for file in (Path(location) / SENTIMENT).iterdir():
                if file.is_file():  # the state to resume from is a folder
                    shutil.copyfile(file, folder / SENTIMENT / file.name)
