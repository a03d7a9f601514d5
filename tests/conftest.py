"""What tests share: tiny real models, trained here, and nothing from outside."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from narou_gen.demo.dealer import Card, Dealer

os.environ["HF_HUB_OFFLINE"] = "1"  # a test that needed the hub would fail, not wait
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_NUM_THREADS"] = "1"  # models this small only wait for other threads
os.environ["MKL_CBWR"] = "AUTO,STRICT"  # else the last bit of a sum may depend on where memory lies

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder of the test session's own, for this process and those it starts."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["NAROU_GEN_CACHE"] = str(folder)
    os.environ.pop("NAROU_GEN_CHECKPOINT", None)
    return folder


@pytest.fixture(scope="session")
def small(some_pairs: Path) -> tuple[str, ...]:
    """Changes that make title-debug smaller still."""
    return (
        f"data.train='{some_pairs}'",
        "data.limit=40",
        "training.epochs=1",
        "training.evaluate_synopses=2",
    )


@pytest.fixture
def make_config(tmp_path: Path, small: tuple[str, ...]) -> Callable[..., Any]:
    """`make_config("training.epochs=1", ...)`: title-debug, smaller and in a folder of its own."""
    from narou_gen import load_config

    def make(*changes: str) -> Any:
        return load_config("title-debug", [f"output='{tmp_path / 'run'}'", *small, *changes])

    return make


@pytest.fixture(scope="session")
def some_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 900 training pairs of the bundled corpus: where all of them would only take longer."""
    from itertools import islice

    from narou_gen.sources import read_pairs

    file = tmp_path_factory.mktemp("pairs") / "some.jsonl"
    rows = [
        {"synopsis": pair.synopsis, "title": pair.title, "genre": pair.genre, "keywords": pair.keywords}
        for pair in islice(read_pairs("sample:titles"), 900)
    ]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return file


@pytest.fixture(scope="session")
def debug_checkpoint(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """What `narou-gen train title-debug` makes."""
    from narou_gen import load_config, train

    folder = tmp_path_factory.mktemp("debug") / "title-debug"
    return train(load_config("title-debug", [f"output='{folder}'"]))


@pytest.fixture(scope="session")
def dealer() -> Dealer:
    """The bundled model as a dealer of the demo."""
    from narou_gen.demo.dealer import Dealer

    return Dealer("narou-mini", threads=1)


@pytest.fixture(scope="session")
def hand(dealer: Dealer) -> tuple[Card, ...]:
    """The first hand of the demo's story."""
    from demo_table import STORY

    from narou_gen.demo.dealer import Request

    return dealer.deal(Request(STORY)).cards


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of 300 works, some of them odd."""
    from collecting_world import world
    from narou_server import NarouServer

    import scraper

    path = tmp_path_factory.mktemp("collected") / "narou.db"
    with NarouServer(world()).running() as server:
        manners = scraper.Manners(endpoint=server.endpoint, delay_seconds=0)
        assert scraper.fetch(path, manners=manners, accept_terms=True).new == 300
    return path


@pytest.fixture
def unaccepted(tmp_path: Path) -> Path:
    """A database for which nobody accepted the terms."""
    from scraper.store import open_store

    with open_store(tmp_path / "unaccepted.db"):
        return tmp_path / "unaccepted.db"
