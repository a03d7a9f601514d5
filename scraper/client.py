"""One request at a time, politely: `Manners` says how, `Client` does it."""

from __future__ import annotations

import importlib.metadata
import queue
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from scraper.errors import ApiError, GaveUpError, MannersError, plain
from scraper.page import MAX_BODY_BYTES, Page, parse_page

if TYPE_CHECKING:
    import requests

PUBLIC_ENDPOINT = "https://api.syosetu.com/novelapi/api/"
LEAST_PUBLIC_DELAY_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 120.0
# 403 is what the service answers beyond its quota, besides to clients without a User-Agent.
_TRANSIENT = frozenset({403, 408, 425, 429})


@dataclass(frozen=True)
class Manners:
    """How to treat the service. Raises MannersError for what would be impolite or impossible.

    The manual (https://dev.syosetu.com/man/api/) allows 80,000 requests or 400 MB a day and
    publishes no rate per second; tools known to be welcome keep one to three seconds.
    """

    endpoint: str = PUBLIC_ENDPOINT
    delay_seconds: float = 1.0
    """From the end of one answer to the start of the next request, at the least. Below 0.5 is
    refused for the public service; another endpoint may be asked without any delay."""
    contact: str | None = None
    """How the operators can reach whoever runs this, sent in the User-Agent."""
    daily_requests: int = 80_000
    daily_megabytes: float = 400.0
    """Of compressed bodies; one megabyte is 1,000,000 bytes."""
    page_size: int = 500
    """Works per request, 1 to 500."""
    timeout_seconds: float = 30.0
    """Longest silence of the service; an answer as a whole may take twice that."""
    attempts: int = 8
    """Tries per request before giving up."""
    give_up_seconds: float = 900.0
    """Longest time spent on one request, its waits included."""
    backoff_seconds: float = 2.0
    """Wait after the first failure; it doubles with each, up to two minutes, less some jitter."""

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.endpoint)
            fits = parts.scheme in ("http", "https") and parts.hostname and not parts.query
        except ValueError:  # an IPv6 address that is none
            fits = False
        if not fits:
            raise MannersError(
                f"'{plain(self.endpoint)}' is no endpoint. Give an http(s) URL without a query, "
                f"such as {PUBLIC_ENDPOINT}"
            )
        if "novel18api" in parts.path.lower():
            raise MannersError(f"R18 works are not supported. Use {PUBLIC_ENDPOINT}")
        for name in ("delay_seconds", "backoff_seconds"):
            if not 0 <= getattr(self, name) <= 3600:
                raise MannersError(f"{name} must lie between 0 and 3600")
        for name in ("daily_requests", "daily_megabytes", "attempts"):
            if not getattr(self, name) > 0:
                raise MannersError(f"{name} must be more than 0")
        for name in ("timeout_seconds", "give_up_seconds"):
            if not 0 < getattr(self, name) <= 24 * 3600:
                raise MannersError(f"{name} must be more than 0 and at most a day")
        if not 1 <= self.page_size <= 500:
            raise MannersError("page_size must lie between 1 and 500, the service's own limit")
        if self.contact is not None and not (
            self.contact.isascii() and self.contact.isprintable() and len(self.contact) <= 200
        ):
            raise MannersError("contact must be printable ASCII, such as you@example.com")
        if self.is_public:
            self._check_public()

    def _check_public(self) -> None:
        if self.delay_seconds < LEAST_PUBLIC_DELAY_SECONDS:
            raise MannersError(
                f"A delay of {self.delay_seconds} s is too little for the public service. Use "
                f"{LEAST_PUBLIC_DELAY_SECONDS} s or more; 1.0 is the default"
            )
        if self.daily_requests > 80_000 or self.daily_megabytes > 400:
            raise MannersError("The service allows 80,000 requests or 400 MB a day. Ask for that or less")

    @property
    def is_public(self) -> bool:
        host = (urlsplit(self.endpoint).hostname or "").rstrip(".").lower()
        return host == "syosetu.com" or host.endswith(".syosetu.com")

    @property
    def user_agent(self) -> str:
        """Names the tool, its version and the contact: requests without one are answered 403."""
        try:
            version = importlib.metadata.version("narou-gen")
        except importlib.metadata.PackageNotFoundError:  # run from a source tree
            version = "dev"
        contact = f" (contact: {self.contact})" if self.contact else ""
        return f"narou-gen/{version}{contact}"


class Gate(Protocol):
    """Who counts what is sent and received; `Ledger` does it in the database."""

    def admit(self) -> None:
        """Called before each request is sent; may raise QuotaReachedError instead."""

    def received(self, size: int) -> None:
        """Called with the bytes of each body, complete or not."""

    def seconds_since_last(self) -> float:
        """Since the last request of an earlier process, infinity for never."""


class _FailedError(Exception):
    """One try that may go better the next time."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back: `failure` says what broke, where something did."""

    status: int
    retry_after: str | None
    body: bytes
    failure: str | None


