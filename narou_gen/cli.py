"""The command line: parse, one public call, print. Results on stdout, everything else on stderr.

Nothing heavy is imported until a command needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from narou_gen import __version__
from narou_gen.cli_collect import fetch, pairs, works
from narou_gen.errors import NarouGenError

T = TypeVar("T")

app = typer.Typer(
    help="Titles for Japanese web novels, by a BERT2BERT that reads the synopsis.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# So many synopses are read, searched and printed before the next ones are read.
_CHUNK = 64


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
        str, typer.Argument(help="A TOML file, or a shipped config: title, title-mini, title-debug.")
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
def title(
    text: Annotated[str | None, typer.Argument(help="The synopsis; by default read from stdin.")] = None,
    input_file: Annotated[
        Path | None,
        typer.Option(
            "--input",
            help="A .txt file with one synopsis, or .jsonl with a `synopsis` a line "
            "(and `genre`, `keywords`, `length` where known).",
        ),
    ] = None,
    number: Annotated[int, typer.Option("-n", "--num-titles", help="Titles of each synopsis.")] = 1,
    beams: Annotated[int, typer.Option(help="Width of the beam search.")] = 5,
    length_penalty: Annotated[float, typer.Option(help="Over 1: longer titles.")] = 1.0,
    sample: Annotated[bool, typer.Option("--sample", help="Draw titles instead of beam search.")] = False,
    temperature: Annotated[float, typer.Option(help="With --sample: over 1 is wilder.")] = 1.0,
    top_k: Annotated[int, typer.Option(help="With --sample: draw from so many tokens.")] = 50,
    top_p: Annotated[float, typer.Option(help="With --sample: draw from this probability mass.")] = 0.95,
    seed: Annotated[int | None, typer.Option(help="With --sample: the same titles again.")] = None,
    genre: Annotated[str | None, typer.Option(help="Narou genre, by code or name: 201.")] = None,
    keyword: Annotated[list[str] | None, typer.Option(help="A keyword; can be repeated.")] = None,
    length: Annotated[
        Literal["long", "middle", "short"] | None, typer.Option(help="Manner of the title.")
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option(help="Checkpoint folder; by default NAROU_GEN_CHECKPOINT, else bundled.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines.")] = False,
) -> None:
    """Write titles for a synopsis, or for a file of them."""
    if text is not None and input_file is not None:
        raise typer.BadParameter("give a text or --input, not both")
    if text is None and input_file is None and (sys.stdin is None or sys.stdin.isatty()):
        raise typer.BadParameter("give a synopsis, pipe one in, or use --input FILE")
    # Nobody asked for a report on how the model is loaded.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from narou_gen.generate import GenerationOptions, TitleGenerator
    from narou_gen.inputs import as_json_line, as_lines, read_requests
    from narou_gen.text import visible

    options = GenerationOptions(
        num_titles=number,
        num_beams=beams,
        length_penalty=length_penalty,
        sample=sample,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        genre=genre,
        keywords=tuple(keyword or ()),
        length=length,
    )
    requests = read_requests(text, input_file, options.conditions)
    generator: TitleGenerator | None = None
    for chunk in _chunks(requests, _CHUNK):
        # Loaded when the first synopsis has been read, so that a bad input is told at once.
        generator = generator or TitleGenerator.from_checkpoint(checkpoint)
        found = generator.generate(
            [request.synopsis for request in chunk],
            options,
            conditions=[request.conditions for request in chunk],
        )
        for request, titles in zip(chunk, found, strict=True):
            show = as_json_line if as_json else as_lines
            print(show(request, titles), flush=True)
            if not titles:
                print(f"No title for: {visible(request.synopsis[:40])}", file=sys.stderr)


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


for _command in (fetch, pairs, works):
    app.command()(_command)


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
