"""The line that a player writes."""

from __future__ import annotations

from narou_gen.demo.keys import Key
from narou_gen.demo.prompt import Prompt


def test_a_prompt_is_a_line_editor() -> None:
    prompt = Prompt("word")
    for key in (Key("paste", "竜の\n\x1b宿"), Key("left"), Key("backspace"), Key("char", "!"), Key("home")):
        assert prompt.press(key) == "typed"
    assert (prompt.text, prompt.place) == ("竜の!宿", 0)
    assert (
        prompt.press(Key("left")) == prompt.press(Key("tab")) == prompt.press(Key("backspace")) == "nothing"
    )
    assert prompt.press(Key("delete")) == prompt.press(Key("end")) == prompt.press(Key("ctrl-u")) == "typed"
    assert prompt.text == "" and prompt.press(Key("enter")) == "done"
