"""What a terminal sends becomes keys."""

from __future__ import annotations

from narou_gen.demo.keys import Key, KeyDecoder


def test_bytes_become_keys() -> None:
    decoder = KeyDecoder()
    assert decoder.feed("aあ\r\x7f\x15".encode()) == [
        Key("char", "a"),
        Key("char", "あ"),
        Key("enter"),
        Key("backspace"),
        Key("ctrl-u"),
    ]
    assert [key.name for key in decoder.feed(b"\x1b[A\x1bOB\x1b[1;5C\x1b[3~\x1b[Z\x1bx\x1b[99z")] == [
        *("up", "down", "right", "delete", "shift-tab", "alt-x", "unknown"),
    ]


def test_keys_that_come_in_pieces_are_put_together() -> None:
    decoder = KeyDecoder()
    found = [key for byte in "あ\x1b[A竜".encode() for key in decoder.feed(bytes([byte]))]
    assert found == [Key("char", "あ"), Key("up"), Key("char", "竜")]
    assert decoder.feed(b"\x1b") == [] and decoder.waiting
    assert decoder.flush() == [Key("escape")] and not decoder.waiting
    assert decoder.feed(b"\x1b[200~a\r\nb") == [] and not decoder.waiting  # a paste may take its time
    assert decoder.feed("竜\x1b[201~c".encode()) == [Key("paste", "a\nb竜"), Key("char", "c")]
