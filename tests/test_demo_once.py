"""One round as plain lines, without a terminal."""

from __future__ import annotations

import subprocess
import sys

from narou_gen.demo.dealer import HAND
from narou_gen.demo.rarity import Rarity


def test_one_round_through_a_pipe_is_plain_and_needs_no_torch() -> None:
    code = (
        "import sys; from narou_gen.cli import app\n"
        "sys.argv = ['narou-gen', 'demo']\n"
        "try: app()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print(sorted({'torch', 'transformers', 'pandas', 'matplotlib'} & set(sys.modules)), file=sys.stderr)"
    )
    synopsis = "名探偵は猫だった。"
    answer = subprocess.run(
        [sys.executable, "-c", code], input=synopsis.encode(), capture_output=True, check=True
    )
    assert answer.stderr.decode().strip() == "[]"
    lines = answer.stdout.decode().splitlines()
    assert lines[:4] == ["あらすじ", synopsis, "", "タイトルガチャ"]
    assert [line.split()[0] in Rarity.__members__ for line in lines[4:]] == [True] * HAND
    assert b"\x1b" not in answer.stdout
