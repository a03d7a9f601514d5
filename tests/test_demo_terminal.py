"""The game in a real pseudo-terminal, as a player has it; an emulator tells what is on the screen."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # comes with accelerate
import pytest

pexpect = pytest.importorskip("pexpect")
pyte = pytest.importorskip("pyte")

STORY = "婚約を破棄された令嬢が、辺境の古い宿屋を継ぐことになった。客は竜だけだった。"
PATIENCE = 20.0  # seconds, on a busy machine
COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7])(?:;[0-9;]*)?m")


class Player:
    """A shell in a terminal, that runs the game between two looks at the terminal's settings."""

    def __init__(self, arguments: str, columns: int = 80, rows: int = 24, **environment: str) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.sent = b""
        game = f"'{sys.executable}' -m narou_gen demo {arguments}"
        line = (
            f'stty -g; trap "" INT; (trap - INT; exec {game}); echo "end=$?"; stty -g; echo over; read wait'
        )
        known = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
        self.child = pexpect.spawn(
            "/bin/sh",
            ["-c", line],
            env={key: value for key, value in os.environ.items() if key != "NO_COLOR"} | known | environment,
            dimensions=(rows, columns),
        )

    def read(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                data = self.child.read_nonblocking(65536, timeout=0.02)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                return
            self.sent += data
            self.stream.feed(data)

    def wait(self, condition: str | Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        holds = condition if callable(condition) else lambda: condition in self.text()
        while not holds():
            assert time.monotonic() < until, f"{condition}\n{self.text()}"
            self.read(0.05)

    def text(self) -> str:
        # An emulator keeps an empty cell behind each wide character.
        return "\n".join("".join(self._cells(row)).rstrip() for row in range(self.screen.lines))

    def _cells(self, row: int) -> list[str]:
        return [self.screen.buffer[row][column].data for column in range(self.screen.columns)]

    def press(self, keys: str, then: str | Callable[[], bool]) -> None:
        self.child.send(keys)
        self.wait(then)

    def hand(self) -> None:
        """Wait for five cards that lie face up, and the selected one's worth."""
        self.wait(lambda: "╱╲" not in self.text() and "できばえ" in self.text())

    def resize(self, columns: int, rows: int) -> None:
        self.child.setwinsize(rows, columns)
        self.screen.resize(rows, columns)

    def signal(self, number: int) -> None:
        """Send the game, the shell's child, a signal."""
        psutil.Process(self.child.pid).children()[0].send_signal(number)

    def left(self, code: int) -> None:
        """The game is over with this exit code, and the terminal is as it was."""
        self.wait(lambda: b"over\r\n" in self.sent)
        assert f"end={code}\r\n".encode() in self.sent, self.text()
        for on, off in (
            (b"\x1b[?1049h", b"\x1b[?1049l"),
            (b"\x1b[?25l", b"\x1b[?25h"),
            (b"\x1b[?2004h", b"\x1b[?2004l"),
        ):
            assert self.sent.rfind(off) > self.sent.rfind(on), on
        before, after = re.findall(rb"[0-9a-f]+(?::[0-9a-f]+){8,}", self.sent)
        assert before == after
        assert b"Traceback" not in self.sent

    def close(self) -> None:
        self.child.close(force=True)


@pytest.fixture
def play() -> Iterator[Callable[..., Player]]:
    players: list[Player] = []

    def start(*arguments: str, **options: object) -> Player:
        players.append(Player(*arguments, **options))  # type: ignore[arg-type]
        return players[-1]

    yield start
    for player in players:
        player.close()


def test_a_game_from_the_first_title_to_q(play: Callable[..., Player], tmp_path: Path) -> None:
    player = play(f"'{STORY}' --genre 101", columns=80, rows=24)
    player.wait("下書き")  # the title is written before cards are dealt
    player.hand()
    lines = player.text().splitlines()
    assert len(lines) == 24 and "異世界〔恋愛〕" in lines[4]
    tops = [line for line in lines if re.search("[┌┏╔]. ", line)]
    assert sum(len(re.findall("[┌┏╔]", line)) for line in tops) == 5
    # Frames line up though titles are wide: each card's left edge is in the cells of its corner.
    for column in range(0, 80, 16):
        edges = [player.screen.buffer[row][column].data for row in range(5, 19)]
        assert sum(edge in "│┃║┌┏╔└┗╚" for edge in edges) == 12, player.text()

    player.press("3", lambda: "┌─ 3" in player.text() or " 3 " in player.text().splitlines()[17])
    player.press("f", "推しに加えました")
    player.press("z", "「z」はここでは使いません")
    player.press("あ", "日本語入力を切って")
    player.press("?", "レア度")
    player.press("\x1b", lambda: "レア度" not in player.text())
    player.press("\r", "narou-gen 著")
    player.press("\x1b[C", lambda: "narou-gen 著" in player.text())
    player.press("\x1b", lambda: "narou-gen 著" not in player.text())
    player.press("c", "クリップボードへ送りました")
    assert b"\x1b]52;c;" in player.sent
    player.press("\x1b", lambda: "narou-gen" in player.text() and "できばえ" in player.text())

    player.press("i", "あらすじを書くか")
    assert not player.screen.cursor.hidden and player.screen.cursor.y == 21
    player.press("\x1b[200~名探偵は猫だった。\n満月の夜だけ推理する。\x1b[201~", "⏎満月")
    player.press("\r", "名探偵は猫だった。")
    player.hand()
    player.press("e", "推しの保存先")
    player.press(f"\x15{tmp_path}/oshi.txt\r", "保存しました")
    assert COLOUR.search(player.sent)
    assert STORY in (tmp_path / "oshi.txt").read_text("utf-8")
    player.child.send("q")
    player.left(0)


def test_a_window_may_change_its_size_and_have_no_colour(play: Callable[..., Player]) -> None:
    player = play(f"'{STORY}'", columns=100, rows=30, NO_COLOR="1")
    player.hand()
    assert "推し 0" in player.text().splitlines()[0][70:]
    player.resize(79, 20)
    player.wait("画面が小さすぎます")
    player.press("x", "画面が小さすぎます")
    player.resize(140, 40)
    player.hand()
    lines = player.text().splitlines()
    assert len(lines) == 40 and "終了" in lines[39] and "避ける言葉" not in player.text()
    player.resize(80, 24)
    player.wait(lambda: "終了" in player.text().splitlines()[-1])
    player.hand()
    player.press("f", "推しに加えました")
    player.press("\r", "narou-gen 著")
    player.child.send("\x03")
    player.left(130)
    last = player.sent.rpartition(b"\x1b[?1049l")[2].decode()
    assert last.index("\r\n") < last.index("end=130") and re.match("\\w", last)  # an unsaved favourite
    assert not COLOUR.search(player.sent)


@pytest.mark.parametrize("ending", ["interrupt while typing", "terminate", "at once"])
def test_whatever_ends_it_the_terminal_is_as_it_was(play: Callable[..., Player], ending: str) -> None:
    player = play(f"'{STORY}'")
    player.wait("タイトルガチャ")
    if ending == "interrupt while typing":
        player.press("i", "あらすじを書くか")
        player.press("quit", ": quit")  # a letter like any other
        player.child.send("\x03")
        player.left(130)
    elif ending == "terminate":
        player.signal(signal.SIGTERM)
        player.left(128 + signal.SIGTERM)
    else:
        player.child.send("q")
        player.left(0)


def test_a_damaged_model_is_one_line_on_a_terminal_as_it_was(
    play: Callable[..., Player], tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text("{}")
    player = play(f"--checkpoint {tmp_path}")
    player.left(1)
    assert player.sent.count(b"narou-gen: ") == 1


def test_a_tour_gives_way_to_a_player(play: Callable[..., Player]) -> None:
    player = play("--tour --pace 30")
    player.wait("おまかせで遊びます")
    player.press(" ", "ここからはあなたの番です")
    player.child.send("q")
    player.left(0)


def test_a_terminal_without_a_screen_gets_one_round(play: Callable[..., Player]) -> None:
    player = play(f"'{STORY}'", TERM="dumb")
    player.wait(lambda: b"over\r\n" in player.sent)
    assert b"end=0" in player.sent and b"one round" in player.sent
    assert "できばえ".encode() in player.sent and b"\x1b[?1049h" not in player.sent
