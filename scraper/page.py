"""Bytes from the service to a `Page`: pure, and the same for every fault the bytes may have."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass

from scraper.errors import ApiError, plain
from scraper.work import Work, read_work

MAX_BODY_BYTES = 64 * 2**20
"""Largest decompressed body: ten times 500 works with the longest synopses, all escaped."""

_GZIP = b"\x1f\x8b"
# gzip=5 makes the body itself a gzip file; a proxy may wrap it in one more. No honest body has
# three, and every layer is another chance for a bomb.
_LAYERS = 2


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of the API."""

    allcount: int
    """How many works the service says match; up to four hours old from 1,000 upwards."""
    works: tuple[Work, ...]
    """In the service's order, each ncode once: its newest version, at its first place."""
    rows: int
    """Elements the answer had, readable or not: compare this with `lim`, not len(works)."""
    unreadable: int
    """Elements that were null, or lacked what makes a work."""


def parse_page(body: bytes) -> Page:
    """The body of an answer, gzipped or not, as a `Page`.

    Raises ApiError for anything that is not a JSON array whose first element has an integer
    `allcount`; the message quotes the body's beginning, for the service reports errors as bare
    text with status 200. Never raises anything else, whatever the bytes.
    """
    text = _decode(_gunzip(body))
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ApiError(f"The service sent no JSON but: {plain(text) or 'nothing'}") from error
    head = items[0] if isinstance(items, list) and items else None
    allcount = head.get("allcount") if isinstance(head, dict) else None
    if not isinstance(allcount, int) or isinstance(allcount, bool) or not 0 <= allcount < 2**53:
        raise ApiError(f"The service sent no list of works but: {plain(text)}")
    works: dict[str, Work] = {}
    unreadable = 0
    for item in items[1:]:
        try:
            if not isinstance(item, dict):
                raise ValueError("not an object")
            work = read_work(item)
        except (ValueError, OverflowError):  # OverflowError: a year no timestamp reaches
            unreadable += 1
            continue
        known = works.get(work.ncode)
        if known is None or known.revised < work.revised:
            works[work.ncode] = work
    return Page(allcount, tuple(works.values()), len(items) - 1, unreadable)


def _gunzip(body: bytes) -> bytes:
    for _ in range(_LAYERS):
        if not body.startswith(_GZIP):
            break
        stream = zlib.decompressobj(wbits=31)
        try:
            body = stream.decompress(body, MAX_BODY_BYTES + 1)
        except zlib.error as error:
            raise ApiError(f"The service sent a damaged gzip file ({error})") from error
        if len(body) > MAX_BODY_BYTES:
            raise ApiError(f"The service sent more than {MAX_BODY_BYTES // 2**20} MiB in one page")
        if not stream.eof:
            raise ApiError("The service sent a gzip file that breaks off")
    return body


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = plain(body[:400].decode("utf-8", "replace"))
        raise ApiError(f"The service sent something that is not UTF-8: {start}") from error
