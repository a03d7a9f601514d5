"""tokenizer.json by the `tokenizers` library alone, with the ids that transformers makes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE, Unigram, WordPiece

from narou_gen.tokenizer_files import TokenizerFiles

# The order in which transformers gives ids to special tokens that the file lacks.
_ORDER = [f"{name}_token" for name in ("bos", "eos", "unk", "sep", "pad", "cls", "mask")]
_DEFAULTS: dict[str, dict[str, str]] = {
    "TokenizersBackend": {},
    "BertTokenizer": {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "sep", "pad", "cls", "mask")},
    "XLMRobertaTokenizer": {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "cls_token": "<s>",
        "mask_token": "<mask>",
    },
}
# What they are called, among the file's own added tokens, where no other file names them.
_USUAL = {
    "cls_token": ("[CLS]", "<s>"),
    "sep_token": ("[SEP]", "</s>"),
    "pad_token": ("[PAD]", "<pad>"),
    "unk_token": ("[UNK]", "<unk>"),
}


class TokenizerJson:
    """Any model that tokenizer.json can hold; batches use all cores unless TOKENIZERS_PARALLELISM=false."""

    def __init__(self, files: TokenizerFiles, backend: Tokenizer, named: dict[str, str]) -> None:
        self._files = files
        self._backend = backend
        ids = {name: backend.token_to_id(token) for name, token in named.items()}
        self.special_ids = {name: token_id for name, token_id in ids.items() if token_id is not None}
        bare, framed = backend.encode("a", add_special_tokens=False).ids, backend.encode("a").ids
        self.prefix, self.suffix = frame(bare, framed)

    @classmethod
    def made_from(cls, files: TokenizerFiles) -> TokenizerJson | None:
        """None where transformers would make something else of the files than this class.

        Raises:
            ValueError: tokenizer.json is damaged.
        """
        tokenizer_class = files.tokenizer_class
        if "tokenizer.json" not in files.contents or tokenizer_class not in _DEFAULTS:
            return None
        try:
            backend = Tokenizer.from_str(files.contents["tokenizer.json"].decode("utf-8"))
        except Exception as error:  # the library raises no narrower one
            raise ValueError(f"tokenizer.json: {error}") from None
        backend.no_truncation()
        backend.no_padding()
        backend.encode_special_tokens = bool(files.settings.get("split_special_tokens"))
        added = backend.get_added_tokens_decoder().values()
        own = {token.content for token in added}
        listed = set(map(repr, files.added_tokens().values()))
        if listed - set(map(repr, added)):  # transformers would add them, or change their flags
            return None
        named = files.named_tokens(_DEFAULTS[tokenizer_class])
        _add(backend, named, files.extra_tokens(), own)
        names = {name: token.content for name, token in named.items()}
        for name, usual in _USUAL.items():
            if name not in files.settings and (found := [token for token in usual if token in own]):
                names.setdefault(name, found[0])
        engine = cls(files, backend, names)
        if tokenizer_class == "TokenizersBackend":
            return engine
        complete = not listed or len(listed) == len(own)
        made_anew = _is_bert if tokenizer_class == "BertTokenizer" else _is_xlmr
        return engine if complete and made_anew(engine, backend, files.settings) else None

    def __reduce__(self) -> tuple[Any, tuple[TokenizerFiles]]:
        return TokenizerJson.made_from, (self._files,)

    def parts(self, texts: Sequence[str]) -> list[list[int]]:
        return [found.ids for found in self._backend.encode_batch_fast(texts, add_special_tokens=False)]

    def unknowns(self, text: str) -> list[str]:
        found, unknown = self._backend.encode(text, add_special_tokens=False), self.special_ids["unk_token"]
        pairs = zip(found.ids, found.offsets, strict=True)
        return [text[start:end] for token, (start, end) in pairs if token == unknown]

    def decode(self, ids: Sequence[int]) -> str:
        text = self._backend.decode(ids, skip_special_tokens=True)
        return text if isinstance(self._backend.model, BPE) else self._files.tidied(text)

    def vocabulary(self) -> dict[str, int]:
        return self._backend.get_vocab(with_added_tokens=True)

    def save(self, folder: Path) -> None:
        self._files.save(folder)


def _add(
    backend: Tokenizer, named: dict[str, AddedToken], extra: Sequence[AddedToken], own: set[str]
) -> None:
    """Special tokens that only the other files name, as transformers adds them."""
    names = [name for name in _ORDER if name in named] + [name for name in named if name not in _ORDER]
    tokens = {token.content: token for token in (*(named[name] for name in names), *extra)}
    backend.add_tokens([token for text, token in tokens.items() if text not in own])


def frame(bare: list[int], framed: list[int]) -> tuple[list[int], list[int]]:
    """The special tokens before and after a text, from its ids without and with them."""
    start = next(n for n in range(len(framed) + 1) if framed[n : n + len(bare)] == bare)
    return framed[:start], framed[start + len(bare) :]


# For these classes transformers takes the vocabulary alone: is the rest what it would put there?


def _is_bert(engine: TokenizerJson, backend: Tokenizer, settings: dict[str, Any]) -> bool:
    model = backend.model
    normaliser = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
        strip_accents=settings.get("strip_accents"),
        lowercase=settings.get("do_lower_case", True),
    )
    return (
        (engine.prefix, engine.suffix)
        == ([engine.special_ids.get("cls_token")], [engine.special_ids.get("sep_token")])
        and isinstance(model, WordPiece)
        and model.unk_token == backend.id_to_token(engine.special_ids["unk_token"])
        and (model.continuing_subword_prefix, model.max_input_chars_per_word) == ("##", 100)
        and _state(backend.normalizer) == _state(normaliser)
        and _state(backend.pre_tokenizer) == _state(pre_tokenizers.BertPreTokenizer())
        and _state(backend.decoder) == _state(decoders.WordPiece(prefix="##"))
    )


def _is_xlmr(engine: TokenizerJson, backend: Tokenizer, settings: dict[str, Any]) -> bool:
    normaliser = _state(backend.normalizer)
    steps = normaliser.get("normalizers", [normaliser])
    words = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace("▁", prepend_scheme="always")]
    return (
        (engine.prefix, engine.suffix)
        == ([engine.special_ids.get("bos_token")], [engine.special_ids.get("eos_token")])
        and isinstance(backend.model, Unigram)
        and engine.special_ids["unk_token"] == 3
        and settings.get("add_prefix_space", True)
        and steps[0].get("type") == "Precompiled"
        # Blanks side by side count as one for the pre-tokenizer anyway.
        and steps[1:] in ([], [_state(normalizers.Replace(Regex(" {2,}"), " "))])
        and _state(backend.pre_tokenizer) == _state(pre_tokenizers.Sequence(words))
        and _state(backend.decoder) == _state(decoders.Metaspace("▁", prepend_scheme="always"))
    )


def _state(step: Any) -> dict[str, Any]:
    """What tokenizer.json says of one step of the pipeline."""
    return {} if step is None else dict(json.loads(step.__getstate__()))
