"""What is asked, and what is refused to be asked."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from collecting_world import ncodes, world
from narou_server import NarouServer, invent

import scraper
from scraper import GENRES, Query, QueryError, parse_page
from scraper.query import EARLIEST, OPEN_END
from scraper.work import format_jst


def work(**fields: object):
    import json

    item = invent(1)[0].item() | fields
    return parse_page(json.dumps([{"allcount": 1}, item]).encode()).works[0]


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (Query(), {}),
        (Query(genre=(202, 201, 202)), {"genre": "201-202"}),
        (Query(biggenre=(2,)), {"biggenre": "2"}),
        (Query(biggenre=(1,), genre=(201,)), {"genre": "101-102-201"}),
        (Query(type="re", min_length=500), {"type": "re", "minlen": "500"}),
        (Query(word=("竜", "騎士")), {"word": "竜 騎士"}),
        (Query(keyword=("魔法",)), {"word": "魔法", "keyword": "1"}),
        (Query(not_keyword=("魔法",)), {"notword": "魔法", "keyword": "1"}),
        # One scope for all words: the widest is asked for, the rest is checked on arrival.
        (Query(word=("竜",), keyword=("魔法",), not_keyword=("旅",)), {"word": "竜 魔法"}),
        (Query(min_points=100), {}),
    ],
)
def test_a_query_becomes_the_parameters_of_the_manual(query: Query, parameters: dict[str, str]) -> None:
    assert query.parameters() == parameters


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"genre": (999,)}, "No genre 999. Choose from: .*201 ハイファンタジー"),
        ({"biggenre": (7,)}, "No biggenre 7"),
        ({"type": "x\x1b[2J"}, "No type 'x"),
        ({"min_points": -1}, "min_points must lie between"),
        ({"min_length": 2**31}, "min_length must lie between"),
        ({"keyword": "魔法"}, "takes a list of words"),
        ({"word": ("a\x07b",)}, "not printable"),
        ({"word": ("長" * 101,)}, "too long"),
        ({"updated_since": date(2026, 2, 2), "updated_until": date(2026, 2, 1)}, "Nothing can match"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_printable_line(values: dict, says: str) -> None:
    with pytest.raises(QueryError, match=says) as caught:
        Query(**values)
    assert str(caught.value).isprintable()


def test_days_are_days_in_japan_both_included() -> None:
    query = Query(updated_since=date(2010, 1, 1), updated_until=date(2010, 1, 31))
    # The manual's own example of a range.
    assert (query.floor, query.ceiling) == (1262271600, 1264949999)
    assert format_jst(query.ceiling) == "2010-01-31 23:59:59"
    assert (Query().floor, Query().ceiling) == (EARLIEST, OPEN_END)
    assert Query(updated_since=datetime(2010, 1, 1, 12)) == Query(updated_since=date(2010, 1, 1))
    assert Query(updated_since=date(1990, 1, 1)).floor == EARLIEST


def test_equal_queries_have_equal_digests_and_others_do_not() -> None:
    assert Query(genre=[202, 201]).digest == Query(genre=(201, 202)).digest  # type: ignore[arg-type]
    different = {q.digest for q in (Query(), Query(genre=(201,)), Query(min_points=1), Query(word=("竜",)))}
    assert len(different) == 4


def test_what_the_service_cannot_filter_is_checked_on_arrival() -> None:
    assert Query(min_points=10).accepts(work(global_point=10))
    assert not Query(min_points=10).accepts(work(global_point=9))
    both = Query(word=("竜",), keyword=("vr",), not_keyword=("旅",))
    assert both.accepts(work(keyword="ＶＲゲーム 冒険"))
    assert not both.accepts(work(keyword="ＶＲゲーム 長旅"))
    assert not both.accepts(work(keyword="冒険"))
    # Without `word` the service has done it, in its own way of comparing.
    assert Query(keyword=("魔法",)).accepts(work(keyword="まほう"))


def test_every_genre_belongs_to_a_big_one_and_a_query_describes_itself() -> None:
    assert Query(biggenre=(0, 1, 2, 3, 4, 98, 99)).genres == tuple(sorted(GENRES))
    assert Query().describe() == "every work"
    query = Query(genre=(201, 202), keyword=("魔法",), updated_since=date(2026, 1, 2))
    assert query.describe() == "genre=201,202 keyword=魔法 updated_since=2026-01-02"


@pytest.mark.parametrize(
    "query",
    [
        Query(genre=(201,), biggenre=(4, 98)),
        Query(type="t"),
        Query(type="r"),
        Query(type="er"),
        Query(type="re", min_points=30),
        Query(word=("手紙",), keyword=("魔法",), not_keyword=("旅",)),
        Query(keyword=("魔", "料理")),
        Query(min_length=5_000),
        Query(updated_since=date(2020, 1, 1), updated_until=date(2025, 6, 30)),
    ],
    ids=Query.describe,
)
def test_a_query_matches_what_the_service_would_have_sent(
    collected: Path, tmp_path: Path, query: Query
) -> None:
    with NarouServer(world()).running() as server:
        manners = scraper.Manners(endpoint=server.endpoint, delay_seconds=0)
        scraper.fetch(tmp_path / "narou.db", query, manners, accept_terms=True)
    matching = {work.ncode for work in scraper.iter_works(collected) if query.matches(work)}
    assert ncodes(tmp_path / "narou.db") == matching and 0 < len(matching) < 300
