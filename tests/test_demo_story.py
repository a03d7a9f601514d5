"""Stories: a player's own, and those of the roulette."""

from __future__ import annotations

import pytest

from narou_gen.demo.story import Roulette, own_story
from narou_gen.errors import InputError


def test_own_stories_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in own_story("\x1b]0;竜\x07と宿屋").synopsis
    with pytest.raises(InputError):
        own_story(" \n")
    with pytest.raises(InputError):
        own_story("竜", "999")


def test_the_roulette_shows_every_story_before_one_comes_again() -> None:
    roulette = Roulette(3)
    spun = [roulette.spin() for _ in roulette.stories]
    assert len(set(spun)) == len(set(roulette.stories))
    assert Roulette(3).spin() == spun[0]
