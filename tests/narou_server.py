"""A small Narou: the novel API as its manual describes it, over works invented here.

`World` holds the works and answers parameters; `NarouServer` puts it behind a real local HTTP
server, faults included. Nothing in it comes from the site.
"""

from __future__ import annotations

import gzip
import json
import random
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

JST_SECONDS = 9 * 3600
DAY = 86_400
SPRING_2026 = 1_775_000_000
"""When the tests take place: early April 2026, 08:33 JST."""

GENRE_CODES = (101, 102, 201, 202, 301, 302, 303, 304, 305, 306, 307, 401, 402, 403, 404)
GENRE_CODES += (9901, 9902, 9903, 9904, 9999, 9801)
_FLAGS = ("isr15", "isbl", "isgl", "iszankoku", "istensei", "istenni")
# `of` code -> JSON key, as the manual lists them.
_FIELDS = {
    "t": "title", "n": "ncode", "u": "userid", "w": "writer", "s": "story", "bg": "biggenre",
    "g": "genre", "k": "keyword", "gf": "general_firstup", "gl": "general_lastup",
    "nt": "noveltype", "e": "end", "l": "length", "ir": "isr15", "ibl": "isbl", "igl": "isgl",
    "izk": "iszankoku", "its": "istensei", "iti": "istenni", "gp": "global_point",
    "nu": "novelupdated_at",
}  # fmt: skip
_DATES = ("general_firstup", "general_lastup", "novelupdated_at")
_WHO = ("硝子職人", "星図の番人", "三日月堂の娘", "眠れる灯台", "雨宿りの竜", "左利きの騎士")
_WHAT = ("朝市で歌う", "地図を描き直す", "手紙を待つ", "砂時計を直す", "空を編む", "鍵を数える")
_TAGS = ("冒険", "ほのぼの", "魔法", "日常", "ＶＲ", "旅", "学園", "料理")


