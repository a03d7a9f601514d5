"""Completeness of the crawl, without HTTP: the pure steps against a World that moves meanwhile."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from narou_server import DAY, SPRING_2026, Entry, World, invent, settle

from scraper import ApiError, Query, Work, parse_page
from scraper.crawl import Crawl, Tally, ask_well, resume
from scraper.page import Page


@dataclass
class Run:
    """What a crawl of a World brought."""

    works: dict[str, Work] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    crawl: Crawl | None = None


def crawl_world(
    world: World,
    query: Query | None = None,
    *,
    page_size: int = 500,
    start: Crawl | None = None,
    most: int = 2000,
) -> Run:
    run, tally, query = Run(), Tally(), query or Query()

    def ask(parameters: dict[str, str]) -> Page:
        run.requests.append(dict(parameters))
        assert len(run.requests) <= most, "the crawl does not come to an end"
        return parse_page(json.dumps(world.answer(parameters)).encode())

    crawl = start or Crawl.begin(query, world.now)
    while not crawl.finished:
        answer = ask_well(ask, crawl.frontier.parameters(query, page_size), tally)
        for work in answer.works:
            known = run.works.get(work.ncode)
            if known is None or known.revised <= work.revised:
                run.works[work.ncode] = work
        # Through JSON, as between two processes.
        crawl = Crawl.from_dict(json.loads(json.dumps(crawl.to_dict())))
        crawl, fault = crawl.advance(answer.page, query, world.now, page_size)
        if fault:
            run.faults.append(fault)
    run.crawl = crawl
    return run


def ncodes(entries: list[Entry]) -> set[str]:
    return {e.ncode for e in entries}


def spread(entries: list[Entry], seconds: int, seed: int, *, until: int = SPRING_2026 - DAY) -> None:
    """Put the last updates anywhere in the `seconds` before `until`: few seconds make many ties."""
    rng = random.Random(seed)
    for entry in entries:
        entry.general_lastup = entry.novelupdated_at = until - rng.randrange(seconds)


class Restless:
    """What authors do between two requests, at random."""

    def __init__(self, seed: int, moves: int, backward_until: int, lag: bool) -> None:
        self.rng = random.Random(seed)
        self.moves, self.backward_until, self.lag = moves, backward_until, lag
        self.ticks = 0

    def __call__(self, world: World) -> None:
        self.ticks += 1
        world.now += 2
        for entry in world.entries:
            entry.indexed = None if self.rng.random() < 0.5 else entry.indexed
        for entry in self.rng.sample(world.entries, min(self.moves, len(world.entries))):
            before = entry.key
            if self.ticks <= self.backward_until and self.rng.random() < 0.3:
                settle(world, [entry], to=before - self.rng.randrange(2 * DAY))
            else:
                settle(world, [entry])
                entry.indexed = before if self.lag else None


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(
    count=st.integers(0, 250),
    seconds=st.sampled_from([1, 2, 40, 3600, 100 * DAY]),
    age=st.sampled_from([0, 3600, 30 * DAY]),
    page_size=st.integers(16, 50),
    moves=st.integers(0, 2),
    backward=st.booleans(),
    lag=st.booleans(),
    orders=st.booleans(),
    stale=st.sampled_from([0.0, 0.5, 0.97, 1.0, 1.04, 3.0]),
    most_rows=st.sampled_from([12, 500]),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_work_that_matched_throughout_is_found(
    count: int, seconds: int, age: int, page_size: int, moves: int, backward: bool, lag: bool,
    orders: bool, stale: float, most_rows: int, seed: int,
) -> None:  # fmt: skip
    entries = invent(count, seed)
    spread(entries, seconds, seed, until=SPRING_2026 - age)
    # A service that both caps its pages and counts too little cannot be told from one that is done.
    most_rows = most_rows if stale == 1.0 and orders and seconds > 100 and age > 3600 else 500
    restless = Restless(seed, moves, count // page_size if backward else 0, lag)
    world = World(entries, tick=restless, orders=orders, most_rows=most_rows)
    world.stale = lambda found: int(found * stale)
    run = crawl_world(world, page_size=page_size)
    assert set(run.works) == ncodes(entries)
    assert not run.faults


def test_requests_stay_near_the_least_possible_on_a_world_in_order() -> None:
    entries = invent(20_000)
    run = crawl_world(World(entries, stale=lambda n: n * 9 // 10))
    assert set(run.works) == ncodes(entries)
    assert len(run.requests) <= 1.1 * len(entries) / 500


def test_a_service_that_ignores_order_costs_more_requests_but_loses_nothing() -> None:
    entries = invent(8_000)
    run = crawl_world(World(entries, orders=False))
    assert set(run.works) == ncodes(entries)
    assert len(run.requests) <= 4 * len(entries) / 500


def test_the_last_hours_are_not_skipped_by_a_row_newer_than_its_index() -> None:
    entries = invent(3_000)
    spread(entries, 3 * 3600, 1, until=SPRING_2026)
    for entry in entries[::40]:
        entry.indexed, entry.general_lastup = entry.general_lastup, SPRING_2026
    run = crawl_world(World(entries))
    assert set(run.works) == ncodes(entries)


@pytest.mark.parametrize("leaving", [0, 60])
def test_ties_beyond_one_page_are_paged_even_while_works_leave_the_second(leaving: int) -> None:
    entries = invent(1_900)
    for entry in entries:
        entry.general_lastup = entry.novelupdated_at = SPRING_2026 - 5 * DAY
    rng = random.Random(3)

    def tick(world: World) -> None:
        world.now += 2
        settle(world, rng.sample(entries[:1000], leaving))

    run = crawl_world(World(entries, tick=tick))
    assert set(run.works) == ncodes(entries)
    assert not run.faults


@pytest.mark.parametrize(
    "query", [Query(), Query(genre=(201,)), Query(biggenre=(2,)), Query(type="re"), Query(min_length=500)]
)
def test_ties_beyond_reach_are_told_apart_by_genre_type_and_length(query: Query) -> None:
    entries = invent(9_000)
    for entry in entries:
        entry.general_lastup = SPRING_2026 - 5 * DAY
        if entry.ncode[1] != "7":
            entry.genre, entry.noveltype, entry.end = 201, 1, 1
    expected = {
        e.ncode
        for e in entries
        if (not query.genre or e.genre == 201)
        and (not query.biggenre or e.genre // 100 == 2)
        and (query.type is None or e.noveltype == 1)
        and e.length >= (query.min_length or 0)
    }
    run = crawl_world(World(entries), query)
    assert set(run.works) == expected
    assert not run.faults


def test_works_that_nothing_tells_apart_are_reported_as_missed() -> None:
    entries = invent(2_600)
    for entry in entries:
        entry.general_lastup, entry.genre, entry.noveltype, entry.length = SPRING_2026 - DAY, 201, 2, 777
    entries += invent(2_700)[2_600:]
    run = crawl_world(World(entries))
    assert len(run.works) < len(entries)
    assert ncodes(entries[2_600:]) <= set(run.works)
    assert run.faults and "missed" in run.faults[0] and "2026-" in run.faults[0]


@pytest.mark.parametrize("ignored", ["lastup", "minlen"])
def test_a_service_that_ignores_a_range_is_refused_rather_than_half_collected(ignored: str) -> None:
    entries = invent(5_000)
    if ignored == "minlen":
        for entry in entries:
            entry.general_lastup, entry.genre, entry.noveltype = SPRING_2026 - DAY, 201, 2
            entry.length = 100 + int(entry.ncode[1:5]) % 1000
    world = World(entries, ignored=frozenset({ignored, "maxlen"}))
    if ignored == "lastup":
        spread(entries, 100 * DAY, 0)
        world.orders = False
        with pytest.raises(ApiError, match="ignore"):
            crawl_world(world, Query(updated_since=None), start=_from_the_middle())
    else:
        with pytest.raises(ApiError, match="ignores minlen"):
            crawl_world(world)


def _from_the_middle() -> Crawl:
    begun = Crawl.begin(Query(), SPRING_2026).to_dict()
    begun["frontier"]["cursor"] = SPRING_2026 - 3 * DAY
    return Crawl.from_dict(begun)


def test_a_service_that_ignores_lastupdate_ends_the_sweep_with_a_warning() -> None:
    entries = invent(2_000)
    run = crawl_world(World(entries, ignored=frozenset({"lastupdate"})))
    assert set(run.works) == ncodes(entries)
    assert run.faults and "lastupdate" in run.faults[0]


def test_a_finished_crawl_asks_only_for_what_changed_since() -> None:
    entries = invent(3_000)
    world = World(entries)
    first = crawl_world(world)
    assert first.crawl is not None
    world.now += 3 * DAY
    settle(world, entries[10:20])
    entries[30].story, entries[30].novelupdated_at = "書き直した。", world.now - 3600
    again = resume(first.crawl.to_dict(), Query(), world.now)
    second = crawl_world(world, start=again)
    assert set(second.works) == ncodes(entries[10:20]) | {entries[30].ncode}
    assert second.works[entries[30].ncode].story == "書き直した。"
    assert len(second.requests) == 2


def test_a_crawl_two_weeks_old_begins_anew() -> None:
    entries = invent(100)
    world = World(entries)
    first = crawl_world(world)
    assert first.crawl is not None
    fresh = resume(first.crawl.to_dict(), Query(), world.now + 15 * DAY)
    assert fresh == Crawl.begin(Query(), world.now + 15 * DAY)
