"""One arrow between the packages, and which rooms it starts from."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_the_scraper_knows_nothing_of_models() -> None:
    for path in (ROOT / "scraper").glob("*.py"):
        assert not imports(path) & {"narou_gen", "torch", "transformers", "datasets", "accelerate"}, path


def test_only_the_reader_and_the_command_line_know_the_scraper() -> None:
    users = {path.name for path in (ROOT / "narou_gen").glob("*.py") if "scraper" in imports(path)}
    assert users <= {"cli_collect.py", "sources.py", "collecting.py", "export.py"}


def test_no_weights_are_pickled() -> None:
    for path in [*(ROOT / "narou_gen").glob("*.py"), *(ROOT / "scraper").glob("*.py")]:
        assert not imports(path) & {"pickle", "dill", "joblib", "shelve"}, path
        assert "torch.save" not in path.read_text("utf-8"), path
