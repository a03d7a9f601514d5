"""What to ask the service for: a frozen `Query` and its rendering to API parameters."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime, time

from scraper.errors import QueryError, plain
from scraper.work import JST, Kind, Work

BIGGENRES: dict[int, str] = {
    0: "未選択",
    1: "恋愛",
    2: "ファンタジー",
    3: "文芸",
    4: "SF",
    99: "その他",
    98: "ノンジャンル",
}
"""大ジャンル: the API's `biggenre`."""

GENRES: dict[int, str] = {
    0: "未選択",
    101: "異世界〔恋愛〕",
    102: "現実世界〔恋愛〕",
    201: "ハイファンタジー〔ファンタジー〕",
    202: "ローファンタジー〔ファンタジー〕",
    301: "純文学〔文芸〕",
    302: "ヒューマンドラマ〔文芸〕",
    303: "歴史〔文芸〕",
    304: "推理〔文芸〕",
    305: "ホラー〔文芸〕",
    306: "アクション〔文芸〕",
    307: "コメディー〔文芸〕",
    401: "VRゲーム〔SF〕",
    402: "宇宙〔SF〕",
    403: "空想科学〔SF〕",
    404: "パニック〔SF〕",
    9901: "童話〔その他〕",
    9902: "詩〔その他〕",
    9903: "エッセイ〔その他〕",
    9904: "リプレイ〔その他〕",
    9999: "その他〔その他〕",
    9801: "ノンジャンル〔ノンジャンル〕",
}
"""ジャンル: the API's `genre`, with the big genre each belongs to."""

TYPES: dict[str, str] = {
    "t": "短編",
    "r": "連載中",
    "er": "完結済連載",
    "re": "すべての連載 (連載中 + 完結済)",
    "ter": "短編と完結済連載",
}
"""The API's `type`."""

_KINDS: dict[str, tuple[Kind, ...]] = {
    "t": ("short",),
    "r": ("ongoing",),
    "er": ("complete",),
    "re": ("ongoing", "complete"),
    "ter": ("short", "complete"),
}

EARLIEST = int(datetime(2000, 1, 1, tzinfo=JST).timestamp())
"""Before the service began (2004): no work was last updated earlier."""

OPEN_END = 2**31 - 1
"""The last second a 32-bit timestamp holds (January 2038): "no upper end".

Not this machine's clock plus something, so that a clock that is wrong loses no works.
"""


