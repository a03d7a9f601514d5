"""The commands around a collected database: parse, one public call, print. `cli.py` registers them.

Nothing heavy is imported until a command needs it.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from scraper import Query

Genres = Annotated[
    list[int] | None, typer.Option("--genre", metavar="CODE", help="A genre, such as 201; repeatable.")
]
Biggenres = Annotated[
    list[int] | None, typer.Option("--biggenre", metavar="CODE", help="A big genre, such as 2; repeatable.")
]
Keywords = Annotated[
    list[str] | None, typer.Option("--keyword", help="Must stand in the author's keywords; repeatable.")
]
NotKeywords = Annotated[
    list[str] | None,
    typer.Option("--not-keyword", help="Must not stand in the author's keywords; repeatable."),
]
Words = Annotated[
    list[str] | None,
    typer.Option("--word", help="Must stand in title, synopsis or keywords; repeatable."),
]
Type = Annotated[
    str | None,
    typer.Option("--type", help="t: short, r: ongoing, er: complete serial, re: serials, ter: t and er."),
]
MinPoints = Annotated[int | None, typer.Option(min=0, help="Least total points.")]
MinLength = Annotated[int | None, typer.Option(min=0, help="Least characters of the work.")]
Since = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First day (JST) of the last update."),
]
Until = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last day (JST) of the last update."),
]


def fetch(
    database: Annotated[Path, typer.Option("--db", help="The SQLite file: made, or gone on with.")],
    limit: Annotated[
        int | None, typer.Option(min=1, help="Hold so many works of this query at most.")
    ] = None,
    genre: Genres = None,
    biggenre: Biggenres = None,
    keyword: Keywords = None,
    not_keyword: NotKeywords = None,
    word: Words = None,
    kind: Type = None,
    min_points: MinPoints = None,
    min_length: MinLength = None,
    updated_since: Since = None,
    updated_until: Until = None,
    delay: Annotated[
        float, typer.Option(min=0, help="Seconds between requests; 0.5 at the least for the public service.")
    ] = 1.0,
    contact: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Sent in the User-Agent: you@example.com.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="By default the public novel API.")
    ] = None,
    daily_requests: Annotated[int, typer.Option(min=1, help="Stop before more in 24 hours.")] = 80_000,
    daily_megabytes: Annotated[float, typer.Option(help="Stop before more in 24 hours.")] = 400,
    accept_terms: Annotated[
        bool, typer.Option("--accept-terms", help="You have read the service's terms and comply.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how much it would be; asks one request.")
    ] = False,
) -> None:
    """Collect synopses and titles through the Narou API into a database; goes on where it stopped."""
    import scraper
    from narou_gen.collecting import FetchDisplay, agree, show_estimate, show_summary

    query = _query(
        genre,
        biggenre,
        keyword,
        not_keyword,
        word,
        kind,
        min_points,
        min_length,
        updated_since,
        updated_until,
    )
    manners = scraper.Manners(
        endpoint=endpoint or scraper.PUBLIC_ENDPOINT,
        delay_seconds=delay,
        contact=contact,
        daily_requests=daily_requests,
        daily_megabytes=daily_megabytes,
    )
    agree(database, accept_terms)
    if dry_run:
        found = scraper.estimate(database, query, manners, limit=limit, accept_terms=True)
        show_estimate(found, manners, query)
        return
    with FetchDisplay(limit) as display:
        result = scraper.fetch(
            database, query, manners, limit=limit, accept_terms=True, progress=display.update
        )
    display.result(result, database)
    if result.outcome == "interrupted":
        raise typer.Exit(130)
    show_summary(scraper.summarize(database), ("genres", "lengths", "points"))


def pairs(
    database: Annotated[Path, typer.Argument(help="A database that `narou-gen fetch` made.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A .jsonl, .csv or .parquet file.")],
    limit: Annotated[int | None, typer.Option(min=1, help="So many pairs at most.")] = None,
    genre: Genres = None,
    biggenre: Biggenres = None,
    keyword: Keywords = None,
    not_keyword: NotKeywords = None,
    word: Words = None,
    kind: Type = None,
    min_points: MinPoints = None,
    min_length: MinLength = None,
    updated_since: Since = None,
    updated_until: Until = None,
) -> None:
    """Write pairs of synopsis and title, cleaned as in training, from a collected database."""
    from narou_gen.collecting import writing
    from narou_gen.export import write_pairs
    from narou_gen.text import visible
    from scraper import REMINDER

    query = _query(
        genre,
        biggenre,
        keyword,
        not_keyword,
        word,
        kind,
        min_points,
        min_length,
        updated_since,
        updated_until,
    )
    left_out: Counter[str] = Counter()
    written = write_pairs(database, output, query, limit, left_out, writing)
    typer.echo(REMINDER, err=True)
    typer.echo(f"{written:,} pairs in {visible(str(output))}", err=True)
    for reason, count in (+left_out).most_common():
        typer.echo(f"  left out {count:,}: {reason}", err=True)


def works(
    database: Annotated[Path, typer.Argument(help="A database that `narou-gen fetch` made.")],
    as_json: Annotated[bool, typer.Option("--json", help="The same numbers as JSON.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="First delete the works fetched more than two weeks ago.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write the charts as PNG into this folder.")
    ] = None,
) -> None:
    """Show what a collected database holds: counts, genres, lengths, points."""
    import scraper

    if prune:
        typer.echo(f"{scraper.prune(database):,} works over two weeks old deleted", err=True)
    summary = scraper.summarize(database)
    if plot is not None:
        from narou_gen.collecting import plot as draw
        from narou_gen.text import visible

        for file in draw(summary, plot):
            typer.echo(f"Wrote {visible(str(file))}", err=True)
    if as_json:
        typer.echo(json.dumps(asdict(summary), ensure_ascii=False, indent=2))
    else:
        from narou_gen.collecting import show_facts, show_summary

        show_facts(summary, database)
        show_summary(summary)


def _query(
    genre: list[int] | None,
    biggenre: list[int] | None,
    keyword: list[str] | None,
    not_keyword: list[str] | None,
    word: list[str] | None,
    kind: str | None,
    min_points: int | None,
    min_length: int | None,
    updated_since: datetime | None,
    updated_until: datetime | None,
) -> Query:
    """The filters of a command. Raises QueryError for values that cannot be meant."""
    from scraper import Query

    return Query(
        genre=tuple(genre or ()),
        biggenre=tuple(biggenre or ()),
        keyword=tuple(keyword or ()),
        not_keyword=tuple(not_keyword or ()),
        word=tuple(word or ()),
        type=kind,
        min_points=min_points,
        min_length=min_length,
        updated_since=updated_since and updated_since.date(),
        updated_until=updated_until and updated_until.date(),
    )
