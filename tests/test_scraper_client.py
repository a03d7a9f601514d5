"""Politeness and persistence, measured at the server."""

from __future__ import annotations

import http.client
import time
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from narou_server import FAULTS, NarouServer, World, invent

from scraper import PUBLIC_ENDPOINT, ApiError, Client, GaveUpError, Manners, MannersError, QuotaReachedError
from scraper.work import FIELDS

PARAMETERS = {"lastup": "946652400-2147483647", "order": "old", "lim": "500", "of": FIELDS}


class Open:
    """A gate that lets everything through and remembers it."""

    def __init__(self, since: float = float("inf")) -> None:
        self.admitted, self.bytes, self.since = 0, 0, since

    def admit(self) -> None:
        self.admitted += 1

    def received(self, size: int) -> None:
        self.bytes += size

    def seconds_since_last(self) -> float:
        return self.since


def manners(server: NarouServer, **values: object) -> Manners:
    return Manners(**({"endpoint": server.endpoint, "delay_seconds": 0, "backoff_seconds": 0.01} | values))


def failing(server: NarouServer, fault: str, times: int) -> NarouServer:
    """`server`, answering its first `times` requests with `fault`."""
    server.faults, server.fault_share = (fault,), 1.0

    def calm(number: int) -> None:
        server.fault_share = 1.0 if number < times else 0.0

    server.on_request = calm
    return server


def test_a_request_names_the_tool_and_asks_for_no_more_than_it_needs() -> None:
    with NarouServer(World(invent(3))).running() as server:
        gate = Open()
        page = Client(manners(server, contact="you@example.com"), gate).get(PARAMETERS)
        (request,) = server.requests
    assert len(page.works) == page.allcount == 3
    assert request.user_agent.startswith("narou-gen/")
    assert request.user_agent.endswith(" (contact: you@example.com)")
    assert request.parameters == PARAMETERS | {"gzip": "5", "out": "json"}
    assert gate.admitted == 1 and 0 < gate.bytes < 2000


def test_the_server_turns_away_whoever_has_no_user_agent() -> None:
    with NarouServer(World(invent(3))).running() as server:
        connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc)
        connection.putrequest("GET", "/novelapi/api/?out=json")
        connection.endheaders()
        assert connection.getresponse().status == 403
        connection.close()


def test_requests_keep_their_distance_even_when_tried_again_and_after_a_restart() -> None:
    with failing(NarouServer(World(invent(3)), seconds=0.05), "503", 2).running() as server:
        client = Client(manners(server, delay_seconds=0.3), Open())
        client.get(PARAMETERS)
        client.get(PARAMETERS)
        Client(manners(server, delay_seconds=0.3), Open(since=0.0)).get(PARAMETERS)
        arrivals = [r.arrived for r in server.requests]
    assert len(arrivals) == 5
    assert min(b - a for a, b in pairwise(arrivals)) >= 0.3


@pytest.mark.parametrize("fault", [f for f in FAULTS if f not in ("null", "double")])
def test_every_fault_is_tried_again_until_it_is_gone(fault: str) -> None:
    waits: list[str] = []
    with failing(NarouServer(World(invent(30))), fault, 2).running() as server:
        server.slow_seconds = 0.6
        client = Client(manners(server, timeout_seconds=0.25), Open(), lambda why, s: waits.append(why))
        page = client.get(PARAMETERS)
    assert len(page.works) == 30
    assert client.sent == 3 and len(waits) == 2
    assert all(why.isprintable() for why in waits)


def test_the_service_is_left_alone_as_long_as_it_asks() -> None:
    with failing(NarouServer(World(invent(3)), retry_after="1"), "429", 1).running() as server:
        Client(manners(server), Open()).get(PARAMETERS)
        first, second = (r.arrived for r in server.requests)
    assert 1.0 <= second - first < 2.0


