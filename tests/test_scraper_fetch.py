"""`fetch` from end to end against a real server: complete, resumable, within the allowance."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from narou_server import DAY, FAULTS, SPRING_2026, Entry, NarouServer, World, invent, settle
from scraping_world import fetch, stored

import scraper
from scraper import (
    ApiError,
    DatabaseBusyError,
    GaveUpError,
    Manners,
    Progress,
    Query,
    QueryError,
    QuotaReachedError,
    StoreError,
    TermsNotAcceptedError,
    Work,
)
from scraper.store import open_store


def check(works: dict[str, Work], entries: list[Entry]) -> None:
    """`works` are `entries`, each as it is now."""
    assert set(works) == {e.ncode for e in entries}
    for entry in entries:
        work = works[entry.ncode]
        assert (work.title, work.points, work.last_updated, work.revised) == (
            str(entry.title),
            entry.global_point,
            entry.general_lastup,
            entry.novelupdated_at,
        )


@pytest.mark.slow
def test_every_one_of_20000_works_is_collected_through_faults_while_they_move(tmp_path: Path) -> None:
    entries = invent(20_000)
    for entry in entries[:1_300]:  # one scheduled second that takes three pages
        entry.general_lastup = entry.novelupdated_at = SPRING_2026 - 40 * DAY
    rng = random.Random(5)

    def tick(world: World) -> None:
        world.now += 2
        settle(world, rng.sample(entries, 5))
        if len(server.requests) < 20:
            settle(world, rng.sample(entries, 2), to=SPRING_2026 - 900 * DAY)

    world = World(entries, tick=tick, stale=lambda count: count * 19 // 20)
    server = NarouServer(world, faults=FAULTS, fault_share=0.4, seed=1, slow_seconds=0.8)
    with server.running():
        result = fetch(tmp_path / "narou.db", server, timeout_seconds=0.4)
        faults = {r.fault for r in server.requests} - {None}
        answered = sum(r.fault in (None, "null", "double") for r in server.requests)
    assert result.outcome == "finished" and not result.warnings and not result.unreadable
    assert result.stored == result.new == 20_000
    assert faults == set(FAULTS)
    assert answered <= 1.3 * 20_000 / 500
    works = stored(tmp_path / "narou.db")
    assert set(works) == {e.ncode for e in entries}
    # The newest version of everything that did not change in the very last moments.
    old = sum(works[e.ncode].last_updated != e.general_lastup for e in entries)
    assert old <= 5 * 12


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        (Query(genre=(201, 302)), lambda e: e.genre in (201, 302)),
        (Query(biggenre=(4,), genre=(201,)), lambda e: e.genre == 201 or e.genre // 100 == 4),
        (
            Query(type="ter", min_length=5_000),
            lambda e: (e.noveltype == 2 or not e.end) and e.length >= 5_000,
        ),
        (Query(min_points=1_000), lambda e: e.global_point >= 1_000),
        (
            Query(keyword=("魔法",), not_keyword=("旅",)),
            lambda e: "魔法" in e.keyword and "旅" not in e.keyword,
        ),
        (
            Query(word=("灯台",), keyword=("ほのぼの",), not_keyword=("vr",)),
            lambda e: (
                ("灯台" in f"{e.title}{e.story}{e.writer}")
                and "ほのぼの" in e.keyword
                and "ＶＲ" not in e.keyword
            ),
        ),
        (
            Query(updated_since=date(2020, 1, 1), updated_until=date(2022, 12, 31)),
            lambda e: 1_577_804_400 <= e.general_lastup < 1_672_498_800,
        ),
    ],
    ids=lambda value: value.describe() if isinstance(value, Query) else "",
)
def test_a_query_brings_exactly_what_matches(tmp_path: Path, query: Query, matches) -> None:
    entries = invent(1_500)
    with NarouServer(World(entries)).running() as server:
        result = fetch(tmp_path / "narou.db", server, query)
    expected = [e for e in entries if matches(e)]
    assert 0 < len(expected) < len(entries)
    check(stored(tmp_path / "narou.db"), expected)
    assert result.stored == len(expected)


def test_it_goes_on_where_it_gave_up(tmp_path: Path) -> None:
    path, entries = tmp_path / "narou.db", invent(2_400)
    with NarouServer(World(entries)).running() as server:

        def fail(number: int) -> None:
            server.faults, server.fault_share = ("503",), float(number >= 3)

        server.on_request = fail
        with pytest.raises(GaveUpError, match="Everything collected is kept"):
            fetch(path, server, attempts=2)
        # The fault is dealt before it is announced: three answers came through.
        before = len(server.requests)
        kept = len(stored(path))
        assert kept > 1_000
        server.fault_share, server.on_request = 0.0, lambda number: None
        result = fetch(path, server)
    assert result.outcome == "finished" and result.new == 2_400 - kept
    assert len(server.requests) - before <= 5
    check(stored(path), entries)


def test_run_again_it_fetches_only_what_changed(tmp_path: Path) -> None:
    path, entries = tmp_path / "narou.db", invent(2_400)
    world = World(entries)
    with NarouServer(world).running() as server:
        fetch(path, server)
        world.now += 2 * DAY
        settle(world, entries[:7])
        entries[9].story, entries[9].novelupdated_at = "書き直した。", world.now
        entries.append(replace(invent(2_401)[2_400], general_lastup=world.now, novelupdated_at=world.now))
        before = len(server.requests)
        result = fetch(path, server)
        assert len(server.requests) - before == result.requests == 2
        assert (result.new, result.changed, result.stored) == (1, 8, 2_401)
    check(stored(path), entries)


def test_a_limit_is_kept_exactly_and_can_be_raised(tmp_path: Path) -> None:
    path, entries = tmp_path / "narou.db", invent(1_800)
    with NarouServer(World(entries)).running() as server:
        assert fetch(path, server, limit=700).outcome == "limit"
        assert len(stored(path)) == 700
        again = fetch(path, server, limit=700)
        assert (again.outcome, again.requests) == ("limit", 0)
        assert fetch(path, server, limit=1_100).stored == 1_100 == len(stored(path))
        last = fetch(path, server, limit=5_000)
        assert (last.outcome, last.stored) == ("finished", 1_800)
        # Another query has a limit of its own.
        assert fetch(path, server, Query(min_points=10), limit=5).outcome == "limit"
    check(stored(path), entries)
    with pytest.raises(QueryError, match="at least 1"):
        scraper.fetch(path, limit=0)


def test_an_older_version_never_replaces_a_newer_one(tmp_path: Path) -> None:
    path, entries = tmp_path / "narou.db", invent(20)
    world = World(entries)
    with NarouServer(world).running() as server:
        fetch(path, server)
        entries[0].title, entries[0].novelupdated_at = "古い題名", entries[0].novelupdated_at - 9
        world.now += 15 * DAY
        fetch(path, server)
    work = stored(path)[entries[0].ncode]
    assert work.title != "古い題名" and work.fetched_at == world.now


def test_requests_per_day_are_counted_across_restarts(tmp_path: Path) -> None:
    path, world = tmp_path / "narou.db", World(invent(2_000))
    with NarouServer(world).running() as server:
        with pytest.raises(QuotaReachedError, match=r"3 requests of 3 a day .* go on") as caught:
            fetch(path, server, daily_requests=3)
        assert len(server.requests) == 3 and len(stored(path)) > 1_400
        assert caught.value.resume_at.timestamp() == world.now + DAY
        world.now += DAY - 1
        with pytest.raises(QuotaReachedError):
            fetch(path, server, daily_requests=3)
        assert len(server.requests) == 3
        world.now += 1
        assert fetch(path, server, daily_requests=3).outcome == "finished"
    assert len(stored(path)) == 2_000


def test_megabytes_per_day_end_before_they_are_used_up(tmp_path: Path) -> None:
    path, world = tmp_path / "narou.db", World(invent(4_000))
    with NarouServer(world).running() as server:
        with pytest.raises(QuotaReachedError, match=r"0\.1 MB of 0\.1 MB a day"):
            fetch(path, server, daily_megabytes=0.12)
        with closing(sqlite3.connect(path)) as connection:
            (received,) = connection.execute("SELECT received FROM days").fetchone()
        assert 0.05e6 < received <= 0.12e6
        while True:
            world.now += DAY
            try:
                fetch(path, server, daily_megabytes=0.12)
                break
            except QuotaReachedError:
                continue
    assert len(stored(path)) == 4_000


def test_retries_count_towards_the_day(tmp_path: Path) -> None:
    server = NarouServer(World(invent(5)), faults=("500",), fault_share=1.0)
    with server.running(), pytest.raises(QuotaReachedError):
        fetch(tmp_path / "narou.db", server, daily_requests=4)
    assert len(server.requests) == 4


def test_without_the_terms_there_is_no_request(tmp_path: Path) -> None:
    path = tmp_path / "new" / "narou.db"
    with NarouServer(World(invent(5))).running() as server:
        assert not scraper.terms_accepted(path)
        with pytest.raises(TermsNotAcceptedError, match="--accept-terms"):
            fetch(path, server, accept_terms=False)
        with pytest.raises(TermsNotAcceptedError):
            scraper.estimate(path, None, Manners(endpoint=server.endpoint))
        assert not server.requests and not scraper.terms_accepted(path)
        fetch(path, server)
        assert fetch(path, server, accept_terms=False).outcome == "finished"
    assert scraper.terms_accepted(path)
    (consent,) = scraper.consents(path)
    assert consent == scraper.Consent(scraper.NOTICE.version, SPRING_2026)


def test_a_new_text_of_the_terms_asks_again(tmp_path: Path) -> None:
    path = tmp_path / "narou.db"
    with open_store(path) as store:
        store.accept_terms()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE consents SET version = 'an older text'")
    assert not scraper.terms_accepted(path)


def test_two_weeks_old_works_are_refreshed_or_deleted_by_the_next_fetch(tmp_path: Path) -> None:
    path, entries = tmp_path / "narou.db", invent(1_000)
    world = World(list(entries))
    small = Query(genre=(201,))
    with NarouServer(world).running() as server:
        fetch(path, server)
        world.now += 15 * DAY
        gone = {e.ncode for e in entries[::10]}
        world.entries = [e for e in entries if e.ncode not in gone]
        for entry in world.entries[:50]:
            entry.title, entry.novelupdated_at = "改題", world.now
        # Another, smaller query: what it does not touch is asked for by ncode.
        result = fetch(path, server, small)
    check(stored(path), world.entries)
    assert {w.fetched_at for w in stored(path).values()} == {world.now}
    assert result.deleted == len(gone) and result.refreshed > 800
    assert scraper.summarize(path).works == 900


def test_a_query_two_weeks_old_is_collected_anew_by_the_page(tmp_path: Path) -> None:
    path, world = tmp_path / "narou.db", World(invent(1_000))
    with NarouServer(world).running() as server:
        first = fetch(path, server)
        world.now += 15 * DAY
        world.entries[3:4] = []
        again = fetch(path, server)
    # Not by ncode, 300 at a time: that would take four requests for the works alone.
    assert again.requests == first.requests + 2  # the deleted work, asked for twice
    assert (again.deleted, again.stored) == (1, 999)


def test_prune_deletes_old_works_only_and_the_crawl_brings_them_back(tmp_path: Path) -> None:
    path, entries = tmp_path / "narou.db", invent(600)
    world = World(entries)
    with NarouServer(world).running() as server, pytest.MonkeyPatch.context() as patch:
        fetch(path, server, Query(genre=(201,)))
        old = len(stored(path))
        world.now += 10 * DAY
        fetch(path, server, Query(genre=(302,)))
        both = len(stored(path))
        patch.setattr("time.time", lambda: world.now + 5 * DAY)
        assert scraper.summarize(path).expired == old
        with open_store(path, lambda: world.now + 5 * DAY) as store:
            assert store.prune() == old
            assert store.prune() == 0
        assert len(stored(path)) == both - old
        world.now += 5 * DAY
        result = fetch(path, server, Query(genre=(201,)))
    assert result.new == old and len(stored(path)) == both
    with pytest.raises(StoreError, match="No database"):
        scraper.prune(tmp_path / "missing.db")
    assert not (tmp_path / "missing.db").exists()


def test_a_dry_run_is_one_request_and_stores_no_works(tmp_path: Path) -> None:
    path, world = tmp_path / "narou.db", World(invent(3_000))
    with NarouServer(world).running() as server:
        options = {"manners": Manners(endpoint=server.endpoint, delay_seconds=0.2), "accept_terms": True}
        guess = scraper.estimate(path, **options)
        assert len(server.requests) == 1 and not stored(path)
        assert (guess.start, guess.works, guess.days) == ("new", 3_000, 1)
        assert 6 <= guess.requests <= 9 and guess.seconds >= 0.2 * guess.requests
        assert scraper.estimate(path, limit=100, **options).works == 100
        fetch(path, server, limit=2_000)
        rest = scraper.estimate(path, **options, clock=lambda: world.now)
        assert rest.start == "resume" and 1_000 <= rest.works <= 1_500
        fetch(path, server)
        guess = scraper.estimate(path, **options, clock=lambda: world.now)
        assert (guess.start, guess.works) == ("update", 0)


def test_progress_tells_how_far_it_is(tmp_path: Path) -> None:
    events: list[Progress] = []
    server = NarouServer(World(invent(1_600)), faults=("500",), fault_share=0.3, seed=4)
    with server.running():
        fetch(tmp_path / "narou.db", server, progress=events.append)
    answers = [e for e in events if e.phase != "waiting"]
    assert [e.stored for e in answers] == sorted(e.stored for e in answers)
    assert answers[-1].stored == answers[-1].read == answers[-1].matching == 1_600
    assert answers[-1].seconds_left == 0 and answers[-1].phase == "checking"
    waits = [e for e in events if e.phase == "waiting"]
    assert waits and all("HTTP 500" in e.note and e.note.isprintable() for e in waits)
    assert answers[-1].requests == len(server.requests)


def test_an_error_of_the_callback_is_not_swallowed_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "narou.db"

    def broken(event: Progress) -> None:
        raise BrokenPipeError("nobody reads")

    with NarouServer(World(invent(1_200))).running() as server:
        with pytest.raises(BrokenPipeError):
            fetch(path, server, progress=broken)
        assert len(stored(path)) == 500
        assert fetch(path, server).stored == 1_200


def test_nulls_that_stay_are_counted_and_what_else_is_there_is_kept(tmp_path: Path) -> None:
    entries = invent(1_000)
    entries[5].general_lastup = entries[5].novelupdated_at = 0

    class Nulls(World):
        def answer(self, parameters: dict[str, str]) -> list[object]:
            head, *items = super().answer(parameters)
            return [head, *(None if i and i["ncode"] == "N0007A" else i for i in items)]

    with NarouServer(Nulls(entries)).running() as server:
        result = fetch(tmp_path / "narou.db", server)
    assert result.stored == 998 and result.unreadable >= 1  # one null, one before the service began


def test_the_database_belongs_to_one_fetch_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "narou.db"
    with NarouServer(World(invent(5))).running() as server:
        with open_store(path), pytest.raises(DatabaseBusyError, match="Another process is collecting"):
            fetch(path, server)
        with open_store(path), pytest.raises(DatabaseBusyError):
            scraper.prune(path)
        assert fetch(path, server).outcome == "finished"
        with open_store(path):
            assert len(stored(path)) == 5  # reading is allowed


def test_an_endpoint_that_is_no_api_says_so(tmp_path: Path) -> None:
    with NarouServer(World([])).running() as server:
        server.endpoint = server.endpoint.replace("novelapi", "nothing")
        with pytest.raises(ApiError, match="HTTP 404"):
            fetch(tmp_path / "narou.db", server)
