"""From process start to the first title: `narou-gen title TEXT`, and what its time goes into.

    python benchmarks/startup.py [--rounds 7] [--write]

Each round starts both processes in turns: the command with the bundled model, and a script that does the
same with transformers alone; the ratio is the median of the rounds'. The conversion is in the cache
already, as it is from the second title on; what making it costs is told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from machine import machine, put_into_readmes

TEXT = "婚約を破棄された令嬢が、辺境の古い宿屋を継ぐことになった。"
_PLAIN = """
import sys
from transformers import AutoTokenizer, EncoderDecoderModel
folder, text = sys.argv[1:]
model, tokenizer = EncoderDecoderModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
ids = model.generate(**tokenizer(text, return_tensors="pt"))
print(tokenizer.decode(ids[0], skip_special_tokens=True))
"""
_PARTS = """
import json, sys, time
laps, last = {}, float(sys.argv[2])
def lap(name):
    global last
    now = time.time()
    laps[name], last = now - last, now
lap("Python starts")
import narou_gen.cli
lap("command line")
import narou_gen.generate, narou_gen.engine_ctranslate
lap("generation, numpy, ctranslate2")
from narou_gen.resources import find_checkpoint
from narou_gen.tokenizer import load_tokenizer
folder = find_checkpoint("narou-mini")
tokenizer = load_tokenizer(folder)
lap("tokenizer")
from narou_gen.ctranslate import converted
place = converted(folder, "int8", "titles")
lap("conversion: digest, look-up")
engine = narou_gen.engine_ctranslate.CTranslate2Engine(place, tokenizer)
lap("model")
narou_gen.generate.TitleGenerator(engine, tokenizer).generate([sys.argv[1]])
lap("first title")
print(json.dumps(laps))
"""


def seconds(command: list[str], **environment: str) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=os.environ | environment)
    return time.perf_counter() - started


def parts() -> dict[str, float]:
    command = [sys.executable, "-c", _PARTS, TEXT, str(time.time())]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="put the line into the READMEs")
    options = parser.parse_args()
    from narou_gen.resources import find_checkpoint

    ours = [sys.executable, "-m", "narou_gen", "title", TEXT]
    plain = [sys.executable, "-c", _PLAIN, str(find_checkpoint("narou-mini")), TEXT]
    with tempfile.TemporaryDirectory() as empty:
        first = seconds(ours, NAROU_GEN_CACHE=empty)
    seconds(ours), seconds(plain)  # files are in memory from here on
    pairs = [(seconds(ours), seconds(plain)) for _ in range(options.rounds)]
    laps = [parts() for _ in range(options.rounds)]

    fast, slow = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    line = (
        f"From process start to the first title: {fast:.2f} s, transformers alone {slow:.1f} s "
        f"({ratio:.1f} x); the very first time {first:.2f} s, with the conversion.\n"
        f"{machine()}. `python benchmarks/startup.py`, medians of {options.rounds} rounds."
    )
    print(f"{line}\n\n| part | seconds |\n| --- | ---: |")
    for name in laps[0]:
        print(f"| {name} | {statistics.median(lap[name] for lap in laps):.3f} |")
    if options.write:
        put_into_readmes("startup", line)


if __name__ == "__main__":
    main()
