"""Collecting synopses and titles from the Narou novel API: politely, completely, resumably.

    >>> import scraper
    >>> query = scraper.Query(genre=(201,), min_points=100)
    >>> query.parameters()
    {'genre': '201'}

`fetch` does it all; `estimate` asks one request beforehand; `iter_works` and `summarize` read
what was collected; `NOTICE` is what to show, and have accepted, before the first request.
Importing this package is cheap: the HTTP library is loaded with the first request.
"""

from scraper.client import PUBLIC_ENDPOINT, Client, Manners
from scraper.errors import (
    ApiError,
    DatabaseBusyError,
    GaveUpError,
    MannersError,
    QueryError,
    QuotaReachedError,
    ScraperError,
    StoreError,
    TermsNotAcceptedError,
)
from scraper.fetch import (
    Estimate,
    FetchResult,
    Progress,
    estimate,
    fetch,
    prune,
    terms_accepted,
)
from scraper.page import Page, parse_page
from scraper.query import BIGGENRES, GENRES, TYPES, Query
from scraper.reader import (
    Bar,
    Consent,
    CrawlState,
    GenreCount,
    Summary,
    consents,
    is_collection,
    iter_works,
    summarize,
)
from scraper.terms import NOTICE, REMINDER, Notice
from scraper.work import Work

__all__ = [
    "BIGGENRES",
    "GENRES",
    "NOTICE",
    "PUBLIC_ENDPOINT",
    "REMINDER",
    "TYPES",
    "ApiError",
    "Bar",
    "Client",
    "Consent",
    "CrawlState",
    "DatabaseBusyError",
    "Estimate",
    "FetchResult",
    "GaveUpError",
    "GenreCount",
    "Manners",
    "MannersError",
    "Notice",
    "Page",
    "Progress",
    "Query",
    "QueryError",
    "QuotaReachedError",
    "ScraperError",
    "StoreError",
    "Summary",
    "TermsNotAcceptedError",
    "Work",
    "consents",
    "estimate",
    "fetch",
    "is_collection",
    "iter_works",
    "parse_page",
    "prune",
    "summarize",
    "terms_accepted",
]
