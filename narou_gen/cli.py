"""The command line: parse, one public call, print. Results on stdout, everything else on stderr.

Nothing heavy is imported until a command needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from narou_gen import __version__
from narou_gen.cli_collect import fetch, pairs, works
from narou_gen.cli_encoder import ENCODER_COMMANDS
from narou_gen.cli_evaluate import compare, evaluate
from narou_gen.cli_export import export
from narou_gen.cli_title import title
from narou_gen.errors import NarouGenError

app = typer.Typer(
    help="Titles for Japanese web novels, by a BERT2BERT that reads the synopsis.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line. Expected errors are one line on stderr and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a question mark, not a traceback.
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    try:
        app()
    except _expected() as error:
        from narou_gen.text import visible

        print(f"narou-gen: {visible(str(error))}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # The reader (`| head`) has enough; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # a full disk, a folder that may not be written
        print(f"narou-gen: {error}", file=sys.stderr)
        sys.exit(1)


def _expected() -> tuple[type[Exception], ...]:
    """The errors that are one line. The scraper's can be among them only once something imported it."""
    scraper = sys.modules.get("scraper")
    return (NarouGenError, scraper.ScraperError) if scraper is not None else (NarouGenError,)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"narou-gen {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    pass


@app.command()
def train(
    config: Annotated[
        str,
        typer.Argument(
            help="A TOML file, or a shipped config: title, title-fast, sentiment, mlm, title-debug."
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


@app.command()
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


@app.command()
def pretraining_pairs(
    texts: Annotated[list[Path], typer.Argument(help="Plain texts: .txt, or .txt.xz.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .jsonl file to write.")],
    limit: Annotated[int | None, typer.Option(min=1, help="So many pairs at most.")] = None,
    seed: Annotated[int, typer.Option(help="Other passages, sentences and gaps.")] = 0,
) -> None:
    """Make pairs out of plain text, that teach a model to read and write before it sees titles."""
    from narou_gen.pretraining import write_pretraining_pairs

    print(f"{write_pretraining_pairs(texts, output, limit, seed)} pairs in {output}", file=sys.stderr)


_COMMANDS: tuple[Callable[..., Any], ...] = (
    title,
    export,
    fetch,
    pairs,
    works,
    evaluate,
    compare,
    *ENCODER_COMMANDS,
)
for _command in _COMMANDS:
    app.command()(_command)
