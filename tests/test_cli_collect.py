"""What `narou-gen fetch`, `pairs` and `works` have in common."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["fetch", "pairs", "works"])
def test_help_imports_nothing_heavy(name: str) -> None:
    code = (
        f"import sys; from narou_gen.cli import main; sys.argv = ['narou-gen', '{name}', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'requests', 'matplotlib', 'pyarrow', 'scraper'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stderr.strip() == "[]"
    assert "Usage: narou-gen" in answer.stdout
