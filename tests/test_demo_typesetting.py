"""Text in the cells of a terminal, in rows and in columns."""

from __future__ import annotations

from rich.cells import cell_len

from narou_gen.demo.typesetting import crop, pad, upright, vertical, wrap


def test_cropped_and_padded_text_has_its_width() -> None:
    for text in ("", "a", "竜", "竜a竜", "ﾊﾝｶｸ", "e\u0301竜"):
        for cells in range(1, 9):
            assert cell_len(crop(text, cells)) <= cells
            assert cell_len(pad(text, cells)) == cells


def test_lines_break_where_japanese_may() -> None:
    assert wrap("あいうえ、おか", 8) == ["あいう", "え、おか"]  # no line begins with 、
    assert wrap("あいう「えお」", 8) == ["あいう", "「えお」"]  # and none ends with 「
    assert wrap("あいうえおかき", 4, 2) == ["あい", "う…"]
    assert wrap("あい\nう", 8) == ["あい", "う"]
    text = "彼女は「ええっ！？」と言って、ーーー、、、。（そう）笑った。" * 3
    for cells in range(4, 40):
        lines = wrap(text, cells)
        assert "".join(lines) == text
        assert all(cell_len(line) <= cells for line in lines)


def test_vertical_text_has_vertical_forms() -> None:
    assert upright("「ー」（…）、。") == ["﹁", "｜", "﹂", "︵", "︙", "︶", "︑", "︒"]
    assert upright("LV99！？a") == ["Ｌ", "Ｖ", "９", "９", "!?", "ａ"]  # a run of more than two is no 縦中横
    assert upright("第12話") == ["第", "12", "話"]
    assert all(cell_len(cell) == 2 for cell in upright("ﾊ゛e\u0301★~～|漢12"))


def test_vertical_columns_run_from_right_to_left() -> None:
    assert vertical("あいうえお", 2, 9) == ["お う あ", "   え い", "        "]
    assert vertical("あい。うえ", 2, 9) == ["う あ", "え い", "   ︒"]  # 。 hangs below its column
    cut = vertical("あいうえおかき", 2, 2)
    assert cut == ["う あ", "︙ い", "     "]
    for row in vertical("長い題名ですが、！？「ー」で折り返します", 4, 9):
        assert cell_len(row) == cell_len(vertical("長い題名ですが、！？「ー」で折り返します", 4, 9)[0])
