"""The command line: parse, one public call, print. Results on stdout, everything else on stderr.

Nothing heavy is imported until a command needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from narou_gen import __version__
from narou_gen.cli_collect import fetch, pairs, works
from narou_gen.cli_demo import demo
from narou_gen.cli_encoder import ENCODER_COMMANDS
from narou_gen.cli_evaluate import compare, evaluate
from narou_gen.cli_export import export
from narou_gen.cli_title import title
from narou_gen.cli_train import TRAINING_COMMANDS
from narou_gen.cli_trim import trim_vocab
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


_COMMANDS: tuple[Callable[..., Any], ...] = (
    *TRAINING_COMMANDS,
    title,
    demo,
    export,
    trim_vocab,
    fetch,
    pairs,
    works,
    evaluate,
    compare,
    *ENCODER_COMMANDS,
)
for _command in _COMMANDS:
    app.command()(_command)
