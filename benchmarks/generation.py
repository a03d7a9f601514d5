"""How fast titles are searched: the CTranslate2 engine against plain `model.generate()` in float32.

    python benchmarks/generation.py [--rounds 5] [--threads N] [--write]

The same weights, beams (5) and synopses (of the sample's test split), on all cores, in one run. Each round
runs both in turns and gives one ratio; the table has the medians. The base size (12 + 12 layers, 768 wide, a
vocabulary of 32,768) has random weights, whose titles all grow to the longest; `--write` puts the table into
the READMEs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from machine import ROOT, machine, put_into_readmes

from narou_gen import TitleGenerator
from narou_gen.batches import padded
from narou_gen.checkpoint import load_model
from narou_gen.resources import find_checkpoint
from narou_gen.text import clean_synopsis
from narou_gen.tokenizer import Tokenizer, load_tokenizer

BEAMS, BATCH, LONGEST = 5, 32, 32


def synopses() -> list[str]:
    lines = (ROOT / "narou_gen" / "sample" / "titles" / "test.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["synopsis"] for line in lines]


def base_size(folder: Path) -> Path:
    """What `narou-gen train title` trains, with random weights."""
    from transformers import BertConfig, EncoderDecoderConfig, EncoderDecoderModel, GenerationConfig

    tokenizer = load_tokenizer(ROOT / "tests" / "fixtures" / "bert-base-japanese-v3")
    ids = {
        "pad_token_id": tokenizer.pad_id,
        "bos_token_id": tokenizer.cls_id,
        "eos_token_id": tokenizer.sep_id,
    }
    encoder = BertConfig(vocab_size=len(tokenizer), **ids)
    decoder = BertConfig(vocab_size=len(tokenizer), is_decoder=True, add_cross_attention=True, **ids)
    torch.manual_seed(0)
    model = EncoderDecoderModel(EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder))
    model.generation_config = GenerationConfig(
        decoder_start_token_id=tokenizer.cls_id, max_length=LONGEST, no_repeat_ngram_size=3, **ids
    )
    with torch.no_grad():  # titles have words, and all grow to the longest
        for token, index in tokenizer.vocabulary().items():
            if token.startswith("["):
                model.decoder.cls.predictions.bias[index] = -20
    model.save_pretrained(folder)
    tokenizer.save(folder)
    return folder


def plain(model: Any, tokenizer: Tokenizer, texts: list[str]) -> Callable[[], object]:
    """What a user of transformers writes."""
    rows = [tokenizer.encode(clean_synopsis(text), 512) for text in texts]

    def run() -> object:
        with torch.inference_mode():
            return model.generate(
                input_ids=padded(rows, tokenizer.pad_id),
                attention_mask=padded([[1] * len(row) for row in rows], 0),
                num_beams=BEAMS,
                max_length=LONGEST,
            )

    return run


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(folder: Path, name: str, rounds: int, threads: int | None) -> list[str]:
    texts = synopses()[:BATCH]
    model, tokenizer = load_model(folder).eval(), load_tokenizer(folder)
    rows = []
    for what, given in (("one synopsis", texts[:1]), (f"{BATCH} synopses", texts)):
        slow = plain(model, tokenizer, given)
        engines = {
            kind: TitleGenerator.from_checkpoint(folder, "ctranslate2", threads, kind)
            for kind in ("float32", "int8")
        }
        works = {
            kind: partial(engine.generate, given, num_beams=BEAMS, max_tokens=LONGEST, diversity=0)
            for kind, engine in engines.items()
        }
        for warm in (plain(model, tokenizer, given[:1]), *works.values()):
            warm()
        times: dict[str, list[float]] = {"plain": [], "float32": [], "int8": []}
        for _ in range(rounds):
            times["plain"].append(seconds(slow))
            for kind, work in works.items():
                times[kind].append(seconds(work))
        cells = [f"{name}, {what}", f"{statistics.median(times['plain']):.2f} s"]
        for kind in works:
            ratio = statistics.median(
                slow / fast for slow, fast in zip(times["plain"], times[kind], strict=True)
            )
            cells.append(f"{statistics.median(times[kind]):.2f} s ({ratio:.1f} x)")
        rows.append("| " + " | ".join(cells) + " |")
        print(rows[-1], flush=True)
    return rows


def agreement() -> str:
    """How much the 8 bits of the bundled model change."""
    texts = synopses()
    exact, small = (
        TitleGenerator.from_checkpoint("narou-mini", "ctranslate2", quantization=kind).generate(texts)
        for kind in ("float32", "int8")
    )
    pairs = [(one[0], other[0]) for one, other in zip(exact, small, strict=True)]
    same = sum(one.text == other.text for one, other in pairs) / len(pairs)
    apart = statistics.fmean(abs(one.score - other.score) for one, other in pairs)
    return (
        f"Of {len(pairs)} best titles of narou-mini {same:.0%} are the same in int8 as in float32; "
        f"their scores differ by {apart:.3f} in the mean."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of our engine; by default all cores")
    parser.add_argument("--write", action="store_true", help="put the table into the READMEs")
    options = parser.parse_args()

    rows = measure(find_checkpoint("narou-mini"), "narou-mini", options.rounds, options.threads)
    with tempfile.TemporaryDirectory() as folder:
        rows += measure(base_size(Path(folder)), "base size", options.rounds, options.threads)
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "ctranslate2"))
    table = "\n".join(
        [
            "| model, at once | `model.generate()` | CTranslate2 float32 | CTranslate2 int8 (default) |",
            "| --- | ---: | ---: | ---: |",
            *rows,
            "",
            f"{machine()}; {packages}.",
            f"`python benchmarks/generation.py`, medians of {options.rounds} rounds. {agreement()}",
        ]
    )
    print(f"\n{table}")
    if options.write:
        put_into_readmes("generation", table)


if __name__ == "__main__":
    main()
