"""Bytes to a Page or an ApiError, and nothing else, whatever the bytes."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from narou_server import invent

from scraper import ApiError, Page, ScraperError, parse_page
from scraper.errors import plain
from scraper.page import MAX_BODY_BYTES
from scraper.work import format_jst, parse_jst

ITEM = invent(1)[0].item()


def body(*items: object, allcount: object = 1) -> bytes:
    return json.dumps([{"allcount": allcount}, *items]).encode()


def parse_or_refuse(data: bytes) -> Page | None:
    try:
        page = parse_page(data)
    except ApiError as error:
        assert str(error).isprintable() and len(str(error)) < 600
        return None
    assert isinstance(page, Page)
    assert page.rows == len(page.works) + page.unreadable or len(page.works) < page.rows
    for work in page.works:  # whatever got through can be stored
        "\n".join((work.title, work.story, *work.keywords)).encode()
        sqlite3.connect(":memory:").execute("SELECT ?, ?", (work.points, work.revised))
    return page


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
@example(b"")
@example(b"\x1f\x8b")
@example(b"[" * 100_000)
@example(b'[{"allcount": 1' + b"0" * 5000 + b"}]")
@example(b'[{"allcount": NaN}]')
@example(b'[{"allcount": true}]')
@example(b"\xff\xfe[\x00]\x00")
@example(b"\xef\xbb\xbf" + body())
def test_any_bytes_are_a_page_or_a_typed_error(data: bytes) -> None:
    parse_or_refuse(data)
    parse_or_refuse(gzip.compress(data))
    parse_or_refuse(gzip.compress(data)[:-3])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_any_json_is_a_page_or_a_typed_error(value: object) -> None:
    parse_or_refuse(json.dumps(value).encode())


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.none() | JSON | st.dictionaries(st.sampled_from([*ITEM]), JSON).map(lambda d: ITEM | d)),
    st.integers(0, 10**6),
)
def test_any_elements_are_works_or_counted_as_unreadable(items: list[object], allcount: int) -> None:
    page = parse_or_refuse(body(*items, allcount=allcount))
    assert page is not None
    assert page.allcount == allcount and page.rows == len(items)


@given(st.binary(min_size=1, max_size=40), st.integers(0, 2000))
@settings(max_examples=200, deadline=None)
def test_damage_inside_the_gzip_file_is_a_typed_error_or_harmless(noise: bytes, where: int) -> None:
    packed = bytearray(gzip.compress(body(*(e.item() for e in invent(20)), allcount=20)))
    where %= len(packed)
    packed[where : where + len(noise)] = noise
    parse_or_refuse(bytes(packed))


def test_a_work_keeps_what_the_service_says() -> None:
    item = {
        "title": "星を編む人", "ncode": "N1234AB", "userid": 7, "story": "一行目\n二行目", "biggenre": 2,
        "genre": 201, "keyword": "魔法 旅\u3000料理", "general_firstup": "2020-11-21 20:12:27",
        "general_lastup": "2025-08-15 21:04:21", "novel_type": 1, "end": 0, "length": 1000, "isr15": 1,
        "isbl": 0, "isgl": 0, "iszankoku": 1, "istensei": 0, "istenni": 0, "global_point": 76,
        "novelupdated_at": "2025-12-09 06:13:02",
    }  # fmt: skip
    (work,) = parse_page(body(item)).works
    assert (work.ncode, work.title, work.story) == ("N1234AB", "星を編む人", "一行目\n二行目")
    assert work.keywords == ("魔法", "旅", "料理")
    assert (work.kind, work.flags, work.points) == ("complete", ("r15", "zankoku"), 76)
    assert format_jst(work.last_updated) == "2025-08-15 21:04:21"
    assert work.last_updated == 1_755_259_461  # 12:04:21 UTC: the service's dates are JST
    assert work.first_published < work.last_updated < work.revised


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("&quot;約束&quot; &lt;上&gt; &amp;amp;", '"約束" <上> &amp;'),
        ("a\r\nb\rc", "a\nb\nc"),
        ("赤\x1b[31m字\x00\x07\x9b", "赤[31m字"),
        ("半分\ud83d", "半分\N{REPLACEMENT CHARACTER}"),
        (1984, "1984"),
        (1.5, "1.5"),
        ("", ""),
    ],
)
def test_texts_are_made_safe_once(given_text: object, kept: str) -> None:
    (work,) = parse_page(body(ITEM | {"title": given_text, "story": given_text})).works
    assert work.title == work.story == kept


def test_nulls_and_broken_elements_are_counted_and_duplicates_give_the_newest() -> None:
    newer = ITEM | {"title": "新しい題名", "novelupdated_at": "2026-03-31 00:00:00"}
    page = parse_page(body(None, ITEM, {"ncode": "x"}, newer, ITEM, 3, [], allcount=9))
    assert [w.title for w in page.works] == ["新しい題名"]
    assert (page.allcount, page.rows, page.unreadable) == (9, 7, 4)


def test_zero_dates_do_not_lose_a_work_but_the_date_crawls_go_by_must_be_there() -> None:
    zero = "0000-00-00 00:00:00"
    (work,) = parse_page(body(ITEM | {"general_firstup": zero, "novelupdated_at": zero})).works
    assert work.first_published == work.revised == work.last_updated
    assert parse_page(body(ITEM | {"general_lastup": zero})).unreadable == 1


def test_no_hits_is_a_page() -> None:
    assert parse_page(b'[{"allcount":0}]') == Page(0, (), 0, 0)


def test_a_gzip_bomb_is_refused_without_unpacking_it() -> None:
    stream = zlib.compressobj(9, wbits=31)
    chunks = [stream.compress(bytes(2**20)) for _ in range(MAX_BODY_BYTES // 2**20 + 2)]
    with pytest.raises(ApiError, match="more than 64 MiB"):
        parse_page(b"".join(chunks) + stream.flush())


def test_an_error_in_plain_text_is_quoted_without_its_control_characters() -> None:
    with pytest.raises(ApiError, match=r"no JSON but: Error: Invalid date\.$") as caught:
        parse_page(b"Error: \x1b]0;x\x07".replace(b"\x1b]0;x\x07", b"\x1b\x07") + b"Invalid date.\n")
    assert isinstance(caught.value, ScraperError)


@given(st.text())
def test_plain_is_one_short_printable_line(text: str) -> None:
    line = plain(text, limit=50)
    assert len(line) <= 50 and "\n" not in line and "\x1b" not in line
    line.encode()


@given(st.integers(0, 2**31 - 1))
def test_dates_survive_the_way_there_and_back(seconds: int) -> None:
    assert parse_jst(format_jst(seconds)) == seconds
