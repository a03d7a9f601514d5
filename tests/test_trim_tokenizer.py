"""The files of a tokenizer, cut."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer as RustTokenizer
from tokenizers import models, pre_tokenizers
from trim_models import SPECIAL, write_tokenizer

from narou_gen.tokenizer import load_tokenizer
from narou_gen.tokenizer_files import TokenizerFiles
from narou_gen.trim_tokenizer import indispensable, tokenizer_files, trimmed


def test_an_unknown_character_costs_what_it_did(tmp_path: Path) -> None:
    """Its likelihood is that of the least likely piece, less a constant: without that piece it would rise."""
    pieces = [(token, 0.0) for token in SPECIAL]
    pieces += [("▁", -1.0), ("あい", -18.0), ("う", -14.0), ("いう", -2.5), ("䨺䨺", -20.0)]
    rust = RustTokenizer(models.Unigram(pieces, unk_id=3))
    rust.pre_tokenizer = pre_tokenizers.Metaspace()
    rust.add_special_tokens(list(SPECIAL))
    rust.save(str(tmp_path / "tokenizer.json"))
    old = load_tokenizer(tmp_path)
    files = tokenizer_files(old)
    used = set(old.parts(["あいう"])[0])
    assert {old.vocabulary()["あい"], old.vocabulary()["う"]} <= used
    for needed, same in ((indispensable(old, files), True), (set(range(5)), False)):
        # "いう" is kept because some other text uses it.
        kept = sorted(used | needed | {old.vocabulary()["いう"]})
        new = trimmed(old, files, {number: place for place, number in enumerate(kept)})
        assert ([kept[number] for number in new.parts(["あいう"])[0]] == old.parts(["あいう"])[0]) == same


def test_byte_pieces_stay(tmp_path: Path) -> None:
    pieces = [(token, 0.0) for token in SPECIAL] + [("▁", -1.0), ("少年", -2.0)]
    pieces += [(f"<0x{number:02X}>", -9.0) for number in range(256)]
    rust = RustTokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=True))
    rust.add_special_tokens(list(SPECIAL))
    rust.save(str(tmp_path / "tokenizer.json"))
    old = load_tokenizer(tmp_path)
    assert indispensable(old, tokenizer_files(old)) == set(range(len(old))) - {old.vocabulary()["少年"]}


def test_ids_in_any_post_processor(tmp_path: Path) -> None:
    write_tokenizer(tmp_path / "base", "bert")
    value = json.loads((tmp_path / "base/tokenizer.json").read_text("utf-8"))
    old = load_tokenizer(tmp_path / "base")
    bert = {"type": "BertProcessing", "sep": ["[SEP]", old.sep_id], "cls": ["[CLS]", old.cls_id]}
    value["post_processor"] = {"type": "Sequence", "processors": [bert]}
    (tmp_path / "base/tokenizer.json").write_text(json.dumps(value), "utf-8")
    (tmp_path / "base/tokenizer_config.json").write_text('{"tokenizer_class": "TokenizersBackend"}')
    old = load_tokenizer(tmp_path / "base")
    files = TokenizerFiles.read(tmp_path / "base")
    kept = sorted(indispensable(old, files))
    new = trimmed(old, files, {number: place for place, number in enumerate(kept)})
    assert new.encode("あ") == [new.cls_id, *new.parts(["あ"])[0], new.sep_id]
    assert new.cls_id < old.cls_id