class Client:
    """Asks the service for pages, one request at a time.

    `on_wait(reason, seconds)` is called before each wait that a failure causes.
    """

    def __init__(
        self,
        manners: Manners,
        gate: Gate,
        on_wait: Callable[[str, float], None] = lambda reason, seconds: None,
    ) -> None:
        self._manners = manners
        self._gate = gate
        self._on_wait = on_wait
        self._session: requests.Session | None = None
        # The delay holds across restarts: a command in a loop is no way around it.
        since = gate.seconds_since_last()
        self._free_at = time.monotonic() + max(0.0, manners.delay_seconds - since)
        self.sent = 0
        """Requests sent, retries included."""
        self.received = 0
        """Bytes of bodies received."""

    def get(self, parameters: Mapping[str, str]) -> Page:
        """The page for `parameters`, to which gzip and the JSON format are added.

        Tries again after 403, 408, 425, 429, 5xx, timeouts, cut connections and bodies that
        are no page, waiting longer each time and at least as long as `Retry-After` says.
        Raises GaveUpError when it has tried long enough, ApiError for an answer that no
        repetition can mend, and whatever the gate raises.
        """
        manners = self._manners
        started = time.monotonic()
        for attempt in range(1, manners.attempts + 1):
            self._sleep_until(self._free_at)
            self._gate.admit()
            try:
                return self._try(parameters)
            except _FailedError as error:
                reason, asked = str(error), error.retry_after
            backoff = min(LONGEST_BACKOFF_SECONDS, manners.backoff_seconds * 2 ** (attempt - 1))
            wait = max(asked, backoff * random.uniform(0.5, 1.0))
            spent = time.monotonic() - started
            if attempt == manners.attempts or spent + wait > manners.give_up_seconds:
                again = f" It asked to be left alone for {asked:.0f} s." if asked else ""
                raise GaveUpError(
                    f"The service failed {attempt} times in {spent:.0f} s, last with: {reason}."
                    f"{again} Everything collected is kept; run the same command later to go on"
                )
            self._on_wait(reason, wait)
            self._sleep_until(time.monotonic() + wait)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    @staticmethod
    def _sleep_until(moment: float) -> None:
        # Short sleeps: on Windows a long one would not notice Ctrl-C.
        while (left := moment - time.monotonic()) > 0:
            time.sleep(min(left, 0.5))

    def _try(self, parameters: Mapping[str, str]) -> Page:
        """One request. Raises _FailedError where another may go better, or ApiError."""
        answer = self._exchange(parameters)
        self.received += len(answer.body)
        self._gate.received(len(answer.body))
        if answer.failure is not None:
            raise _FailedError(answer.failure)
        _check_status(answer)
        try:
            return parse_page(answer.body)
        except ApiError as error:
            raise _FailedError(str(error)) from error

    def _exchange(self, parameters: Mapping[str, str]) -> _Answer:
        """Send and receive in a thread of its own, so that neither a name server that hangs nor
        a service that drips can keep this one from Ctrl-C or from the time limit."""
        answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        abandoned = threading.Event()
        if self._session is None:
            self._session = _open_session(self._manners.user_agent)
        arguments = (self._session, self._manners, parameters, abandoned)
        self.sent += 1
        threading.Thread(
            target=lambda: answers.put(_download(*arguments)), name="narou-request", daemon=True
        ).start()
        deadline = time.monotonic() + 2 * self._manners.timeout_seconds
        try:
            while time.monotonic() < deadline:
                try:
                    return answers.get(timeout=0.5)
                except queue.Empty:
                    continue
            self._session = None  # still in use over there
            raise _FailedError("no complete answer in time")
        finally:
            abandoned.set()
            self._free_at = time.monotonic() + self._manners.delay_seconds


def _open_session(user_agent: str) -> requests.Session:
    import requests  # here: `import scraper` and every command that asks nothing stay fast

    session = requests.Session()
    # identity: gzip=5 makes the body a gzip file already.
    session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "identity"})
    return session


def _download(
    session: requests.Session,
    manners: Manners,
    parameters: Mapping[str, str],
    abandoned: threading.Event,
) -> _Answer:
    """The answer to one request, or as much of it as came; never raises for what others did."""
    import requests
    import urllib3

    status, retry_after, body, failure = 0, None, bytearray(), None
    try:
        with session.get(
            manners.endpoint,
            params={**parameters, "out": "json", "gzip": "5"},
            timeout=manners.timeout_seconds,
            stream=True,
            allow_redirects=False,  # a redirect could lead around the delay
        ) as response:
            status, retry_after = response.status_code, response.headers.get("Retry-After")
            # read1, not iter_content: it returns what is there, so a dripping service is noticed.
            while not abandoned.is_set():
                chunk = response.raw.read1(65536, decode_content=True)
                body += chunk
                if not chunk:
                    break
                if len(body) > MAX_BODY_BYTES:
                    failure = f"more than {MAX_BODY_BYTES // 2**20} MiB in one answer"
                    break
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        failure = f"{type(error).__name__}: {plain(str(error))}"
    return _Answer(status, retry_after, bytes(body), failure)


def _check_status(answer: _Answer) -> None:
    if answer.status == 200:
        return
    said = plain(answer.body[:400].decode("utf-8", "replace"), limit=80)
    reason = f"HTTP {answer.status} {said}".strip()
    if answer.status in _TRANSIENT or answer.status >= 500:
        raise _FailedError(reason, _seconds(answer.retry_after))
    raise ApiError(f"{reason}: the service refuses this request; check --endpoint and the filters")


def _seconds(retry_after: str | None) -> float:
    """`Retry-After`, seconds or an HTTP date, as seconds from now; 0 where it says nothing."""
    if not retry_after:
        return 0.0
    if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10:
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
