"""The tour as a picture that moves."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from narou_gen.demo.dealer import Dealer
from narou_gen.demo.recording import record_tour
from narou_gen.demo.tour import STEPS
from narou_gen.errors import InputError


def check_picture(file: Path) -> str:
    picture = ElementTree.parse(file).getroot()  # well-formed
    names = {element.get("id") for element in picture.iter() if element.get("id")}
    uses = [element for element in picture.iter() if element.tag.endswith("use")]
    assert uses and {element.get("href", "").removeprefix("#") for element in uses} <= names
    source = file.read_text("utf-8")
    assert "@keyframes" in source and "prefers-reduced-motion" in source
    assert "http" not in source.replace("http://www.w3.org/2000/svg", "")
    return source


def test_a_tour_is_recorded_as_a_picture_that_moves(dealer: Dealer, tmp_path: Path) -> None:
    file = tmp_path / "tour.svg"
    record_tour(dealer, file, (*STEPS[:2], STEPS[-1]))
    source = check_picture(file)
    assert source.count("translateX") > 20 and "推しに加えました" in source
    assert [path.name for path in tmp_path.iterdir()] == ["tour.svg"]
    with pytest.raises(InputError):
        record_tour(dealer, tmp_path / "tour.gif")


def test_the_picture_in_the_documents_is_small() -> None:
    file = Path(__file__).parent.parent / "docs" / "demo.svg"
    check_picture(file)
    assert file.stat().st_size < 400_000
