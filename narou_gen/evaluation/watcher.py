"""How an evaluation tells where it is."""

from __future__ import annotations


class Watcher:
    """What wants to know how an evaluation goes; this one says nothing."""

    def note(self, text: str) -> None:
        """A line for a person."""

    def written(self, done: int, total: int) -> None:
        """So many items are on the disk."""
