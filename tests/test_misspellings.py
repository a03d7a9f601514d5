"""Names that a title spells otherwise than its synopsis."""

from __future__ import annotations

import pytest

from narou_gen.metrics.misspellings import misspelt

SYNOPSIS = (
    "船長サワ・キリシマの『つくも堂』に、侯爵令嬢クラウディアと深夜ラジオ風配信の雨宮千景、十二人の客が来た。"
)


@pytest.mark.parametrize(
    ("title", "slips"),
    [
        ("羊四百頭の船長サリシマ", {"サリシマ": "キリシマ"}),
        ("『つくのも堂』の壁", {"つくのも堂": "つくも堂"}),
        ("公爵令嬢は眠らない", {"公爵令嬢": "侯爵令嬢"}),
        ("クラウデイアと雨宮百景", {"クラウデイア": "クラウディア", "雨宮百景": "雨宮千景"}),
        ("悪役令嬢クラウデアの夜", {"クラウデア": "クラウディア"}),  # once
        ("深夜ラジオ配信", {}),  # shortened
        ("悪役令嬢は竜騎士と港へ行く", {}),  # other words
        ("キリシマと『つくも堂』のクラウディア", {}),
        ("「クラウディア」", {}),
        ("", {}),
    ],
)
def test_what_nearly_stands_in_the_synopsis_is_misspelt(title: str, slips: dict[str, str]) -> None:
    assert misspelt(title, SYNOPSIS) == slips
    assert not misspelt(title, "") and not misspelt(title, title)


def test_widths_are_no_spelling() -> None:
    assert not misspelt("「えっ、ＮＰＣですか！？」", "「えっ、npcですか!?」と言った")
    assert not misspelt("「待って～」と言われ", "「待って〜」と言った。")


def test_what_also_stands_there_rightly_is_another_thing() -> None:
    assert not misspelt("キリシマと、その兄サリシマ", SYNOPSIS)
