"""A tokenizer cut to some of its tokens: ids renumbered in the old order, everything else as it was.

Text whose tokens are all kept gets the same tokens. WordPiece takes the longest piece that fits: what is
longer than the kept one was no piece before either. Unigram takes the likeliest path (Kudo 2018,
arXiv:1804.10959): it is still there, and what remains of the others is no likelier than it was. That holds
for unknown characters too as long as the least likely piece stays: their likelihood is reckoned from it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from narou_gen.errors import ModelError
from narou_gen.tokenizer import Tokenizer, load_tokenizer
from narou_gen.tokenizer_files import TokenizerFiles

_JSON, _LINES, _ADDED, _CONFIG = "tokenizer.json", "vocab.txt", "added_tokens.json", "tokenizer_config.json"
_CONTINUED = "##"
_SINGLE = (
    (0x0021, 0x007E),  # ASCII
    (0x00A0, 0x00FF),  # Latin-1: × ÷ § and accents of names
    (0x2010, 0x205E),  # — … ‥ “ ” ※
    (0x2190, 0x21FF),  # arrows
    (0x25A0, 0x266F),  # ■ ○ ★ ♪
    (0x2E80, 0x2FDF),  # radicals
    (0x3000, 0x30FF),  # 、 。 「 〜 々 〇, hiragana, katakana
    (0x31C0, 0x31FF),  # strokes, small katakana of Ainu
    (0x3200, 0x33FF),  # ㈱ ㊙ ㍻
    (0x3400, 0x4DBF),  # kanji: extension A
    (0x4E00, 0x9FFF),  # kanji
    (0xF900, 0xFAFF),  # kanji: compatibility
    (0xFE10, 0xFE4F),  # vertical forms
    (0xFF00, 0xFFEF),  # full-width and half-width forms
    (0x1AFF0, 0x1B16F),  # kana supplements
    (0x20000, 0x3FFFF),  # kanji: extensions B and later
)


def tokenizer_files(tokenizer: Tokenizer) -> TokenizerFiles:
    """The files of a tokenizer, wherever it came from."""
    with TemporaryDirectory(prefix="narou-gen-") as folder:
        tokenizer.save(Path(folder))
        return TokenizerFiles.read(folder)


def indispensable(tokenizer: Tokenizer, files: TokenizerFiles) -> set[int]:
    """Ids that stay whatever a corpus uses: special and added tokens, single characters that Japanese is
    written with, ASCII, and what the tokenizer itself needs.

    Raises:
        ModelError: the vocabulary is of a kind that cannot be cut.
    """
    vocabulary = tokenizer.vocabulary()
    kept = {tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id, tokenizer.unk_id}
    kept |= set() if tokenizer.mask_id is None else {tokenizer.mask_id}
    tokens = [*files.named_tokens({}).values(), *files.extra_tokens(), *files.added_tokens().values()]
    kept |= {vocabulary[token.content] for token in tokens if token.content in vocabulary}
    continued = ""
    if _JSON in files.contents:
        pipeline = files.json(_JSON)
        model = pipeline["model"]
        kept |= {token["id"] for token in pipeline.get("added_tokens") or ()}
        kept |= {token_id for holder, key in _places(pipeline) for token_id in _listed(holder[key])}
        if _kind(model) == "Unigram":
            scores = [score for _, score in model["vocab"]]
            kept |= {vocabulary["▁"]} if "▁" in vocabulary else set()
            kept |= {scores.index(min(scores))}
            if model.get("byte_fallback"):
                kept |= {
                    vocabulary[byte] for byte in (f"<0x{n:02X}>" for n in range(256)) if byte in vocabulary
                }
        else:
            continued = model.get("continuing_subword_prefix", _CONTINUED)
    elif _LINES in files.contents:
        continued = _CONTINUED
    else:
        raise ModelError("This tokenizer has neither tokenizer.json nor vocab.txt: it cannot be cut.")
    return kept | {
        number for token, number in vocabulary.items() if _is_single(token.removeprefix(continued) or token)
    }


def trimmed(tokenizer: Tokenizer, files: TokenizerFiles, new_ids: Mapping[int, int]) -> Tokenizer:
    """The tokenizer with those tokens alone that have a new id; `new_ids` rise with the old ones.

    Raises:
        ModelError: what came out is not that, since the tokenizer does more than its files say.
    """
    with TemporaryDirectory(prefix="narou-gen-") as folder:
        trimmed_files(files, new_ids).save(Path(folder))
        result = load_tokenizer(folder)
    expected = {token: new_ids[old] for token, old in tokenizer.vocabulary().items() if old in new_ids}
    if result.vocabulary() != expected:
        raise ModelError("This tokenizer cannot be cut: its files do not hold the whole of its vocabulary.")
    return result


def trimmed_files(files: TokenizerFiles, new_ids: Mapping[int, int]) -> TokenizerFiles:
    """The files of the same tokenizer without the tokens that have no new id.

    Raises:
        ModelError: the vocabulary is of a kind that cannot be cut.
    """
    contents = dict(files.contents)
    if _JSON in contents:
        contents[_JSON] = _dumped(_cut_pipeline(files.json(_JSON), new_ids))
    if _LINES in contents:
        # Lines as a text file has them; str.splitlines would end one at U+2028, which is a token somewhere.
        lines = list(io.TextIOWrapper(io.BytesIO(contents[_LINES]), encoding="utf-8"))
        kept = [lines[old].rstrip("\n") for old in _below(new_ids, len(lines))]
        contents[_LINES] = "".join(f"{token}\n" for token in kept).encode()
    if _ADDED in contents:
        contents[_ADDED] = _dumped({token: new_ids[old] for token, old in files.json(_ADDED).items()})
    config = files.json(_CONFIG)
    if listed := config.get("added_tokens_decoder"):
        config["added_tokens_decoder"] = {str(new_ids[int(old)]): token for old, token in listed.items()}
        contents[_CONFIG] = _dumped(config)
    return TokenizerFiles(contents)


def _cut_pipeline(pipeline: dict[str, Any], new_ids: Mapping[int, int]) -> dict[str, Any]:
    model = pipeline["model"]
    vocabulary = model["vocab"]
    if _kind(model) == "Unigram":
        model["vocab"] = [vocabulary[old] for old in _below(new_ids, len(vocabulary))]
        if model.get("unk_id") is not None:
            model["unk_id"] = new_ids[model["unk_id"]]
    else:
        model["vocab"] = {token: new_ids[old] for token, old in vocabulary.items() if old in new_ids}
    for token in pipeline.get("added_tokens") or ():
        token["id"] = new_ids[token["id"]]
    for holder, key in _places(pipeline):
        value = holder[key]
        holder[key] = [new_ids[old] for old in value] if isinstance(value, list) else new_ids[value]
    return pipeline


def _places(pipeline: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Where a tokenizer.json names ids outside its vocabulary: holder and key of an id, or of a list."""
    if pipeline.get("padding"):
        yield pipeline["padding"], "pad_id"
    steps = [pipeline.get("post_processor") or {}]
    for step in steps:
        steps += step.get("processors", [])
        yield from ((token, "ids") for token in (step.get("special_tokens") or {}).values())
        yield from ((step[name], 1) for name in ("sep", "cls") if name in step)


def _listed(value: int | list[int]) -> list[int]:
    return value if isinstance(value, list) else [value]


def _kind(model: Mapping[str, Any]) -> str:
    """`type` is missing where an older version of `tokenizers` wrote the file."""
    if isinstance(model["vocab"], list):
        return "Unigram"
    if "merges" in model or "continuing_subword_prefix" not in model:
        kind = model.get("type") or "unknown"
        raise ModelError(f"The vocabulary is of the kind {kind}: only WordPiece and Unigram can be cut.")
    return "WordPiece"


def _below(new_ids: Mapping[int, int], size: int) -> Sequence[int]:
    """The old ids among the first `size`, in order. What lies beyond is added when the files are read."""
    return sorted(old for old in new_ids if old < size)


def _is_single(token: str) -> bool:
    return len(token) == 1 and any(first <= ord(token) <= last for first, last in _SINGLE)


def _dumped(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()
