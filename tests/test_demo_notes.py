"""The generator's notes in Japanese."""

from __future__ import annotations

import re

from narou_gen.demo.notes import in_japanese
from narou_gen.options import GenerationOptions, Title
from narou_gen.steering import Pool, Ranked, objection

STORY = "村の宿に竜が泊まった。"


def test_notes_are_told_in_japanese() -> None:
    options = GenerationOptions(
        num_titles=5, min_chars=9, max_chars=12, keywords=("竜",), avoid=("猫",), prefix="ああ"
    )
    titles = (STORY, "短い", "長" * 13, "いいいいいいいい竜", "ああいいいいいいいい", "ああ竜猫いいいいいい")
    pool = Pool(options)
    for title in titles:
        pool.add(Ranked(0.0, Title(title, -1.0), objection=objection(title, STORY, options)))
    for reason in ("were training titles", "were not bright", "were not dark"):
        pool.add(Ranked(0.0, Title(reason, -1.0), objection=reason))
    for found in pool.refused.values():
        one = Pool(options)
        one.add(found)
        told = in_japanese(one.note() or "")
        assert "本" in told and not re.search("[a-z]", told), told
    assert not re.search("[a-z]", in_japanese(Pool(options).note() or ""))
    assert in_japanese("something else") == "something else"
