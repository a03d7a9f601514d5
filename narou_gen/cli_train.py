"""The commands that train, and those that make what is trained on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[
        str,
        typer.Argument(
            help="A TOML file, or a shipped config: title, title-fast, title-mini, pretrain-mini, "
            "sentiment, mlm, title-debug."
        ),
    ],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a key of the config."),
    ] = None,
    output: Annotated[str | None, typer.Option(help="The checkpoint folder to write.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last state.")] = False,
) -> None:
    """Train a model; its folder is printed at the end."""
    from narou_gen.config import load_config

    checked = load_config(config, changes or [], output)
    from narou_gen.training import train as run_training

    folder = run_training(checked, resume=resume)
    if os.environ.get("RANK", "0") == "0":  # one of several processes says it
        print(folder)


def tokenize(
    config: Annotated[str, typer.Argument(help="A TOML file, or a shipped config, of titles.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to write.")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a key of the config."),
    ] = None,
) -> None:
    """Write the pairs of a config as token ids, to train elsewhere with data.train set to that folder."""
    from narou_gen.config import load_config

    checked = load_config(config, changes or [])
    from narou_gen.progress import TrainingDisplay
    from narou_gen.tokenised import tokenise_into_folder

    tokenise_into_folder(checked, output, TrainingDisplay())
    print(output)


def pretraining_pairs(
    texts: Annotated[
        list[str], typer.Argument(help="Plain texts (.txt, .txt.xz), or sources of synopses: sample:titles.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .jsonl file to write.")],
    limit: Annotated[int | None, typer.Option(min=1, help="So many pairs at most.")] = None,
    seed: Annotated[int, typer.Option(help="Other passages, sentences and gaps.")] = 0,
) -> None:
    """Make pairs out of plain text, that teach a model to read and write before it sees titles."""
    from narou_gen.pretraining import write_pretraining_pairs

    _remind(texts)
    print(f"{write_pretraining_pairs(texts, output, limit, seed)} pairs in {output}", file=sys.stderr)


def augment(
    sources: Annotated[list[str], typer.Argument(help="Pairs: files, datasets, or sample:titles.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .jsonl file to write.")],
    copies: Annotated[int, typer.Option(min=0, help="Varied works for each one.")] = 1,
    ideas: Annotated[
        bool, typer.Option(help="Each title once more, with one to three of its nouns as the synopsis.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Other names, sentences and nouns.")] = 0,
) -> None:
    """Write pairs again, each also with other names and without sentences that no title speaks of, and each
    title with a few of its nouns as the synopsis."""
    from narou_gen.augmentation import write_augmented

    _remind(sources)
    print(
        f"{write_augmented(sources, output, copies=copies, ideas=ideas, seed=seed)} rows in {output}",
        file=sys.stderr,
    )


def _remind(sources: list[str]) -> None:
    """What is made of a collected database no longer shows it: the terms are told here."""
    from narou_gen.sources import reminder_of

    if reminder := reminder_of(sources):
        print(reminder, file=sys.stderr)


TRAINING_COMMANDS = (train, tokenize, pretraining_pairs, augment)
