"""The files of a tokenizer, found in a folder or on the Hugging Face hub, and what they declare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import AddedToken

_CONFIG = "tokenizer_config.json"
_SAVED = (_CONFIG, "special_tokens_map.json", "added_tokens.json", "tokenizer.json", "vocab.txt")
_MODEL_CONFIG = "config.json"  # says which tokenizer a model has where tokenizer_config.json does not
_CLASS_OF_MODEL = {None: "TokenizersBackend", "bert": "BertTokenizer", "xlm-roberta": "XLMRobertaTokenizer"}


@dataclass(frozen=True)
class TokenizerFiles:
    """Name -> content. Held in memory: what was loaded is what is saved, hashed and sent to workers."""

    contents: Mapping[str, bytes]

    @classmethod
    def read(cls, name: str | Path) -> TokenizerFiles:
        """From a local folder, or else of a Hugging Face model (cached; `HF_HUB_OFFLINE` is honoured).

        Raises:
            OSError, ValueError: the hub has no such model, or cannot be reached.
        """
        if Path(name).is_dir():
            paths = {file: Path(name) / file for file in (*_SAVED, _MODEL_CONFIG)}
        else:
            paths = _from_hub(str(name))
        return cls({file: path.read_bytes() for file, path in paths.items() if path.is_file()})

    def json(self, file: str) -> dict[str, Any]:
        """The object in a file, empty if there is no such file."""
        found = json.loads(self.contents.get(file, b"{}"))
        if not isinstance(found, dict):
            raise ValueError(f"{file} holds no JSON object.")
        return found

    @cached_property
    def settings(self) -> dict[str, Any]:
        """tokenizer_config.json, completed as transformers completes older ones."""
        settings = self.json(_CONFIG)
        if "added_tokens_decoder" not in settings:
            settings |= self.json("special_tokens_map.json")
        return settings

    @cached_property
    def tokenizer_class(self) -> str | None:
        """The class that AutoTokenizer would choose; None where these files do not tell."""
        if "auto_map" in self.settings:
            return None
        model = self.json(_MODEL_CONFIG)
        named = self.json(_CONFIG).get("tokenizer_class") or model.get("tokenizer_class")
        if named is None:
            return _CLASS_OF_MODEL.get(model.get("encoder", model).get("model_type"))
        return "TokenizersBackend" if named == "PreTrainedTokenizerFast" else str(named).removesuffix("Fast")

    def named_tokens(self, defaults: Mapping[str, str]) -> dict[str, AddedToken]:
        """`cls_token` and the like, and the tokens they name."""
        tokens = dict(defaults) | {k: value for k, value in self.settings.items() if k.endswith("_token")}
        return {name: _token(value) for name, value in tokens.items() if isinstance(value, str | dict)}

    def extra_tokens(self) -> list[AddedToken]:
        """Special tokens that have no role of their own."""
        extra = self.settings.get("extra_special_tokens") or self.settings.get("additional_special_tokens")
        return [_token(value) for value in (extra.values() if isinstance(extra, dict) else extra or ())]

    def added_tokens(self) -> dict[int, AddedToken]:
        """Tokens looked for in a text before anything else, as far as the settings list them."""
        listed = self.settings.get("added_tokens_decoder") or {}
        older = {number: token for token, number in self.json("added_tokens.json").items()}
        return {int(number): _token(value) for number, value in (older | listed).items()}

    def tidied(self, text: str) -> str:
        """Decoded text as transformers hands it out: some settings close up English punctuation."""
        if self.settings.get("clean_up_tokenization_spaces"):
            for mark in (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're"):
                text = text.replace(mark, mark.strip())
        return text

    def save(self, folder: Path) -> None:
        """The same bytes each time; AutoTokenizer needs no config.json beside them to choose its class."""
        for file in _SAVED:
            if file in self.contents:
                (folder / file).write_bytes(self.contents[file])
        config = self.json(_CONFIG)
        if "tokenizer_class" not in config:
            named = config | {"tokenizer_class": self.tokenizer_class}
            (folder / _CONFIG).write_text(json.dumps(named, indent=2) + "\n", encoding="utf-8")


def _token(value: str | dict[str, Any]) -> AddedToken:
    """A special token as the files write it: its text, or its text with flags."""
    if isinstance(value, str):
        return AddedToken(value, special=True)
    flags = {name: flag for name, flag in value.items() if name in ("lstrip", "rstrip", "single_word")}
    special = bool(value.get("special", True))
    return AddedToken(
        value["content"], normalized=value.get("normalized", not special), special=special, **flags
    )


def _from_hub(name: str) -> dict[str, Path]:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    paths = {}
    for file in (*_SAVED, _MODEL_CONFIG):
        try:
            paths[file] = Path(hf_hub_download(name, file))
        except EntryNotFoundError:  # not in that model, or neither cached nor to be had now
            continue
    if not paths:
        raise OSError("no such folder here, and no such model in the Hugging Face cache or to be had now.")
    return paths
