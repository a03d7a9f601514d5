"""What can go wrong while collecting, each with a sentence that names the next move.

`str(error)` is always one printable line: text that came from outside is passed through `plain`
before it gets into a message, because a terminal obeys control characters.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime


class ScraperError(Exception):
    """Base of everything this package raises on purpose."""

    def __init__(self, message: str) -> None:
        super().__init__(plain(message, limit=1000))


class QueryError(ScraperError):
    """The question itself is wrong (an unknown genre, a date that ends before it starts)."""


class MannersError(ScraperError):
    """The settings would be impolite or impossible (too little delay, a bad endpoint)."""


class ApiError(ScraperError):
    """The service answered something that is no page of works, or refused the request."""


class GaveUpError(ScraperError):
    """The service kept failing for as long as we are willing to try; everything so far is kept."""


class QuotaReachedError(ScraperError):
    """The day's allowance is used up.

    `resume_at`: local time, with zone, at which the allowance is whole again.
    """

    def __init__(self, message: str, resume_at: datetime) -> None:
        super().__init__(message)
        self.resume_at = resume_at


class TermsNotAcceptedError(ScraperError):
    """Nobody has said yes to the service's terms for this database."""


class StoreError(ScraperError):
    """The database cannot be read or written, or is not one of ours."""


class DatabaseBusyError(StoreError):
    """Another process is collecting into, or pruning, the same database."""


def plain(text: str, limit: int = 200) -> str:
    """One printable line of at most `limit` characters, whatever `text` held.

    Control, format (bidirectional overrides among them), surrogate and private characters are
    dropped, white space becomes single spaces, and a cut is marked with an ellipsis.
    """
    # A cut before the loop as well: the caller may hand over megabytes of somebody's error page.
    spaced = " ".join(text[: limit * 20].split())
    kept = "".join(c for c in spaced if not unicodedata.category(c).startswith("C"))
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"