@dataclass(frozen=True)
class Query:
    """Which works to collect. Every filter narrows; an empty query means every work.

    The service filters by everything here but `min_points` (it has no such filter), and but for
    `keyword` and `not_keyword` next to `word`, for which it knows one scope only. Those are
    checked on arrival by `accepts`: such works cost traffic and are not stored.
    Raises QueryError for values that cannot be meant.
    """

    genre: tuple[int, ...] = ()
    """Codes of GENRES, any of them; together with `biggenre`, any of either."""
    biggenre: tuple[int, ...] = ()
    """Codes of BIGGENRES, any of them."""
    keyword: tuple[str, ...] = ()
    """Words that must all occur in the author's keywords (part of a keyword is enough)."""
    not_keyword: tuple[str, ...] = ()
    """Words none of which may occur in the author's keywords."""
    word: tuple[str, ...] = ()
    """Words that must all occur in title, synopsis, keywords or the author's name."""
    type: str | None = None
    """One of TYPES."""
    min_points: int | None = None
    """Least total points (`global_point`)."""
    min_length: int | None = None
    """Least characters of the work."""
    updated_since: date | None = None
    """First day (JST) of the last update."""
    updated_until: date | None = None
    """Last day (JST) of the last update, that day included."""

    def __post_init__(self) -> None:
        _set(self, "genre", _codes("genre", self.genre, GENRES))
        _set(self, "biggenre", _codes("biggenre", self.biggenre, BIGGENRES))
        for name in ("keyword", "not_keyword", "word"):
            _set(self, name, _words(name, getattr(self, name)))
        if self.type is not None and self.type not in TYPES:
            raise QueryError(f"No type '{plain(self.type)}'. Choose one of: {', '.join(TYPES)}")
        for name in ("min_points", "min_length"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 2**31 - 1:
                raise QueryError(f"{name} must lie between 0 and {2**31 - 1}, not {value}")
        for name in ("updated_since", "updated_until"):
            value = getattr(self, name)
            if isinstance(value, datetime):
                _set(self, name, value.date())
        if self.floor > self.ceiling:
            raise QueryError(
                f"Nothing can match: updated_since {self.updated_since} lies after "
                f"updated_until {self.updated_until or '2038-01-19'}. Swap them?"
            )

    @property
    def floor(self) -> int:
        """First second (Unix) of the last updates asked for."""
        if self.updated_since is None:
            return EARLIEST
        start = datetime.combine(self.updated_since, time(), JST).timestamp()
        return max(EARLIEST, int(start))

    @property
    def ceiling(self) -> int:
        """Last second (Unix) of the last updates asked for, OPEN_END for none."""
        if self.updated_until is None:
            return OPEN_END
        start = datetime.combine(self.updated_until, time(), JST).timestamp()
        return min(OPEN_END, int(start) + 24 * 3600 - 1)

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that are equal exactly for equal queries."""
        text = json.dumps(asdict(self), default=str, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def genres(self) -> tuple[int, ...]:
        """Every genre that may match, () for all."""
        if not self.biggenre:
            return self.genre
        inside = (g for g in GENRES if _biggenre_of(g) in self.biggenre)
        return tuple(sorted({*self.genre, *inside}))

    def parameters(self) -> dict[str, str]:
        """The filters as API parameters: everything but last-update time, order and paging."""
        parameters: dict[str, str] = {}
        if self.genre:
            parameters["genre"] = "-".join(map(str, self.genres))
        elif self.biggenre:
            # Not spelt out as genres: the service may have added one that GENRES lacks.
            parameters["biggenre"] = "-".join(map(str, self.biggenre))
        if self.type:
            parameters["type"] = self.type
        if self.min_length:
            parameters["minlen"] = str(self.min_length)
        words = (*self.word, *self.keyword)
        if words:
            parameters["word"] = " ".join(words)
        if not self.word and (self.keyword or self.not_keyword):
            parameters["keyword"] = "1"  # the scope of both word and notword
            if self.not_keyword:
                parameters["notword"] = " ".join(self.not_keyword)
        return parameters

    def accepts(self, work: Work) -> bool:
        """Whether `work`, which the service sent for this query, passes what it cannot filter."""
        if self.min_points is not None and work.points < self.min_points:
            return False
        if not self.word:
            return True
        keywords = _fold(" ".join(work.keywords))
        return all(_fold(k) in keywords for k in self.keyword) and not any(
            _fold(k) in keywords for k in self.not_keyword
        )

    def matches(self, work: Work) -> bool:
        """Whether `work`, from wherever, passes every filter.

        `word` is looked for in title, synopsis and keywords: names of authors are not stored.
        """
        if self.genre or self.biggenre:
            inside = work.genre in self.genre or work.biggenre in self.biggenre
            if not inside:
                return False
        if self.type is not None and work.kind not in _KINDS[self.type]:
            return False
        if work.points < (self.min_points or 0) or work.length < (self.min_length or 0):
            return False
        if not self.floor <= work.last_updated <= self.ceiling:
            return False
        keywords = _fold(" ".join(work.keywords))
        texts = f"{_fold(work.title)} {_fold(work.story)} {keywords}"
        return (
            all(_fold(w) in texts for w in self.word)
            and all(_fold(k) in keywords for k in self.keyword)
            and not any(_fold(k) in keywords for k in self.not_keyword)
        )

    def describe(self) -> str:
        """The filters in use as one printable line, such as `genre=201 min_points=100`."""
        used = {k: v for k, v in asdict(self).items() if v not in ((), None)}
        parts = (f"{name}={','.join(map(str, v)) if isinstance(v, tuple) else v}" for name, v in used.items())
        return plain(" ".join(parts)) or "every work"


def _set(query: Query, name: str, value: object) -> None:
    object.__setattr__(query, name, value)


def _biggenre_of(genre: int) -> int:
    return genre // 100


def _fold(text: str) -> str:
    """As loosely as a database's collation compares: `ＶＲ` and `vr` are one word."""
    return unicodedata.normalize("NFKC", text).casefold()


def _codes(name: str, values: Iterable[int], known: dict[int, str]) -> tuple[int, ...]:
    codes = tuple(sorted(set(values)))
    for code in codes:
        if code not in known:
            table = ", ".join(f"{c} {label}" for c, label in known.items())
            raise QueryError(f"No {name} {code}. Choose from: {table}")
    return codes


def _words(name: str, values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise QueryError(f"{name} takes a list of words, not one string")
    words = set()
    for value in values:
        for word in value.split():
            if len(word) > 100 or plain(word) != word:
                raise QueryError(f"{name} '{plain(word)}' is too long or not printable")
            words.add(word)
    return tuple(sorted(words))
