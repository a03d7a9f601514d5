"""A terminal in raw mode that is drawn on and asked for keys, and left as it was in any case."""

from __future__ import annotations

import base64
import contextlib
import os
import select
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

from rich.console import Console
from rich.text import Text

from narou_gen.demo.keys import Key, KeyDecoder

_ESCAPE_SECONDS = 0.05
"""How long the rest of an escape sequence may take."""
# Alternate screen, cursor hidden, pasted text marked; and all of that off.
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[2J"
_LEAVE = "\x1b[?2026l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l"
_LOCAL_FLAGS = 3
_INPUT_FLAGS = 0


class Stopped(BaseException):
    """SIGTERM or SIGHUP: leave the terminal as it was, then end. Nobody should catch it by the way."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


class Terminal:
    """Draws rows of text, and reads keys. Use `open_terminal`."""

    def __init__(self, wakeup: int) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._wakeup = wakeup
        self._decoder = KeyDecoder()
        self._shown: list[str] = []
        self._size = self.size()

    def size(self) -> tuple[int, int]:
        """Columns and rows, as they are now."""
        try:
            columns, rows = os.get_terminal_size(sys.stdout.fileno())
        except OSError:
            return 80, 24
        return columns or 80, rows or 24

    @property
    def has_colours(self) -> bool:
        return self._console.color_system is not None and not self._console.no_color

    def draw(self, rows: Sequence[Text], cursor: tuple[int, int] | None) -> None:
        """Show these rows; only those that changed are sent. `cursor`: column and row to type at."""
        size = self.size()
        parts = ["\x1b[?2026h\x1b[?25l"]  # terminals that know it show the frame at once
        if size != self._size:
            self._size, self._shown = size, []
            parts.append("\x1b[2J")
        rendered = [self._rendered(row, size[0]) for row in rows[: size[1]]]
        for place, line in enumerate(rendered):
            if place >= len(self._shown) or self._shown[place] != line:
                parts.append(f"\x1b[{place + 1};1H{line}\x1b[0m\x1b[K")
        if cursor is not None:
            parts.append(f"\x1b[{cursor[1] + 1};{cursor[0] + 1}H\x1b[?25h")
        parts.append("\x1b[?2026l")
        self._shown = rendered
        self._write("".join(parts))

    def _rendered(self, row: Text, columns: int) -> str:
        row = row.copy()
        row.truncate(columns, overflow="crop")
        with self._console.capture() as captured:
            self._console.print(row, end="", no_wrap=True, crop=False, overflow="ignore")
        return captured.get()

    def copy(self, text: str) -> None:
        """Offer the text to the clipboard, by OSC 52: terminals that do not know it ignore it."""
        self._write(f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07")

    def keys(self, seconds: float | None) -> list[Key]:
        """The keys that were pressed; waits so many seconds for one (None: for as long as it takes).

        Empty too after the window was resized.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            left = None if until is None else max(0.0, until - time.monotonic())
            if self._decoder.waiting:
                left = _ESCAPE_SECONDS if left is None else min(left, _ESCAPE_SECONDS)
            ready, _, _ = select.select([sys.stdin.fileno(), self._wakeup], [], [], left)
            if self._wakeup in ready:
                os.read(self._wakeup, 1024)
                return []
            if ready:
                data = os.read(sys.stdin.fileno(), 65536)
                if not data:  # the terminal is gone
                    raise Stopped(signal.SIGHUP)
                if found := self._decoder.feed(data):
                    return found
            elif self._decoder.waiting:
                return self._decoder.flush()
            if until is not None and time.monotonic() >= until:
                return []

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        sys.stdout.flush()
        while data:
            data = data[os.write(sys.stdout.fileno(), data) :]


@contextlib.contextmanager
def open_terminal() -> Iterator[Terminal]:
    """The terminal of stdin and stdout; whatever ends the block, it is as it was before."""
    source = sys.stdin.fileno()
    before = termios.tcgetattr(source)
    with _woken_by_signals() as wakeup:
        terminal = Terminal(wakeup)
        try:
            termios.tcsetattr(source, termios.TCSAFLUSH, _raw(before))
            terminal._write(_ENTER)
            yield terminal
        finally:
            with contextlib.suppress(OSError):  # where the terminal is gone, nothing is left to restore
                terminal._write(_LEAVE)
            with contextlib.suppress(termios.error):
                termios.tcsetattr(source, termios.TCSAFLUSH, before)


def _raw(attributes: list[Any]) -> list[Any]:
    """Keys as they come, unseen; Ctrl-C still interrupts, Ctrl-Z, Ctrl-S and Ctrl-Q are keys like others."""
    changed = [*attributes[:6], list(attributes[6])]
    changed[_INPUT_FLAGS] &= ~(termios.IXON | termios.ICRNL)
    changed[_LOCAL_FLAGS] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN)
    off = os.fpathconf(sys.stdin.fileno(), "PC_VDISABLE")
    for place in (termios.VSUSP, termios.VQUIT):
        changed[6][place] = bytes([off & 0xFF])
    changed[6][termios.VMIN], changed[6][termios.VTIME] = 1, 0
    return changed


@contextlib.contextmanager
def _woken_by_signals() -> Iterator[int]:
    """A file descriptor that can be read after a signal; SIGTERM and SIGHUP raise `Stopped`."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise Stopped(number)

    def resized(_number: int, _frame: FrameType | None) -> None:
        """The wakeup is all it takes."""

    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    os.set_blocking(reader, False)
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    handlers: dict[int, Callable[[int, FrameType | None], object]] = {
        signal.SIGWINCH: resized,
        signal.SIGTERM: stop,
        signal.SIGHUP: stop,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield reader
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        os.close(reader)
        os.close(writer)
