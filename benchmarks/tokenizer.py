"""How fast texts become token ids: `narou_gen.tokenizer` against transformers' BertJapaneseTokenizer.

    python benchmarks/tokenizer.py [--model FOLDER] [--rounds 9]

The sample's synopses, one process, one thread, CPU time. Each round runs both, in turns, and gives one
ratio; the table has the medians. Each round starts with a tokenizer that has seen no word yet. MeCab's own
search is shown apart: both tokenizers spend that time in the same C library, so no ratio can exceed its.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
import unicodedata
from collections.abc import Callable
from importlib.metadata import version

import fugashi
import unidic_lite
from machine import ROOT, machine
from transformers import AutoTokenizer

from narou_gen.tokenizer import load_tokenizer

FIXTURE = ROOT / "tests" / "fixtures" / "bert-base-japanese-v3"


def synopses() -> list[str]:
    files = sorted((ROOT / "narou_gen" / "sample" / "titles").glob("*.jsonl"))
    lines = [line for file in files for line in file.read_text("utf-8").split("\n") if line]
    return [json.loads(line)["synopsis"] for line in lines]


def microseconds(work: Callable[[], object], texts: int) -> float:
    gc.collect()
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1e6 / texts


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default=str(FIXTURE), help="a BertJapaneseTokenizer with unidic-lite")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()

    texts = synopses()
    reference = AutoTokenizer.from_pretrained(options.model)
    wanted = reference(texts, add_special_tokens=False, verbose=False)["input_ids"]
    assert load_tokenizer(options.model).parts(texts) == wanted, "not the ids of the reference"
    folder = unidic_lite.DICDIR
    mecab = fugashi.GenericTagger(f'-Owakati -d "{folder}" -r "{folder}/mecabrc"')
    normal = [unicodedata.normalize("NFKC", text) for text in texts]

    rounds: dict[str, list[float]] = {
        "BertJapaneseTokenizer": [],
        "narou_gen.tokenizer": [],
        "MeCab alone": [],
    }
    for _ in range(options.rounds):
        ours = load_tokenizer(options.model)
        works: tuple[Callable[[], object], ...] = (
            lambda: reference(texts, add_special_tokens=False, verbose=False),
            lambda ours=ours: ours.parts(texts),  # type: ignore[misc]
            lambda: [mecab.parse(text) for text in normal],
        )
        for times, work in zip(rounds.values(), works, strict=True):
            times.append(microseconds(work, len(texts)))

    mean = sum(map(len, texts)) / len(texts)
    packages = ", ".join(f"{name} {version(name)}" for name in ("transformers", "tokenizers", "fugashi"))
    print(f"{machine()}; {packages}")
    print(f"{len(texts):,} synopses of {mean:.0f} characters, median of {options.rounds} rounds\n")
    print("| tokenizer | µs a synopsis | synopses a second | times the speed |")
    print("| --- | ---: | ---: | ---: |")
    for name, times in rounds.items():
        pairs = zip(rounds["BertJapaneseTokenizer"], times, strict=True)
        ratio = statistics.median(slow / fast for slow, fast in pairs)
        typical = statistics.median(times)
        print(f"| {name} | {typical:.0f} | {1e6 / typical:,.0f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
