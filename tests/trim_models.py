"""Tiny base models with the kinds of vocabulary that can be cut."""

from __future__ import annotations

import json
import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tiny_models import fixture_vocabulary
from tokenizers import Tokenizer as RustTokenizer
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

from narou_gen.sources import read_rows
from narou_gen.tokenizer import load_tokenizer

KINDS = ("japanese", "bert", "unigram", "xlmr")
STORIES = [str(row["synopsis"]) for row in islice(read_rows("sample:titles", "validation"), 60)]
READ, UNREAD = STORIES[:25], STORIES[25:]
UNKNOWN = "少年☃は𠮟🦊られ\U0001f9ff井戸"  # characters that no vocabulary here has
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


def write_unigram(folder: Path, tokenizer_class: str) -> None:
    """A vocabulary such as XLM-R has: four special tokens at the beginning, the mask at the end."""
    rust = RustTokenizer(models.Unigram())
    metaspace = {"replacement": "▁", "prepend_scheme": "always"}
    split = pre_tokenizers.Metaspace(**metaspace)
    if tokenizer_class == "XLMRobertaTokenizer":
        rust.normalizer = normalizers.Precompiled(
            (1024).to_bytes(4, "little") + bytes(1024)
        )  # changes nothing
        split = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), split])
    else:
        rust.normalizer = normalizers.NFKC()
    rust.pre_tokenizer, rust.decoder = split, decoders.Metaspace(**metaspace)
    trainer = trainers.UnigramTrainer(
        vocab_size=2500, special_tokens=list(SPECIAL), unk_token="<unk>", show_progress=False
    )
    rust.train_from_iterator(STORIES, trainer)
    rust.add_special_tokens(["<mask>"])
    rust.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    rust.enable_padding(pad_id=1, pad_token="<pad>")
    rust.save(str(folder / "tokenizer.json"))
    roles = dict(zip(("bos", "pad", "eos", "unk"), SPECIAL, strict=True))
    roles |= {"cls": "<s>", "sep": "</s>", "mask": "<mask>"}
    config: dict[str, Any] = {"tokenizer_class": tokenizer_class}
    config |= {f"{name}_token": token for name, token in roles.items()}
    if tokenizer_class == "XLMRobertaTokenizer":  # as older versions of transformers wrote it
        flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
        added = {rust.token_to_id(token): {"content": token, **flags} for token in (*SPECIAL, "<mask>")}
        config["added_tokens_decoder"] = added
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def write_tokenizer(folder: Path, kind: str) -> None:
    if kind in ("unigram", "xlmr"):
        folder.mkdir()
        write_unigram(folder, "XLMRobertaTokenizer" if kind == "xlmr" else "PreTrainedTokenizerFast")
        return
    fixture_vocabulary(folder)
    # As in BERT's own vocabulary, special tokens stand behind unused ones: their ids change.
    lines = (folder / "vocab.txt").read_text("utf-8").split("\n")
    unused = [f"[unused{number}]" for number in range(100, 150)]
    lines = [lines[0], *unused, *lines[1:]]
    (folder / "vocab.txt").write_text("\n".join(lines), "utf-8")
    if kind == "bert":
        config = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "strip_accents": False}
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        backend = AutoTokenizer.from_pretrained(folder)
        backend.add_tokens(["◇◆◇"])
        shutil.rmtree(folder)
        backend.save_pretrained(folder)


def write_base(folder: Path, kind: str) -> Path:
    """A masked language model with random weights, and more embeddings than tokens."""
    write_tokenizer(folder, kind)
    words = load_tokenizer(folder)
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(words) + 35,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        pad_token_id=words.pad_id,
        eos_token_id=words.sep_id,
    )
    model = BertForMaskedLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    return folder
