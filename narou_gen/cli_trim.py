"""The command that cuts a vocabulary: parse, one public call, print. `cli.py` registers it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def trim_vocab(
    model: Annotated[
        str, typer.Argument(help="A folder (BERT or title checkpoint), narou-mini, or a Hugging Face name.")
    ],
    corpus: Annotated[
        list[str],
        typer.Option(
            help="What to keep the tokens of: .txt, .txt.xz, .jsonl, .csv, .parquet, sample:NAME. Repeatable."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to write.")],
    min_count: Annotated[
        int, typer.Option(min=1, help="Keep a token that the corpus uses so many times.")
    ] = 1,
) -> None:
    """Cut a model's vocabulary to what a corpus uses; its folder is printed at the end."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from narou_gen.trim import trim_vocabulary

    trimmed = trim_vocabulary(model, corpus, output, min_count)
    for name, (before, after) in (("Tokens", trimmed.tokens), ("Parameters", trimmed.parameters)):
        print(f"{name}: {before:,} before, {after:,} after ({after / before:.1%})", file=sys.stderr)
    print(output)
