"""narou-gen: titles for Japanese web novels, by a BERT2BERT that reads the synopsis.

    from narou_gen import generate_title
    generate_title("あらすじ…")

Every public name is imported when it is first used, so that `import narou_gen` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from narou_gen.conditions import Conditions as Conditions
    from narou_gen.config import Config as Config
    from narou_gen.config import load_config as load_config
    from narou_gen.encoder import embed as embed
    from narou_gen.errors import NarouGenError as NarouGenError
    from narou_gen.fill_mask import fill_mask as fill_mask
    from narou_gen.generate import TitleGenerator as TitleGenerator
    from narou_gen.generate import generate_title as generate_title
    from narou_gen.generate import generate_titles as generate_titles
    from narou_gen.options import GenerationOptions as GenerationOptions
    from narou_gen.options import Title as Title
    from narou_gen.options import Titles as Titles
    from narou_gen.sentiment import Sentiment as Sentiment
    from narou_gen.sentiment import SentimentAnalyzer as SentimentAnalyzer
    from narou_gen.sentiment import analyze_sentiment as analyze_sentiment
    from narou_gen.training import Hooks as Hooks
    from narou_gen.training import train as train

__version__ = "0.1.0"

_HOMES = {
    "Conditions": "conditions",
    "Config": "config",
    "load_config": "config",
    "embed": "encoder",
    "NarouGenError": "errors",
    "fill_mask": "fill_mask",
    "GenerationOptions": "options",
    "Title": "options",
    "Titles": "options",
    "TitleGenerator": "generate",
    "generate_title": "generate",
    "generate_titles": "generate",
    "Sentiment": "sentiment",
    "SentimentAnalyzer": "sentiment",
    "analyze_sentiment": "sentiment",
    "Hooks": "training",
    "train": "training",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
