"""The commands on the encoder: parse, one public call, print. `cli.py` registers them.

Nothing heavy is imported until a command needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from narou_gen.texts import Text

_CHUNK = 256  # texts read and answered together

Checkpoint = Annotated[
    str | None, typer.Option(help="Checkpoint folder; by default NAROU_GEN_CHECKPOINT, else bundled.")
]
Engine = Annotated[
    Literal["auto", "ctranslate2", "torch"], typer.Option(help="auto: the fast one wherever it can.")
]
Threads = Annotated[int | None, typer.Option(min=1, help="Cores to use; by default all.")]
Pool = Annotated[
    Literal["mean", "cls", "max"], typer.Option(help="How the states of a text become one vector.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON Lines.")]


def sentiment(
    text: Annotated[str | None, typer.Argument(help="The text; by default each line of stdin.")] = None,
    input_file: Annotated[
        str | None,
        typer.Option(
            "--input", help="A .txt with a text a line; or .jsonl, .csv, .parquet, .db, sample:NAME."
        ),
    ] = None,
    checkpoint: Checkpoint = None,
    engine: Engine = "auto",
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Tell the feeling of a text, or of many: label and probability."""
    from narou_gen.text_inputs import read_inputs, safe_json

    texts = read_inputs(_given(text, input_file), input_file)
    from narou_gen.sentiment import SentimentAnalyzer
    from narou_gen.text import visible

    analyzer: SentimentAnalyzer | None = None
    for chunk in _chunks(texts):
        # Loaded when the first texts have been read, so that a bad input is told at once.
        analyzer = analyzer or SentimentAnalyzer.from_checkpoint(checkpoint, engine, threads)
        for given, found in zip(chunk, analyzer.analyze([each.text for each in chunk]), strict=True):
            if as_json:
                chances = {label: round(chance, 4) for label, chance in found.probabilities.items()}
                print(safe_json({"text": given.text, "label": found.label, "probabilities": chances}))
            else:
                line = " ".join(visible(given.text).split())
                print(f"{visible(found.label)}\t{found.probabilities[found.label]:.2f}\t{line}")
        sys.stdout.flush()


def sentiment_scores(
    source: Annotated[str, typer.Argument(help="Labelled texts: a file, or sample:comments.")],
    split: Annotated[str, typer.Option(help="Of a sample: train, validation or test.")] = "test",
    checkpoint: Checkpoint = None,
    engine: Engine = "auto",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A folder for metrics.json and confusion.png.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score the sentiment head on labelled texts: accuracy, F1, confusion matrix, majority baseline."""
    from narou_gen.sentiment_scores import score_sentiment, write_scores
    from narou_gen.text_inputs import safe_json

    found = score_sentiment(source, split, checkpoint, engine)
    if as_json:
        print(safe_json(found.as_json()))
    else:
        from narou_gen.confusion import as_lines

        print("\n".join(as_lines(found)))
    if output is not None:
        write_scores(found, output)


def embed(
    source: Annotated[
        str, typer.Argument(help="A .txt with a text a line; or .jsonl, .csv, .parquet, .db, sample:NAME.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .npy or .parquet to write.")],
    pooling: Pool = "mean",
    checkpoint: Checkpoint = None,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Write one vector a text, in their order, by the encoder that reads synopses for titles."""
    from narou_gen.encoder import Encoder
    from narou_gen.encoder_display import reading
    from narou_gen.text_inputs import read_inputs
    from narou_gen.vectors import save_embeddings

    texts = list(read_inputs(None, source))
    encoder = Encoder.from_checkpoint(checkpoint, engine, threads)
    with reading(len(texts)) as watch:
        save_embeddings(output, encoder, texts, pooling, watch)
    print(f"{len(texts)} vectors of {encoder.hidden_size} in {output}", file=sys.stderr)


def similar(
    text: Annotated[str, typer.Argument(help="A synopsis, or a few words.")],
    database: Annotated[str | None, typer.Option("--db", help="A collected database.")] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="Or a .jsonl, .csv, .parquet or sample:titles.")
    ] = None,
    number: Annotated[int, typer.Option("-n", min=1, help="So many works.")] = 10,
    checkpoint: Checkpoint = None,
    as_json: AsJson = False,
) -> None:
    """Find the works whose synopses are nearest to a text: cosine of their vectors, exact search."""
    if (database is None) == (data is None):
        raise typer.BadParameter("give --db DB or --data FILE")
    from narou_gen.encoder_display import reading
    from narou_gen.similar import SimilarWorks
    from narou_gen.text import visible
    from narou_gen.text_inputs import safe_json

    with reading() as watch:
        works = SimilarWorks.from_source(str(database or data), checkpoint, watch)
    for found in works.nearest(text, number):
        work = found.work
        if as_json:
            known = {"id": work.id, "title": work.title, "synopsis": work.text}
            print(safe_json({"similarity": round(found.similarity, 4), **known}))
        else:
            name = " ".join(visible(work.title or work.text[:40]).split())
            print(f"{found.similarity:.3f}\t{visible(work.id or '-')}\t{name}")


def fill_mask(
    text: Annotated[str, typer.Argument(help="A text with [MASK] where a word is to be guessed.")],
    checkpoint: Annotated[str, typer.Option(help="What `train mlm` wrote.")] = "checkpoints/mlm",
    number: Annotated[int, typer.Option("-n", min=1, help="So many guesses for each gap.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Guess the words behind [MASK], by a model that `narou-gen train mlm` wrote."""
    _quiet()
    from narou_gen.fill_mask import fill_mask as fill
    from narou_gen.text import visible
    from narou_gen.text_inputs import safe_json

    for place, fillings in enumerate(fill(text, number, checkpoint), 1):
        for filling in fillings:
            if as_json:
                value = {"mask": place, "token": filling.token, "probability": round(filling.probability, 4)}
                print(safe_json(value))
            else:
                print(f"{place}\t{filling.probability:.3f}\t{visible(filling.token)}")


def attention(
    text: Annotated[str, typer.Argument(help="The synopsis.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .png or .html to write.")],
    title: Annotated[str | None, typer.Option(help="Any title; by default the model's own.")] = None,
    layer: Annotated[int | None, typer.Option(help="Of the decoder, from 0; by default all.")] = None,
    checkpoint: Checkpoint = None,
) -> None:
    """Show which words of the synopsis each word of its title looked at."""
    _quiet()
    from narou_gen.attention import title_attention
    from narou_gen.attention_picture import write_attention

    write_attention(title_attention(text, title, checkpoint, layer), output)
    print(output)


def _given(text: str | None, input_file: str | None) -> str | None:
    if text is not None and input_file is not None:
        raise typer.BadParameter("give a text or --input, not both")
    if text is None and input_file is None and (sys.stdin is None or sys.stdin.isatty()):
        raise typer.BadParameter("give a text, pipe some in, or use --input FILE")
    return text


def _quiet() -> None:
    """Nobody asked for a report on how the model is loaded."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def _chunks(items: Iterable[Text]) -> Iterator[list[Text]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


ENCODER_COMMANDS: tuple[Callable[..., Any], ...] = (
    sentiment,
    sentiment_scores,
    embed,
    similar,
    fill_mask,
    attention,
)
