"""One work as the service describes it, with its texts made safe to store and to print."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

JST = timezone(timedelta(hours=9), "JST")

Kind = Literal["short", "ongoing", "complete"]
"""短編, 連載中 and 完結済: the service's `noveltype` and `end` in one word."""

FIELDS = "n-t-s-k-bg-g-gp-l-nt-e-ir-ibl-igl-izk-its-iti-u-gf-gl-nu"
"""The `of` parameter that brings exactly what `Work` holds, and nothing else."""

_FLAGS = {
    "isr15": "r15",
    "isbl": "bl",
    "isgl": "gl",
    "iszankoku": "zankoku",
    "istensei": "tensei",
    "istenni": "tenni",
}
_NCODE = re.compile(r"[Nn][0-9]{1,6}[A-Za-z]{1,4}", re.ASCII)
# C0 and C1 controls but for newline and tab; unpaired halves of surrogates cannot be stored.
_CONTROLS = dict.fromkeys(c for c in (*range(0x20), *range(0x7F, 0xA0)) if c not in (9, 10))
_SURROGATES = re.compile("[\ud800-\udfff]")
# SQLite's widest integer is 63 bits; no number of the service comes near this.
_LARGEST = 2**53


@dataclass(frozen=True, slots=True)
class Work:
    """A work's synopsis, title and what the service says about it.

    Texts have had their HTML entities resolved once, line ends made `\\n`, and control
    characters and lone surrogates taken out. Times are Unix seconds (UTC).
    """

    ncode: str
    """Upper case, such as N1234AB; the page is https://ncode.syosetu.com/<lower case>/."""
    title: str
    story: str
    """The synopsis (あらすじ), up to about 1,000 characters; may be empty."""
    keywords: tuple[str, ...]
    biggenre: int
    genre: int
    points: int
    """`global_point`: two for each bookmark plus the points given by readers."""
    length: int
    """Characters of the work itself."""
    kind: Kind
    flags: tuple[str, ...]
    """Any of r15, bl, gl, zankoku, tensei, tenni."""
    userid: int
    """The author's number, 0 where the service gave none."""
    first_published: int
    last_updated: int
    """`general_lastup`, the last time a chapter was posted: what crawls are ordered by."""
    revised: int
    """`novelupdated_at`, the last change of any kind: decides which version is newer."""
    fetched_at: int = 0
    """When this version was received, 0 before it is stored."""


def read_work(item: Mapping[str, object]) -> Work:
    """One element of the API's array as a `Work`.

    Numbers may arrive as numeric strings and titles such as 1984 as numbers: both are taken for
    what they mean. Raises ValueError where ncode, title or the date of the last update is
    missing, or anything has an impossible type or size.
    """
    ncode = item.get("ncode")
    if not isinstance(ncode, str) or not _NCODE.fullmatch(ncode):
        raise ValueError("no ncode")
    last_updated = parse_jst(_required(item, "general_lastup"))
    # Asked for through `of` the key is noveltype; in full answers it is novel_type.
    short = _integer(item, "noveltype" if "noveltype" in item else "novel_type") == 2
    ongoing = _integer(item, "end") == 1
    return Work(
        ncode=ncode.upper(),
        title=_text(_required(item, "title")),
        story=_text(item.get("story")),
        keywords=tuple(_text(item.get("keyword")).split()),
        biggenre=_integer(item, "biggenre"),
        genre=_integer(item, "genre"),
        points=_integer(item, "global_point"),
        length=_integer(item, "length"),
        kind="short" if short else "ongoing" if ongoing else "complete",
        flags=tuple(name for key, name in _FLAGS.items() if _integer(item, key) == 1),
        userid=_integer(item, "userid"),
        first_published=_date(item, "general_firstup", last_updated),
        last_updated=last_updated,
        revised=_date(item, "novelupdated_at", last_updated),
    )


def parse_jst(text: object) -> int:
    """`YYYY-MM-DD HH:MM:SS` without a zone, which the service means in JST -> Unix seconds.

    Raises ValueError for anything else.
    """
    if not isinstance(text, str) or len(text) != 19 or not text.isascii():
        raise ValueError("not a date")
    return int(datetime.fromisoformat(text).replace(tzinfo=JST).timestamp())


def format_jst(seconds: int) -> str:
    """Unix seconds -> `YYYY-MM-DD HH:MM:SS` in JST, the service's own notation."""
    return datetime.fromtimestamp(seconds, JST).strftime("%Y-%m-%d %H:%M:%S")


def _required(item: Mapping[str, object], key: str) -> object:
    value = item.get(key)
    if value is None:
        raise ValueError(f"no {key}")
    return value


def _date(item: Mapping[str, object], key: str, otherwise: int) -> int:
    """The time under `key`; `otherwise` where it is missing or the database's 0000-00-00."""
    try:
        return parse_jst(item.get(key))
    except ValueError:
        return otherwise


def _integer(item: Mapping[str, object], key: str) -> int:
    """The whole number under `key`, 0 where there is none."""
    value = item.get(key)
    if value is None or value == "":
        return 0
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 17:
        value = int(value)
    if not isinstance(value, int) or abs(value) > _LARGEST:
        raise ValueError(f"{key} is no whole number")
    return int(value)


def _text(value: object) -> str:
    """A text field, cleaned of what neither SQLite nor a terminal should meet.

    # "a &amp;amp; b\\r\\n" -> "a &amp; b\\n", 1984 -> "1984", None -> ""
    """
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("not a text")
    text = html.unescape(str(value)).replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text.translate(_CONTROLS))
