"""The one arrow between the packages points the other way, and importing costs nothing."""

from __future__ import annotations

import ast
import doctest
import subprocess
import sys
from pathlib import Path

import scraper

ROOT = Path(scraper.__file__).parent
FORBIDDEN = {"torch", "transformers", "narou_gen", "numpy", "pandas", "pyarrow", "datasets"}


def test_scraper_imports_nothing_of_models() -> None:
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: a relative import"
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & FORBIDDEN, path


def test_importing_scraper_loads_no_http_library() -> None:
    code = "import sys, scraper; print(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True, check=True
    )
    assert not {*done.stdout.split()} & (FORBIDDEN | {"requests", "urllib3", "ssl", "http"})


def test_all_lists_exactly_what_is_there_and_the_examples_run() -> None:
    assert scraper.__all__ == sorted(scraper.__all__, key=lambda n: (not n.isupper(), n.islower(), n))
    for name in scraper.__all__:
        assert getattr(scraper, name).__doc__ or name.isupper(), name
    assert doctest.testmod(scraper).failed == 0


def test_the_notice_says_what_matters_in_both_languages() -> None:
    notice = scraper.NOTICE
    for words in ("AIの学習データ", "小説家になろうにユーザ登録をしない状態", "商用", "2週間", notice.source):
        assert words in notice.japanese
    for words in (
        "AI TRAINING DATA",
        "registered user",
        "commercial",
        "two weeks",
        "breaks off",
        notice.source,
    ):
        assert words in notice.english
    assert notice.text == f"{notice.japanese}\n\n{notice.english}"
    assert "\n" not in scraper.REMINDER
