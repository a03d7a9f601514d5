"""The index of training titles."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narou_gen.errors import CheckpointError
from narou_gen.novelty import FILE, NoveltyIndex

TITLES = ["猫と魔王の宿屋", "返却期限", "最果ての灯台守は今日も手紙を書く", "！？"]


def test_what_it_holds_whatever_the_typography() -> None:
    index = NoveltyIndex.made_of([*TITLES, "猫と魔王の宿屋！"])
    assert len(index) == len(TITLES)
    assert all(index.holds(title) and index.nearest(title) == 1.0 for title in TITLES)
    assert index.holds("猫と、魔王の宿屋") and not index.holds("猫と魔王の宿")


def test_nearness_is_the_dice_coefficient_of_character_pairs() -> None:
    index = NoveltyIndex.made_of(["あいう", "かきくけこ"])
    # Pairs with the bounds: ^あ あい いう う$ against ^あ あい いえ え$: 2 of 4 and 4.
    assert index.nearest("あいえ") == pytest.approx(0.5)
    assert index.nearest("さしす") == 0.0
    assert index.nearest("かきくけ") == pytest.approx(2 * 4 / (6 + 5))


def test_a_run_that_goes_on_from_a_checkpoint_keeps_its_titles(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    learned = NoveltyIndex.made_of(TITLES)
    assert len(learned.with_those_of(None)) == len(learned.with_those_of(str(tmp_path))) == len(TITLES)
    NoveltyIndex.made_of(["竜の家計簿", TITLES[0]]).save(tmp_path)
    index = learned.with_those_of(str(tmp_path))
    assert len(index) == len(TITLES) + 1
    assert index.holds("竜の家計簿") and index.nearest("竜の家計簿帳") > 0.5


def test_an_empty_index() -> None:
    index = NoveltyIndex.made_of([])
    assert len(index) == 0 and index.nearest("猫") == 0.0 and not index.holds("猫")


@given(st.lists(st.text(max_size=20)), st.text(max_size=20))
def test_any_text(titles: list[str], title: str) -> None:
    index = NoveltyIndex.made_of([*titles, title])
    assert index.holds(title)
    assert all(0.0 <= index.nearest(other + "猫") <= 1.0 for other in titles)


def test_on_disk(tmp_path: Path) -> None:
    assert NoveltyIndex.load(tmp_path) is None
    NoveltyIndex.made_of(TITLES).save(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
    found = NoveltyIndex.load(tmp_path)
    assert found is not None and found.nearest("猫と魔王") == NoveltyIndex.made_of(TITLES).nearest("猫と魔王")
    assert "猫".encode() not in (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(b"garbage")
    with pytest.raises(CheckpointError, match="is damaged"):
        NoveltyIndex.load(tmp_path)