@dataclass
class Entry:
    """One invented work; times are Unix seconds, flags and the rest as the API calls them."""

    ncode: str
    title: str | int
    story: str
    keyword: str
    genre: int
    global_point: int
    length: int
    noveltype: int
    end: int
    userid: int
    writer: str
    general_firstup: int
    general_lastup: int
    novelupdated_at: int
    flags: tuple[str, ...] = ()
    indexed: int | None = None
    """Where the index still has it, if that lags behind general_lastup."""

    @property
    def key(self) -> int:
        return self.general_lastup if self.indexed is None else self.indexed

    def item(self) -> dict[str, object]:
        """The element of the API's array, every field."""
        item: dict[str, object] = {k: v for k, v in vars(self).items() if k not in ("flags", "indexed")}
        for name in _DATES:
            moment = time.gmtime(getattr(self, name) + JST_SECONDS)
            item[name] = time.strftime("%Y-%m-%d %H:%M:%S", moment)
        return item | {name: int(name in self.flags) for name in _FLAGS} | {"biggenre": self.genre // 100}


def invent(
    count: int, seed: int = 0, *, until: int = SPRING_2026 - DAY, years: float = 10, burst: float = 0.3
) -> list[Entry]:
    """`count` works last updated within `years` before `until`, a share `burst` of them on the
    full hour, when scheduled chapters come out."""
    rng = random.Random(seed)
    entries = []
    for number in range(count):
        updated = until - int(years * 365 * DAY * rng.random() ** 2)
        if rng.random() < burst:
            updated -= updated % 3600
        who, what = rng.choice(_WHO), rng.choice(_WHAT)
        short = rng.random() < 0.4
        entries.append(
            Entry(
                ncode=f"N{number % 10_000:04d}{_letters(number // 10_000)}",
                title=number if number % 97 == 96 else f"{who}は今日も{what} その{number}",
                story=f"　{who}が{what}話。\n「{number}番目」&quot;約束&quot;" * rng.randint(1, 4),
                keyword=" ".join(rng.sample(_TAGS, rng.randint(0, 4))),
                genre=rng.choice(GENRE_CODES),
                global_point=int(10 ** rng.uniform(0, 5)) - 1,
                length=int(10 ** rng.uniform(2, 6)),
                noveltype=2 if short else 1,
                end=0 if short else rng.randint(0, 1),
                userid=rng.randint(1, 1 + count // 3),
                writer=f"{rng.choice(_WHO)}{rng.randint(1, 99)}",
                general_firstup=updated - rng.randint(0, 200) * DAY,
                general_lastup=updated,
                novelupdated_at=min(until, updated + rng.choice((0, 0, 0, rng.randint(0, 90) * DAY))),
                flags=tuple(f for f in _FLAGS if rng.random() < 0.1),
            )
        )
    return entries


def _letters(number: int) -> str:
    return chr(65 + number // 26) + chr(65 + number % 26) if number >= 26 else chr(65 + number)


@dataclass
class World:
    """The works and the clock. Every answer is one snapshot; `tick` runs before each."""

    entries: list[Entry]
    now: int = SPRING_2026
    tick: Callable[[World], None] = lambda world: None
    orders: bool = True
    """Whether `order` is honoured; if not, rows come in a fixed order that means nothing."""
    stale: Callable[[int], int] = lambda count: count
    """What allcount says from 1,000 upwards, where the manual allows it to be old."""
    most_rows: int = 500
    ignored: frozenset[str] = frozenset()
    """Filters that this service pretends not to know."""

    def answer(self, parameters: dict[str, str]) -> list[object]:
        self.tick(self)
        p = {k: v for k, v in parameters.items() if k not in self.ignored}
        found = self.entries
        for test in self._tests(p):
            found = [e for e in found if test(e)]
        if not self.orders:
            found = sorted(found, key=lambda e: zlib.crc32(e.ncode.encode()))
        elif p.get("order") in ("ncodeasc", "ncodedesc"):
            found = sorted(found, key=lambda e: (len(e.ncode), e.ncode))
            if p["order"] == "ncodedesc":
                found.reverse()
        else:
            found = sorted(found, key=lambda e: (e.key, e.ncode))
            if p.get("order", "new") == "new":
                found.reverse()
        lim, start = int(p.get("lim", 20)), int(p.get("st", 1))
        assert 1 <= lim <= 500 and 1 <= start <= 2000, "beyond the documented limits"
        rows = found[start - 1 : start - 1 + min(lim, self.most_rows)]
        keys = [_FIELDS[c] for c in p["of"].split("-")] if "of" in p else list(_FIELDS.values())
        count = len(found) if len(found) < 1000 else self.stale(len(found))
        items = (entry.item() for entry in rows)
        return [{"allcount": count}, *({k: item[k] for k in keys} for item in items)]

    @staticmethod
    def _tests(p: dict[str, str]) -> Iterator[Callable[[Entry], bool]]:
        for name, value_of in _MEMBERS.items():
            for key, wanted in ((name, True), (f"not{name}", False)):
                if key in p:
                    codes = frozenset(p[key].lower().split("-"))
                    yield lambda e, f=value_of, c=codes, w=wanted: (f(e) in c) is w
        for name, time_of in (("lastup", lambda e: e.key), ("lastupdate", lambda e: e.novelupdated_at)):
            if name in p:
                low, high = map(int, p[name].split("-"))
                yield lambda e, f=time_of, a=low, b=high: a <= f(e) <= b
        if "minlen" in p:
            yield lambda e, n=int(p["minlen"]): e.length >= n
        if "maxlen" in p:
            yield lambda e, n=int(p["maxlen"]): e.length <= n
        if "type" in p:
            kinds = {"t": "t", "r": "r", "er": "e", "re": "re", "ter": "te"}[p["type"]]
            yield lambda e: ("t" if e.noveltype == 2 else "r" if e.end else "e") in kinds
        scopes = [k for s, k in _SCOPES.items() if p.get(s) == "1"] or list(_SCOPES.values())
        for word in p.get("word", "").split():
            yield lambda e, w=word: any(w in str(getattr(e, k)) for k in scopes)
        for word in p.get("notword", "").split():
            yield lambda e, w=word: not any(w in str(getattr(e, k)) for k in scopes)


_SCOPES = {"title": "title", "ex": "story", "keyword": "keyword", "wname": "writer"}
_MEMBERS: dict[str, Callable[[Entry], str]] = {
    "genre": lambda e: str(e.genre),
    "biggenre": lambda e: str(e.genre // 100),
    "ncode": lambda e: e.ncode.lower(),
    "userid": lambda e: str(e.userid),
}


@dataclass(frozen=True)
class Request:
    """One request as the server saw it."""

    arrived: float
    """Seconds of the monotonic clock."""
    parameters: dict[str, str]
    user_agent: str
    fault: str | None


FAULTS = (
    "403",
    "429",
    "429 date",
    "500",
    "503",
    "cut",
    "truncated",
    "text",
    "empty",
    "null",
    "double",
    "slow",
)


@dataclass
class NarouServer:
    """`World` behind HTTP. `faults` are dealt out in random order to `fault_share` of the requests."""

    world: World
    faults: tuple[str, ...] = ()
    fault_share: float = 0.0
    seed: int = 0
    seconds: float = 0.0
    """How long an answer takes."""
    slow_seconds: float = 2.0
    retry_after: str = "0"
    on_request: Callable[[int], None] = lambda number: None
    """Called with the number of each request, from 1, before it is answered."""
    requests: list[Request] = field(default_factory=list)
    endpoint: str = ""

    @contextmanager
    def running(self) -> Iterator[NarouServer]:
        rng, lock, narou = random.Random(self.seed), threading.Lock(), self
        deck: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                arrived = time.monotonic()
                parameters = dict(parse_qsl(urlsplit(self.path).query))
                agent = self.headers.get("User-Agent", "")
                with lock:  # one snapshot for each answer, and a reproducible order of faults
                    fault = None
                    if narou.faults and rng.random() < narou.fault_share:
                        if not deck:  # each in turn, in a new random order every time
                            deck.extend(rng.sample(narou.faults, len(narou.faults)))
                        fault = deck.pop()
                    narou.requests.append(Request(arrived, parameters, agent, fault))
                    narou.on_request(len(narou.requests))
                    if not agent:
                        return self.reply(403, b"Forbidden")
                    if urlsplit(self.path).path == "/moved":
                        return self.reply(302, b"", ("Location", narou.endpoint))
                    if urlsplit(self.path).path != "/novelapi/api/":
                        return self.reply(404, b"Not Found")
                    items = narou.world.answer(parameters)
                time.sleep(narou.seconds)
                narou.send(self, fault, items, parameters)
                return None

            def reply(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
                self.send_response(status)
                for name, value in (("Content-Length", str(len(body))), *headers):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Quiet: pytest shows what matters."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *arguments: object) -> None:
                """A client that was killed is no error here."""

        server = Quiet(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        self.endpoint = f"http://127.0.0.1:{server.server_port}/novelapi/api/"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def send(self, handler, fault: str | None, items: list, parameters: dict[str, str]) -> None:
        rng = random.Random(len(self.requests))
        if fault == "null":
            items = [items[0], *(None if rng.random() < 0.05 else item for item in items[1:])]
        elif fault == "double" and len(items) > 2:
            items = [items[0], items[1], *items[1:-1]]  # one twice, and so the last left out
        body = json.dumps(items).replace("/", "\\/").encode()
        if parameters.get("out") != "json":
            body = b"---\n- allcount: 1\n"
        if "gzip" in parameters:
            body = gzip.compress(body, int(parameters["gzip"]))
        if fault in ("403", "500", "503"):
            handler.reply(int(fault), "混み合っています\x1b[2J".encode())
        elif fault == "429":
            handler.reply(429, b"", ("Retry-After", self.retry_after))
        elif fault == "429 date":
            handler.reply(429, b"", ("Retry-After", formatdate(time.time() - 1, usegmt=True)))
        elif fault == "cut":
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body[: len(body) // 2])
            handler.close_connection = True
        elif fault == "truncated":
            handler.reply(200, body[: len(body) * 2 // 3])
        elif fault == "text":
            handler.reply(200, b"Error: Invalid date.\x07")
        elif fault == "drip":
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            for number in range(len(body)):
                handler.wfile.write(body[number : number + 1])
                time.sleep(0.1)
        elif fault == "empty":
            handler.reply(200, b"")
        else:
            if fault == "slow":
                time.sleep(self.slow_seconds)
            handler.reply(200, body)


def settle(world: World, entries: Iterable[Entry], *, to: int | None = None) -> None:
    """A new chapter for each of `entries`: last updated and revised now, or at `to`."""
    for entry in entries:
        entry.general_lastup = world.now if to is None else to
        entry.novelupdated_at = world.now