def test_it_gives_up_after_a_bounded_number_of_tries() -> None:
    with failing(NarouServer(World(invent(3))), "500", 99).running() as server:
        with pytest.raises(
            GaveUpError, match=r"failed 3 times .* HTTP 500 混み合っています\[2J.*run the same"
        ):
            Client(manners(server, attempts=3), Open()).get(PARAMETERS)
        assert len(server.requests) == 3


def test_it_gives_up_at_once_when_asked_to_wait_longer_than_it_may() -> None:
    with failing(NarouServer(World(invent(3)), retry_after="3600"), "429", 99).running() as server:
        started = time.monotonic()
        with pytest.raises(GaveUpError, match="left alone for 3600 s"):
            Client(manners(server, give_up_seconds=60), Open()).get(PARAMETERS)
        assert time.monotonic() - started < 2
        assert len(server.requests) == 1


def test_a_service_that_drips_is_cut_off() -> None:
    with failing(NarouServer(World(invent(30))), "drip", 99).running() as server:
        started = time.monotonic()
        with pytest.raises(GaveUpError, match="no complete answer in time"):
            Client(manners(server, timeout_seconds=0.5, attempts=1), Open()).get(PARAMETERS)
        assert time.monotonic() - started < 2.5


def test_nobody_listening_is_reported_in_one_line() -> None:
    with NarouServer(World([])).running() as server:
        closed = manners(server, attempts=2)
    with pytest.raises(GaveUpError, match="failed 2 times"):
        Client(closed, Open()).get(PARAMETERS)


@pytest.mark.parametrize(("path", "status"), [("moved", 302), ("elsewhere", 404)])
def test_what_no_repetition_can_mend_is_not_repeated(path: str, status: int) -> None:
    with NarouServer(World([])).running() as server:
        there = manners(server, endpoint=server.endpoint.replace("novelapi/api/", path))
        with pytest.raises(ApiError, match=f"HTTP {status}"):
            Client(there, Open()).get(PARAMETERS)
        assert len(server.requests) == 1


def test_a_closed_gate_lets_no_request_out() -> None:
    class Closed(Open):
        def admit(self) -> None:
            from datetime import datetime

            raise QuotaReachedError("enough", datetime.now().astimezone())

    with NarouServer(World([])).running() as server:
        with pytest.raises(QuotaReachedError):
            Client(manners(server), Closed()).get(PARAMETERS)
        assert not server.requests


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"delay_seconds": 0.4}, "0.4 s is too little for the public service. Use 0.5 s or more"),
        ({"delay_seconds": 0.4, "endpoint": "http://API.SYOSETU.com.:80/novelapi/api/"}, "too little"),
        ({"delay_seconds": -1.0}, "between 0 and 3600"),
        ({"delay_seconds": float("nan")}, "between 0 and 3600"),
        ({"daily_requests": 80_001}, "80,000 requests or 400 MB a day"),
        ({"daily_megabytes": 401}, "80,000 requests or 400 MB a day"),
        ({"daily_requests": 0}, "more than 0"),
        ({"endpoint": "ftp://example.com/"}, "is no endpoint"),
        ({"endpoint": "http://[broken"}, "is no endpoint"),
        ({"endpoint": "https://api.syosetu.com/novel18api/api/"}, "R18 works are not supported"),
        ({"page_size": 501}, "between 1 and 500"),
        ({"contact": "me\r\nX-Evil: 1"}, "printable ASCII"),
    ],
)
def test_bad_manners_are_refused(values: dict, says: str) -> None:
    with pytest.raises(MannersError, match=says):
        Manners(**values)


def test_another_endpoint_may_be_asked_without_delay_and_the_default_is_public() -> None:
    assert Manners(endpoint="http://localhost:1/api/", delay_seconds=0).delay_seconds == 0
    assert Manners().is_public and Manners().endpoint == PUBLIC_ENDPOINT
    assert Manners(delay_seconds=0.5).delay_seconds == 0.5
